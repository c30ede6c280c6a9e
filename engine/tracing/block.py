"""A block of windows: trace it, replace discharges by what they
came from, keep the accounts of the storages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.tracing.flow import Flow, Flows
from engine.tracing.graph import Array, Edges, Graph
from engine.tracing.storage import Account, Key
from engine.tracing.tracing import Held, Traced, trace
from plant.units import HOUR_NS

SMALL = 1e-12
RETURNED_WITHIN_NS = 24 * HOUR_NS  # a line returns what it took within a day


@dataclass(slots=True)
class Window:
    """Flows of one window and what the storages hold after it."""

    flows: Flows
    traced: Traced
    at: int
    held_kwh: Array
    layers: list[list[Any]]


class Ledger:
    """Collects flow rows of one window."""

    def __init__(self) -> None:
        self.parts: list[tuple[Any, ...]] = []

    def direct(
        self,
        kind: Flow,
        amounts: Array,
        sources: list[int],
        origin: int,
    ) -> None:
        """Amounts [nodes, columns] of sources that flowed in now."""
        node, column = np.nonzero(np.abs(amounts) > SMALL)
        n = len(node)
        picked = np.asarray(sources, np.int64)[column]
        self.parts.append(
            (
                np.full(n, kind),
                node,
                picked,
                np.full(n, -1),
                np.full(n, origin),
                amounts[node, column],
            )
        )

    def stored(
        self,
        kind: Flow,
        weights: Array,
        via: int,
        mix: dict[Key, float],
    ) -> None:
        """Kilowatt-hours [nodes] delivered from store `via`, replaced by `mix` per kWh."""
        node = np.nonzero(np.abs(weights) > SMALL)[0]
        if not len(node) or not mix:
            return

        source = np.array([k[0] for k in mix])
        origin = np.array([k[1] for k in mix])
        amount = np.outer(weights[node], np.fromiter(mix.values(), float))
        k = len(mix)
        n = len(node)
        self.parts.append(
            (
                np.full(n * k, kind),
                np.repeat(node, k),
                np.tile(source, n),
                np.full(n * k, via),
                np.tile(origin, n),
                amount.ravel(),
            )
        )

    def flows(self) -> Flows:
        columns = [np.concatenate(c) for c in zip(*self.parts, strict=True)]
        kind, node, source, via, origin = (c.astype(np.int64) for c in columns[:5])
        return Flows(
            kind,
            node,
            source,
            via,
            origin,
            columns[5],
        )


def close(
    graph: Graph,
    edges: Edges,
    before: Held,
    starts: list[int],
    accounts: list[Account],
    first: int = 0,
) -> tuple[list[Window], Held]:
    """Flows of the windows of a block from number `first` on; moves `accounts`.

    Returns them and what each bus carries after them.
    """
    traced = trace(
        graph,
        edges,
        before,
        starts,
    )
    windows = [
        _window(
            graph,
            edges,
            traced,
            w,
            start,
            accounts,
        )
        for w, start in enumerate(starts)
        if w >= first
    ]
    return windows, before.after(graph, traced, starts)


def _window(
    graph: Graph,
    edges: Edges,
    traced: Traced,
    w: int,
    start: int,
    accounts: list[Account],
) -> Window:
    hour = start - start % HOUR_NS
    ledger = Ledger()
    unknown = graph.ns + 1
    direct = [
        *range(graph.ns),
        graph.ns,
        unknown,
    ]
    columns = [
        *range(graph.ns),
        graph.ambient,
        graph.unknown,
    ]
    places = (
        (Flow.LINE, traced.taps[w]),
        (Flow.REMAINDER, traced.remainder[w]),
        (Flow.EXPORT, traced.export[w]),
        (Flow.CHARGE, traced.charge[w]),
    )
    for kind, amounts in places:
        ledger.direct(
            kind,
            amounts[:, columns],
            direct,
            hour,
        )

    mixes = [
        _discharge(
            accounts[t],
            float(edges.discharge[w, t]),
            hour,
            unknown,
        )
        for t in range(graph.nt)
    ]
    for t, mix in enumerate(mixes):
        for kind, amounts in places:
            ledger.stored(
                kind,
                amounts[:, graph.ns + t],
                t,
                mix,
            )

        tap = graph.tap_of_store[t]
        if edges.discharge[w, t] > SMALL:  # what a line returns lessens what it took
            weights = np.zeros(graph.nt if tap < 0 else len(graph.taps))
            weights[t if tap < 0 else tap] = -edges.discharge[w, t]
            ledger.stored(
                Flow.DISCHARGE if tap < 0 else Flow.LINE,
                weights,
                t,
                mix,
            )

    for t, account in enumerate(accounts):
        tap = graph.tap_of_store[t]
        taken, amounts = (
            (edges.charge[w, t], traced.charge[w, t])
            if tap < 0
            else (edges.taps[w, tap], traced.taps[w, tap])
        )
        account.charge(
            hour,
            float(taken),
            _entering(
                graph,
                amounts,
                mixes,
                columns,
                direct,
                hour,
            ),
        )
        if tap >= 0:
            account.layers = [
                layer for layer in account.layers if layer.hour > hour - RETURNED_WITHIN_NS
            ]

    held_kwh = np.array([a.energy_kwh for a in accounts])
    layers: list[list[Any]] = [
        [
            [
                x.hour,
                x.energy_kwh,
                [[*k, v] for k, v in x.amounts.items()],
            ]
            for x in a.layers
        ]
        for a in accounts
    ]
    return Window(
        ledger.flows(),
        traced,
        w,
        held_kwh,
        layers,
    )


def _discharge(
    account: Account,
    delivered: float,
    hour: int,
    unknown: int,
) -> dict[Key, float]:
    """Amounts per delivered kWh; what nothing was held for is of unknown source."""
    if delivered <= SMALL:
        return {}

    taken, missing = account.discharge(delivered)
    if missing > 0.0:
        taken[(unknown, hour)] = taken.get((unknown, hour), 0.0) + missing

    return {key: amount / delivered for key, amount in taken.items() if amount > 0.0}


def _entering(
    graph: Graph,
    charged: Array,
    mixes: list[dict[Key, float]],
    columns: list[int],
    direct: list[int],
    hour: int,
) -> list[tuple[Key, float]]:
    """What a charge brings in: sources of now, and what other
    storages' discharges in the mix came from.
    """
    rows = [
        ((source, hour), float(charged[column]))
        for source, column in zip(
            direct,
            columns,
            strict=True,
        )
    ]
    for t, mix in enumerate(mixes):
        rows += [(key, amount * float(charged[graph.ns + t])) for key, amount in mix.items()]

    return rows
