"""The additive columns of a line, and of what is unmetered on a bus
(method, section 5). Rows: lines first, then buses.

Delivered amounts come from the meters, products from the traced flows; every ratio is taken when it
is read (`engine.figures.figures`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.factors.registry import GAS_KGCE_PER_NM3, HEAT_KGCE_PER_GJ
from engine.figures.stack import Stack
from engine.figures.weights import By, Weights
from engine.states import STATES
from engine.tracing.flow import Flow
from engine.tracing.graph import Array, Graph
from plant.names import AS_ELECTRICITY, Carrier, State
from plant.site import Site
from plant.units import KWH_PER_GJ

OTHER_CARRIERS = tuple(c for c in Carrier if c is not Carrier.ELECTRICITY)
DELIVERED = tuple(f"delivered_{c.value}" for c in OTHER_CARRIERS)
LINE_SUMS = (
    "electricity_kwh",
    "electricity_unmetered_kwh",
    "electricity_converters_kwh",
    "electric_behind_kwh",
    "final_kwh",
    "scope1_kg",
    "scope2_location_kg",
    "scope2_market_kg",
    "electric_location_kg",
    "electric_market_kg",
    "traced_electric",
    "traced_renewable",
    "traced_claimed",
    "traced_on_site",
    "traced_kwh",
    "traced_electric_source_kwh",
    "traced_final_electric_kwh",
    "kgce",
    "kgce_electric_source",
    "final_kgce",
    "electric_kgce",
    "good",
    "scrap",
    "seen_s",
    "due_s",
    "estimated_kwh",
    "idle_kwh",
    "nonrun_kwh",
    "idle_kg",
    "nonrun_kg",
    "remainder_kwh",
    "on_site_kwh",
    "exported_on_site_kwh",
    *DELIVERED,
)
STATE_SUMS = tuple(f"seconds_{state.lower()}" for state in STATES)
_RUN = STATES.index(State.RUN)
_UNKNOWN = STATES.index(State.UNKNOWN)
_IDLE = [STATES.index(State.IDLE), STATES.index(State.STANDBY)]
Sums = dict[str, Array]


def final_kwh_per_unit(site: Site, carrier: Carrier) -> float:
    """kWh of final energy per unit drawn; 0 for air and cold, which
    count as the electricity behind them, and for water.
    """
    if carrier in AS_ELECTRICITY or carrier is Carrier.WATER:
        return 0.0

    if carrier is not Carrier.NATURAL_GAS:
        return 1.0

    return next(
        (
            float(p.kwh)
            for p, s in zip(
                site.properties,
                site.sources,
                strict=False,
            )
            if s.carrier == carrier
        ),
        1.0,
    )


def summed(
    values: Array,
    place: npt.NDArray[np.int64],
    width: int,
) -> Array:
    """Sums [windows, width] of the columns of `values` [windows, n] by their `place` [n].

    Each window is summed on its own, so that its figures are the same to the last digit whatever
    windows are worked on together; a matrix product does not promise that.
    """
    windows = len(values)
    at = np.arange(windows)[:, None] * width + place
    sums = np.bincount(at.ravel(), values.ravel(), windows * width)
    return np.asarray(sums.reshape(windows, width), np.float64)


class LineSums:
    """Makes the columns of one site's books."""

    def __init__(
        self,
        site: Site,
        graph: Graph,
        weights: Weights,
    ) -> None:
        self.site = site
        self.graph = graph
        self.weights = weights
        self.nl = len(site.lines)
        self.nb = graph.nb
        self.row_of_tap = np.array([t.line for t in graph.taps], np.int64)
        self.bus_of_tap = np.array([t.bus for t in graph.taps], np.int64)
        self.tap_to_line = (self.row_of_tap[:, None] == np.arange(self.nl)).astype(float)
        self.bus_of_source = np.array([s.bus for s in site.sources], np.int64)
        self.carrier = np.array(
            [list(Carrier).index(c) for c in graph.carriers],
            np.int64,
        )
        self.electric = np.array(
            [c is Carrier.ELECTRICITY for c in graph.carriers],
            float,
        )
        self.behind = np.array(
            [c in AS_ELECTRICITY for c in graph.carriers],
            float,
        )
        self.final = np.array([final_kwh_per_unit(site, c) for c in graph.carriers])
        self.kgce = np.array([self._final_kgce(b) for b in range(self.nb)])

    def _final_kgce(self, bus: int) -> float:
        """kgce of final energy per unit drawn, each carrier by
        its own coefficient (method, case 11).
        """
        carrier = self.graph.carriers[bus]
        if carrier is Carrier.NATURAL_GAS:
            mine = (
                float(p.kgce)
                for p, s in zip(
                    self.site.properties,
                    self.site.sources,
                    strict=False,
                )
                if s.carrier == carrier
            )
            return next(mine, GAS_KGCE_PER_NM3)

        return final_kwh_per_unit(self.site, carrier) * (
            self.site.electricity_kgce_per_kwh
            if carrier is Carrier.ELECTRICITY
            else HEAT_KGCE_PER_GJ / KWH_PER_GJ
        )

    def columns(self, stack: Stack) -> Sums:
        """All columns [windows, lines + buses]: lines first, then what is unmetered on each bus."""
        delivered = self._delivered(stack)
        products = self._products(stack)
        kg = products["scope1_kg"] + products["scope2_location_kg"]
        states = self._states(stack, delivered["final_kwh"], kg)
        found = {
            **delivered,
            **products,
            **states,
            **self._buses(stack),
            **self._outputs(stack),
        }
        return {name: found[name] for name in (*LINE_SUMS, *STATE_SUMS)}

    def _rows(self, of_tap: Array, of_bus: Array) -> Array:
        """Amounts of taps [windows, taps] summed by line, then those of buses [windows, buses]."""
        return np.concatenate(
            (summed(of_tap, self.row_of_tap, self.nl), of_bus),
            1,
        )

    def _delivered(self, stack: Stack) -> Sums:
        """What the meters say: energy by carrier, final energy,
        and the electricity behind air and cold.
        """
        tap = self.bus_of_tap
        taps = stack.of("taps")
        left = stack.of("remainder")
        behind = self._rows(
            stack.of("taps_electric") * self.behind[tap],
            stack.of("remainder_electric") * self.behind,
        )
        electricity = self._rows(taps * self.electric[tap], left * self.electric)
        k_electric = self.site.electricity_kgce_per_kwh
        found = {
            "electricity_kwh": electricity,
            "electric_behind_kwh": behind,
            "final_kwh": self._rows(taps * self.final[tap], left * self.final) + behind,
            "final_kgce": self._rows(taps * self.kgce[tap], left * self.kgce) + behind * k_electric,
            "electric_kgce": (electricity + behind) * k_electric,
            "estimated_kwh": self._rows(
                stack.of("taps_estimated") * self.final[tap],
                0.0 * left,
            ),
        }
        for name, carrier in zip(
            DELIVERED,
            OTHER_CARRIERS,
            strict=True,
        ):
            mine = (self.carrier == list(Carrier).index(carrier)).astype(float)
            found[name] = self._rows(taps * mine[tap], left * mine)

        return found

    def _products(self, stack: Stack) -> Sums:
        """What the traced flows say: carbon, shares, source energy."""
        f = stack.flows
        n = self.nl + self.nb
        rows = np.flatnonzero((f.kind == Flow.LINE) | (f.kind == Flow.REMAINDER))
        node = f.node[rows]
        to_line = f.kind[rows] == Flow.LINE
        tap = np.where(to_line, node, -1)
        row = np.where(
            to_line,
            np.append(self.row_of_tap, 0)[tap],
            self.nl + node,
        )
        bus = np.where(to_line, np.append(self.bus_of_tap, 0)[tap], node)
        w = self.weights.of(f.source[rows], f.origin[rows]) * f.amount[rows]
        used = (self.electric + self.behind)[bus]

        def total(values: Array) -> Array:
            return stack.total(
                values,
                row,
                n,
                rows,
            )

        return {
            "scope1_kg": total(w[By.SCOPE1]),
            "scope2_location_kg": total(w[By.SCOPE2_LOCATION]),
            "scope2_market_kg": total(w[By.SCOPE2_MARKET]),
            "electric_location_kg": total(w[By.LOCATION] * used),
            "electric_market_kg": total(w[By.MARKET] * used),
            "traced_electric": total(f.amount[rows] * used),
            "traced_renewable": total(w[By.RENEWABLE] * used),
            "traced_claimed": total(w[By.CLAIMED] * used),
            "traced_on_site": total(w[By.ON_SITE] * used),
            "traced_kwh": total(w[By.KWH]),
            "traced_electric_source_kwh": total(w[By.ELECTRIC_KWH]),
            "traced_final_electric_kwh": self._final_electric(stack, rows, w),
            "kgce": total(w[By.KGCE]),
            "kgce_electric_source": total(w[By.ELECTRIC_KGCE]),
        }

    def _final_electric(
        self,
        stack: Stack,
        rows: npt.NDArray[np.int64],
        w: Array,
    ) -> Array:
        """Final energy times the share of its source energy that is electric, draw by draw."""
        f = stack.flows
        nt = len(self.row_of_tap)
        place = np.where(
            f.kind[rows] == Flow.LINE,
            f.node[rows],
            nt + f.node[rows],
        )
        kwh, electric = (
            stack.total(
                w[by],
                place,
                nt + self.nb,
                rows,
            )
            for by in (By.KWH, By.ELECTRIC_KWH)
        )
        some = np.abs(kwh) > 1e-9  # a remainder may be negative
        share = np.where(some, electric / np.where(some, kwh, 1.0), 0.0)
        tap = self.bus_of_tap
        of_tap = stack.of("taps") * self.final[tap] + stack.of("taps_electric") * self.behind[tap]
        return self._rows(
            of_tap * share[:, :nt],
            self._left_kwh(stack) * share[:, nt:],
        )

    def _left_kwh(self, stack: Stack) -> Array:
        return np.asarray(
            stack.of("remainder") * self.final + stack.of("remainder_electric") * self.behind
        )

    def _states(
        self,
        stack: Stack,
        final: Array,
        kg: Array,
    ) -> Sums:
        """Seconds in each state, and the energy and carbon of what is not production."""
        states = np.concatenate(
            (stack.of("seconds"), np.zeros((stack.n, self.nb, len(STATES)))),
            1,
        )
        total = states.sum(2)
        whole = np.where(total > 0, total, 1.0)
        idle = states[:, :, _IDLE].sum(2) / whole
        away = np.where(
            total > 0,
            1.0 - (states[:, :, _RUN] + states[:, :, _UNKNOWN]) / whole,
            0.0,
        )
        sums = {
            "idle_kwh": final * idle,
            "nonrun_kwh": final * away,
            "idle_kg": kg * idle,
            "nonrun_kg": kg * away,
        }
        return {
            **sums,
            **{name: states[:, :, i] for i, name in enumerate(STATE_SUMS)},
        }

    def _buses(self, stack: Stack) -> Sums:
        """What belongs to a bus and not to a line: its remainder, what its converters kept, and own
        generation with what of it was exported.
        """
        f = stack.flows
        on_site = self.weights.table[-1][By.ON_SITE]
        own = stack.of("primary") * on_site[: self.graph.ns]
        given = summed(own, self.bus_of_source, self.nb)
        out = np.flatnonzero(f.kind == Flow.EXPORT)
        exported = stack.total(
            f.amount[out] * on_site[f.source[out]],
            f.node[out],
            self.nb,
            out,
        )
        found = {
            "electricity_unmetered_kwh": stack.of("remainder") * self.electric,
            "electricity_converters_kwh": stack.of("converters_kwh"),
            "remainder_kwh": self._left_kwh(stack),
            "on_site_kwh": given,
            "exported_on_site_kwh": exported,
        }
        nothing = np.zeros((stack.n, self.nl))
        return {name: np.concatenate((nothing, values), 1) for name, values in found.items()}

    def _outputs(self, stack: Stack) -> Sums:
        """Pieces, and how much of the time the line's meters were seen."""
        none = np.zeros((stack.n, self.nb))
        nothing = np.full((stack.n, self.nb), np.nan)
        taps = stack.of("taps_seen_s")
        mine = self.tap_to_line.astype(bool)
        seen = np.where(mine[None], taps[:, :, None], np.inf).min(1, initial=np.inf)
        due = np.repeat(stack.lasts_s[:, None], self.nl, 1)
        found = {
            "good": (stack.of("good"), nothing),
            "scrap": (stack.of("scrap"), nothing),
            "seen_s": (np.where(np.isfinite(seen), seen, 0.0), none),
            "due_s": (due, none),
        }
        return {name: np.concatenate(pair, 1) for name, pair in found.items()}
