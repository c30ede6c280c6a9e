"""Amounts first, then products: a second, small step multiplies traced amounts with the properties
of their sources.

One `Producer` per site in force; `Producer.tables` turns books into the columns that the store
keeps. Every column is additive, so any window, shift, day or group of lines is a sum, and every
ratio is taken when it is read (`engine.figures.figures`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.book import Book
from engine.figures.line_sums import LineSums
from engine.figures.stack import Stack
from engine.figures.weights import By, Weights
from engine.tracing.flow import Flow, Flows
from engine.tracing.graph import Graph
from engine.tracing.reach import reach
from plant.arrays import Floats, Ints
from plant.site import Site
from plant.units import HOUR_NS

Columns: TypeAlias = dict[str, npt.NDArray[np.generic]]
NameCode: TypeAlias = Callable[[str], int]
Codes = npt.NDArray[np.int32]
FLOW_KEYS: Final = ("kind", "node", "carrier", "source", "via")
"""What makes two rows of the table of flows of one window the same series."""


class Names:
    """The store's integers for the names of one site, each kind in the order of the site."""

    def __init__(self, graph: Graph, code: NameCode) -> None:
        def codes(names: Iterable[str]) -> Codes:
            """The integers of names, in their order."""
            return np.array([code(name) for name in names], np.int32)

        site = graph.site
        self.none = code("")
        self.lines = codes(line.id for line in site.lines)
        self.buses = codes(bus.id for bus in site.buses)
        self.unmetered = codes(f"unmetered.{bus.id}" for bus in site.buses)
        self.storages = codes(storage.id for storage in site.storages)
        self.sources = codes(graph.source_names())
        self.meters = codes(meter.id for meter in site.meters)
        self.carriers = codes(carrier.value for carrier in graph.carriers)
        # What a line returns shows its sources, and not the line as a storage. The last entry is
        # that of -1, which stands for none.
        via = ["" if storage.line is not None else storage.id for storage in site.storages]
        self.via = codes([*via, ""])


@dataclass(frozen=True, slots=True)
class Places:
    """Name and carrier of where each flow went."""

    node: Codes
    carrier: Codes


