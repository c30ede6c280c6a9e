"""The heart: which source stands behind every unit that leaves a bus (method, section 1).

T[b, s] is the amount of source s, in the unit its meter counts,
behind one unit leaving bus b. One linear system per window:

    T[b,s] * sum_in(b) = E[s->b] + sum over converters c into b of alpha[c->b] * sum over inputs k of c (E[c,k] * T[k,s])

solved as a stack of windows for the fast buses, and per block from block sums for slow media.
Discharge of a store is a column of its own here ("one kWh discharged"); `engine.tracing.storage`
replaces it by the layers it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.tracing.graph import Array, Edges, Graph, shares

TINY = 1e-12
Mask = npt.NDArray[np.bool_]
Times = npt.NDArray[np.int64]


@dataclass(slots=True)
class System:
    """Coefficients of the linear system: matrix [nw, nb, nb],
    right-hand side [nw, nb, K+1], inflow [nw, nb].
    """

    matrix: Array
    right: Array
    inflow: Array


@dataclass(slots=True)
class Held:
    """What a bus carries while nothing flows in: its last composition `mix` [nb, K+1], and until
    when something flowed in, `fed_ns` [nb], event time in ns."""

    mix: Array
    fed_ns: Times

    def by_window(
        self,
        graph: Graph,
        inflow: Array,
        starts: Sequence[int],
    ) -> Array:
        """Composition for each window [nw, nb, K+1]: the last one, but unknown once the bus has been
        idle for longer than it holds (`buses.*.holds`).
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
        flowing = np.abs(traced.mix[-1]).sum(1, keepdims=True) > TINY
        fed_ns = self.fed_ns.copy()
        for window, start in enumerate(starts):
            fed_ns[traced.fed[window]] = start + graph.window_ns

        return Held(np.where(flowing, traced.mix[-1], self.mix), fed_ns)


@dataclass(slots=True)
class Traced:
    """Result for a block. `mix` [nw, nb, K+1]; amounts per tap, bus remainder, export, charge;
    `remainder_electric` kWh of electricity behind the remainder of air and cold; `loops` windows
    without a solution; `fed` [nw, nb] whether anything flowed in.
    """

    mix: Array
    taps: Array
    remainder: Array
    export: Array
    charge: Array
    delivered_remainder: Array
    remainder_electric: Array
    loops: int
    fed: Mask


def assemble(graph: Graph, edges: Edges) -> System:
    """Build the system from edge energies."""
    nw = len(edges.source)
    nb = graph.nb
    matrix = np.zeros((nw, nb, nb))
    right = np.zeros((nw, nb, graph.columns + 1))
    inflow = np.zeros((nw, nb))
    for s, source in enumerate(graph.site.sources):
        right[:, source.bus, s] += edges.source[:, s]
        inflow[:, source.bus] += edges.source[:, s]

    for t, store in enumerate(graph.site.storages):
        right[:, store.bus, graph.ns + t] += edges.discharge[:, t]
        inflow[:, store.bus] += edges.discharge[:, t]

    for c, directed in enumerate(graph.converters):
        given = edges.outlets[c]
        alpha = shares(
            directed,
            given,
            [graph.carriers[o.bus] == "electricity" for o in directed.outlets],
        )
        for o, outlet in enumerate(directed.outlets):
            inflow[:, outlet.bus] += given[:, o]
            for i, feed in enumerate(directed.feeds):
                taken = alpha[:, o] * edges.feeds[c][:, i]
                if feed.kind == "bus":
                    matrix[:, outlet.bus, feed.index] -= taken
                    if (
                        graph.counts_as_electricity(outlet.bus)
                        and graph.carriers[feed.index] == "electricity"
                    ):
                        right[:, outlet.bus, graph.electric] += taken
                else:
                    right[
                        :, outlet.bus, graph.ambient if feed.kind == "ambient" else feed.index
                    ] += taken

    return System(matrix, right, inflow)


def _solve(
    matrix: Array,
    right: Array,
    unknown: int,
) -> tuple[Array, int]:
    """Solve a stack; a window whose loop no source feeds has composition unknown."""
    try:
        return np.asarray(np.linalg.solve(matrix, right), np.float64), 0
    except np.linalg.LinAlgError:
        result = np.zeros_like(right)
        loops = 0
        for w in range(len(matrix)):
            try:
                result[w] = np.linalg.solve(matrix[w], right[w])
            except np.linalg.LinAlgError:
                result[w, :, unknown] = 1.0
                loops = loops + 1

        return result, loops


def _mix(
    graph: Graph,
    matrix: Array,
    right: Array,
    inflow: Array,
    held: Array,
    blind: Mask,
) -> tuple[Array, int]:
    """T of some buses:

    `held` [nw, nb, K+1] serves where nothing flows in, composition is unknown where `blind`.
    """
    n = matrix.shape[1]
    m = matrix.copy()
    r = right.copy()
    m[:, np.arange(n), np.arange(n)] += inflow
    idle = (inflow <= TINY) | blind
    m[idle] = 0.0
    rows, buses = np.nonzero(idle)
    m[rows, buses, buses] = 1.0
    r[rows, buses] = held[rows, buses]
    rows, buses = np.nonzero(blind)
    r[rows, buses] = 0.0
    r[rows, buses, graph.unknown] = 1.0
    return _solve(m, r, graph.unknown)


