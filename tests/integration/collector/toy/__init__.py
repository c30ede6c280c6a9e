"""A protocol that only tests speak: the entry of the table and what may stand in a plant file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from plant.document import Finding
from plant.meter import Connection, Meter
from plant.protocols.base import Declared, Edge, EdgeTags, Power, Protocol


class ToyConnection(Connection):
    """A server that says one line for each meter and value."""

    word: ClassVar[str] = "toy"

    toy: str = Field(pattern=r"^toy://[^/:]+:\d+$", description="toy://HOST:PORT")

    def quantities(self, meter: Meter) -> tuple[str, ...]:
        """A counter and a power."""
        return ("active_energy_import", "active_power")


class ToyMeter(Meter):
    """A meter by its colour."""

    colour: str = Field(description="what it is called on the wire")


def check(declared: Declared) -> Iterator[Finding]:
    """Nobody sees ultraviolet."""
    for key, given in declared.meters.items():
        if ToyMeter.of(given).colour == "ultraviolet":
            yield ("meters", key, "colour"), "cannot be seen"


def channels(edge: Edge) -> EdgeTags:
    """One counter, and the power that gives it shape."""
    counter = edge.counter("active_energy_import.total", step=0.001)
    return EdgeTags(counters=(counter,), power=Power(edge.tag("active_power.total")))


TOY = Protocol(
    connection=ToyConnection,
    meter=ToyMeter,
    check=check,
    channels=channels,
    build="tests.integration.collector.toy.driver:build",
    probe="tests.integration.collector.toy.driver:probe",
    simulate="tests.integration.collector.toy.device:play",
)
