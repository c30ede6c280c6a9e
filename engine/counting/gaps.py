"""How the energy of a gap is spread: its total is certain,
its shape is not (method, section 4 and case 7).

Power seen in the gap shapes it already (`engine.counting.totals`). Else, for a line's meter, what
entered the bus less what its siblings took; else what the meter counted a day earlier at the same
hours; else a straight line. The shape is written into the curve as points, so nothing else needs to
know.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Shapes gaps by what else is known of the plant."""

    graph: Graph
    meters: Meters
    history: History

    def shape(self, gap: Unusual) -> Points | None:
        """The points that shape one gap; None if there is nothing to shape it by."""
        if gap.since < self.history.first:
            return self._from_the_horizon(gap)

        rows = self.history.rows_between(gap.since, gap.ts)
        weights = self._weights(gap, rows)
        if weights is None:
            return None

        boundaries = self.history.boundaries(rows)
        weights = weights * _part_in_gap(boundaries, gap)
        if weights.sum() <= 0.0:
            return None

        parts = np.cumsum(weights)[:-1] / weights.sum()
        return _drawn(
            self.meters.points,
            gap,
            boundaries[1:-1],
            parts,
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

        part = np.clip((booked - counted_before) / counted, 0.0, 1.0)
        return _drawn(
            points,
            gap,
            np.array([horizon]),
            np.array([part]),
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
        for tap in self.graph.taps:
            if tap.meters == (meter,):
                return tap

        return None

    def _power_seen(self, meter: int, rows: range) -> bool:
        """Whether power is known at all boundaries of these windows, and did flow."""
        boundaries = slice(rows.start, rows.stop + 1)
        integral = self.history.integrals[boundaries, meter, 0]
        return bool(np.isfinite(integral).all() and integral[-1] > integral[0])

    def _rest_of_bus(
        self,
        bus: int,
        meter: int,
        rows: range,
    ) -> Floats | None:
        """What entered a bus less what its draws took but that of `meter`, by window.

        None if one of them was not seen.
        """
        parents = [source.meter for source in self.graph.site.sources if source.bus == bus]
        siblings = self._siblings(bus, meter)
        seen = self._seen(rows)
        if not parents or not seen[:, siblings + parents].all():
            return None

        energy = self._energy(rows)
        energy[:, meter] = 0.0
        used = edges(self.graph, energy, seen)
        entered = assemble(self.graph, used).inflow[:, bus]
        taken = outgoing(self.graph, used)[:, bus]
        return np.maximum(entered - taken, 0.0)

    def _siblings(self, bus: int, meter: int) -> list[int]:
        """Meters of the other draws of a bus."""
        siblings: list[int] = []
        for tap in self.graph.taps:
            if tap.bus == bus:
                siblings += [other for other in tap.meters if other != meter]

        return siblings

    def _energy(self, rows: range) -> Floats:
        """What was booked of each meter [windows, meters, 2], forward and reverse, in edge unit."""
        layout = self.meters.layout
        booked = self.history.amount[rows.start : rows.stop]
        energy = np.zeros((len(rows), len(layout.site.meters), 2))
        for channel in np.flatnonzero(layout.meter >= 0):
            direction = int(layout.reverse[channel])
            energy[:, layout.meter[channel], direction] += booked[:, channel]

        return energy

    def _seen(self, rows: range) -> Mask:
        """Whether each meter was seen [windows, meters]."""
        layout = self.meters.layout
        counted = self.history.seen[rows.start : rows.stop] > 0.0
        seen = np.zeros((len(rows), len(layout.site.meters)), bool)
        for channel in np.flatnonzero(layout.meter >= 0):
            seen[:, layout.meter[channel]] |= counted[:, channel]

        return seen

    def _day_before(self, channel: int, rows: range) -> Floats | None:
        """What a channel counted in the same windows a day
        earlier; None if it was not seen then.
        """
        windows_a_day = DAY_NS // self.history.window
        if rows.start < windows_a_day:
            return None

        day_before = slice(rows.start - windows_a_day, rows.stop - windows_a_day)
        if not (self.history.seen[day_before, channel] > 0.0).all():
            return None

        return np.maximum(self.history.amount[day_before, channel], 0.0)


def _part_in_gap(boundaries: Ints, gap: Unusual) -> Floats:
    """Which part of each window lies in the gap."""
    begins = np.maximum(boundaries[:-1], gap.since)
    ends = np.minimum(boundaries[1:], gap.ts)
    lengths = np.diff(boundaries)
    return np.clip((ends - begins) / lengths, 0.0, 1.0)


def _end(points: Points, gap: Unusual) -> int:
    """Row of the reading that ended a gap; the one before it is where the gap began."""
    rows = points.of(gap.channel)
    return int(rows.start) + int(np.searchsorted(points.ts[rows], gap.ts))


def _drawn(
    points: Points,
    gap: Unusual,
    ts: Ints,
    parts: Floats,
) -> Points:
    """Points in a gap, at moments at which these parts of its energy had flowed."""
    after = _end(points, gap)
    before = after - 1
    count = len(ts)
    counted = points.total[after] - points.total[before]
    estimated = points.estimated[after] - points.estimated[before]
    return Points(
        channel=np.full(count, gap.channel),
        ts=ts,
        total=points.total[before] + parts * counted,
        integral=np.full(count, np.nan),
        seen=np.full(count, points.seen[before]),
        estimated=points.estimated[before] + parts * estimated,
        anchor=np.ones(count, bool),
        mark=np.full(count, Mark.DRAWN, np.int8),
    )