def _take_exports(
    graph: Graph,
    edges: Edges,
    system: System,
    held: Array,
) -> Array:
    """Export first from on-site energy that reaches the bus, pro rata,
    the rest from the mix; takes it out of `system`.
    """
    amounts = np.zeros_like(system.right)
    rows = np.nonzero(edges.export.sum(1) > TINY)[0]
    if not len(rows):
        return amounts

    blind = edges.unknown[rows]
    mix, _ = _mix(
        graph,
        system.matrix[rows],
        system.right[rows],
        system.inflow[rows],
        held[rows],
        blind,
    )
    for at, w in enumerate(rows):
        for b in np.nonzero(edges.export[w] > TINY)[0]:
            amounts[w, b] = _export_of(
                graph,
                mix[at, b],
                float(system.inflow[w, b]),
                float(edges.export[w, b]),
            )
            system.right[w, b] -= amounts[w, b]
            system.inflow[w, b] = max(system.inflow[w, b] - edges.export[w, b], 0.0)

    return amounts


def _export_of(
    graph: Graph,
    mix: Array,
    inflow: float,
    export: float,
) -> Array:
    """Amounts behind an export: `mix` of the bus, its inflow and the export in kWh."""
    traced = mix[: graph.columns]
    weight = traced.sum()
    own = np.where(graph.on_site, traced, 0.0)
    share = own.sum() / weight if weight > TINY else 0.0
    reach = share * inflow
    first = min(export, reach)
    rest = traced - own
    out = np.zeros_like(mix)
    if reach > TINY:
        out[: graph.columns] += own * inflow * (first / reach)

    if export > first and rest.sum() > TINY:
        kwh_of_rest = inflow - reach
        out[: graph.columns] += rest * inflow * min((export - first) / max(kwh_of_rest, TINY), 1.0)

    return out


def _feedback(graph: Graph) -> bool:
    """Whether a slow bus feeds a fast one through a converter."""
    return any(
        f.kind == "bus" and graph.slow[f.index] and any(not graph.slow[o.bus] for o in d.outlets)
        for d in graph.converters
        for f in d.feeds
    )


def trace(
    graph: Graph,
    edges: Edges,
    before: Held,
    starts: Sequence[int],
) -> Traced:
    """Trace one block of windows, which begin at `starts`;
    `before`: what buses carry where nothing flows in.
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
    if not graph.slow.any() or len(edges.source) == 0:
        mix, loops = _mix(
            graph,
            system.matrix,
            system.right,
            system.inflow,
            held,
            edges.unknown,
        )
    else:
        mix, loops = _trace_slow(
            graph,
            edges,
            system,
            held,
        )

    return _amounts(
        graph,
        edges,
        system,
        mix,
        export,
        loops,
        fed,
    )


def _trace_slow(
    graph: Graph,
    edges: Edges,
    system: System,
    held: Array,
) -> tuple[Array, int]:
    """Fast buses per window, slow buses per block; where slow feeds
    fast, the two are repeated until they agree.
    """
    slow = np.nonzero(graph.slow)[0]
    fast = np.nonzero(~graph.slow)[0]
    nw = len(edges.source)
    mix = np.zeros_like(system.right)
    mix[:, slow] = held[:, slow]
    blind_slow: Mask = np.asarray(
        edges.unknown[:, slow].any(0, keepdims=True),
        bool,
    )
    block_inflow = system.inflow[:, slow].sum(0, keepdims=True)
    block_matrix = system.matrix[:, slow][:, :, slow].sum(0, keepdims=True)
    loops = 0
    for _ in range(60 if _feedback(graph) else 1):
        before = mix[:, slow].copy()
        if len(fast):
            right = system.right[:, fast] - system.matrix[:, fast][:, :, slow] @ mix[:, slow]
            mix[:, fast], loops = _mix(
                graph,
                system.matrix[:, fast][:, :, fast],
                right,
                system.inflow[:, fast],
                held[:, fast],
                edges.unknown[:, fast],
            )

        right = (system.right[:, slow] - system.matrix[:, slow][:, :, fast] @ mix[:, fast]).sum(
            0, keepdims=True
        )
        solved, more = _mix(
            graph,
            block_matrix,
            right,
            block_inflow,
            held[-1:, slow],
            blind_slow,
        )
        loops += more
        mix[:, slow] = np.broadcast_to(solved, (nw, *solved.shape[1:]))
        if np.abs(mix[:, slow] - before).max(initial=0.0) < 1e-13:
            break

    return mix, loops


def outgoing(graph: Graph, edges: Edges) -> Array:
    """Metered energy leaving each bus [nw, nb], exports aside."""
    out = np.zeros((len(edges.source), graph.nb))
    for i, tap in enumerate(graph.taps):
        out[:, tap.bus] += edges.taps[:, i]

    for t, store in enumerate(graph.site.storages):
        out[:, store.bus] += edges.charge[:, t]

    for c, directed in enumerate(graph.converters):
        for i, feed in enumerate(directed.feeds):
            if feed.kind == "bus":
                out[:, feed.index] += edges.feeds[c][:, i]

    return out


def _amounts(
    graph: Graph,
    edges: Edges,
    system: System,
    mix: Array,
    export: Array,
    loops: int,
    fed: Mask,
) -> Traced:
    entering = system.right - system.matrix @ mix
    leaving = outgoing(graph, edges)
    tap_bus = [tap.bus for tap in graph.taps]
    store_bus = [store.bus for store in graph.site.storages]
    left = entering - leaving[:, :, None] * mix
    return Traced(
        mix=mix,
        taps=edges.taps[:, :, None] * mix[:, tap_bus],
        remainder=left[:, :, : graph.columns],
        export=export[:, :, : graph.columns],
        charge=(edges.charge[:, :, None] * mix[:, store_bus])[:, :, : graph.columns],
        delivered_remainder=system.inflow - leaving,
        remainder_electric=left[:, :, graph.electric],
        loops=loops,
        fed=fed,
    )
