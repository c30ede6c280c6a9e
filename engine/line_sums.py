"""The additive columns of a line, and of what is unmetered on a bus (method, section 5). Rows: lines first, then buses.

Delivered amounts come from the meters, products from the traced flows; every ratio is taken when it is read (`engine.figures`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.book import Book, Flow
from engine.factors.registry import GAS_KGCE_PER_NM3, HEAT_KGCE_PER_GJ
from engine.graph import Array, Graph
from engine.states import STATES
from engine.weights import By, Weights
from plant.names import AS_ELECTRICITY, Carrier, State
from plant.site import Site
from plant.units import KWH_PER_GJ

OTHER_CARRIERS = tuple(c for c in Carrier if c is not Carrier.ELECTRICITY)
DELIVERED = tuple(f"delivered_{c.value}" for c in OTHER_CARRIERS)
LINE_SUMS = (
    "electricity_kwh", "electric_behind_kwh", "final_kwh", "scope1_kg", "scope2_location_kg", "scope2_market_kg", "electric_location_kg",
    "electric_market_kg", "traced_electric", "traced_renewable", "traced_claimed", "traced_on_site", "traced_kwh", "traced_electric_source_kwh",
    "traced_final_electric_kwh", "kgce", "kgce_electric_source", "final_kgce", "electric_kgce", "good", "scrap", "seen_s", "due_s",
    "estimated_kwh", "idle_kwh", "nonrun_kwh", "idle_kg", "nonrun_kg", "remainder_kwh", "on_site_kwh", "exported_on_site_kwh", *DELIVERED,
)  # fmt: skip
STATE_SUMS = tuple(f"seconds_{state.lower()}" for state in STATES)
_RUN, _UNKNOWN = STATES.index(State.RUN), STATES.index(State.UNKNOWN)
_IDLE = [STATES.index(State.IDLE), STATES.index(State.STANDBY)]
Sums = dict[str, Array]


def final_kwh_per_unit(site: Site, carrier: Carrier) -> float:
    """kWh of final energy per unit drawn; 0 for air and cold, which count as the electricity behind them, and for water."""
    if carrier in AS_ELECTRICITY or carrier is Carrier.WATER:
        return 0.0
    if carrier is not Carrier.NATURAL_GAS:
        return 1.0
    return next(
        (float(p.kwh) for p, s in zip(site.properties, site.sources, strict=False) if s.carrier == carrier), 1.0
    )


class LineSums:
    """Makes the columns of one site's books."""

    def __init__(self, site: Site, graph: Graph, weights: Weights) -> None:
        self.site, self.graph, self.weights = site, graph, weights
        self.nl, self.nb = len(site.lines), graph.nb
        self.row_of_tap = np.array([t.line for t in graph.taps], np.int64)
        self.bus_of_tap = np.array([t.bus for t in graph.taps], np.int64)
        self.carrier = np.array([list(Carrier).index(c) for c in graph.carriers], np.int64)
        self.electric = np.array([c is Carrier.ELECTRICITY for c in graph.carriers], float)
        self.behind = np.array([c in AS_ELECTRICITY for c in graph.carriers], float)
        self.final = np.array([final_kwh_per_unit(site, c) for c in graph.carriers])
        self.kgce = np.array([self._final_kgce(b) for b in range(self.nb)])

    def _final_kgce(self, bus: int) -> float:
        """kgce of final energy per unit drawn, each carrier by its own coefficient (method, case 11)."""
        carrier = self.graph.carriers[bus]
        if carrier is Carrier.NATURAL_GAS:
            mine = (
                float(p.kgce)
                for p, s in zip(self.site.properties, self.site.sources, strict=False)
                if s.carrier == carrier
            )
            return next(mine, GAS_KGCE_PER_NM3)
        return final_kwh_per_unit(self.site, carrier) * (
            self.site.electricity_kgce_per_kwh if carrier is Carrier.ELECTRICITY else HEAT_KGCE_PER_GJ / KWH_PER_GJ
        )

    def columns(self, book: Book) -> Sums:
        """All columns of one book, lines first, then what is unmetered on each bus."""
        delivered = self._delivered(book)
        products = self._products(book)
        kg = products["scope1_kg"] + products["scope2_location_kg"]
        found = {
            **delivered,
            **products,
            **self._states(book, delivered["final_kwh"], kg),
            **self._buses(book),
            **self._outputs(book),
        }
        return {name: found[name] for name in (*LINE_SUMS, *STATE_SUMS)}

    def _rows(self, of_tap: Array, of_bus: Array) -> Array:
        """Amounts of taps summed by line, then those of buses."""
        return np.concatenate((np.bincount(self.row_of_tap, of_tap, self.nl) if self.nl else np.zeros(0), of_bus))

    def _delivered(self, book: Book) -> Sums:
        """What the meters say: energy by carrier, final energy, and the electricity behind air and cold."""
        tap, bus = self.bus_of_tap, np.arange(self.nb)
        behind = self._rows(book.taps_electric * self.behind[tap], book.remainder_electric * self.behind)
        electricity = self._rows(book.taps * self.electric[tap], book.remainder * self.electric)
        k_electric = self.site.electricity_kgce_per_kwh
        found = {
            "electricity_kwh": electricity, "electric_behind_kwh": behind,
            "final_kwh": self._rows(book.taps * self.final[tap], book.remainder * self.final) + behind,
            "final_kgce": self._rows(book.taps * self.kgce[tap], book.remainder * self.kgce) + behind * k_electric,
            "electric_kgce": (electricity + behind) * k_electric,
            "estimated_kwh": self._rows(book.taps_estimated * self.final[tap], np.zeros(self.nb)),
        }  # fmt: skip
        for name, carrier in zip(DELIVERED, OTHER_CARRIERS, strict=True):
            mine = (self.carrier == list(Carrier).index(carrier)).astype(float)
            found[name] = self._rows(book.taps * mine[tap], book.remainder * mine[bus])
        return found

    def _products(self, book: Book) -> Sums:
        """What the traced flows say: carbon, shares, source energy."""
        flows, n = book.flows, self.nl + self.nb
        rows = np.flatnonzero((flows.kind == Flow.LINE) | (flows.kind == Flow.REMAINDER))
        node, to_line = flows.node[rows], flows.kind[rows] == Flow.LINE
        taps = np.append(self.row_of_tap, 0), np.append(self.bus_of_tap, 0)
        bus = np.where(to_line, taps[1][np.where(to_line, node, -1)], node)
        row = np.where(to_line, taps[0][np.where(to_line, node, -1)], self.nl + node)
        w = self.weights.of(flows.source[rows], flows.origin[rows]) * flows.amount[rows]
        used = (self.electric + self.behind)[bus]

        def total(values: Array) -> Array:
            return np.asarray(np.bincount(row, values, n), np.float64)

        return {
            "scope1_kg": total(w[By.SCOPE1]), "scope2_location_kg": total(w[By.SCOPE2_LOCATION]), "scope2_market_kg": total(w[By.SCOPE2_MARKET]),
            "electric_location_kg": total(w[By.LOCATION] * used), "electric_market_kg": total(w[By.MARKET] * used),
            "traced_electric": total(flows.amount[rows] * used), "traced_renewable": total(w[By.RENEWABLE] * used),
            "traced_claimed": total(w[By.CLAIMED] * used), "traced_on_site": total(w[By.ON_SITE] * used),
            "traced_kwh": total(w[By.KWH]), "traced_electric_source_kwh": total(w[By.ELECTRIC_KWH]),
            "traced_final_electric_kwh": self._final_electric(book, rows, w),
            "kgce": total(w[By.KGCE]), "kgce_electric_source": total(w[By.ELECTRIC_KGCE]),
        }  # fmt: skip

    def _final_electric(self, book: Book, rows: npt.NDArray[np.int64], w: Array) -> Array:
        """Final energy times the share of its source energy that is electric, draw by draw."""
        flows, nt = book.flows, len(self.row_of_tap)
        place = np.where(flows.kind[rows] == Flow.LINE, flows.node[rows], nt + flows.node[rows])
        kwh, electric = (np.bincount(place, w[by], nt + self.nb) for by in (By.KWH, By.ELECTRIC_KWH))
        share = np.where(kwh > 0, electric / np.where(kwh > 0, kwh, 1.0), 0.0)
        of_tap = book.taps * self.final[self.bus_of_tap] + book.taps_electric * self.behind[self.bus_of_tap]
        of_bus = book.remainder * self.final + book.remainder_electric * self.behind
        return self._rows(of_tap * share[:nt], of_bus * share[nt:])

    def _states(self, book: Book, final: Array, kg: Array) -> Sums:
        """Seconds in each state, and the energy and carbon of what is not production."""
        states = np.concatenate((book.seconds, np.zeros((self.nb, len(STATES)))))
        total = states.sum(1)
        whole = np.where(total > 0, total, 1.0)
        idle = states[:, _IDLE].sum(1) / whole
        away = np.where(total > 0, 1.0 - (states[:, _RUN] + states[:, _UNKNOWN]) / whole, 0.0)
        sums = {"idle_kwh": final * idle, "nonrun_kwh": final * away, "idle_kg": kg * idle, "nonrun_kg": kg * away}
        return {**sums, **{name: states[:, i] for i, name in enumerate(STATE_SUMS)}}

    def _buses(self, book: Book) -> Sums:
        """What belongs to a bus and not to a line: its remainder, and own generation with what of it was exported."""
        on_site = self.weights.of(np.arange(self.graph.ns), np.full(self.graph.ns, book.start))[By.ON_SITE]
        into = np.array([s.bus for s in self.site.sources], np.int64)
        given = np.bincount(into, book.primary * on_site, self.nb) if self.graph.ns else np.zeros(self.nb)
        out = np.flatnonzero(book.flows.kind == Flow.EXPORT)
        amount = book.flows.amount[out] * self.weights.of(book.flows.source[out], book.flows.origin[out])[By.ON_SITE]
        exported = np.bincount(book.flows.node[out], amount, self.nb) if len(out) else np.zeros(self.nb)
        left = book.remainder * self.final + book.remainder_electric * self.behind
        nothing = np.zeros(self.nl)
        found = {"remainder_kwh": left, "on_site_kwh": given, "exported_on_site_kwh": exported}
        return {name: np.concatenate((nothing, values)) for name, values in found.items()}

    def _outputs(self, book: Book) -> Sums:
        """Pieces, and how much of the time the line's meters were seen."""
        none, nothing = np.zeros(self.nb), np.full(self.nb, np.nan)
        seconds = (book.end - book.start) * 1e-9
        mine = (book.taps_seen_s[self.row_of_tap == i] for i in range(self.nl))
        seen = np.array([taps.min(initial=np.inf) if len(taps) else 0.0 for taps in mine])
        found = {
            "good": (book.good, nothing),
            "scrap": (book.scrap, nothing),
            "seen_s": (seen, none),
            "due_s": (np.full(self.nl, seconds), none),
        }
        return {name: np.concatenate(pair) for name, pair in found.items()}
