"""OPC UA servers of a plant, one per connection: line signals and
meters as variables with string node ids, read only.

Namespace `urn:wattline:plant` and any other that the plant file names;
only identifiers of the form nsu=URI;s=TEXT are served.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from asyncua import Server, ua

from plant.protocols.opcua import OpcUaMeter
from plant.units import SECOND_NS
from simulator.channels import signals
from simulator.devices.instruments import Instruments
from simulator.devices.stage import Stage

URI: Final = "urn:wattline:plant"
Value = str | int | float | None
Made = Callable[[int], Value]
"""Event time in ns -> value; None where there is no good one."""


class Point(NamedTuple):
    """A node that the plant file names: its id, what makes its
    value, and the meter it is of ("" for a signal).
    """

    node: str
    made: Made
    meter: str = ""


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def points(instruments: Instruments, connection: str) -> list[Point]:
    """Every node that the plant file names on this connection."""
    plant = instruments.plant
    wired = {
        signal.name: _signal(instruments, signal.line, signal.word)
        for signal in signals(plant)
        if signal.connection == connection
    }
    nodes = plant.connections[connection].signals
    found = [Point(node, wired.get(name, _unwired)) for name, node in nodes.items()]
    for meter, config in plant.meters.items():
        if config.on == connection and meter in instruments.world.meters:
            for quantity, node in OpcUaMeter.of(config).nodes.items():
                found.append(Point(node, _quantity(instruments, meter, quantity), meter))

    return found


def _unwired(t_ns: int) -> Value:
    """A signal that no line reads."""
    return 0.0


def _signal(
    instruments: Instruments,
    line: str,
    word: str,
) -> Made:
    """What makes the value of a line signal: a text, or a count."""

    def made(t_ns: int) -> Value:
        value = instruments.world.signal(line, word, t_ns)
        return value if isinstance(value, str) else int(value)

    return made


def _quantity(
    instruments: Instruments,
    meter: str,
    quantity: str,
) -> Made:
    """What makes the value of a meter; None while a fault keeps it away."""

    def made(t_ns: int) -> Value:
        lasting = instruments.faults.lasting(meter, t_ns)
        if "silent" in lasting or "bad_register" in lasting:
            return None

        look = instruments.look(meter, instruments.time_of(meter, t_ns))
        return instruments.plain(
            meter,
            quantity,
            look,
            t_ns,
        )

    return made


async def play(stage: Stage) -> str:
    """Serve an OPC UA connection."""
    period_s = 1.0 if stage.speed <= 2 else 0.25
    server = OpcuaServer(
        stage.connection,
        stage.instruments,
        stage.now,
        period_s,
    )
    stage.running.append(server)
    return await server.start()


class OpcuaServer:
    """Serves one connection of the plant file on a free loopback
    port, renewed every `period_s` real seconds.
    """

    def __init__(
        self,
        connection: str,
        instruments: Instruments,
        now: Callable[[], int],
        period_s: float = 1.0,
    ) -> None:
        self.connection = connection
        self.instruments = instruments
        self.now = now
        self.period_s = period_s
        self._points = points(instruments, connection)
        self._nodes: list[Any] = []
        self._kept: list[Value] = []
        self._server: Any = None
        self._task: asyncio.Task[None] | None = None
        self.endpoint = ""

    async def start(self) -> str:
        """Listen; returns opc.tcp://127.0.0.1:PORT/wattline."""
        server = Server()
        self._server = server
        await server.init()
        self.endpoint = f"opc.tcp://127.0.0.1:{free_port()}/wattline"
        server.set_endpoint(self.endpoint)
        server.set_server_name("Wattline plant simulator")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for point in self._points:
            await self._add(server, point.node, point.made(self.now()))

        await server.start()
        self._task = asyncio.create_task(
            self._run(),
            name=f"opcua {self.connection}",
        )
        return self.endpoint

    async def _add(
        self,
        server: Any,
        node: str,
        value: Value,
    ) -> None:
        """Make the variable of a node in its namespace, with its first value."""
        uri, _, identifier = node.removeprefix("nsu=").partition(";s=")
        if not identifier:
            uri = URI
            identifier = node

        index = await server.register_namespace(uri)
        name = ua.QualifiedName(identifier.rsplit(".", 1)[-1], index)
        first = 0.0 if value is None else value
        variable = await server.nodes.objects.add_variable(
            ua.NodeId(identifier, index),
            name,
            first,
            _type(first),
        )
        self._nodes.append(variable)
        self._kept.append(None)

    async def _run(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(self.period_s)

    async def refresh(self) -> None:
        """Write every value that changed, with event time as its
        source time; what is silent turns Bad.
        """
        now = self.now()
        stamp = datetime.fromtimestamp(now / SECOND_NS, UTC)
        for place, point in enumerate(self._points):
            value = point.made(now)
            if value == self._kept[place] and not point.meter:
                continue

            self._kept[place] = value
            await self._nodes[place].write_value(_data(value, stamp))
            if point.meter and value is not None:
                self.instruments.ledger.poll(point.meter, "opcua", 1)

    async def stop(self) -> None:
        """Stop refreshing and close the port."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

        if self._server is not None:
            await self._server.stop()


def _type(value: Value) -> ua.VariantType:
    if isinstance(value, str):
        return ua.VariantType.String

    if isinstance(value, int):
        return ua.VariantType.Int64

    return ua.VariantType.Double


def _data(value: Value, stamp: datetime) -> ua.DataValue:
    """A value with its time; Bad and empty where there is none."""
    if value is None:
        return ua.DataValue(
            ua.Variant(None, ua.VariantType.Null),
            StatusCode_=ua.StatusCode(ua.StatusCodes.BadNoCommunication),
            SourceTimestamp=stamp,
        )

    variant = ua.Variant(value, _type(value))
    return ua.DataValue(
        variant,
        SourceTimestamp=stamp,
        ServerTimestamp=stamp,
    )
