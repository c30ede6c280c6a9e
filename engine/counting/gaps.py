"""How the energy of a gap is spread: its total is certain, its shape is not.

The method says how (section 4 and case 7). Power seen in the gap shapes it already
(`engine.counting.totals`). Else, for a line's meter, what entered the bus less what its siblings
took; else what the meter counted a day earlier at the same hours; else a straight line. The shape
is written into the curve as points, so nothing else needs to know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.counting.absorbed import Unusual
from engine.counting.curves import Mark, Points
from engine.counting.meters import Meters
from engine.counting.recent import History
from engine.tracing.graph import Graph, Tap, edges
from engine.tracing.tracing import assemble, outgoing
from plant.arrays import Floats, Ints, Mask
from plant.units import HOUR_NS

DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class GapShaper:
    """Shapes gaps by what else is known of the plant.

    `seen_in` keeps which meters were seen in windows, by their rows: after an outage all gaps lie
    in the same.
    """

    graph: Graph
    meters: Meters
    history: History
    seen_in: dict[tuple[int, int], Mask] = field(default_factory=dict)

    def shape(self, gap: Unusual) -> Points | None:
        """The points that shape one gap; None if there is nothing to shape it by."""
        if gap.since < self.history.first:
            return self._from_the_horizon(gap)

        rows = self.history.rows_between(gap.since, gap.ts)
        weights_of_windows = self._weights(gap, rows)
        if weights_of_windows is None:
            return None

        # Of the first and the last window only a part lies in the gap.
        boundaries = self.history.boundaries(rows)
        weights = weights_of_windows * _part_in_gap(boundaries, gap)
        whole = weights.sum()
        if whole <= 0.0:
            return None

        flowed = np.cumsum(weights)[:-1]
        return _drawn(
            points=self.meters.points,
            gap=gap,
            ts=boundaries[1:-1],
            parts=flowed / whole,
        )

    def _from_the_horizon(self, gap: Unusual) -> Points | None:
        """A gap longer than what can still be corrected.

        Its whole energy is spread over the windows that can be, not put into the first of them: at
        the horizon the curve stands where it was booked.
        """
        points = self.meters.points
        horizon = self.history.first
        booked = float(self.history.total[0, gap.channel])
        after = _end(points, gap)
        counted_before = points.total[after - 1]
        counted = points.total[after] - counted_before
        if not np.isfinite(booked) or counted <= 0.0 or gap.ts <= horizon:
            return None

        booked_of_gap = booked - counted_before
        part = np.clip(booked_of_gap / counted, 0.0, 1.0)
        return _drawn(
            points=points,
            gap=gap,
            ts=np.array([horizon]),
            parts=np.array([part]),
        )

    def _weights(self, gap: Unusual, rows: range) -> Floats | None:
        """How the energy of a gap lies in its windows, in any unit; None if nothing says so."""
        layout = self.meters.layout
        meter = int(layout.meter[gap.channel])
        tap = self._tap_of(meter)
        if tap is None or layout.reverse[gap.channel] or len(rows) < 2:
            return None

        if self._power_seen(meter, rows):
            return None

        rest = self._rest_of_bus(tap.bus, meter, rows)
        if rest is not None:
            return rest

        return self._day_before(gap.channel, rows)

    def _tap_of(self, meter: int) -> Tap | None:
        """The draw of a line that this meter alone measures."""
        return self.graph.tap_of_meter.get(meter)

    def _power_seen(self, meter: int, rows: range) -> bool:
        """Whether power is known at all boundaries of these windows, and did flow."""
        integral = self.history.integral_of(meter, reverse=False)
        at_boundaries = integral[rows.start : rows.stop + 1]
        if not np.isfinite(at_boundaries).all():
            return False

        flowed = at_boundaries[-1] - at_boundaries[0]
        return bool(flowed > 0.0)

    def _rest_of_bus(
        self,
        bus: int,
        meter: int,
        rows: range,
    ) -> Floats | None:
        """What entered a bus less what its draws took but that of `meter`, by window.

        None if one of them was not seen.
        """
        parents = self._parents(bus)
        if not parents:
            return None

        seen = self._seen(rows)
        around = self._siblings(bus, meter) + parents
        if not seen[:, around].all():
            return None

        energy = self._energy(rows)
        energy[:, meter] = 0.0
        used = edges(self.graph, energy, seen)
        entered = assemble(self.graph, used).inflow
        taken = outgoing(self.graph, used)
        rest = entered[:, bus] - taken[:, bus]
        return np.maximum(rest, 0.0)

    def _parents(self, bus: int) -> list[int]:
        """Meters of the sources that feed a bus."""
        parents: list[int] = []
        for source in self.graph.site.sources:
            if source.bus == bus:
                parents.append(source.meter)

        return parents

    def _siblings(self, bus: int, meter: int) -> list[int]:
        """Meters of the other draws of a bus."""
        return [other for other in self.graph.draws_of_bus[bus] if other != meter]

    def _energy(self, rows: range) -> Floats:
        """What was booked of each meter [windows, meters, 2], forward and reverse, in edge unit."""
        booked = self.history.amount[rows.start : rows.stop]
        return self.meters.layout.summing.by_meter(booked)

    def _seen(self, rows: range) -> Mask:
        """Whether each meter was seen [windows, meters]."""
        key = (rows.start, rows.stop)
        if key not in self.seen_in:
            seen_s = self.history.seen[rows.start : rows.stop]
            by_direction = self.meters.layout.summing.by_meter(seen_s)
            was_read = by_direction > 0.0
            self.seen_in[key] = np.asarray(was_read.any(axis=2), bool)

        return self.seen_in[key]

    def _day_before(self, channel: int, rows: range) -> Floats | None:
        """What a channel counted in the same windows a day before; None if it was not seen then."""
        windows_a_day = DAY_NS // self.history.window
        start = rows.start - windows_a_day
        stop = rows.stop - windows_a_day
        if start < 0:
            return None

        seen_s = self.history.seen[start:stop, channel]
        if not (seen_s > 0.0).all():
            return None

        counted = self.history.amount[start:stop, channel]
        return np.maximum(counted, 0.0)


def _part_in_gap(boundaries: Ints, gap: Unusual) -> Floats:
    """Which part of each window lies in the gap, 0 to 1; `boundaries` has one more than windows."""
    window_begins = boundaries[:-1]
    window_ends = boundaries[1:]
    since = np.maximum(window_begins, gap.since)
    until = np.minimum(window_ends, gap.ts)
    length = window_ends - window_begins
    part: Floats = (until - since) / length
    return np.clip(part, 0.0, 1.0)


def _end(points: Points, gap: Unusual) -> int:
    """Row of the reading that ended a gap; the one before it is where the gap began."""
    of_channel = points.of(gap.channel)
    times = points.ts[of_channel]
    place = int(np.searchsorted(times, gap.ts))
    start = int(of_channel.start)
    return start + place


def _drawn(
    points: Points,
    gap: Unusual,
    ts: Ints,
    parts: Floats,
) -> Points:
    """Points in a gap, at moments `ts` at which these `parts` of its energy, 0 to 1, had flowed."""
    after = _end(points, gap)
    before = after - 1
    total_before = points.total[before]
    counted = points.total[after] - total_before
    estimated_before = points.estimated[before]
    estimated = points.estimated[after] - estimated_before
    count = len(ts)
    return Points(
        channel=np.full(count, gap.channel),
        ts=ts,
        total=total_before + parts * counted,
        integral=np.full(count, np.nan),
        # The time in a gap is not seen, so all of them stand at what was seen before it.
        seen=np.full(count, points.seen[before]),
        estimated=estimated_before + parts * estimated,
        anchor=np.ones(count, bool),
        mark=np.full(count, Mark.DRAWN, np.int8),
    )
