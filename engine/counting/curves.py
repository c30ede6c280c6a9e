"""Counter curves: how much each channel has counted up to any moment, for all channels in one table.

A point is (channel, ts, total, x, seen, estimated): the running total of the counter, the integral
of power at that moment (the shape), the seconds seen and the amount estimated so far. `mark` says
whether it was read, or drawn into a gap and gives way to what is read. The energy of a window is
the difference of the total at its ends, so parts always add up to the counter. Between two anchors
the total follows power where there is one, else a straight line (method, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.counting.along import Floats, Index, Ints, Mask, bracket, group_starts

ANCHOR_STEPS = 200.0
ANCHOR_NS = 900_000_000_000
Marks = npt.NDArray[np.int8]


class Mark(IntFlag):
    """What a point is besides a reading that came in its time."""

    READ = 0
    DRAWN = 1  # into a gap, to shape it; gives way to readings
    DOUBTED = 2  # the step to it was none of a running counter: reset, swap, unknown
    LATE = 4  # came when the gap that it lies in was booked
    CUT = 8  # readings before it have been trimmed


@dataclass(slots=True)
class Points:
    """Rows sorted by (channel, ts)."""

    channel: Ints
    ts: Ints
    total: Floats
    x: Floats
    seen: Floats
    estimated: Floats
    anchor: Mask
    mark: Marks

    @classmethod
    def empty(cls) -> Points:
        none = np.empty(0, np.int64)
        zero = np.empty(0)
        return cls(
            none,
            none,
            zero,
            zero,
            zero,
            zero,
            np.empty(0, bool),
            np.empty(0, np.int8),
        )

    def columns(self) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats, Mask, Marks]:
        return (
            self.channel,
            self.ts,
            self.total,
            self.x,
            self.seen,
            self.estimated,
            self.anchor,
            self.mark,
        )

    def of(self, channel: int) -> slice:
        """The rows of one channel."""
        lower, upper = np.searchsorted(self.channel, (channel, channel + 1))
        return slice(int(lower), int(upper))

    def pick(self, rows: Mask | Index | slice) -> Points:
        picked: list[Any] = [column[rows] for column in self.columns()]
        return Points(*picked)

    def with_rows(self, other: Points) -> Points:
        """Both tables in one, sorted."""
        if not len(other.ts):
            return self

        merged = Points.joined([self, other])
        return merged.pick(np.lexsort((merged.ts, merged.channel)))

    @classmethod
    def joined(cls, tables: list[Points]) -> Points:
        """Rows of several tables, one after another."""
        columns: list[Any] = [
            np.concatenate(parts)
            for parts in zip(*(table.columns() for table in tables), strict=True)
        ]
        return cls(*columns)

    def silent(
        self,
        before: Index,
        after: Index,
        bound: Ints,
    ) -> Mask:
        """Whether a gap lies between real neighbours: longer than `bound` and not seen.

        What was seen and then trimmed is none.
        """
        elapsed = self.ts[after] - self.ts[before]
        return np.asarray(
            (elapsed > bound) & ((self.seen[after] - self.seen[before]) * 1e9 < elapsed / 2)
        )

    def around_gaps(
        self,
        bound: Ints,
        window: int,
        since: int,
        filling: Mask,
    ) -> Mask:
        """Rows without which a gap that ended after `since` could not be filled: both its ends, and
        what measures the windows that hold them.

        The same for readings that have filled one, of channels that are still `filling`.
        """
        real = np.flatnonzero(self.mark & Mark.DRAWN == 0)
        same = self.channel[real[1:]] == self.channel[real[:-1]]
        before = real[:-1][same]
        after = real[1:][same]
        came = ((self.mark[before] | self.mark[after]) & Mark.LATE != 0) & filling[
            self.channel[before]
        ]
        gap = (self.silent(before, after, bound[self.channel[before]]) | came) & (
            self.ts[after] > since
        )
        before = before[gap]
        after = after[gap]
        if not len(before):
            return np.zeros(len(self.ts), bool)

        lower, _ = self._anchors_at(
            self.channel[before],
            self.ts[before] // window * window,
        )
        _, upper = self._anchors_at(
            self.channel[after],
            -(-self.ts[after] // window) * window - 1,
        )
        inside = np.zeros(len(self.ts) + 1, np.int64)
        for at, change in ((lower, 1), (before + 1, -1), (after, 1), (upper + 1, -1)):
            np.add.at(inside, at, change)

        return np.asarray(np.cumsum(inside)[:-1] > 0)

    def _anchors_at(self, channel: Ints, ts: Ints) -> tuple[Index, Index]:
        """Rows of the last anchor at or before a moment and of the first after it; a channel's
        first or last row where there is none.
        """
        rows = np.flatnonzero(self.anchor)
        at, has, more = bracket(
            self.channel[rows],
            self.ts[rows],
            channel,
            ts,
        )
        first = np.searchsorted(self.channel, channel)
        last = np.searchsorted(self.channel, channel, "right") - 1
        lower = np.where(has, rows[np.maximum(at, 0)], first)
        return lower, np.where(
            has & more,
            rows[np.minimum(at + 1, len(rows) - 1)],
            last,
        )

    def trimmed(self, before: int, held: Mask) -> Points:
        """Without what is older than `before`, but what is `held`, each channel's last anchor
        there, and its newest point: a silence begins at that.
        """
        old = self.ts < before
        rows = np.flatnonzero(old & self.anchor)
        last = rows[np.append(group_starts(self.channel[rows])[1:], True)] if len(rows) else rows
        keep = ~old | held | self._newest()
        keep[last] = True
        lost = np.cumsum(~keep & (self.mark & Mark.DRAWN == 0))[keep]
        kept = self.pick(keep)
        kept.mark[1:][(np.diff(lost) > 0) & ~group_starts(kept.channel)[1:]] |= Mark.CUT
        return kept

    def sizing(self) -> Points:
        """Anchors, and each channel's newest point as a tentative one."""
        return self.pick(self.anchor | self._newest())

    def _newest(self) -> Mask:
        """Each channel's newest point."""
        return (
            np.append(group_starts(self.channel)[1:], True) if len(self.ts) else np.empty(0, bool)
        )


