"""A block of windows: trace it, replace discharges by what they came from, keep the accounts of the
storages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.tracing.flow import Flow, Flows
from engine.tracing.graph import NO_TAP, Edges, Graph
from engine.tracing.storage import Account, Amount, KeptLayers, Key
from engine.tracing.tracing import Held, Traced, trace
from plant.arrays import Floats, Ints
from plant.units import HOUR_NS

SMALL: Final = 1e-12
DIRECTLY: Final = -1
"""In place of a storage, for what came through none."""

RETURNED_WITHIN_NS: Final = 24 * HOUR_NS
"""A line returns what it took within a day."""


@dataclass(slots=True)
class Window:
    """Flows of window `at` of a block, and what the storages hold after it: `held_kwh` and
    `layers` of each."""

    flows: Flows
    traced: Traced
    at: int
    held_kwh: Floats
    layers: list[KeptLayers]


class FlowRows:
    """Collects the flow rows of one window."""

    def __init__(self) -> None:
        self.parts: list[Flows] = []

    def direct(
        self,
        kind: Flow,
        amounts: Floats,
        sources: Sequence[int],
        origin: int,
    ) -> None:
        """Amounts [nodes, columns] of sources that flowed in now."""
        node, column = np.nonzero(np.abs(amounts) > SMALL)
        source = np.asarray(sources, np.int64)[column]
        self._add(
            kind,
            node,
            source,
            DIRECTLY,
            np.full(len(node), origin),
            amounts[node, column],
        )

    def stored(
        self,
        kind: Flow,
        weights: Floats,
        via: int,
        mix: Mapping[Key, float],
    ) -> None:
        """Kilowatt-hours [nodes] delivered from storage `via`, replaced by `mix` per kWh."""
        node = np.nonzero(np.abs(weights) > SMALL)[0]
        if not len(node) or not mix:
            return

        source = np.array([key[0] for key in mix])
        origin = np.array([key[1] for key in mix])
        per_kwh = np.fromiter(mix.values(), float)
        amount = np.outer(weights[node], per_kwh)
        self._add(
            kind,
            np.repeat(node, len(mix)),
            np.tile(source, len(node)),
            via,
            np.tile(origin, len(node)),
            amount.ravel(),
        )

    def _add(
        self,
        kind: Flow,
        node: Ints,
        source: Ints,
        via: int,
        origin: Ints,
        amount: Floats,
    ) -> None:
        """Add rows of one kind."""
        rows = len(node)
        part = Flows(
            kind=np.full(rows, kind),
            node=node,
            source=source,
            via=np.full(rows, via),
            origin=origin,
            amount=amount,
        )
        self.parts.append(part)

    def flows(self) -> Flows:
        """All rows in the order in which they came."""

        def column(name: str) -> Ints:
            """A column of whole numbers of all rows."""
            of_parts = [getattr(part, name) for part in self.parts]
            return np.concatenate(of_parts).astype(np.int64)

        return Flows(
            kind=column("kind"),
            node=column("node"),
            source=column("source"),
            via=column("via"),
            origin=column("origin"),
            amount=np.concatenate([part.amount for part in self.parts]),
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """Windows of a block, and what each bus carries after it."""

    windows: list[Window]
    held: Held


def close(
    graph: Graph,
    edges: Edges,
    before: Held,
    starts: Sequence[int],
    accounts: Sequence[Account],
    first: int = 0,
) -> Closed:
    """Flows of the windows of a block from number `first` on; moves `accounts`."""
    traced = trace(
        graph,
        edges,
        before,
        starts,
    )
    windows: list[Window] = []
    for at in range(first, len(starts)):
        start = starts[at]
        hour = start - start % HOUR_NS
        of_window = _OfWindow(
            graph,
            edges,
            traced,
            at,
            hour,
            accounts,
        )
        windows.append(of_window.closed())

    return Closed(windows, before.after(graph, traced, starts))


class _OfWindow:
    """One window: its flows by original source, and its storages moved on.

    `hour` is that in which it begins, ns: what flows in now is of this origin.
    """

    def __init__(
        self,
        graph: Graph,
        edges: Edges,
        traced: Traced,
        at: int,
        hour: int,
        accounts: Sequence[Account],
    ) -> None:
        self.graph = graph
        self.traced = traced
        self.at = at
        self.hour = hour
        self.accounts = accounts
        self.discharge = edges.discharge[at]
        self.charge = edges.charge[at]
        self.taps = edges.taps[at]
        # Columns of the tracing that are sources, and their numbers as `Graph.source_names` has
        # them: those of the plant, ambient, unknown.
        sources = range(graph.source_count)
        self.unknown = graph.source_count + 1
        self.columns = [
            *sources,
            graph.ambient,
            graph.unknown,
        ]
        self.sources = [
            *sources,
            graph.source_count,
            self.unknown,
        ]
        self.rows = FlowRows()

    def closed(self) -> Window:
        """The window; discharges come before charges, as no storage does both at once."""
        places = (
            (Flow.LINE, self.traced.taps[self.at]),
            (Flow.REMAINDER, self.traced.remainder[self.at]),
            (Flow.EXPORT, self.traced.export[self.at]),
            (Flow.CHARGE, self.traced.charge[self.at]),
        )
        for kind, amounts in places:
            self.rows.direct(
                kind,
                amounts[:, self.columns],
                self.sources,
                self.hour,
            )

        mixes = [self._discharged(storage) for storage in range(self.graph.storage_count)]
        for storage, mix in enumerate(mixes):
            column = self.graph.source_count + storage
            for kind, amounts in places:
                self.rows.stored(
                    kind,
                    amounts[:, column],
                    storage,
                    mix,
                )

            self._given(storage, mix)

        for storage in range(len(self.accounts)):
            self._charge(storage, mixes)

        held_kwh = [account.energy_kwh for account in self.accounts]
        layers = [account.kept() for account in self.accounts]
        return Window(
            flows=self.rows.flows(),
            traced=self.traced,
            at=self.at,
            held_kwh=np.array(held_kwh),
            layers=layers,
        )

    def _discharged(self, storage: int) -> dict[Key, float]:
        """Amounts per delivered kWh; what nothing was held for is of unknown source."""
        delivered = float(self.discharge[storage])
        if delivered <= SMALL:
            return {}

        account = self.accounts[storage]
        taken, missing = account.discharge(delivered)
        if missing > 0.0:
            nowhere = (self.unknown, self.hour)
            taken[nowhere] = taken.get(nowhere, 0.0) + missing

        per_kwh: dict[Key, float] = {}
        for key, amount in taken.items():
            if amount > 0.0:
                per_kwh[key] = amount / delivered

        return per_kwh

    def _given(self, storage: int, mix: Mapping[Key, float]) -> None:
        """What a storage gave, as a negative row: of its own, or of the line that returned it."""
        delivered = self.discharge[storage]
        if delivered <= SMALL:
            return

        tap = self.graph.tap_of_storage[storage]
        if tap == NO_TAP:
            kind = Flow.DISCHARGE
            weights = np.zeros(self.graph.storage_count)
            weights[storage] = -delivered
        else:
            kind = Flow.LINE
            weights = np.zeros(len(self.graph.taps))
            weights[tap] = -delivered

        self.rows.stored(
            kind,
            weights,
            storage,
            mix,
        )

    def _charge(self, storage: int, mixes: Sequence[Mapping[Key, float]]) -> None:
        """What goes into an account: the charge of a storage, or all that a line takes."""
        account = self.accounts[storage]
        tap = self.graph.tap_of_storage[storage]
        if tap == NO_TAP:
            taken = self.charge[storage]
            amounts = self.traced.charge[self.at, storage]
        else:
            taken = self.taps[tap]
            amounts = self.traced.taps[self.at, tap]

        account.charge(
            self.hour,
            float(taken),
            self._entering(amounts, mixes),
        )
        if tap != NO_TAP:
            account.forget_before(self.hour - RETURNED_WITHIN_NS)

    def _entering(self, charged: Floats, mixes: Sequence[Mapping[Key, float]]) -> list[Amount]:
        """What a charge brings in: sources of now, and what other storages' discharges in the mix
        came from."""
        entering: list[Amount] = []
        for source, column in zip(
            self.sources,
            self.columns,
            strict=True,
        ):
            key = (source, self.hour)
            entering.append((key, float(charged[column])))

        for storage, mix in enumerate(mixes):
            column = self.graph.source_count + storage
            kwh = float(charged[column])
            for key, per_kwh in mix.items():
                entering.append((key, per_kwh * kwh))

        return entering
