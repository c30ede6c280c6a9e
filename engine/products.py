"""Amounts first, then products: a second, small step multiplies traced amounts with the properties of their sources.

One `Producer` per site in force; `Producer.tables` turns books into the columns that the store keeps. Every column is additive, so any
window, shift, day or group of lines is a sum, and every ratio is taken when it is read (`engine.figures`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.book import Book, Flow
from engine.graph import Graph
from engine.line_sums import LineSums
from engine.weights import By, Weights
from plant.site import Site

Columns = dict[str, npt.NDArray[np.generic]]
NameCode = Callable[[str], int]


class Producer:
    """Multiplies the books of one site. `code` gives the store's integer for a name."""

    def __init__(self, site: Site, code: NameCode) -> None:
        self.site, self.graph = site, Graph(site)
        self.weights = Weights.of_site(site)
        self.line_sums = LineSums(site, self.graph, self.weights)
        self.tap_line, self.tap_bus = self.line_sums.row_of_tap, self.line_sums.bus_of_tap
        self.code_line = np.array([code(line.id) for line in site.lines], np.int32)
        self.code_bus = np.array([code(bus.id) for bus in site.buses], np.int32)
        self.code_left = np.array([code(f"unmetered.{bus.id}") for bus in site.buses], np.int32)
        self.code_store = np.array([code(store.id) for store in site.stores], np.int32)
        self.code_source = np.array([code(name) for name in self.graph.source_names()], np.int32)
        self.code_meter = np.array([code(m.id) for m in site.meters], np.int32)
        self.code_carrier = np.array([code(c.value) for c in self.graph.carriers], np.int32)
        self.code_none = code("")

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
        names = np.concatenate((self.code_line, self.code_left))
        return {**self._keys(book, len(names)), "line": names, **self.line_sums.columns(book)}

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
        weights = self.weights.of(f.source, f.origin) * f.amount
        return {
            **self._keys(book, len(f)), "kind": f.kind.astype(np.int8), "node": node, "carrier": carrier, "source": self.code_source[f.source], "via": via,
            "origin": f.origin, "amount": f.amount, "kwh": weights[By.KWH], "location_kg": weights[By.LOCATION], "market_kg": weights[By.MARKET],
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
        held_kg = np.concatenate((np.zeros(self.graph.ns), self.weights.kg_of(book.layers)))
        keys = self._keys(book, len(names))
        return {**keys, "source": names, "given": given, "taken": taken, "held_kwh": held, "held_kg": held_kg}


def _join(chunks: list[Columns]) -> Columns:
    return {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