@dataclass(slots=True)
class Reading:
    """Totals at moments: [moments, channels] each."""

    total: Floats
    seen: Floats
    estimated: Floats


def read(
    points: Points,
    which: Ints,
    times: Ints,
    x_at: Floats,
    stepped: Mask,
) -> Reading:
    """Total, seconds seen and estimated amount of some channels at `times`; `x_at` [moments,
    channels]; `stepped` channels do not interpolate.
    """
    moments = len(times)
    channels = len(which)
    sizing = points.sizing()
    if not len(sizing.ts):
        zero = np.zeros((moments, channels))
        return Reading(np.full((moments, channels), np.nan), zero, zero.copy())

    asked_channel = np.tile(which, moments)
    asked_ts = np.repeat(times, channels)
    at, left, right = bracket(
        sizing.channel,
        sizing.ts,
        asked_channel,
        asked_ts,
    )
    lower = np.where(
        left,
        at,
        np.clip(at + 1, 0, len(sizing.ts) - 1),
    )  # before the first point: the first point
    upper = np.where(left & right, at + 1, lower)
    known = left | right
    width = np.maximum(sizing.ts[upper] - sizing.ts[lower], 1)
    part = np.where(upper > lower, (asked_ts - sizing.ts[lower]) / width, 0.0)
    in_time = part
    span_x = sizing.x[upper] - sizing.x[lower]
    with np.errstate(invalid="ignore"):
        shaped = (x_at.reshape(-1) - sizing.x[lower]) / np.where(span_x > 1e-12, span_x, 1.0)
        follows = (span_x > 1e-12) & np.isfinite(shaped) & (part > 0.0)

    part = np.where(follows, np.clip(shaped, 0.0, 1.0), part)
    part = np.where(np.tile(stepped, moments), 0.0, part)

    def value(column: Floats, share: Floats) -> Floats:
        low = column[lower]
        return np.where(known, low + share * (column[upper] - low), 0.0).reshape(moments, channels)

    total = np.where(
        known.reshape(moments, channels),
        value(sizing.total, part),
        np.nan,
    )
    return Reading(
        total,
        value(sizing.seen, in_time),
        value(sizing.estimated, part),
    )


def anchors(
    total: Floats,
    ts: Ints,
    step: float,
    from_total: float,
    from_ts: int,
    forced: Mask,
) -> Mask:
    """Which new points of one channel size the energy, given the last anchor before them."""
    chosen = np.zeros(len(ts), bool)
    for row in range(len(ts)):
        if (
            forced[row]
            or total[row] - from_total >= ANCHOR_STEPS * step
            or ts[row] - from_ts >= ANCHOR_NS
        ):
            chosen[row] = True
            from_total = float(total[row])
            from_ts = int(ts[row])

    return chosen
