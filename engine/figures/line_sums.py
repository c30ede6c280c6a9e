"""The additive columns of a line, and of what is unmetered on a bus (method, section 5). Rows:
lines first, then buses.

Delivered amounts come from the meters, products from the traced flows; every ratio is taken when it
is read (`engine.figures.figures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.factors.registry import GAS_KGCE_PER_NM3, HEAT_KGCE_PER_GJ
from engine.figures.stack import Stack, summed
from engine.figures.weights import By, Weights
from engine.states import STATES
from engine.tracing.flow import Flow, Flows
from engine.tracing.graph import Graph
from plant.arrays import Floats, Ints
from plant.names import AS_ELECTRICITY, Carrier, State
from plant.site import Site, SourceProperty
from plant.units import KWH_PER_GJ

OTHER_CARRIERS: Final = tuple(carrier for carrier in Carrier if carrier is not Carrier.ELECTRICITY)
DELIVERED: Final = tuple(f"delivered_{carrier.value}" for carrier in OTHER_CARRIERS)
LINE_SUMS: Final = (
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
STATE_SUMS: Final = tuple(f"seconds_{state.lower()}" for state in STATES)
_RUN: Final = STATES.index(State.RUN)
_UNKNOWN: Final = STATES.index(State.UNKNOWN)
_IDLE: Final = (STATES.index(State.IDLE), STATES.index(State.STANDBY))
_SOME_KWH: Final = 1e-9
"""Less source energy than this has no share of anything."""

Sums = dict[str, Floats]


def final_kwh_per_unit(site: Site, carrier: Carrier) -> float:
    """kWh of final energy per unit drawn; 0 for air and cold, which count as the electricity behind
    them, and for water.
    """
    if carrier in AS_ELECTRICITY or carrier is Carrier.WATER:
        return 0.0

    if carrier is not Carrier.NATURAL_GAS:
        return 1.0

    source = _source_of(site, carrier)
    return 1.0 if source is None else float(source.kwh)


def _final_kgce_per_unit(site: Site, carrier: Carrier) -> float:
    """kgce of final energy per unit drawn, each carrier by its own coefficient (method, case
    11).
    """
    if carrier is Carrier.NATURAL_GAS:
        source = _source_of(site, carrier)
        return GAS_KGCE_PER_NM3 if source is None else float(source.kgce)

    per_kwh = HEAT_KGCE_PER_GJ / KWH_PER_GJ
    if carrier is Carrier.ELECTRICITY:
        per_kwh = site.electricity_kgce_per_kwh

    return final_kwh_per_unit(site, carrier) * per_kwh


def _source_of(site: Site, carrier: Carrier) -> SourceProperty | None:
    """The first source of a carrier."""
    # Behind the sources of the plant come properties of pseudo-sources, which have no carrier.
    for known, source in zip(
        site.properties,
        site.sources,
        strict=False,
    ):
        if source.carrier == carrier:
            return known

    return None


@dataclass(frozen=True, slots=True)
class Used:
    """The traced flows that lines and remainders used.

    `rows` of the flows; `row` of the columns, lines first, and `bus` that each is drawn from;
    `place`, the draw or, behind all draws, the bus; `weighed` [By, rows], the amounts in each of
    the weights; `electric` is 1 where electricity is used, or air or cold in its stead.
    """

    flows: Flows
    rows: Ints
    row: Ints
    bus: Ints
    place: Ints
    weighed: Floats
    electric: Floats


class LineSums:
    """Makes the columns of one site's books. By tap or by bus: 1 where its carrier is `electric`,
    or has electricity `behind` it, and what a unit is in `final` energy and in `kgce`.
    """

    def __init__(
        self,
        site: Site,
        graph: Graph,
        weights: Weights,
    ) -> None:
        self.site = site
        self.graph = graph
        self.weights = weights
        self.lines = len(site.lines)
        self.buses = graph.bus_count
        self.row_of_tap = np.array([tap.line for tap in graph.taps], np.int64)
        self.bus_of_tap = np.array([tap.bus for tap in graph.taps], np.int64)
        self.bus_of_source = np.array([source.bus for source in site.sources], np.int64)
        carriers = graph.carriers
        is_behind = [carrier in AS_ELECTRICITY for carrier in carriers]
        final = [final_kwh_per_unit(site, carrier) for carrier in carriers]
        kgce = [_final_kgce_per_unit(site, carrier) for carrier in carriers]
        self.electric = graph.electric_buses.astype(float)
        self.behind = np.array(is_behind, float)
        self.final = np.array(final)
        self.kgce = np.array(kgce)

    def columns(self, stack: Stack) -> Sums:
        """All columns [windows, lines + buses]: lines first, then what is unmetered on each bus."""
        found = self._delivered(stack)
        found |= self._products(stack)
        carbon_kg = found["scope1_kg"] + found["scope2_location_kg"]
        found |= self._states(
            stack,
            found["final_kwh"],
            carbon_kg,
        )
        found |= self._of_buses(stack)
        found |= self._outputs(stack)
        in_order = (*LINE_SUMS, *STATE_SUMS)
        return {name: found[name] for name in in_order}

    def _rows(self, of_tap: Floats, of_bus: Floats) -> Floats:
        """Amounts of taps [windows, taps] summed by line, then those of buses [windows, buses]."""
        of_line = summed(of_tap, self.row_of_tap, self.lines)
        return np.concatenate((of_line, of_bus), 1)

    def _delivered(self, stack: Stack) -> Sums:
        """What the meters say: energy by carrier, final energy, and the electricity behind air and
        cold.
        """
        taps = stack.of("taps")
        left = stack.of("remainder")

        def in_units(per_unit: Floats) -> Floats:
            """Delivered amounts, each bus in its own units."""
            return self._rows(
                taps * per_unit[self.bus_of_tap],
                left * per_unit,
            )

        behind = self._rows(
            stack.of("taps_electric") * self.behind[self.bus_of_tap],
            stack.of("remainder_electric") * self.behind,
        )
        estimated = self._rows(
            stack.of("taps_estimated") * self.final[self.bus_of_tap],
            np.zeros_like(left),
        )
        electricity = in_units(self.electric)
        kgce_per_kwh = self.site.electricity_kgce_per_kwh
        found = {
            "electricity_kwh": electricity,
            "electric_behind_kwh": behind,
            "final_kwh": in_units(self.final) + behind,
            "final_kgce": in_units(self.kgce) + behind * kgce_per_kwh,
            "electric_kgce": (electricity + behind) * kgce_per_kwh,
            "estimated_kwh": estimated,
        }
        for name, carrier in zip(
            DELIVERED,
            OTHER_CARRIERS,
            strict=True,
        ):
            is_of_it = [own is carrier for own in self.graph.carriers]
            found[name] = in_units(np.array(is_of_it, float))

        return found

    def _used(self, stack: Stack) -> Used:
        """The flows that ended in lines and remainders."""
        flows = stack.flows
        is_used = (flows.kind == Flow.LINE) | (flows.kind == Flow.REMAINDER)
        rows = np.flatnonzero(is_used)
        node = flows.node[rows]
        kind = flows.kind[rows]
        is_line = kind == Flow.LINE
        # A node is a tap of a line, else a bus; taps are looked up for both and then chosen from.
        tap = np.where(is_line, node, -1)
        row_of_tap = np.append(self.row_of_tap, 0)[tap]
        bus_of_tap = np.append(self.bus_of_tap, 0)[tap]
        row_of_bus = self.lines + node
        place_of_bus = len(self.row_of_tap) + node
        bus = np.where(is_line, bus_of_tap, node)
        source = flows.source[rows]
        origin = flows.origin[rows]
        weights = self.weights.of(source, origin)
        as_electricity = self.electric + self.behind
        return Used(
            flows=flows,
            rows=rows,
            row=np.where(is_line, row_of_tap, row_of_bus),
            bus=bus,
            place=np.where(is_line, node, place_of_bus),
            weighed=weights * flows.amount[rows],
            electric=as_electricity[bus],
        )

    def _products(self, stack: Stack) -> Sums:
        """What the traced flows say: carbon, shares, source energy."""
        used = self._used(stack)
        weighed = used.weighed
        amount = used.flows.amount[used.rows]

        def total(values: Floats) -> Floats:
            """Sums by line and bus."""
            return stack.total(
                values,
                used.row,
                self.lines + self.buses,
                used.rows,
            )

        return {
            "scope1_kg": total(weighed[By.SCOPE1]),
            "scope2_location_kg": total(weighed[By.SCOPE2_LOCATION]),
            "scope2_market_kg": total(weighed[By.SCOPE2_MARKET]),
            "electric_location_kg": total(weighed[By.LOCATION] * used.electric),
            "electric_market_kg": total(weighed[By.MARKET] * used.electric),
            "traced_electric": total(amount * used.electric),
            "traced_renewable": total(weighed[By.RENEWABLE] * used.electric),
            "traced_claimed": total(weighed[By.CLAIMED] * used.electric),
            "traced_on_site": total(weighed[By.ON_SITE] * used.electric),
            "traced_kwh": total(weighed[By.KWH]),
            "traced_electric_source_kwh": total(weighed[By.ELECTRIC_KWH]),
            "traced_final_electric_kwh": self._final_electric(stack, used),
            "kgce": total(weighed[By.KGCE]),
            "kgce_electric_source": total(weighed[By.ELECTRIC_KGCE]),
        }

    def _final_electric(self, stack: Stack, used: Used) -> Floats:
        """Final energy times the share of its source energy that is electric, draw by draw."""
        draws = len(self.row_of_tap)

        def by_place(by: By) -> Floats:
            """Sums by draw and bus."""
            return stack.total(
                used.weighed[by],
                used.place,
                draws + self.buses,
                used.rows,
            )

        kwh = by_place(By.KWH)
        electric = by_place(By.ELECTRIC_KWH)
        is_some = np.abs(kwh) > _SOME_KWH  # a remainder may be negative
        share = np.where(
            is_some,
            electric / np.where(is_some, kwh, 1.0),
            0.0,
        )
        directly = stack.of("taps") * self.final[self.bus_of_tap]
        behind = stack.of("taps_electric") * self.behind[self.bus_of_tap]
        return self._rows(
            (directly + behind) * share[:, :draws],
            self._left_kwh(stack) * share[:, draws:],
        )

    def _left_kwh(self, stack: Stack) -> Floats:
        """Final energy of what no meter saw leave each bus [windows, buses]."""
        directly = stack.of("remainder") * self.final
        behind = stack.of("remainder_electric") * self.behind
        return np.asarray(directly + behind)

    def _states(
        self,
        stack: Stack,
        final_kwh: Floats,
        carbon_kg: Floats,
    ) -> Sums:
        """Seconds in each state, and the energy and carbon of what is not production."""
        no_state = np.zeros((stack.windows, self.buses, len(STATES)))
        seconds = np.concatenate((stack.of("seconds"), no_state), 1)
        total = seconds.sum(2)
        is_told = total > 0
        whole = np.where(is_told, total, 1.0)
        idle = seconds[:, :, _IDLE].sum(2) / whole
        runs_s = seconds[:, :, _RUN]
        unknown_s = seconds[:, :, _UNKNOWN]
        run_or_unknown = (runs_s + unknown_s) / whole
        not_running = np.where(is_told, 1.0 - run_or_unknown, 0.0)
        found = {
            "idle_kwh": final_kwh * idle,
            "nonrun_kwh": final_kwh * not_running,
            "idle_kg": carbon_kg * idle,
            "nonrun_kg": carbon_kg * not_running,
        }
        for code, name in enumerate(STATE_SUMS):
            found[name] = seconds[:, :, code]

        return found

    def _of_buses(self, stack: Stack) -> Sums:
        """What belongs to a bus and not to a line: its remainder, what its converters kept, and own
        generation with what of it was exported.
        """
        flows = stack.flows
        on_site = self.weights.table[-1][By.ON_SITE]
        own = stack.of("primary") * on_site[: self.graph.source_count]
        exports = np.flatnonzero(flows.kind == Flow.EXPORT)
        exported = stack.total(
            flows.amount[exports] * on_site[flows.source[exports]],
            flows.node[exports],
            self.buses,
            exports,
        )
        of_bus = {
            "electricity_unmetered_kwh": stack.of("remainder") * self.electric,
            "electricity_converters_kwh": stack.of("converters_kwh"),
            "remainder_kwh": self._left_kwh(stack),
            "on_site_kwh": summed(own, self.bus_of_source, self.buses),
            "exported_on_site_kwh": exported,
        }
        return _beside(np.zeros((stack.windows, self.lines)), of_bus)

    def _outputs(self, stack: Stack) -> Sums:
        """Pieces, and how much of the time the line's meters were seen."""
        seen_of_taps = stack.of("taps_seen_s")
        least_s = np.full((stack.windows, self.lines), np.inf)
        for tap, line in enumerate(self.row_of_tap):
            of_line = least_s[:, line]
            of_tap = seen_of_taps[:, tap]
            least_s[:, line] = np.minimum(of_line, of_tap)

        # A line without a draw has no meter that could have been seen.
        has_draws = np.isfinite(least_s)
        seen_s = np.where(has_draws, least_s, 0.0)
        no_pieces = np.full((stack.windows, self.buses), np.nan)
        no_time = np.zeros((stack.windows, self.buses))
        due_s = np.repeat(stack.lasts_s[:, None], self.lines, 1)
        return {
            "good": np.concatenate((stack.of("good"), no_pieces), 1),
            "scrap": np.concatenate((stack.of("scrap"), no_pieces), 1),
            "seen_s": np.concatenate((seen_s, no_time), 1),
            "due_s": np.concatenate((due_s, no_time), 1),
        }


def _beside(of_line: Floats, of_bus: Mapping[str, Floats]) -> Sums:
    """Columns of buses behind the same column of lines."""
    return {name: np.concatenate((of_line, values), 1) for name, values in of_bus.items()}
