"""pymodbus made lean for polling.

Answers keep their registers as bytes, and what is no Modbus fails the request under way. A register
block is decoded once, as a whole, by `collector.decode`; unpacking it to a list of integers before,
and formatting it for a log line that is never written, is most of what a read costs otherwise.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from plant.errors import ProtocolError

# pymodbus drops a connection after so many timeouts; the driver decides that here.
_NEVER_BY_COUNT: Final = 1 << 30


class _Words:
    """The registers of an answer as they came over the wire, high byte first."""

    function_code: int
    words: bytes = b""

    def decode(self, data: bytes) -> None:
        """Keep what the byte count covers."""
        size = data[0]
        if size >= len(data):
            why = f"{size} bytes announced, {len(data) - 1} came"
            raise ModbusIOException(why, function_code=self.function_code)

        self.words = data[1 : size + 1]

    def __str__(self) -> str:
        return f"{type(self).__name__}({len(self.words)} bytes)"


class HoldingWords(_Words, ReadHoldingRegistersResponse):
    """Answer of function 3."""


class InputWords(_Words, ReadInputRegistersResponse):
    """Answer of function 4."""


@cache
def _decoder() -> DecodePDU:
    """One table of answers for all connections."""
    decoder = DecodePDU(False)
    decoder.register(HoldingWords)
    decoder.register(InputWords)
    return decoder


def words_of(answer: ModbusPDU) -> bytes:
    """The registers of an answer, high byte first; none where it is no answer with registers."""
    return answer.words if isinstance(answer, _Words) else b""


def open_client(
    host: str,
    port: int,
    timeout: float,
) -> AsyncModbusTcpClient:
    """A client that is not connected yet.

    It neither retries nor reconnects by itself: that is decided by the driver.
    """
    client = AsyncModbusTcpClient(
        host,
        port=port,
        framer=FramerType.SOCKET,
        timeout=timeout,
        retries=0,
        reconnect_delay=0,
    )
    client.ctx.framer.decoder = _decoder()
    client.ctx.max_until_disconnect = _NEVER_BY_COUNT
    _guard(client)
    return client


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
