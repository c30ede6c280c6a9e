"""Modbus TCP on the wire (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3).

A frame is the transaction id, a zero for the protocol, the length of the rest, the unit, and the
PDU. One question is under way at a time, so a connection needs no task and no table: the answer
that bears the id of the question is its answer, one with another id came too late and is dropped.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final, cast

from collector.drivers.modbus_wire import Answer, Read
from plant.errors import ProtocolError

_HEADER: Final = struct.Struct(">HHHB")
_QUESTION: Final = struct.Struct(">HHHBBHH")
_QUESTION_LENGTH: Final = 6
_PREFIX: Final = 6
"""Transaction, protocol and length come before the bytes that the length counts."""

_LENGTHS: Final = range(3, 255)
"""Unit, function code and at least one byte more; a PDU has at most 253 bytes."""

_MODBUS: Final = 0
_EXCEPTION: Final = 0x80


class TcpWire(asyncio.Protocol):
    """One connection of its own to HOST:PORT; `timeout_s` bounds connecting and each answer."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout_s: float,
    ) -> None:
        self.host = host
        self.port = port
        self.timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._number = 0
        self._asked = 0
        self._waiting: asyncio.Future[Answer] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    async def open(self) -> None:
        """Connect; OSError or TimeoutError where that fails."""
        async with asyncio.timeout(self.timeout_s):
            await self._loop.create_connection(
                lambda: self,
                self.host,
                self.port,
            )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected."""
        # That of uvloop is none by its class.
        self._transport = cast(asyncio.Transport, transport)

    async def read(self, question: Read) -> Answer:
        """Ask, and wait for the answer."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("connection lost")

        self._number = (self._number + 1) & 0xFFFF
        self._asked = question.unit
        self._waiting = self._loop.create_future()
        self._until = self._loop.time() + self.timeout_s
        self._transport.write(
            _QUESTION.pack(
                self._number,
                _MODBUS,
                _QUESTION_LENGTH,
                question.unit,
                question.function_code,
                question.address,
                question.count,
            )
        )
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._look_at_time)

        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _look_at_time(self) -> None:
        """One timer runs behind the questions, as nearly all are answered long before."""
        self._timer = None
        if self._waiting is None:
            return

        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look_at_time)
        else:
            self._fail(TimeoutError("no answer"))

    def data_received(self, data: bytes) -> None:
        """Take whole frames off what has come."""
        received = self._received + data if self._received else data
        while len(received) > _HEADER.size:
            number, protocol, length, unit = _HEADER.unpack_from(received)
            if protocol != _MODBUS or length not in _LENGTHS:
                self._received = b""
                self._fail(ProtocolError("answer cannot be understood: this is no Modbus TCP"))
                return

            end = _PREFIX + length
            if len(received) < end:
                break

            if number == self._number:
                self._take(unit, received[_HEADER.size : end])

            received = received[end:]

        self._received = received

    def _take(self, unit: int, pdu: bytes) -> None:
        """The PDU of the answer to the question under way."""
        if self._waiting is None or self._waiting.done():
            return

        if unit != self._asked:
            self._fail(ProtocolError(f"unit {unit} answers what unit {self._asked} was asked"))
            return

        function_code = pdu[0]
        if function_code & _EXCEPTION:
            self._waiting.set_result(
                Answer(
                    function_code=function_code & ~_EXCEPTION,
                    words=b"",
                    exception=pdu[1],
                )
            )
            return

        size = pdu[1]
        words = pdu[2 : 2 + size]
        if len(words) < size:
            why = f"{size} bytes announced, {len(words)} came"
            self._fail(ProtocolError(f"answer cannot be understood: {why}"))
            return

        self._waiting.set_result(Answer(function_code, words))

    def _fail(self, error: Exception) -> None:
        """The question under way has no answer."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def eof_received(self) -> bool:
        """The peer has closed: so do we."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._fail(ConnectionError("connection lost"))

    def close(self) -> None:
        """Let go of the connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

        if self._transport is not None:
            self._transport.abort()
            self._transport = None
