"""The heart: which source stands behind every unit that leaves a bus (method, section 1).

T[b, s] is the amount of source s, in the unit its meter counts, behind one unit leaving bus b. One
linear system per window:

    T[b,s] * sum_in(b) = E[s->b] + sum over converters c into b of
                         alpha[c->b] * sum over inputs k of c (E[c,k] * T[k,s])

solved as a stack of windows for the fast buses, and per block from block sums for slow media.
Discharge of a storage is a column of its own here ("one kWh discharged"); `engine.tracing.storage`
replaces it by the layers it came from. Shapes: nw windows, nb buses, K columns, and one more for
the electricity behind air and cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.tracing.converter import Directed, Feed, shares
from engine.tracing.graph import Edges, Graph
from plant.arrays import Floats, Ints, Mask

TINY: Final = 1e-12
"""Less than this is no flow."""

AGREED: Final = 1e-13
ROUNDS_MOST: Final = 60
"""Slow and fast media that feed each other are solved in turn until they agree, which takes a few
rounds for anything that gives back less than it takes.
"""


@dataclass(slots=True)
class System:
    """Coefficients of the linear system of some buses: `matrix` [nw, nb, nb], right-hand sides
    `right` [nw, nb, K+1], and the `inflow` [nw, nb] of the diagonal.
    """

    matrix: Floats
    right: Floats
    inflow: Floats

    def let_in(
        self,
        bus: int,
        column: int,
        energy: Floats,
    ) -> None:
        """What a source or a storage, by its column, brings to a bus [nw]."""
        self.right[:, bus, column] += energy
        self.inflow[:, bus] += energy

    def of_windows(self, rows: Ints) -> System:
        """Of some windows only."""
        return System(
            matrix=self.matrix[rows],
            right=self.right[rows],
            inflow=self.inflow[rows],
        )


@dataclass(frozen=True, slots=True)
class Solved:
    """Composition of what leaves buses, `mix` [nw, nb, K+1]; `loops` counts windows without a
    solution."""

    mix: Floats
    loops: int


@dataclass(slots=True)
class Held:
    """What a bus carries while nothing flows in: its last composition `mix` [nb, K+1], and until
    when something flowed in, `fed_ns` [nb], event time in ns."""

    mix: Floats
    fed_ns: Ints

    def by_window(
        self,
        graph: Graph,
        inflow: Floats,
        starts: Sequence[int],
    ) -> Floats:
        """Composition for each window [nw, nb, K+1]: the last one, but unknown once the bus has
        been idle for longer than it holds (`buses.*.holds`).
        """
        held = np.repeat(
            self.mix[None],
            len(inflow),
            axis=0,
        )
        fed_ns = self.fed_ns.copy()
        for window, start in enumerate(starts):
            expired = start - fed_ns >= graph.holds_ns
            held[window, expired] = 0.0
            held[window, expired, graph.unknown] = 1.0
            fed_ns[inflow[window] > TINY] = start + graph.window_ns

        return held

    def after(
        self,
        graph: Graph,
        traced: Traced,
        starts: Sequence[int],
    ) -> Held:
        """The same after a block of windows."""
        last = traced.mix[-1]
        amount = np.abs(last).sum(1, keepdims=True)
        is_flowing = amount > TINY
        fed_ns = self.fed_ns.copy()
        for window, start in enumerate(starts):
            fed_ns[traced.fed[window]] = start + graph.window_ns

        return Held(np.where(is_flowing, last, self.mix), fed_ns)


@dataclass(slots=True)
class Traced:
    """Result for a block of windows.

    `mix` [nw, nb, K+1] of what leaves each bus. Amounts by source [nw, ..., K] of each tap, of what
    no meter saw leave a bus, of export and of charge. `delivered_remainder` [nw, nb] is that
    remainder in the unit of the bus, `remainder_electric` kWh of electricity behind it where it is
    air or cold. `loops` counts windows without a solution; `fed` [nw, nb] says whether anything
    flowed in.
    """

    mix: Floats
    taps: Floats
    remainder: Floats
    export: Floats
    charge: Floats
    delivered_remainder: Floats
    remainder_electric: Floats
    loops: int
    fed: Mask


def assemble(graph: Graph, edges: Edges) -> System:
    """Build the system from edge energies."""
    windows = len(edges.source)
    buses = graph.bus_count
    system = System(
        matrix=np.zeros((windows, buses, buses)),
        right=np.zeros((windows, buses, graph.columns + 1)),
        inflow=np.zeros((windows, buses)),
    )
    for column, source in enumerate(graph.site.sources):
        system.let_in(
            source.bus,
            column,
            edges.source[:, column],
        )

    for index, storage in enumerate(graph.site.storages):
        system.let_in(
            storage.bus,
            graph.source_count + index,
            edges.discharge[:, index],
        )

    for index, converter in enumerate(graph.converters):
        _add_converter(
            graph,
            system,
            converter,
            taken=edges.feeds[index],
            given=edges.outlets[index],
        )

    return system


def _add_converter(
    graph: Graph,
    system: System,
    converter: Directed,
    *,
    taken: Floats,
    given: Floats,
) -> None:
    """What a converter takes stands behind what it gives, shared out over its outlets."""
    alpha = shares(converter, given)
    for place, outlet in enumerate(converter.outlets):
        bus = outlet.bus
        system.inflow[:, bus] += given[:, place]
        for number, feed in enumerate(converter.feeds):
            amount = alpha[:, place] * taken[:, number]
            if feed.kind != "bus":
                column = _column_of(graph, feed)
                system.right[:, bus, column] += amount
                continue

            system.matrix[:, bus, feed.index] -= amount
            if _is_behind(graph, feed.index, bus):
                system.right[:, bus, graph.electric] += amount


def _column_of(graph: Graph, feed: Feed) -> int:
    """The column of the tracing of what is no bus."""
    return graph.ambient if feed.kind == "ambient" else feed.index


def _is_behind(
    graph: Graph,
    feeding: int,
    fed: int,
) -> bool:
    """Whether one bus carries the electricity behind the air or cold of another."""
    is_electric = bool(graph.electric_buses[feeding])
    return is_electric and graph.counts_as_electricity(fed)


def _solve(
    matrix: Floats,
    right: Floats,
    unknown: int,
) -> Solved:
    """Solve a stack; a window whose loop no source feeds has composition unknown."""
    try:
        return Solved(
            np.asarray(np.linalg.solve(matrix, right), np.float64),
            loops=0,
        )
    except np.linalg.LinAlgError:
        return _solve_each(matrix, right, unknown)


def _solve_each(
    matrix: Floats,
    right: Floats,
    unknown: int,
) -> Solved:
    """One window after the other, since one of them cannot be solved."""
    mix = np.zeros_like(right)
    loops = 0
    for window in range(len(matrix)):
        try:
            mix[window] = np.linalg.solve(matrix[window], right[window])
        except np.linalg.LinAlgError:
            mix[window, :, unknown] = 1.0
            loops += 1

    return Solved(mix, loops)


def _mix(
    graph: Graph,
    system: System,
    held: Floats,
    blind: Mask,
) -> Solved:
    """T of some buses.

    `held` [nw, nb, K+1] serves where nothing flows in, composition is unknown where `blind`.
    """
    matrix = system.matrix.copy()
    right = system.right.copy()
    every = np.arange(matrix.shape[1])
    matrix[:, every, every] += system.inflow

    # Where nothing flows in, the equation says that the bus carries what it held.
    is_idle = (system.inflow <= TINY) | blind
    windows, buses = np.nonzero(is_idle)
    matrix[is_idle] = 0.0
    matrix[windows, buses, buses] = 1.0
    right[windows, buses] = held[windows, buses]

    windows, buses = np.nonzero(blind)
    right[windows, buses] = 0.0
    right[windows, buses, graph.unknown] = 1.0
    return _solve(matrix, right, graph.unknown)


def _take_exports(
    graph: Graph,
    edges: Edges,
    system: System,
    held: Floats,
) -> Floats:
    """Export first from on-site energy that reaches the bus, pro rata, the rest from the mix; takes
    it out of `system`.

    Returns the amounts [nw, nb, K+1] behind it.
    """
    amounts = np.zeros_like(system.right)
    of_windows = edges.export.sum(1)
    exporting = np.flatnonzero(of_windows > TINY)
    if not len(exporting):
        return amounts

    solved = _mix(
        graph,
        system.of_windows(exporting),
        held[exporting],
        edges.unknown[exporting],
    )
    for row, window in enumerate(exporting):
        for bus in np.flatnonzero(edges.export[window] > TINY):
            inflow = float(system.inflow[window, bus])
            export = float(edges.export[window, bus])
            behind = _export_of(
                graph,
                solved.mix[row, bus],
                inflow,
                export,
            )
            amounts[window, bus] = behind
            system.right[window, bus] -= behind
            system.inflow[window, bus] = max(inflow - export, 0.0)

    return amounts


def _export_of(
    graph: Graph,
    mix: Floats,
    inflow: float,
    export: float,
) -> Floats:
    """Amounts [K+1] behind an export: `mix` of the bus, its inflow and the export in kWh."""
    traced = mix[: graph.columns]
    own = np.where(graph.on_site, traced, 0.0)
    rest = traced - own
    weight = traced.sum()
    own_share = own.sum() / weight if weight > TINY else 0.0
    own_kwh = own_share * inflow
    rest_kwh = inflow - own_kwh
    first_kwh = min(export, own_kwh)
    behind = np.zeros_like(mix)
    if own_kwh > TINY:
        part_of_own = first_kwh / own_kwh
        behind[: graph.columns] += own * inflow * part_of_own

    if export > first_kwh and rest.sum() > TINY:
        then_kwh = export - first_kwh
        part_of_rest = min(then_kwh / max(rest_kwh, TINY), 1.0)
        behind[: graph.columns] += rest * inflow * part_of_rest

    return behind


def trace(
    graph: Graph,
    edges: Edges,
    before: Held,
    starts: Sequence[int],
) -> Traced:
    """Trace one block of windows, which begin at `starts`; `before`: what buses carry where nothing
    flows in.
    """
    system = assemble(graph, edges)
    held = before.by_window(graph, system.inflow, starts)
    fed = system.inflow > TINY
    export = _take_exports(
        graph,
        edges,
        system,
        held,
    )
    is_one_speed = not graph.slow.any() or len(edges.source) == 0
    if is_one_speed:
        solved = _mix(
            graph,
            system,
            held,
            edges.unknown,
        )
    else:
        solved = _Speeds(
            graph,
            edges,
            system,
            held,
        ).solved()

    return _amounts(
        graph,
        edges,
        system,
        solved,
        export,
        fed,
    )


class _Speeds:
    """Fast buses are solved per window, slow buses per block of windows."""

    def __init__(
        self,
        graph: Graph,
        edges: Edges,
        system: System,
        held: Floats,
    ) -> None:
        self.graph = graph
        self.system = system
        self.held = held
        self.unknown = edges.unknown
        self.slow = np.flatnonzero(graph.slow)
        self.fast = np.flatnonzero(~graph.slow)

    def solved(self) -> Solved:
        """Where slow feeds fast, the two are repeated until they agree."""
        mix = np.zeros_like(self.system.right)
        mix[:, self.slow] = self.held[:, self.slow]
        rounds = ROUNDS_MOST if _feeds_back(self.graph) else 1
        loops = 0
        for _ in range(rounds):
            before = mix[:, self.slow].copy()
            if len(self.fast):
                fast = self._fast_with(mix)
                mix[:, self.fast] = fast.mix
                loops = fast.loops

            slow = self._slow_with(mix)
            loops += slow.loops
            # One composition for the whole block.
            mix[:, self.slow] = slow.mix
            change = np.abs(mix[:, self.slow] - before)
            if change.max(initial=0.0) < AGREED:
                break

        return Solved(mix, loops)

    def _fast_with(self, mix: Floats) -> Solved:
        """The fast buses, with what the slow ones give them."""
        fast = self.fast
        slow = self.slow
        from_slow = self._part(fast, slow) @ mix[:, slow]
        right = self.system.right[:, fast]
        system = System(
            matrix=self._part(fast, fast),
            right=right - from_slow,
            inflow=self.system.inflow[:, fast],
        )
        return _mix(
            self.graph,
            system,
            self.held[:, fast],
            self.unknown[:, fast],
        )

    def _slow_with(self, mix: Floats) -> Solved:
        """The slow buses from the sums of the block, with what the fast ones give them."""
        fast = self.fast
        slow = self.slow
        matrix = self._part(slow, slow)
        from_fast = self._part(slow, fast) @ mix[:, fast]
        right = self.system.right[:, slow] - from_fast
        inflow = self.system.inflow[:, slow]
        of_block = System(
            matrix=matrix.sum(0, keepdims=True),
            right=right.sum(0, keepdims=True),
            inflow=inflow.sum(0, keepdims=True),
        )
        blind = self.unknown[:, slow]
        return _mix(
            self.graph,
            of_block,
            self.held[-1:, slow],
            np.asarray(blind.any(0, keepdims=True), bool),
        )

    def _part(self, fed: Ints, feeding: Ints) -> Floats:
        """The coefficients between some buses and others."""
        return self.system.matrix[:, fed][:, :, feeding]


def _feeds_back(graph: Graph) -> bool:
    """Whether a slow bus feeds a fast one through a converter."""
    for converter in graph.converters:
        feeding = [feed.index for feed in converter.feeds if feed.kind == "bus"]
        fed = [outlet.bus for outlet in converter.outlets]
        if graph.slow[feeding].any() and not graph.slow[fed].all():
            return True

    return False


def outgoing(graph: Graph, edges: Edges) -> Floats:
    """Metered energy leaving each bus [nw, nb], exports aside."""
    windows = len(edges.source)
    leaving = np.zeros((windows, graph.bus_count))
    for index, tap in enumerate(graph.taps):
        leaving[:, tap.bus] += edges.taps[:, index]

    for index, storage in enumerate(graph.site.storages):
        leaving[:, storage.bus] += edges.charge[:, index]

    for converter, taken in zip(
        graph.converters,
        edges.feeds,
        strict=True,
    ):
        for number, feed in enumerate(converter.feeds):
            if feed.kind == "bus":
                leaving[:, feed.index] += taken[:, number]

    return leaving


def _amounts(
    graph: Graph,
    edges: Edges,
    system: System,
    solved: Solved,
    export: Floats,
    fed: Mask,
) -> Traced:
    """What of which source went where, from the compositions."""
    mix = solved.mix
    leaving = outgoing(graph, edges)
    entering = system.right - system.matrix @ mix
    left = entering - leaving[:, :, None] * mix
    bus_of_tap = [tap.bus for tap in graph.taps]
    bus_of_storage = [storage.bus for storage in graph.site.storages]
    charge = edges.charge[:, :, None] * mix[:, bus_of_storage]
    sources = slice(graph.columns)
    return Traced(
        mix=mix,
        taps=edges.taps[:, :, None] * mix[:, bus_of_tap],
        remainder=left[:, :, sources],
        export=export[:, :, sources],
        charge=charge[:, :, sources],
        delivered_remainder=system.inflow - leaving,
        remainder_electric=left[:, :, graph.electric],
        loops=solved.loops,
        fed=fed,
    )
