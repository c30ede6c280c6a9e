"""How the energy of a gap is spread: its total is certain,
its shape is not (method, section 4 and case 7).

Power seen in the gap shapes it already (`engine.counting.curves`). Else, for a
line's meter, what entered the bus less what its siblings took; else what the meter
counted a day earlier at the same hours; else a straight line. The shape is written
into the curve as points, so nothing else needs to know.
"""

from __future__ import annotations

import numpy as np

from engine.counting.along import Floats, Ints
from engine.counting.curves import Mark, Points
from engine.counting.meters import Meters, Unusual
from engine.counting.recent import History
from engine.tracing.graph import Graph, edges
from engine.tracing.tracing import assemble, outgoing
from plant.units import HOUR_NS

DAY_NS = 24 * HOUR_NS


def shape_gap(
    graph: Graph,
    meters: Meters,
    history: History,
    gap: Unusual,
) -> Points | None:
    """The points that shape one gap by parent minus siblings or by the
    day before; None if there is nothing to shape it by.
    """
    if gap.since < history.first:
        return _from_the_horizon(meters, history, gap)

    layout = meters.layout
    meter = int(layout.meter[gap.channel])
    tap = next((place for place, found in enumerate(graph.taps) if found.meters == (meter,)), None)
    from_row = history.row(max(gap.since, history.first))
    to_row = history.row(gap.ts - 1) + 1
    if tap is None or to_row - from_row < 2 or layout.reverse[gap.channel]:
        return None

    if _power_seen(
        history,
        meter,
        from_row,
        to_row,
    ):
        return None

    weights = _rest(
        graph,
        meters,
        history,
        tap,
        meter,
        from_row,
        to_row,
    )
    if weights is None:
        weights = _day_before(
            history,
            gap.channel,
            from_row,
            to_row,
        )

    if weights is None:
        return None

    ends = history.first + np.arange(from_row, to_row + 1) * history.window
    inside = (np.minimum(ends[1:], gap.ts) - np.maximum(ends[:-1], gap.since)) / history.window
    weights = weights * np.clip(inside, 0.0, 1.0)
    if weights.sum() <= 0.0:
        return None

    return _drawn(
        meters.points,
        gap,
        ends[1:-1],
        np.cumsum(weights)[:-1] / weights.sum(),
    )


def _from_the_horizon(
    meters: Meters,
    history: History,
    gap: Unusual,
) -> Points | None:
    """A gap longer than what can still be corrected: its whole energy is spread over the windows
    that can, not put into the first of them.
    """
    points = meters.points
    booked = float(history.total[0, gap.channel])
    after = _end(points, gap)
    counted = points.total[after] - points.total[after - 1]
    if not np.isfinite(booked) or counted <= 0.0 or gap.ts <= history.first:
        return None

    part = (booked - points.total[after - 1]) / counted
    return _drawn(
        points,
        gap,
        np.array([history.first]),
        np.clip(np.array([part]), 0.0, 1.0),
    )


def _power_seen(
    history: History,
    meter: int,
    from_row: int,
    to_row: int,
) -> bool:
    shape = history.x[from_row : to_row + 1, meter, 0]
    return bool(np.isfinite(shape).all() and shape[-1] > shape[0])


def _rest(
    graph: Graph,
    meters: Meters,
    history: History,
    tap: int,
    meter: int,
    from_row: int,
    to_row: int,
) -> Floats | None:
    """What entered the bus less what its other draws took, by
    window; None if one of them was not seen.
    """
    layout = meters.layout
    energy = np.zeros((to_row - from_row, len(layout.site.meters), 2))
    seen = np.zeros((to_row - from_row, len(layout.site.meters)), bool)
    for channel, counted in enumerate(layout.meter):
        if counted >= 0:
            energy[:, counted, int(layout.reverse[channel])] += history.amount[
                from_row:to_row, channel
            ]
            seen[:, counted] |= history.seen[from_row:to_row, channel] > 0.0

    energy[:, meter] = 0.0
    bus = graph.taps[tap].bus
    siblings = [
        counted
        for other in graph.taps
        if other.bus == bus
        for counted in other.meters
        if counted != meter
    ]
    parents = [source.meter for source in graph.site.sources if source.bus == bus]
    if not parents or not seen[:, siblings + parents].all():
        return None

    used = edges(graph, energy, seen)
    rest = assemble(graph, used).inflow[:, bus] - outgoing(graph, used)[:, bus]
    return np.maximum(rest, 0.0)


def _day_before(
    history: History,
    channel: int,
    from_row: int,
    to_row: int,
) -> Floats | None:
    """What the meter counted in the same windows a day earlier; None if it was not seen then."""
    day = DAY_NS // history.window
    if from_row < day or not (history.seen[from_row - day : to_row - day, channel] > 0.0).all():
        return None

    return np.maximum(
        history.amount[from_row - day : to_row - day, channel],
        0.0,
    )


def _end(points: Points, gap: Unusual) -> int:
    """Row of the reading that ended a gap; the one before it is where the gap began."""
    rows = points.of(gap.channel)
    return int(rows.start) + int(np.searchsorted(points.ts[rows], gap.ts))


def _drawn(
    points: Points,
    gap: Unusual,
    times: Ints,
    parts: Floats,
) -> Points:
    after = _end(points, gap)
    before = after - 1
    count = len(times)
    total = points.total[before] + parts * (points.total[after] - points.total[before])
    estimated = points.estimated[before] + parts * (
        points.estimated[after] - points.estimated[before]
    )
    seen = np.full(count, points.seen[before])
    mark = np.full(count, Mark.DRAWN, np.int8)
    channel = np.full(count, gap.channel)
    unknown = np.full(count, np.nan)
    return Points(
        channel,
        times,
        total,
        unknown,
        seen,
        estimated,
        np.ones(count, bool),
        mark,
    )
