"""Amounts first, then products: a second, small step multiplies
traced amounts with the properties of their sources.

One `Producer` per site in force; `Producer.tables` turns books into the columns that the store
keeps. Every column is additive, so any window, shift, day or group of lines is a sum, and every
ratio is taken when it is read (`engine.figures.figures`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.book import Book
from engine.figures.line_sums import LineSums
from engine.figures.stack import Stack
from engine.figures.weights import By, Weights
from engine.tracing.flow import Flow, Flows
from engine.tracing.graph import Array, Graph
from engine.tracing.reach import reach
from plant.site import Site
from plant.units import HOUR_NS

Columns = dict[str, npt.NDArray[np.generic]]
NameCode = Callable[[str], int]


class Producer:
    """Multiplies the books of one site. `code` gives the store's integer for a name."""

    def __init__(self, site: Site, code: NameCode) -> None:
        self.site = site
        self.graph = Graph(site)
        self.weights = Weights.of_site(site)
        self.line_sums = LineSums(site, self.graph, self.weights)
        self.tap_line = self.line_sums.row_of_tap
        self.tap_bus = self.line_sums.bus_of_tap
        self.code_line = np.array([code(line.id) for line in site.lines], np.int32)
        self.code_bus = np.array([code(bus.id) for bus in site.buses], np.int32)
        self.code_left = np.array(
            [code(f"unmetered.{bus.id}") for bus in site.buses],
            np.int32,
        )
        self.code_store = np.array(
            [code(store.id) for store in site.storages],
            np.int32,
        )
        kept = [
            code("") if s.line is not None else code(s.id) for s in site.storages
        ]  # what a line returns shows its sources
        self.code_via = np.array(kept, np.int32)
        self.code_source = np.array(
            [code(name) for name in self.graph.source_names()],
            np.int32,
        )
        self.code_meter = np.array([code(m.id) for m in site.meters], np.int32)
        self.code_carrier = np.array(
            [code(c.value) for c in self.graph.carriers],
            np.int32,
        )
        self.code_none = code("")
        self.possible = self._possible()

    def _possible(self) -> npt.NDArray[np.int64]:
        """All (kind, node, carrier, source, via) that a line or
        a remainder can have, as codes, sorted.
        """
        found = reach(self.graph)
        via = np.append(self.code_via, self.code_none)
        places = [(Flow.LINE, self.code_line[t.line], t.bus) for t in self.graph.taps]
        places += [(Flow.REMAINDER, self.code_left[b], b) for b in range(self.graph.nb)]
        rows = {
            (int(k), int(n), int(self.code_carrier[b]), int(self.code_source[s]), int(via[v]))
            for k, n, b in places
            for s, v in found[b]
        }
        return np.array(sorted(rows), np.int64).reshape(-1, 5)

    def tables(self, books: Sequence[Book]) -> dict[str, Columns]:
        """Columns of the tables line, flow, bus, meter, source and closed for `books`."""
        stack = Stack(books)
        return {
            "line": self._rows(
                stack,
                "line",
                np.concatenate((self.code_line, self.code_left)),
                self.line_sums.columns(stack),
            ),
            "flow": self._flows(stack),
            "bus": self._rows(
                stack,
                "bus",
                self.code_bus,
                {"remainder": stack.of("remainder")},
            ),
            "meter": self._meters(stack),
            "source": self._sources(stack),
            "closed": {
                "start": stack.start,
                "rev": stack.revision,
                "imbalance": np.array([b.imbalance(self.graph.ns) for b in books]),
                "imbalance_kg": np.array([self.weights.imbalance(b, self.graph.ns) for b in books]),
            },
        }

    def _rows(
        self,
        stack: Stack,
        key: str,
        names: npt.NDArray[np.int32],
        columns: dict[str, Array],
    ) -> Columns:
        """Columns [windows, names] as rows, each with its window and name."""
        wide = len(names)
        start = np.repeat(stack.start, wide)
        rev = np.repeat(stack.revision, wide)
        keys: Columns = {
            "start": start,
            "rev": rev,
            key: np.tile(names, stack.n),
        }
        return keys | {name: values.ravel() for name, values in columns.items()}

    def _flows(self, stack: Stack) -> Columns:
        """Flows by (kind, node, carrier, source, store, hour of origin); in a corrected window also
        those that could be and are not, as zeros.
        """
        f = stack.flows
        at = stack.window
        node, carrier = self._places(f)
        via = np.append(self.code_via, self.code_none)[f.via].astype(np.int32)
        weights = self.weights.of(f.source, f.origin) * f.amount
        found: Columns = {
            "start": stack.start[at],
            "rev": stack.revision[at],
            "kind": f.kind.astype(np.int8),
            "node": node,
            "carrier": carrier,
            "source": self.code_source[f.source],
            "via": via,
            "origin": f.origin,
            "amount": f.amount,
            "kwh": weights[By.KWH],
            "location_kg": weights[By.LOCATION],
            "market_kg": weights[By.MARKET],
        }
        return found if not stack.revision.any() else self._with_zeros(stack, found)

    def _with_zeros(self, stack: Stack, found: Columns) -> Columns:
        keys = ("kind", "node", "carrier", "source", "via")
        base = 1 + max(
            int(self.possible.max()),
            *(int(found[k].max(initial=0)) for k in keys),
        )
        places = base ** np.arange(
            4,
            -1,
            -1,
            dtype=np.int64,
        )
        wanted = self.possible @ places
        there = np.stack([found[k].astype(np.int64) for k in keys], 1) @ places
        missing = np.repeat((stack.revision > 0)[:, None], len(wanted), 1)
        at = np.minimum(np.searchsorted(wanted, there), len(wanted) - 1)
        same = wanted[at] == there
        missing[stack.window[same], at[same]] = False
        window, row = np.nonzero(missing)
        zeros: Columns = dict(
            zip(
                keys,
                self.possible[row].T,
                strict=True,
            )
        )
        start = stack.start[window]
        zeros |= {
            "start": start,
            "rev": stack.revision[window],
            "origin": start - start % HOUR_NS,
        }
        nothing = np.zeros(len(window))
        return {
            k: np.concatenate((v, zeros.get(k, nothing).astype(v.dtype))) for k, v in found.items()
        }

    def _places(self, f: Flows) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Name and carrier of where each flow went."""
        node = np.zeros(len(f), np.int32)
        carrier = np.full(len(f), self.code_none, np.int32)
        for kind, names, carriers in (
            (Flow.LINE, self.code_line[self.tap_line], self.code_carrier[self.tap_bus]),
            (Flow.REMAINDER, self.code_left, self.code_carrier),
            (Flow.EXPORT, self.code_bus, self.code_carrier),
            (Flow.CHARGE, self.code_store, None),
            (Flow.DISCHARGE, self.code_store, None),
        ):
            rows = np.flatnonzero(f.kind == kind)
            if len(rows):
                node[rows] = names[f.node[rows]]
                carrier[rows] = self.code_none if carriers is None else carriers[f.node[rows]]

        return node, carrier

    def _meters(self, stack: Stack) -> Columns:
        energy = stack.of("meters")
        columns = {
            "forward": energy[:, :, 0],
            "reverse": energy[:, :, 1],
            "seen_s": stack.of("meters_seen_s"),
            "estimated": stack.of("meters_estimated"),
        }
        return self._rows(
            stack,
            "meter",
            self.code_meter,
            columns,
        )

    def _sources(self, stack: Stack) -> Columns:
        """Primary energy, and each store's charge, discharge and what it holds, by name."""
        none = np.zeros((stack.n, self.graph.ns))
        held_kg = np.stack([self.weights.kg_of(b.layers) for b in stack.books])
        parts = {
            "given": (stack.of("primary"), stack.of("discharge")),
            "taken": (none, stack.of("charge")),
            "held_kwh": (none, stack.of("held_kwh")),
            "held_kg": (none, held_kg),
        }
        names = np.concatenate((self.code_source[: self.graph.ns], self.code_store))
        return self._rows(
            stack,
            "source",
            names,
            {name: np.concatenate(pair, 1) for name, pair in parts.items()},
        )
