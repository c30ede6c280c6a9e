"""Amounts first, then products: a second, small step multiplies traced amounts with the properties of their sources.

One `Producer` per site in force; `Producer.tables` turns books into the columns that the store keeps. Every column is additive, so any
window, shift, day or group of lines is a sum, and every ratio is taken when it is read (`engine.figures`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.book import Book, Flow
from engine.graph import Array, Graph
from engine.states import STATES
from plant.names import AS_ELECTRICITY, Carrier, State
from plant.site import Site, SourceProperty

Columns = dict[str, npt.NDArray[np.generic]]
NameCode = Callable[[str], int]

LINE_SUMS = (
    "electricity_kwh", "electric_behind_kwh", "final_kwh", "scope1_kg", "scope2_location_kg", "scope2_market_kg", "electric_location_kg",
    "electric_market_kg", "traced_electric", "traced_renewable", "traced_claimed", "traced_kwh", "traced_electric_source_kwh", "kgce",
    "good", "scrap", "seen_s", "due_s", "estimated_kwh", "idle_kwh", "nonrun_kwh", "idle_kg", "nonrun_kg",
)  # fmt: skip
STATE_SUMS = tuple(f"seconds_{state.lower()}" for state in STATES)
_RUN, _UNKNOWN = STATES.index(State.RUN), STATES.index(State.UNKNOWN)
_IDLE = [STATES.index(State.IDLE), STATES.index(State.STANDBY)]


class Producer:
    """Multiplies the books of one site. `code` gives the store's integer for a name."""

    def __init__(self, site: Site, code: NameCode) -> None:
        self.site, self.graph = site, Graph(site)
        p = site.properties
        self.kwh, self.kgce = _column(p, "kwh"), _column(p, "kgce")
        location, market = np.array([x.location.value_kg for x in p]), np.array([x.market.value_kg for x in p])
        scope1, scope2 = np.array([x.scope == "scope1" for x in p]), np.array([x.scope == "scope2" for x in p])
        electric = [s.carrier == Carrier.ELECTRICITY for s in site.sources] + [False, True, True]
        renewable = np.array([x.renewable for x in p], float)
        claimed = np.maximum(renewable, _column(p, "contract_share"))
        self.weights = np.stack([
            np.where(scope1, location, 0.0), np.where(scope2, location, 0.0), np.where(scope2, market, 0.0), location, market,
            renewable, claimed, self.kwh, self.kwh * np.array(electric), self.kgce,
        ])  # fmt: skip
        self.location, self.market = location, market
        self.tap_line = np.array([t.line for t in self.graph.taps], np.int64)
        self.tap_bus = np.array([t.bus for t in self.graph.taps], np.int64)
        carriers = [self.graph.carriers[b] for b in self.tap_bus]
        self.tap_electric = np.array([c is Carrier.ELECTRICITY for c in carriers], bool)
        self.tap_behind = np.array([c in AS_ELECTRICITY for c in carriers], bool)
        self.tap_final = np.array([self._final_factor(int(b)) for b in self.tap_bus])
        self.code_line = np.array([code(line.id) for line in site.lines], np.int32)
        self.code_bus = np.array([code(bus.id) for bus in site.buses], np.int32)
        self.code_left = np.array([code(f"unmetered.{bus.id}") for bus in site.buses], np.int32)
        self.code_store = np.array([code(store.id) for store in site.stores], np.int32)
        self.code_source = np.array([code(name) for name in self.graph.source_names()], np.int32)
        self.code_meter = np.array([code(m.id) for m in site.meters], np.int32)
        self.code_carrier = np.array([code(c.value) for c in self.graph.carriers], np.int32)
        self.code_none = code("")

    def _final_factor(self, bus: int) -> float:
        """kWh of final energy per unit drawn; 0 for air and cold, which count as the electricity behind them."""
        carrier = self.graph.carriers[bus]
        if carrier in AS_ELECTRICITY or carrier is Carrier.WATER:
            return 0.0
        if carrier is Carrier.NATURAL_GAS:
            return next((float(self.kwh[i]) for i, s in enumerate(self.site.sources) if s.carrier == carrier), 1.0)
        return 1.0

    def tables(self, books: Sequence[Book]) -> dict[str, Columns]:
        """Columns of the tables line, flow, bus, meter, source and closed for `books`."""
        parts: dict[str, list[Columns]] = {name: [] for name in ("line", "flow", "bus", "meter", "source", "closed")}
        for book in books:
            parts["line"].append(self._lines(book))
            parts["flow"].append(self._flows(book))
            parts["bus"].append(self._buses(book))
            parts["meter"].append(self._meters(book))
            parts["source"].append(self._sources(book))
        windows = {
            "start": np.array([b.start for b in books]),
            "rev": np.array([b.revision for b in books], np.int32),
            "imbalance": np.array([b.imbalance(self.graph.ns) for b in books]),
        }
        out = {name: _join(chunks) for name, chunks in parts.items() if chunks}
        return {**out, "closed": windows}

    def _keys(self, book: Book, n: int) -> Columns:
        return {"start": np.full(n, book.start), "rev": np.full(n, book.revision, np.int32)}

    def _lines(self, book: Book) -> Columns:
        """One row a line, and one a bus for what is unmetered there."""
        nl, nb = len(self.site.lines), self.graph.nb
        flows = book.flows
        to_line, left = flows.kind == Flow.LINE, flows.kind == Flow.REMAINDER
        sums = np.zeros((len(self.weights), nl + nb))
        electric = np.zeros((5, nl + nb))
        if nl and to_line.any():
            line, source, amount = self.tap_line[flows.node[to_line]], flows.source[to_line], flows.amount[to_line]
            used = (self.tap_electric | self.tap_behind)[flows.node[to_line]].astype(float)
            self._add(sums, electric, line, source, amount, used, nl + nb)
        if left.any():
            node, source, amount = flows.node[left], flows.source[left], flows.amount[left]
            used = np.array([c is Carrier.ELECTRICITY for c in self.graph.carriers], float)[node]
            self._add(sums, electric, nl + node, source, amount, used, nl + nb)
        return {
            **self._keys(book, nl + nb),
            "line": np.concatenate((self.code_line, self.code_left)),
            **self._line_sums(book, sums, electric, nl, nb),
        }

    def _add(
        self,
        sums: Array,
        electric: Array,
        node: npt.NDArray[np.int64],
        source: npt.NDArray[np.int64],
        amount: Array,
        used: Array,
        n: int,
    ) -> None:
        products = self.weights[:, source] * amount
        for i, row in enumerate(products):
            sums[i] += np.bincount(node, row, n)
        for i, row in enumerate(
            (products[3] * used, products[4] * used, amount * used, products[5] * used, products[6] * used)
        ):
            electric[i] += np.bincount(node, row, n)

    def _line_sums(self, book: Book, sums: Array, electric: Array, nl: int, nb: int) -> Columns:
        seconds = (book.end - book.start) * 1e-9
        kwh = np.bincount(self.tap_line, book.taps * self.tap_electric, nl) if nl else np.zeros(0)
        behind = np.bincount(self.tap_line, book.taps_electric * self.tap_behind, nl) if nl else np.zeros(0)
        final = (np.bincount(self.tap_line, book.taps * self.tap_final, nl) if nl else np.zeros(0)) + behind
        is_electric = np.array([c is Carrier.ELECTRICITY for c in self.graph.carriers], bool)
        left_kwh = np.where(is_electric, book.remainder, 0.0)
        left_final = book.remainder * np.array([self._final_factor(b) for b in range(nb)])
        states = np.concatenate((book.seconds, np.zeros((nb, len(STATES)))))
        ran, idled = states[:, _RUN] + states[:, _UNKNOWN], states[:, _IDLE].sum(1)
        total = states.sum(1)
        away = np.where(total > 0, 1.0 - ran / np.maximum(total, 1e-9), 0.0)
        idle = np.where(total > 0, idled / np.maximum(total, 1e-9), 0.0)
        seen = np.array(
            [min((book.taps_seen_s[t] for t in np.flatnonzero(self.tap_line == i)), default=0.0) for i in range(nl)]
        )
        estimated = (
            np.bincount(self.tap_line, book.taps_estimated * np.maximum(self.tap_final, self.tap_behind * 0.0), nl)
            if nl
            else np.zeros(0)
        )
        all_final, all_kg = np.concatenate((final, left_final)), sums[0] + sums[1]
        none = np.zeros(nb)
        nothing = np.full(nb, np.nan)
        values = (
            np.concatenate((kwh, left_kwh)), np.concatenate((behind, none)), all_final, sums[0], sums[1], sums[2], electric[0], electric[1],
            electric[2], electric[3], electric[4], sums[7], sums[8], sums[9], np.concatenate((book.good, nothing)),
            np.concatenate((book.scrap, nothing)), np.concatenate((seen, none)), np.concatenate((np.full(nl, seconds), none)),
            np.concatenate((estimated, none)), all_final * idle, all_final * away, all_kg * idle, all_kg * away,
        )  # fmt: skip
        return {
            **dict(zip(LINE_SUMS, values, strict=True)),
            **{name: states[:, i] for i, name in enumerate(STATE_SUMS)},
        }

    def _flows(self, book: Book) -> Columns:
        """Flows by (kind, node, carrier, source, store), origins summed."""
        f = book.flows
        tap_node = f.node
        line = self.code_line[self.tap_line] if len(self.tap_line) else np.zeros(1, np.int32)
        carrier_of_tap = self.code_carrier[self.tap_bus] if len(self.tap_bus) else np.zeros(1, np.int32)
        node = np.zeros(len(f), np.int32)
        carrier = np.full(len(f), self.code_none, np.int32)
        for kind, names, carriers in (
            (Flow.LINE, line, carrier_of_tap), (Flow.REMAINDER, self.code_left, self.code_carrier), (Flow.EXPORT, self.code_bus, self.code_carrier),
            (Flow.CHARGE, self.code_store, None), (Flow.DISCHARGE, self.code_store, None),
        ):  # fmt: skip
            rows = f.kind == kind
            if rows.any():
                node[rows] = names[tap_node[rows]]
                if carriers is not None:
                    carrier[rows] = carriers[tap_node[rows]]
        via = np.where(
            f.via < 0, self.code_none, self.code_store[np.maximum(f.via, 0)] if len(self.code_store) else self.code_none
        ).astype(np.int32)
        return {
            **self._keys(book, len(f)), "kind": f.kind.astype(np.int8), "node": node, "carrier": carrier, "source": self.code_source[f.source], "via": via,
            "origin": f.origin, "amount": f.amount, "kwh": f.amount * self.kwh[f.source], "location_kg": f.amount * self.location[f.source],
            "market_kg": f.amount * self.market[f.source],
        }  # fmt: skip

    def _buses(self, book: Book) -> Columns:
        return {**self._keys(book, self.graph.nb), "bus": self.code_bus, "remainder": book.remainder}

    def _meters(self, book: Book) -> Columns:
        n = len(self.code_meter)
        return {
            **self._keys(book, n),
            "meter": self.code_meter,
            "forward": book.meters[:, 0],
            "reverse": book.meters[:, 1],
            "seen_s": book.meters_seen_s,
            "estimated": book.meters_estimated,
        }

    def _sources(self, book: Book) -> Columns:
        """Primary energy, and each store's charge and discharge, by name."""
        names = np.concatenate((self.code_source[: self.graph.ns], self.code_store))
        given = np.concatenate((book.primary, book.discharge))
        taken = np.concatenate((np.zeros(self.graph.ns), book.charge))
        held = np.concatenate((np.zeros(self.graph.ns), book.held_kwh))
        return {**self._keys(book, len(names)), "source": names, "given": given, "taken": taken, "held_kwh": held}


def _column(properties: tuple[SourceProperty, ...], name: str) -> Array:
    return np.array([getattr(p, name) for p in properties])


def _join(chunks: list[Columns]) -> Columns:
    return {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
