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


def trimmed(
    points: Points,
    before: int,
    correctable: Correctable,
) -> Points:
    """The points without those older than `before`, ns.

    Held are the points around gaps, each channel's last anchor before, from which the next window
    is measured, and its newest point: a silence begins at that.
    """
    keep = (points.ts >= before) | _around_gaps(points, correctable) | points.newest()
    old_anchors = np.flatnonzero((points.ts < before) & points.anchor)
    keep[old_anchors[group_ends(points.channel[old_anchors])]] = True
    # A kept point is marked if readings between it and the kept one before it are forgotten.
    forgotten = np.cumsum(~keep & points.real())[keep]
    kept = points.pick(keep)
    cut = (np.diff(forgotten) > 0) & ~group_starts(kept.channel)[1:]
    kept.mark[1:][cut] |= Mark.CUT
    return kept


def _around_gaps(points: Points, correctable: Correctable) -> Mask:
    """Rows without which a gap could not be filled late.

    Both its ends, and what measures the windows that hold them. The same for readings that have
    filled one.
    """
    gaps = _gaps(points, correctable)
    if not len(gaps.before):
        return np.zeros(len(points.ts), bool)

    window = correctable.window
    window_of_start = points.ts[gaps.before] // window * window
    end_of_window = -(-points.ts[gaps.after] // window) * window
    first = _anchors_at(
        points,
        points.channel[gaps.before],
        window_of_start,
    )
    last = _anchors_at(
        points,
        points.channel[gaps.after],
        end_of_window - 1,
    )
    # Two runs of rows for each gap, up to its start and from its end on: a running sum of where
    # runs begin and end is above zero inside of them.
    depth = np.zeros(len(points.ts) + 1, np.int64)
    np.add.at(depth, first.before, 1)
    np.add.at(depth, gaps.before + 1, -1)
    np.add.at(depth, gaps.after, 1)
    np.add.at(depth, last.after + 1, -1)
    return np.cumsum(depth)[:-1] > 0


def _gaps(points: Points, correctable: Correctable) -> _Rows:
    """The real points at both ends of gaps, and of what filled them."""
    real = np.flatnonzero(points.real())
    same_channel = points.channel[real[1:]] == points.channel[real[:-1]]
    before = real[:-1][same_channel]
    after = real[1:][same_channel]
    channel = points.channel[before]
    marks = points.mark[before] | points.mark[after]
    filled = (marks & Mark.LATE != 0) & correctable.filling[channel]
    silent = points.silent(before, after, correctable.bound[channel])
    recent = points.ts[after] > correctable.since
    wanted = (silent | filled) & recent
    return _Rows(before[wanted], after[wanted])


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
        points.channel[rows],
        points.ts[rows],
        channel,
        ts,
    )
    first_of_channel = np.searchsorted(points.channel, channel)
    last_of_channel = np.searchsorted(points.channel, channel, "right") - 1
    at_or_before = rows[np.maximum(found.row, 0)]
    following = rows[np.minimum(found.row + 1, len(rows) - 1)]
    inside = found.has_before & found.has_after
    return _Rows(
        before=np.where(found.has_before, at_or_before, first_of_channel),
        after=np.where(inside, following, last_of_channel),
    )
