"""How the energy of a gap is spread: its total is certain, its shape is not (method, section 4 and case 7).

Power seen in the gap shapes it already (`engine.curves`). Else, for a line's meter, what entered the bus less what its siblings took;
else what the meter counted a day earlier at the same hours; else a straight line. The shape is written into the curve as points, so nothing else needs to know.
"""

from __future__ import annotations

import numpy as np

from engine.along import Floats
from engine.curves import Points
from engine.graph import Graph, edges
from engine.history import History
from engine.meters import Meters, Unusual
from engine.tracing import assemble, outgoing
from plant.units import HOUR_NS

DAY_NS = 24 * HOUR_NS


def shape_gap(graph: Graph, meters: Meters, history: History, gap: Unusual) -> bool:
    """Shape one gap by parent minus siblings or by the day before; False if there is nothing to shape it by."""
    if gap.since < history.first:
        return _from_the_horizon(meters, history, gap)
    layout = meters.layout
    meter = int(layout.meter[gap.channel])
    tap = next((i for i, t in enumerate(graph.taps) if t.meters == (meter,)), None)
    lo, hi = history.row(max(gap.since, history.first)), history.row(gap.ts - 1) + 1
    if tap is None or hi - lo < 2 or layout.reverse[gap.channel]:
        return False
    if _power_seen(history, meter, lo, hi):
        return False
    weights = _rest(graph, meters, history, tap, meter, lo, hi)
    if weights is None:
        weights = _day_before(history, gap.channel, lo, hi)
    if weights is None:
        return False
    ends = history.first + np.arange(lo, hi + 1) * history.window
    inside = (np.minimum(ends[1:], gap.ts) - np.maximum(ends[:-1], gap.since)) / history.window
    weights = weights * np.clip(inside, 0.0, 1.0)
    if weights.sum() <= 0.0:
        return False
    _write(meters, gap, ends[1:-1], np.cumsum(weights)[:-1] / weights.sum())
    return True


def _from_the_horizon(meters: Meters, history: History, gap: Unusual) -> bool:
    """A gap longer than what can still be corrected: its whole energy is spread over the windows that can, not put into the first of them."""
    points, booked = meters.points, float(history.total[0, gap.channel])
    rows = np.flatnonzero(points.channel == gap.channel)
    after = rows[int(np.searchsorted(points.ts[rows], gap.ts))]
    counted = points.total[after] - points.total[after - 1]
    if not np.isfinite(booked) or counted <= 0.0:
        return False
    part = (booked - points.total[after - 1]) / counted
    _write(meters, gap, np.array([history.first]), np.clip(np.array([part]), 0.0, 1.0))
    return True


def _power_seen(history: History, meter: int, lo: int, hi: int) -> bool:
    x = history.x[lo : hi + 1, meter, 0]
    return bool(np.isfinite(x).all() and x[-1] > x[0])


def _rest(graph: Graph, meters: Meters, history: History, tap: int, meter: int, lo: int, hi: int) -> Floats | None:
    """What entered the bus less what its other draws took, by window; None if one of them was not seen."""
    layout = meters.layout
    energy = np.zeros((hi - lo, len(layout.site.meters), 2))
    seen = np.zeros((hi - lo, len(layout.site.meters)), bool)
    for c, m in enumerate(layout.meter):
        if m >= 0:
            energy[:, m, int(layout.reverse[c])] += history.amount[lo:hi, c]
            seen[:, m] |= history.seen[lo:hi, c] > 0.0
    energy[:, meter] = 0.0
    bus = graph.taps[tap].bus
    siblings = [m for t in graph.taps if t.bus == bus for m in t.meters if m != meter]
    parents = [s.meter for s in graph.site.sources if s.bus == bus]
    if not parents or not seen[:, siblings + parents].all():
        return None
    used = edges(graph, energy, seen)
    rest = assemble(graph, used).inflow[:, bus] - outgoing(graph, used)[:, bus]
    return np.maximum(rest, 0.0)


def _day_before(history: History, channel: int, lo: int, hi: int) -> Floats | None:
    """What the meter counted in the same windows a day earlier; None if it was not seen then."""
    day = DAY_NS // history.window
    if lo < day or not (history.seen[lo - day : hi - day, channel] > 0.0).all():
        return None
    return np.maximum(history.amount[lo - day : hi - day, channel], 0.0)


def _write(meters: Meters, gap: Unusual, ts: np.ndarray, parts: Floats) -> None:
    points = meters.points
    rows = np.flatnonzero(points.channel == gap.channel)
    after = rows[int(np.searchsorted(points.ts[rows], gap.ts))]
    before = after - 1
    total = points.total[before] + parts * (points.total[after] - points.total[before])
    estimated = points.estimated[before] + parts * (points.estimated[after] - points.estimated[before])
    n = len(ts)
    seen = np.full(n, points.seen[before])
    meters.points = points.with_rows(
        Points(np.full(n, gap.channel), ts, total, np.full(n, np.nan), seen, estimated, np.ones(n, bool))
    )