class Producer:
    """Multiplies the books of one site. `code` gives the store's integer for a name."""

    def __init__(self, site: Site, code: NameCode) -> None:
        self.site = site
        self.graph = Graph(site)
        self.weights = Weights.of_site(site)
        self.line_sums = LineSums(site, self.graph, self.weights)
        self.names = Names(self.graph, code)
        self.possible = self._possible()

    def _possible(self) -> Ints:
        """All FLOW_KEYS that a line or a remainder can have, as codes, sorted."""
        names = self.names
        places = [(Flow.LINE, names.lines[tap.line], tap.bus) for tap in self.graph.taps]
        for bus, unmetered in enumerate(names.unmetered):
            places.append((Flow.REMAINDER, unmetered, bus))

        ways = reach(self.graph)
        rows: set[tuple[int, ...]] = set()
        for kind, node, bus in places:
            for way in ways[bus]:
                row = (
                    kind,
                    node,
                    names.carriers[bus],
                    names.sources[way.source],
                    names.via[way.via],
                )
                rows.add(tuple(map(int, row)))

        return np.array(sorted(rows), np.int64).reshape(-1, len(FLOW_KEYS))

    def tables(self, books: Sequence[Book]) -> dict[str, Columns]:
        """Columns of the tables line, flow, bus, meter, source and closed for `books`."""
        stack = Stack(books)
        line_names = np.concatenate((self.names.lines, self.names.unmetered))
        return {
            "line": _rows(
                stack,
                "line",
                line_names,
                self.line_sums.columns(stack),
            ),
            "flow": self._flows(stack),
            "bus": _rows(
                stack,
                "bus",
                self.names.buses,
                {"remainder": stack.of("remainder")},
            ),
            "meter": self._meters(stack),
            "source": self._sources(stack),
            "closed": self._closed(stack),
        }

    def _closed(self, stack: Stack) -> Columns:
        """That these windows are closed, and how far their books are from balance."""
        sources = self.graph.source_count
        energy = [book.imbalance(sources) for book in stack.books]
        carbon = [self.weights.imbalance(book, sources) for book in stack.books]
        return {
            "start": stack.start,
            "rev": stack.revision,
            "imbalance": np.array(energy),
            "imbalance_kg": np.array(carbon),
        }

    def _flows(self, stack: Stack) -> Columns:
        """Flows by FLOW_KEYS and hour of origin; in a corrected window also those that could be and
        are not, as zeros.
        """
        flows = stack.flows
        places = self._places(flows)
        weighed = self.weights.of(flows.source, flows.origin) * flows.amount
        found: Columns = {
            "start": stack.start[stack.window],
            "rev": stack.revision[stack.window],
            "kind": flows.kind.astype(np.int8),
            "node": places.node,
            "carrier": places.carrier,
            "source": self.names.sources[flows.source],
            "via": self.names.via[flows.via],
            "origin": flows.origin,
            "amount": flows.amount,
            "kwh": weighed[By.KWH],
            "location_kg": weighed[By.LOCATION],
            "market_kg": weighed[By.MARKET],
        }
        is_corrected = stack.revision > 0
        if not is_corrected.any():
            return found

        return _joined(found, self._zeros(stack, found, is_corrected))

    def _zeros(
        self,
        stack: Stack,
        found: Mapping[str, npt.NDArray[np.generic]],
        is_corrected: npt.NDArray[np.bool_],
    ) -> Columns:
        """The rows of FLOW_KEYS that corrected windows could have and do not; all else is zero."""
        there = np.stack(
            [found[key].astype(np.int64) for key in FLOW_KEYS],
            1,
        )
        # One number for each set of keys, in the order of the sets.
        base = 1 + max(int(self.possible.max()), int(there.max(initial=0)))
        powers = np.arange(
            len(FLOW_KEYS) - 1,
            -1,
            -1,
            dtype=np.int64,
        )
        digits = base**powers
        possible = self.possible @ digits
        own = there @ digits
        nearest = np.minimum(
            np.searchsorted(possible, own),
            len(possible) - 1,
        )
        is_possible = possible[nearest] == own
        is_missing = np.repeat(is_corrected[:, None], len(possible), 1)
        is_missing[stack.window[is_possible], nearest[is_possible]] = False
        window, row = np.nonzero(is_missing)
        start = stack.start[window]
        zeros: Columns = dict(
            zip(
                FLOW_KEYS,
                self.possible[row].T,
                strict=True,
            )
        )
        zeros |= {
            "start": start,
            "rev": stack.revision[window],
            "origin": start - start % HOUR_NS,
        }
        return zeros

    def _places(self, flows: Flows) -> Places:
        """Taps are named by their lines, remainders by what is unmetered on their bus."""
        names = self.names
        no_carrier = np.full(len(self.site.storages), names.none, np.int32)
        lines = names.lines[self.line_sums.row_of_tap]
        of_taps = names.carriers[self.line_sums.bus_of_tap]
        named = {
            Flow.LINE: Places(lines, of_taps),
            Flow.REMAINDER: Places(names.unmetered, names.carriers),
            Flow.EXPORT: Places(names.buses, names.carriers),
            Flow.CHARGE: Places(names.storages, no_carrier),
            Flow.DISCHARGE: Places(names.storages, no_carrier),
        }
        node = np.zeros(len(flows), np.int32)
        carrier = np.full(len(flows), names.none, np.int32)
        for kind, places in named.items():
            rows = np.flatnonzero(flows.kind == kind)
            if len(rows):
                node[rows] = places.node[flows.node[rows]]
                carrier[rows] = places.carrier[flows.node[rows]]

        return Places(node, carrier)

    def _meters(self, stack: Stack) -> Columns:
        """What passed each meter."""
        energy = stack.of("meters")
        columns = {
            "forward": energy[:, :, 0],
            "reverse": energy[:, :, 1],
            "seen_s": stack.of("meters_seen_s"),
            "estimated": stack.of("meters_estimated"),
        }
        return _rows(
            stack,
            "meter",
            self.names.meters,
            columns,
        )

    def _sources(self, stack: Stack) -> Columns:
        """Primary energy, and each storage's charge, discharge and what it holds, by name."""
        none = np.zeros((stack.windows, self.graph.source_count))
        held_kg = np.stack([self.weights.kg_of(book.layers) for book in stack.books])
        columns = {
            "given": np.concatenate(
                (stack.of("primary"), stack.of("discharge")),
                1,
            ),
            "taken": np.concatenate((none, stack.of("charge")), 1),
            "held_kwh": np.concatenate((none, stack.of("held_kwh")), 1),
            "held_kg": np.concatenate((none, held_kg), 1),
        }
        of_plant = self.names.sources[: self.graph.source_count]
        names = np.concatenate((of_plant, self.names.storages))
        return _rows(
            stack,
            "source",
            names,
            columns,
        )


def _rows(
    stack: Stack,
    key: str,
    names: Codes,
    columns: Mapping[str, Floats],
) -> Columns:
    """Columns [windows, names] as rows, each with its window and name."""
    rows: Columns = {
        "start": np.repeat(stack.start, len(names)),
        "rev": np.repeat(stack.revision, len(names)),
        key: np.tile(names, stack.windows),
    }
    return rows | {name: values.ravel() for name, values in columns.items()}


def _joined(found: Columns, zeros: Columns) -> Columns:
    """Rows, and behind them others of which what is not said is zero."""
    nothing = np.zeros(len(zeros["start"]))
    joined: Columns = {}
    for name, values in found.items():
        more = zeros.get(name, nothing).astype(values.dtype)
        joined[name] = np.concatenate((values, more))

    return joined
