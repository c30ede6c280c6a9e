"""How the toy protocol is read: lines of colour, quantity and value."""

from __future__ import annotations

import asyncio

from collector.assignment import Assignment
from collector.probe import ProbeRow, listen
from plant.frame import batch
from plant.ports import Sink
from plant.quantity import QUANTITIES
from plant.reports import DriverReport
from tests.integration.collector.toy import ToyConnection, ToyMeter


class ToyDriver:
    """Reads lines until it is cancelled."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.connection = assignment.link.id
        self.tags: dict[tuple[str, str], int] = {}
        for key, given in assignment.meters.items():
            meter = ToyMeter.of(given)
            assignment.link.add(key, "toy", {"power": meter.every.power})
            connection = ToyConnection.of(assignment.connection)
            for quantity in connection.quantities(meter):
                tag = assignment.tags.tag(key, f"{quantity}.total")
                self.tags[meter.colour, quantity] = tag

    def health(self) -> DriverReport:
        """Counters of the connection."""
        return self.assignment.link.report()

    async def run(self, sink: Sink) -> None:
        """One batch a line."""
        host, _, port = self.assignment.link.endpoint.removeprefix("toy://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self.assignment.link.up()
        try:
            async for line in reader:
                colour, quantity, value = line.decode().split()
                factor = QUANTITIES[quantity].factor_unmapped("kWh")
                now = self.assignment.clock.now()
                sink(batch([now], [self.tags[colour, quantity]], [float(value) * factor]))
        finally:
            writer.close()


def build(assignment: Assignment) -> ToyDriver:
    """The driver of a connection."""
    return ToyDriver(assignment)


async def probe(assignment: Assignment, wait_s: float) -> list[ProbeRow]:
    """What is heard within the time given."""
    driver = build(assignment)
    return await listen(driver, assignment, wait_s)
