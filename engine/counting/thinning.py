"""Which of the new points of counters are kept: what a meter costs is bounded by windows,
not by how often it is read.

The energy of a window is read off between the anchors around its ends. Between the first and the
last anchor within a window nothing is ever asked, and the first and last reading within it say
between which a late one came. What lies between them is let go of at once.
"""

from __future__ import annotations

import numpy as np

from engine.counting.along import group_ends, group_starts
from engine.counting.curves import Mark, Points
from plant.arrays import Ints, Mask


def thinned(
    points: Points,
    window_ns: int,
    needed: Mask | None = None,
) -> Points:
    """Of new points, sorted, the first and last reading and anchor in each window of each channel.

    `needed` are kept in any case: both ends of steps that are none of a running counter.
    """
    window = points.ts // window_ns
    keep = _at_the_ends(points.channel, window)
    if needed is not None:
        keep |= needed

    if keep.all():
        return points

    anchors = np.flatnonzero(points.anchor)
    at_the_ends = _at_the_ends(points.channel[anchors], window[anchors])
    keep[anchors[at_the_ends]] = True
    kept = points.pick(keep)
    rows = np.flatnonzero(keep)
    # A point that did not follow the one kept before it has lost readings in between.
    lost_before = np.diff(rows, prepend=-1) > 1
    kept.mark[lost_before] |= Mark.CUT
    return kept


def _at_the_ends(channel: Ints, window: Ints) -> Mask:
    """The first and the last row of each window of each channel."""
    begins = group_starts(channel) | group_starts(window)
    ends = group_ends(channel) | group_ends(window)
    return begins | ends
