"""What rules are about: lines, groups, buses, meters and the site; and how their columns come out of the tables of a book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.book import Flow
from engine.figures.figures import FIGURES
from engine.figures.uncertainty import meters_of_bus
from engine.states import STATES
from engine.tracing.graph import Graph
from plant.names import Carrier, SourceKind
from plant.site import Site
from rules.watching.measures import BOUGHT, SUMS, TRACED, UNUSUAL, WATCHED, WRAPPED

Floats = npt.NDArray[np.float64]
Tables = Mapping[str, Mapping[str, npt.NDArray[Any]]]
Odd = Mapping[tuple[str, int], int]
"""Counter steps that were no plain ones: how many, by kind (unusual or wrapped) and meter."""
ODD_KINDS: Final = {"reset": "unusual", "unknown": "unusual", "wrap": "wrapped"}
KINDS: Final = ("line", "group", "bus", "meter", "site")
TRACED_KINDS: Final = ("line", "group", "site")
STATE_COLUMNS: Final = tuple(f"seconds_{s.lower()}" for s in STATES)
PIECES: Final = ("good", "scrap")
DEMAND: Final = ("demand.block", "demand.sliding", "demand.forecast")
_OF_METER: Final = (
    "energy.electricity",
    "power.electricity",
    "coverage.time",
    "estimated",
    *(f"energy.{c.value}" for c in Carrier if c is not Carrier.ELECTRICITY),
)
_NOW_LINE: Final = (
    "intensity.electricity",
    "intensity.final",
    "electrification.calorific@final",
    "renewable.physical",
    "renewable.claimed",
)
NOW_POWER: Final = {
    f"power.{c.value}": "kW" if c is not Carrier.COMPRESSED_AIR else "Nm3/h" for c in Carrier
} | {"power.final": "kW"}
NOW_METER: Final = {
    "power": "kW",
    "silence": "s",
    "register_silence": "s",
    "registers_refused": "1",
    "answer": "s",
    "unmoved": "1",
    "clock_error": "s",
    "power_factor": "1",
}
HELD: Final = "carbon.in_storage"
PLAN: Final = {"plan.demand": "kW", "plan.intensity": "g/kWh"}
NOW_STANDING: Final = {
    f"standing.{host}": "s" for host in ("polling", "engine", "store", "rules", "beside")
}
"""For how long a part of Wattline has stood still; `beside` is any store beside the embedded one."""
NOW_SITE: Final = {"disk.used": "%", "journal.used": "%", "factor.newer": "1"} | NOW_STANDING


def figures_of(per: str, clock: str = "books") -> dict[str, str]:
    """Figures that a rule can watch, with their units."""
    if clock == "now":
        if per == "meter":
            return dict(NOW_METER)
        found = {**NOW_POWER, **{n: FIGURES[n].unit for n in _NOW_LINE}, "power_factor": "1"}
        return found | (NOW_SITE if per == "site" else {})
    if per == "meter":
        return {n: FIGURES[n].unit for n in _OF_METER} | {UNUSUAL: "1", WRAPPED: "1"}
    if per == "bus":
        return {
            n: FIGURES[n].unit for n in ("remainder", "coverage.time", "estimated", "uncertainty")
        }
    return {n: f.unit for n, f in WATCHED.items()} | (
        dict.fromkeys((*DEMAND, BOUGHT), "kW") | {HELD: "kg"} | PLAN if per == "site" else {}
    )


def sums_of(per: str, clock: str) -> frozenset[str]:
    """Of these figures, those that add up."""
    return SUMS | {"uncertainty"} if clock == "books" else frozenset()


def subjects(site: Site, per: str) -> tuple[str, ...]:
    """Ids of all subjects of a kind."""
    if per == "site":
        return ("site",)
    nodes: Mapping[str, Any] = {
        "line": site.lines,
        "group": site.groups,
        "bus": site.buses,
        "meter": site.meters,
    }
    return tuple(node.id for node in nodes[per])


def carriers(site: Site, per: str) -> tuple[str, ...]:
    """Carrier of each subject of a kind; empty where it has none of its own."""
    nodes: Mapping[str, Any] = {"bus": site.buses, "meter": site.meters}
    return (
        tuple(node.carrier for node in nodes[per])
        if per in nodes
        else ("",) * len(subjects(site, per))
    )


def names(site: Site, per: str) -> dict[str, dict[str, str]]:
    """Names of the subjects of a kind, by language."""
    if per == "site":
        return {"site": site.name}
    nodes: Mapping[str, Any] = {
        "line": site.lines,
        "group": site.groups,
        "bus": site.buses,
        "meter": site.meters,
    }
    return {node.id: node.name for node in nodes[per]}


class Rows:
    """Columns [columns, subjects] of one book for subjects of each kind. `code` gives the integer that stands for a name in the tables."""

    def __init__(self, site: Site, code: Callable[[str], int]) -> None:
        self.code = code
        self.site = site
        self.lasts_s = site.window_s
        self.lines = len(site.lines)
        self.buses = len(site.buses)
        self.of_group = [
            np.array([i for i, n in enumerate(site.lines) if n.group == g.id], np.int64)
            for g in site.groups
        ]
        self.one_unit = [_one_unit(site, rows) for rows in self.of_group]
        graph = Graph(site)
        self.of_bus = [sorted(meters_of_bus(graph, b)) for b in range(self.buses)]
        self.bought = [
            i
            for i, s in enumerate(site.sources)
            if s.kind == SourceKind.GRID and s.carrier == Carrier.ELECTRICITY
        ]
        self.carriers = [m.carrier for m in site.meters]

    def of(
        self, per: str, columns: tuple[str, ...], tables: Tables, row: int, unusual: Odd
    ) -> Floats:
        """What a ring of `per` keeps of book `row` of the tables. `unusual`: odd counter steps by kind and meter."""
        if per == "meter":
            return np.stack([self._meter(name, tables["meter"], row, unusual) for name in columns])
        wide = self.lines + self.buses
        line = {n: v[row * wide : (row + 1) * wide] for n, v in tables["line"].items()}
        make = {"line": self._line, "group": self._group, "bus": self._bus, "site": self._site}[per]
        return np.stack([make(name, line, tables, row) for name in columns])

    def _traced(self, name: str, tables: Tables, row: int) -> Floats:
        """kWh of one source in each line, then in what is left on each bus; what came through a store counts as the store."""
        flow = tables["flow"]
        closed = tables["closed"]
        mine = (
            (flow["start"] == closed["start"][row])
            & (flow["rev"] == closed["rev"][row])
            & (flow["kind"] <= Flow.REMAINDER)
        )
        origin = np.where(flow["via"] == self.code(""), flow["source"], flow["via"])
        mine &= origin == self.code(name.removeprefix(TRACED))
        names = [n.id for n in self.site.lines] + [f"unmetered.{b.id}" for b in self.site.buses]
        return np.array([flow["kwh"][mine & (flow["node"] == self.code(n))].sum() for n in names])

    def _line(self, name: str, line: Mapping[str, Any], tables: Tables, row: int) -> Floats:
        if name.startswith(TRACED):
            return self._traced(name, tables, row)[: self.lines]
        return (
            np.full(self.lines, self.lasts_s / 3600)
            if name == "hours"
            else np.asarray(line[name][: self.lines], float)
        )

    def _group(self, name: str, line: Mapping[str, Any], tables: Tables, row: int) -> Floats:
        each = self._line(name, line, tables, row)
        if name == "hours":
            return np.full(len(self.of_group), self.lasts_s / 3600)
        found = np.array([_total(each[rows]) for rows in self.of_group])
        return np.where(self.one_unit, found, np.nan) if name in PIECES else found

    def _site(self, name: str, line: Mapping[str, Any], tables: Tables, row: int) -> Floats:
        if name == "bought_kwh":
            given = tables["source"]["given"]
            wide = len(self.site.sources) + len(self.site.storages)
            return np.array([given[row * wide : (row + 1) * wide][self.bought].sum()])
        if name == "hours":
            return np.array([self.lasts_s / 3600])
        if name.startswith(TRACED):
            return np.array([self._traced(name, tables, row).sum()])
        if name == "held_kg":
            wide = len(self.site.sources) + len(self.site.storages)
            held = tables["source"]["held_kg"][row * wide : (row + 1) * wide][
                len(self.site.sources) :
            ]
            return np.array(
                [sum(held[i] for i, s in enumerate(self.site.storages) if s.line is None)]
            )
        if name in PIECES and not _one_unit(self.site, np.arange(self.lines)):
            return np.array([np.nan])
        return np.array([_total(np.asarray(line[name], float))])

    def _bus(self, name: str, line: Mapping[str, Any], tables: Tables, row: int) -> Floats:
        """What no meter saw leave; seen as long as the meters around the bus were."""
        if name == "hours":
            return np.full(self.buses, self.lasts_s / 3600)
        if name == "due_s":
            return np.array([self.lasts_s * len(meters) for meters in self.of_bus])
        if name == "seen_s":
            seen = self._meter("seen_s", tables["meter"], row, {})
            return np.array([seen[meters].sum() for meters in self.of_bus])
        return np.asarray(line[name][self.lines :], float)

    def _meter(self, name: str, meter: Mapping[str, Any], row: int, unusual: Odd) -> Floats:
        wide = len(self.site.meters)

        def column(key: str) -> Floats:
            return np.asarray(meter[key][row * wide : (row + 1) * wide], float)

        if name in ("unusual", "wrapped"):
            return np.array([float(unusual.get((name, i), 0)) for i in range(wide)])
        if name == "through":
            return column("forward") + column("reverse")
        if name in ("due_s", "hours"):
            return np.full(wide, self.lasts_s / (3600 if name == "hours" else 1))
        if name == "seen_s":
            return column("seen_s")
        if name == "estimated_kwh":
            return column("estimated")
        if name == "final_kwh":
            return column("forward")
        wanted = "electricity" if name == "electricity_kwh" else name.removeprefix("delivered_")
        return np.where(
            [c == wanted for c in self.carriers], column("forward") - column("reverse"), np.nan
        )


def _total(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else np.nan


def _one_unit(site: Site, rows: npt.NDArray[np.int64]) -> bool:
    """Pieces add up only where lines make the same thing."""
    return len({site.lines[i].unit for i in rows if site.lines[i].good_channel is not None}) == 1
