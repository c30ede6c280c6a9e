"""One book as the variables of rules read it: where a subject stands in the tables.

The tables are those of `engine.figures.products`; rows of `line`
are the lines and then what is left on each bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.figures.uncertainty import meters_of_bus
from engine.tracing.flow import Flow
from engine.tracing.graph import Graph
from plant.arrays import Floats, Ints
from plant.names import Carrier, SourceKind
from plant.site import Site

Table: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
Tables: TypeAlias = Mapping[str, Table]
Odd: TypeAlias = Mapping[tuple[str, int], int]
"""Counter steps that were no plain ones: how many, by kind (unusual or wrapped) and meter."""


class Seats:
    """What of a site decides where a subject stands in the tables.

    `code` gives the integer that stands for a name there.
    """

    def __init__(self, site: Site, code: Callable[[str], int]) -> None:
        self.site = site
        self.code = code
        self.lines = len(site.lines)
        self.buses = len(site.buses)
        self.meters = len(site.meters)
        self.sources = len(site.sources)
        self.storages = len(site.storages)
        graph = Graph(site)
        self.meters_of_bus: list[list[int]] = []
        for bus in range(self.buses):
            around = meters_of_bus(graph, bus)
            self.meters_of_bus.append(sorted(around))

        self.lines_of_group: list[Ints] = []
        self.group_makes_one_thing: list[bool] = []
        for group in site.groups:
            members = _lines_of_group(site, group.id)
            self.lines_of_group.append(members)
            self.group_makes_one_thing.append(_one_unit(site, members))

        all_lines = np.arange(self.lines)
        self.site_makes_one_thing = _one_unit(site, all_lines)
        self.carriers = [meter.carrier for meter in site.meters]
        self.bought = _bought(site)
        # Rows of the table of lines: the lines, then what is left on each bus.
        self.nodes = [line.id for line in site.lines]
        self.nodes += [f"unmetered.{bus.id}" for bus in site.buses]


@dataclass(frozen=True, slots=True)
class BookRow:
    """One book: row `row` of the tables. `odd`: counter steps that were no plain ones."""

    seats: Seats
    tables: Tables
    row: int
    odd: Odd

    def table(
        self,
        table: str,
        column: str,
        width: int,
    ) -> Floats:
        """A column of this book, of a table that has `width` rows for each."""
        begin = self.row * width
        end = begin + width
        values = self.tables[table][column]
        return np.asarray(values[begin:end], float)

    def line(self, column: str) -> Floats:
        """A column of lines, and then of what is left on each bus."""
        return self.table(
            "line",
            column,
            self.seats.lines + self.seats.buses,
        )

    def meter(self, column: str) -> Floats:
        """A column of meters."""
        return self.table("meter", column, self.seats.meters)

    def source(self, column: str) -> Floats:
        """A column of sources, and then of storages."""
        return self.table(
            "source",
            column,
            self.seats.sources + self.seats.storages,
        )

    def traced(self, source: str) -> Floats:
        """kWh of one source in each line, then in what is left on each bus; what came through a
        storage counts as the storage.
        """
        code = self.seats.code
        flow = self.tables["flow"]
        closed = self.tables["closed"]
        start = closed["start"][self.row]
        revision = closed["rev"][self.row]
        is_of_book = (flow["start"] == start) & (flow["rev"] == revision)
        # Other kinds of flow are told besides.
        kind = np.asarray(flow["kind"], np.int64)
        is_used = kind <= Flow.REMAINDER
        came_straight = flow["via"] == code("")
        origin = np.where(came_straight, flow["source"], flow["via"])
        is_mine = is_of_book & is_used & (origin == code(source))
        energy_kwh = np.asarray(flow["kwh"], float)
        found = []
        for node in self.seats.nodes:
            reaches_it = flow["node"] == code(node)
            arrived_kwh = energy_kwh[is_mine & reaches_it]
            found.append(arrived_kwh.sum())

        return np.array(found)


def _bought(site: Site) -> list[int]:
    """Sources that are the electricity grid."""
    found = []
    for index, source in enumerate(site.sources):
        if source.kind == SourceKind.GRID and source.carrier == Carrier.ELECTRICITY:
            found.append(index)

    return found


def _lines_of_group(site: Site, group: str) -> Ints:
    found = []
    for index, line in enumerate(site.lines):
        if line.group == group:
            found.append(index)

    return np.array(found, np.int64)


def _one_unit(site: Site, lines: Ints) -> bool:
    """Pieces add up only where lines make the same thing."""
    units: set[str] = set()
    for index in lines.tolist():
        line = site.lines[index]
        if line.good_channel is not None:
            units.add(line.unit)

    return len(units) == 1
