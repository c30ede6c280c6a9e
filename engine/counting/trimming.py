"""Which points of the curves are held, and which are forgotten.

Old points are of no use to the windows that close, but a late reading may still come into a gap:
what measures the windows around gaps is held as long as they can be corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.counting.along import bracket, group_ends, group_starts
from engine.counting.curves import Mark, Points
from plant.arrays import Index, Ints, Mask


@dataclass(frozen=True, slots=True)
class Correctable:
    """What can still be corrected.

    Gaps that ended after `since`, ns, of channels whose readings are further apart than `bound`,
    ns; and what filled one, of channels that are still `filling`. Windows are `window` ns long.
    """

    since: int
    window: int
    bound: Ints
    filling: Mask


class _Rows(NamedTuple):
    """Rows of points: two neighbours, or the two anchors around a moment."""

    before: Index
    after: Index

    def pick(self, which: Mask) -> _Rows:
        """Some of the pairs."""
        return _Rows(
            before=self.before[which],
            after=self.after[which],
        )


def trimmed(
    points: Points,
    before: int,
    correctable: Correctable,
) -> Points:
    """The points without those older than `before`, ns.

    Held are the points around gaps, each channel's last anchor before, from which the next window
    is measured, and its newest point: a silence begins at that.
    """
    is_old = points.ts < before
    keep = ~is_old
    keep |= _around_gaps(points, correctable)
    keep |= points.newest()

    old_anchors = np.flatnonzero(is_old & points.anchor)
    is_last = group_ends(points.channel[old_anchors])
    keep[old_anchors[is_last]] = True

    kept = points.pick(keep)
    cut = _is_cut(points, keep, kept)
    kept.mark[cut] |= Mark.CUT
    return kept


def _is_cut(
    points: Points,
    keep: Mask,
    kept: Points,
) -> Mask:
    """Which kept points have lost readings between them and the kept point before them."""
    is_forgotten = ~keep & points.real()
    # How many readings were forgotten up to each kept point: where the number grows from one
    # kept point to the next, some of them lay between the two.
    forgotten = np.cumsum(is_forgotten)[keep]
    grows = np.diff(forgotten, prepend=0) > 0
    starts = group_starts(kept.channel)
    return grows & ~starts


def _around_gaps(points: Points, correctable: Correctable) -> Mask:
    """Rows without which a gap could not be filled late.

    Both its ends, and what measures the windows that hold them. The same for readings that have
    filled one.
    """
    gaps = _gaps(points, correctable)
    if not len(gaps.before):
        return np.zeros(len(points.ts), bool)

    channel = points.channel[gaps.before]
    gap_begins = points.ts[gaps.before]
    gap_ends = points.ts[gaps.after]
    window = correctable.window
    window_begins = gap_begins // window * window
    # The division is rounded up: a gap that ends on a boundary has its end in the window before.
    window_ends = -(-gap_ends // window) * window
    first = _anchors_at(points, channel, window_begins)
    last = _anchors_at(points, channel, window_ends - 1)

    # Two runs of rows for each gap, up to its start and from its end on: a running sum of where
    # runs begin and end is above zero inside of them.
    depth = np.zeros(len(points.ts) + 1, np.int64)
    np.add.at(depth, first.before, 1)
    np.add.at(depth, gaps.before + 1, -1)
    np.add.at(depth, gaps.after, 1)
    np.add.at(depth, last.after + 1, -1)
    runs_here = np.cumsum(depth)[:-1]
    return runs_here > 0


def _gaps(points: Points, correctable: Correctable) -> _Rows:
    """The real points at both ends of gaps, and of what filled them."""
    pairs = _neighbours(points)
    channel = points.channel[pairs.before]
    silent = points.silent(
        before=pairs.before,
        after=pairs.after,
        bound=correctable.bound[channel],
    )

    # What filled a gap has a late reading at one end at least.
    mark_before = points.mark[pairs.before]
    mark_after = points.mark[pairs.after]
    is_late = (mark_before | mark_after) & Mark.LATE != 0
    filled = is_late & correctable.filling[channel]

    ended_lately = points.ts[pairs.after] > correctable.since
    wanted = (silent | filled) & ended_lately
    return pairs.pick(wanted)


def _neighbours(points: Points) -> _Rows:
    """Real points of one channel that follow one another."""
    real = np.flatnonzero(points.real())
    pairs = _Rows(
        before=real[:-1],
        after=real[1:],
    )
    channel_before = points.channel[pairs.before]
    channel_after = points.channel[pairs.after]
    return pairs.pick(channel_before == channel_after)


def _anchors_at(
    points: Points,
    channel: Ints,
    ts: Ints,
) -> _Rows:
    """Rows of the last anchor at or before a moment and of the first after it.

    A channel's first or last row where there is none.
    """
    rows = np.flatnonzero(points.anchor)
    found = bracket(
        group=points.channel[rows],
        ts=points.ts[rows],
        asked_group=channel,
        asked_ts=ts,
    )
    first_of_channel = np.searchsorted(points.channel, channel)
    end_of_channel = np.searchsorted(points.channel, channel, "right")
    last_of_channel = end_of_channel - 1

    place_before = np.maximum(found.row, 0)
    place_after = np.minimum(found.row + 1, len(rows) - 1)
    inside = found.has_before & found.has_after
    return _Rows(
        before=np.where(found.has_before, rows[place_before], first_of_channel),
        after=np.where(inside, rows[place_after], last_of_channel),
    )
