"""Modbus RTU frames over TCP, as serial servers pass them through; pymodbus is the transport."""

from __future__ import annotations

import struct

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from collector.drivers.modbus_wire import Answer, Read
from plant.errors import ProtocolError

_HOLDING = 3
_NEVER_BY_COUNT = 1 << 30
"""pymodbus drops a connection after so many timeouts; the driver decides that."""


class RtuWire:
    """One connection of its own to HOST:PORT; `timeout_s` bounds connecting and each answer."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout_s: float,
    ) -> None:
        self.client = AsyncModbusTcpClient(
            host,
            port=port,
            framer=FramerType.RTU,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
        )
        self.client.ctx.max_until_disconnect = _NEVER_BY_COUNT
        _guard(self.client)

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return bool(self.client.connected)

    async def open(self) -> None:
        """Connect; OSError where that fails."""
        try:
            connected = await self.client.connect()
        except ModbusException as error:
            raise ConnectionError(str(error)) from error

        if not connected:
            raise ConnectionError("no connection")

    async def read(self, question: Read) -> Answer:
        """Ask, and wait for the answer."""
        kind = (
            ReadHoldingRegistersRequest
            if question.function_code == _HOLDING
            else ReadInputRegistersRequest
        )
        request = kind(
            dev_id=question.unit,
            address=question.address,
            count=question.count,
        )
        try:
            answer = await self.client.execute(False, request)
        except ModbusException as error:
            if not self.client.connected:
                raise ConnectionError("connection lost") from error

            raise TimeoutError("no answer") from error

        return _answer(answer)

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()


def _answer(answer: ModbusPDU) -> Answer:
    """What pymodbus understood."""
    if answer.isError():
        return Answer(
            function_code=answer.function_code,
            words=b"",
            exception=int(answer.exception_code),
        )

    registers = answer.registers
    return Answer(
        function_code=answer.function_code,
        words=struct.pack(f">{len(registers)}H", *registers),
    )


def _guard(client: AsyncModbusTcpClient) -> None:
    """Bytes that are no Modbus fail the request under way.

    pymodbus would let them break the event loop's callback.
    """
    inner = client.ctx.callback_data

    def guarded(data: bytes, addr: tuple[str, int] | None = None) -> int:
        try:
            return inner(data, addr=addr)
        except (ModbusException, struct.error, IndexError, ValueError) as error:
            waiting = client.ctx.response_future
            if not waiting.done():
                waiting.set_exception(ProtocolError(f"answer cannot be understood: {error}"))

            return len(data)

    client.ctx.callback_data = guarded  # type: ignore[method-assign]
