"""Which flows a plant has: one column per edge of its graph, and which meter sits on which column.

A column is keyed (kind, owner, other): draw (line, bus), source (source, bus), store (store, bus),
in and out (converter, bus), shape (source, meter), rest (bus, bus) for what no meter sees, good and
scrap (line, "") for pieces. Forward is the direction of the words: into the line, into the bus,
into the store, through the converter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plant.config import PlantFile, as_list
from plant.names import BOOK_UNIT, Carrier

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a meter sits: its column, its share of the column's flow, and what flows there."""

    column: int
    share: float
    carrier: Carrier
    unit: str
    bus: str


@dataclass(slots=True)
class Layout:
    """All columns of a plant, and the seats of its meters."""

    keys: list[Key] = field(default_factory=list)
    index: dict[Key, int] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)

    def add(self, *key: str) -> int:
        """A new column; returns its number."""
        kind, owner, other = key
        self.index[kind, owner, other] = len(self.keys)
        self.keys.append((kind, owner, other))
        return len(self.keys) - 1

    def seat(
        self,
        plant: PlantFile,
        bus: str,
        column: int,
        meters: list[str],
    ) -> None:
        """Put meters on a column; several share its flow evenly."""
        for meter in meters:
            if bus in plant.buses and meter in plant.meters:
                self.seats[meter] = Seat(
                    column,
                    1 / len(meters),
                    plant.buses[bus].carrier,
                    bus_unit(plant, bus),
                    bus,
                )


def bus_unit(plant: PlantFile, bus: str) -> str:
    """Unit of the books of a bus."""
    return plant.buses[bus].unit or BOOK_UNIT[plant.buses[bus].carrier]


def lay_out(plant: PlantFile) -> Layout:
    """Columns and seats of `plant`.

    Sources come last, so that a meter shared with a converter sits at the source.
    """
    layout = Layout()
    for key, line in plant.lines.items():
        for bus, meters in line.draws.items():
            layout.seat(
                plant,
                bus,
                layout.add("draw", key, bus),
                as_list(meters),
            )

        layout.add("good", key, "")
        layout.add("scrap", key, "")

    for key, converter in plant.converters.items():
        for name, meters in converter.inputs.items():
            bus = plant.sources[name].into if name in plant.sources else name
            layout.seat(
                plant,
                bus,
                layout.add("in", key, name),
                as_list(meters),
            )

        for bus, output in converter.outputs.items():
            layout.seat(
                plant,
                bus,
                layout.add("out", key, bus),
                [output.meter] if output.meter else [],
            )

    for key, store in plant.storages.items():
        layout.seat(
            plant,
            store.bus,
            layout.add("store", key, store.bus),
            [store.meter],
        )

    for bus in plant.buses:
        layout.add("rest", bus, bus)

    for key, source in plant.sources.items():
        for meter in source.shape:
            layout.seat(
                plant,
                source.into,
                layout.add("shape", key, meter),
                [meter],
            )

        layout.seat(
            plant,
            source.into,
            layout.add("source", key, source.into),
            [source.meter],
        )

    return layout


def demand_first(plant: PlantFile) -> list[str]:
    """Buses in the order of solving: each after the buses that its energy is turned into.

    A loop is cut where it closes.
    """
    feeds: dict[str, list[str]] = {bus: [] for bus in plant.buses}
    for converter in plant.converters.values():
        for name in converter.inputs:
            bus = plant.sources[name].into if name in plant.sources else name
            if bus in feeds:
                feeds[bus] += [out for out in converter.outputs if out in feeds]

    done: list[str] = []
    seen: set[str] = set()

    def visit(bus: str) -> None:
        if bus not in seen:
            seen.add(bus)
            for after in feeds[bus]:
                visit(after)

            done.append(bus)

    for bus in plant.buses:
        visit(bus)

    return done
