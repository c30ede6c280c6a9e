"""Figures that are no ratio of sums: machine state, uncertainty of a bus, demand of the quarter of an hour and where it is heading (method, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from engine.figures.line_sums import final_kwh_per_unit
from engine.figures.uncertainty import K, meters_of_bus, variances
from engine.tracing.graph import Graph
from plant.names import Carrier
from plant.site import Site
from rules.watching.subjects import DEMAND, HELD, STATE_COLUMNS
from rules.watching.view import Floats, Special, View

QUARTER_NS = 900_000_000_000


def state(view: View, count: int) -> Floats:
    """Code of the state in which each line was for most of the window."""
    sums = view.sums(1)
    return np.asarray(
        np.argmax(np.nan_to_num(np.stack([sums[c] for c in STATE_COLUMNS])), 0), float
    )


def plain_state(view: View, count: int) -> Floats:
    """The same where states are given as codes (rule tests)."""
    return view.measures.value("state", view.sums(1))


def uncertainty(site: Site, meters: View) -> Special:
    """Expanded uncertainty (k = 2) in kWh of what is left on each bus over a span; `meters` holds what went through them."""
    graph = Graph(site)
    per_unit = {
        i: final_kwh_per_unit(site, Carrier(m.carrier)) or 1.0 for i, m in enumerate(site.meters)
    }
    of_energy, of_steps = variances(site, per_unit)
    around = np.zeros((graph.nb, len(site.meters)))
    for bus in range(graph.nb):
        around[bus, sorted(meters_of_bus(graph, bus))] = 1.0

    def make(view: View, count: int) -> Floats:
        rows = meters.ring.since(view.at, count)
        through = rows[:, meters.measures.columns.index("through")].sum(0)
        if len(rows) < count:
            return np.full(graph.nb, np.nan)
        return np.asarray(K * np.sqrt(around @ (of_energy * through**2 + of_steps)))

    return make


def demand(name: str, view: View, count: int) -> Floats:
    """kW bought: mean of the last 15 minutes; mean of the fixed quarter so far; what that quarter comes to if the newest window goes on."""
    window = view.ring.window
    column = view.measures.columns.index("bought_kwh")
    quarter = max(QUARTER_NS // window, 1)
    into = (view.at % QUARTER_NS) // window + 1
    rows = view.ring.since(view.at, quarter if name == "demand.sliding" else into)[:, column]
    if len(rows) < (quarter if name == "demand.sliding" else into):
        return np.array([np.nan])
    kwh = rows.sum(0)
    if name == "demand.forecast":
        kwh = kwh + rows[-1] * (quarter - into)
    hours = (into if name == "demand.block" else quarter) * window / 3.6e12
    return np.asarray(kwh / hours, float)


def _plan(value: float | None, view: View, count: int) -> Floats:
    """What the plant file plans; unknown where it says nothing, so that nothing is judged by it."""
    return np.array([np.nan if value is None else value])


def held(view: View, count: int) -> Floats:
    """Carbon of the energy that batteries hold at the end of the window (kg)."""
    return np.asarray(view.sums(1)["held_kg"])


def special_of(per: str, site: Site, views: Mapping[str, View]) -> dict[str, Special]:
    """The special figures of one kind of subject."""
    if per == "line":
        return {"state": state}
    if per == "bus" and "meter" in views:
        return {"uncertainty": uncertainty(site, views["meter"])}
    if per == "site":
        planned = {"plan.demand": site.plan_kw, "plan.intensity": site.plan_g_per_kwh}
        found: dict[str, Special] = {name: partial(demand, name) for name in DEMAND}
        found[HELD] = held
        return found | {name: partial(_plan, value) for name, value in planned.items()}
    return {}
