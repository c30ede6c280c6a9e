"""Counter curves: how much each channel has counted up to any moment.

All channels are in one table. A point says where a channel stands: the running total of its
counter, the integral of its meter's power at that moment (the shape), the seconds seen and the
amount estimated so far. The energy of a window is the difference of the total at its ends, so parts
always add up to the counter. Between two anchors the total follows power where there is one, else a
straight line (method, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.counting.along import group_ends
from plant.arrays import Floats, Index, Ints, Mask
from plant.units import MINUTE_NS, SECOND_NS

ANCHOR_STEPS = 200.0
ANCHOR_NS = 15 * MINUTE_NS
"""A coarse counter sizes energy each 200 of its steps (half a percent), or each 15 minutes."""

S_PER_NS = 1e-9
"""Seconds in a nanosecond: `seen` is summed up with it."""

Marks: TypeAlias = npt.NDArray[np.int8]
"""A `Mark` for each point."""


class Mark(IntFlag):
    """What a point is besides a reading that came in its time."""

    READ = 0
    DRAWN = 1  # into a gap, to shape it; gives way to readings
    DOUBTED = 2  # the step to it was none of a running counter: reset, swap, unknown
    LATE = 4  # came when the gap that it lies in was booked
    CUT = 8  # readings before it have been trimmed


@dataclass(slots=True)
class Points:
    """Points of all channels, as columns sorted by (channel, ts).

    `ts` in ns UTC; `total` and `estimated` in the canonical unit of the
    counter, `integral` in that of the meter's edge, `seen` in seconds. `anchor`
    says whether the point sizes energy, `mark` what else it is.
    """

    channel: Ints
    ts: Ints
    total: Floats
    integral: Floats
    seen: Floats
    estimated: Floats
    anchor: Mask
    mark: Marks

    @classmethod
    def empty(cls) -> Points:
        """No rows."""
        return cls(
            channel=np.empty(0, np.int64),
            ts=np.empty(0, np.int64),
            total=np.empty(0),
            integral=np.empty(0),
            seen=np.empty(0),
            estimated=np.empty(0),
            anchor=np.empty(0, bool),
            mark=np.empty(0, np.int8),
        )

    @classmethod
    def joined(cls, tables: list[Points]) -> Points:
        """Rows of several tables, one after another."""
        return cls(
            channel=np.concatenate([table.channel for table in tables]),
            ts=np.concatenate([table.ts for table in tables]),
            total=np.concatenate([table.total for table in tables]),
            integral=np.concatenate([table.integral for table in tables]),
            seen=np.concatenate([table.seen for table in tables]),
            estimated=np.concatenate([table.estimated for table in tables]),
            anchor=np.concatenate([table.anchor for table in tables]),
            mark=np.concatenate([table.mark for table in tables]),
        )

    def pick(self, rows: Mask | Index | slice) -> Points:
        """Some of the rows."""
        return Points(
            channel=self.channel[rows],
            ts=self.ts[rows],
            total=self.total[rows],
            integral=self.integral[rows],
            seen=self.seen[rows],
            estimated=self.estimated[rows],
            anchor=self.anchor[rows],
            mark=self.mark[rows],
        )

    def with_rows(self, other: Points) -> Points:
        """Both tables in one, sorted."""
        if not len(other.ts):
            return self

        merged = Points.joined([self, other])
        order = np.lexsort((merged.ts, merged.channel))
        return merged.pick(order)

    def of(self, channel: int) -> slice:
        """The rows of one channel."""
        start = np.searchsorted(self.channel, channel)
        stop = np.searchsorted(self.channel, channel, "right")
        return slice(int(start), int(stop))

    def last_row(self, channel: int) -> int | None:
        """The row of a channel's newest point; None if it has none yet."""
        rows = self.of(channel)
        if rows.start == rows.stop:
            return None

        return int(rows.stop) - 1

    def last_anchor(self, rows: slice) -> Anchored | None:
        """The last of these rows that sizes energy; None if none of them does."""
        anchor_rows = np.flatnonzero(self.anchor[rows])
        if not len(anchor_rows):
            return None

        last = int(anchor_rows[-1])
        return self.anchored_at(rows.start + last)

    def anchored_at(self, row: int) -> Anchored:
        """A point as the one that energy is measured from."""
        return Anchored(
            ts=int(self.ts[row]),
            total=float(self.total[row]),
        )

    def newest(self) -> Mask:
        """Each channel's newest point."""
        return group_ends(self.channel)

    def real(self) -> Mask:
        """Points that were read, not drawn into a gap."""
        return np.asarray(self.mark & Mark.DRAWN == 0, bool)

    def silent(
        self,
        before: Index,
        after: Index,
        bound: Ints,
    ) -> Mask:
        """Whether a gap lies between real neighbours, given by their rows.

        It does where they are further apart than `bound`, ns, and most of the time was not seen.
        What was seen and then trimmed is no gap.
        """
        elapsed_ns = self.ts[after] - self.ts[before]
        seen_s = self.seen[after] - self.seen[before]
        seen_ns = seen_s * SECOND_NS
        hardly_seen: Mask = seen_ns < elapsed_ns / 2
        return hardly_seen & (elapsed_ns > bound)


class Anchored(NamedTuple):
    """Where the last anchor of a channel stands."""

    ts: int
    total: float

    def is_due(
        self,
        ts: int,
        total: float,
        span: float,
    ) -> bool:
        """Whether a point sizes energy again: `span` was counted since, or the time is over."""
        counted = total - self.total
        elapsed = ts - self.ts
        return counted >= span or elapsed >= ANCHOR_NS


NO_ANCHOR = Anchored(0, float("-inf"))
"""Of a channel without an anchor: the next point is one."""


def anchors(
    total: Floats,
    ts: Ints,
    last: Anchored,
    *,
    step: float,
    forced: Mask,
) -> Mask:
    """Which new points of one channel size the energy, given the last anchor before them.

    `step` is that of the counter; points that are `forced` are anchors in any case.
    """
    span = ANCHOR_STEPS * step
    chosen = forced.copy()
    for row in range(len(ts)):
        point = Anchored(
            ts=int(ts[row]),
            total=float(total[row]),
        )
        if chosen[row] or last.is_due(point.ts, point.total, span):
            chosen[row] = True
            last = point

    return chosen


def read_in_time(count: int) -> Marks:
    """The marks of so many ordinary readings."""
    return np.full(count, Mark.READ, np.int8)
