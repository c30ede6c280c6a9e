"""Both wires of the Modbus driver against a pymodbus server, on both event loops."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest
import uvloop
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.drivers.modbus import open_wire
from collector.drivers.modbus_wire import Answer, Read

pytestmark = pytest.mark.net
REGISTERS = list(range(1000, 1125))


async def asked(scheme: str, framer: FramerType) -> list[Answer]:
    """Answers of a unit: 125 registers, and two exceptions."""
    device = SimDevice(7, [SimData(0, values=REGISTERS, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer([device], framer=framer, address=("127.0.0.1", 0))
    await server.listen()
    assert server.transport is not None
    port = server.transport.sockets[0].getsockname()[1]
    wire = open_wire(f"{scheme}://127.0.0.1:{port}", 5.0)
    try:
        await wire.open()
        assert wire.connected
        found = [
            await wire.read(Read(unit=7, function_code=code, address=address, count=count))
            for code, address, count in ((3, 0, 125), (3, 5, 1), (3, 9000, 2))
        ]
        await server.shutdown()
        with pytest.raises((ConnectionError, TimeoutError)):
            await wire.read(Read(unit=7, function_code=3, address=0, count=1))
    finally:
        wire.close()

    return found


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("scheme", "framer"), [("tcp", FramerType.SOCKET), ("rtu+tcp", FramerType.RTU)]
)
def test_registers_and_exceptions_come_back(
    loop: Callable[[], asyncio.AbstractEventLoop], scheme: str, framer: FramerType
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        whole, one, refused = runner.run(asked(scheme, framer))

    assert struct.unpack(">125H", whole.words) == tuple(REGISTERS)
    assert (whole.function_code, whole.exception) == (3, 0)
    assert one.words == struct.pack(">H", 1005)
    assert (refused.exception, refused.words) == (2, b"")
