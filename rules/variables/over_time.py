"""Variables that no sum tells: machine state, uncertainty of a bus, demand of the quarter of an
hour and where it is heading (method, sections 3 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from engine.figures.line_sums import final_kwh_per_unit
from engine.figures.uncertainty import K, meters_of_bus, variances
from engine.states import STATES
from engine.tracing.graph import Graph
from plant.arrays import Floats
from plant.names import Carrier
from plant.site import Site
from plant.units import HOUR_NS, MINUTE_NS
from rules.variables.past import OverTime, Past, Prepare

QUARTER_NS: Final = 15 * MINUTE_NS
STATE_COLUMNS: Final = tuple(f"seconds_{state.lower()}" for state in STATES)


def machine_state(past: Past, count: int) -> Floats:
    """Code of the state in which each line was for most of the newest window, whatever the span."""
    sums = past.sums(1)
    seconds = np.stack([sums[column] for column in STATE_COLUMNS])
    longest = np.argmax(np.nan_to_num(seconds), axis=0)
    return np.asarray(longest, float)


def state_of_lines(site: Site, pasts: Mapping[str, Past]) -> OverTime:
    """Machine states need nothing of the plant."""
    return machine_state


def uncertainty(site: Site, pasts: Mapping[str, Past]) -> OverTime:
    """Expanded uncertainty (k = 2) in kWh of what is left on each bus
    over a span, by what went through the meters around it.
    """
    graph = Graph(site)
    buses = len(site.buses)
    per_unit: dict[int, float] = {}
    for index, meter in enumerate(site.meters):
        per_unit[index] = final_kwh_per_unit(site, Carrier(meter.carrier)) or 1.0

    of_energy, of_steps = variances(site, per_unit)
    # 1 where a meter [columns] stands at a bus [rows], so that a product sums over its meters.
    around = np.zeros((buses, len(site.meters)))
    for bus in range(buses):
        its_meters = sorted(meters_of_bus(graph, bus))
        around[bus, its_meters] = 1.0

    meters = pasts["meter"]

    def expanded(past: Past, count: int) -> Floats:
        each = meters.windows("through", count)
        if len(each) < count:
            return np.full(buses, np.nan)

        through = each.sum(axis=0)
        # Shares of energy grow with what went through, steps of registers do not.
        of_meters = of_energy * through**2 + of_steps
        of_buses = around @ of_meters
        return np.asarray(K * np.sqrt(of_buses))

    return expanded


def _quarter(past: Past) -> tuple[int, int]:
    """Windows of a quarter of an hour, and those of the fixed
    one that have passed with this window.
    """
    whole = max(QUARTER_NS // past.window_ns, 1)
    into_it_ns = past.at_ns % QUARTER_NS
    passed = into_it_ns // past.window_ns + 1
    return whole, passed


def _mean_kw(past: Past, windows: int) -> Floats:
    """kW bought over the last windows; NaN where they are not all there."""
    bought_kwh = past.windows("bought_kwh", windows)
    if len(bought_kwh) < windows:
        return np.array([np.nan])

    hours = windows * past.window_ns / HOUR_NS
    return np.asarray(bought_kwh.sum(axis=0) / hours, float)


def _demand_block(past: Past, count: int) -> Floats:
    """Mean of the fixed quarter so far."""
    _, passed = _quarter(past)
    return _mean_kw(past, passed)


def _demand_sliding(past: Past, count: int) -> Floats:
    """Mean of the last 15 minutes."""
    whole, _ = _quarter(past)
    return _mean_kw(past, whole)


def _demand_forecast(past: Past, count: int) -> Floats:
    """What the fixed quarter comes to if the newest window goes on until its end."""
    whole, passed = _quarter(past)
    so_far = past.windows("bought_kwh", passed)
    if len(so_far) < passed:
        return np.array([np.nan])

    newest_kwh = so_far[-1]
    still_to_come_kwh = newest_kwh * (whole - passed)
    in_the_quarter_kwh = so_far.sum(axis=0) + still_to_come_kwh
    hours = whole * past.window_ns / HOUR_NS
    return np.asarray(in_the_quarter_kwh / hours, float)


def _held(past: Past, count: int) -> Floats:
    """Carbon of the energy that storages hold at the end of the window (kg)."""
    return np.asarray(past.sums(1)["held_kg"])


def _whatever_the_plant(found: OverTime) -> Prepare:
    def prepare(site: Site, pasts: Mapping[str, Past]) -> OverTime:
        return found

    return prepare


demand_block: Final = _whatever_the_plant(_demand_block)
demand_sliding: Final = _whatever_the_plant(_demand_sliding)
demand_forecast: Final = _whatever_the_plant(_demand_forecast)
held: Final = _whatever_the_plant(_held)


def planned(of_site: Callable[[Site], float | None]) -> Prepare:
    """What the plant file plans; unknown where it says nothing, so that nothing is judged by it."""

    def prepare(site: Site, pasts: Mapping[str, Past]) -> OverTime:
        plan = of_site(site)
        found = np.array([np.nan if plan is None else plan])
        return lambda past, count: found

    return prepare
