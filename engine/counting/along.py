"""Piecewise-linear look-ups over many groups at once.

A table holds rows of many groups (channels, or meters), sorted by group
and time. One search in it answers the questions of all groups together, so
the cost does not grow with a Python loop over them.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats, Index, Ints, Mask

Number = TypeVar("Number", np.int64, np.float64)

NEVER = 2**62
"""A moment that lies after every other, ns: the least of no times at all."""

SPAN = 1 << 42
"""Microseconds that one group may span, 50 days. With it, 2**20 groups fit into 62 bits."""


class Neighbours(NamedTuple):
    """For each question the row at or before it (-1 where the table begins later).

    `has_before` says that this row, `has_after` that the row behind it is one of the asked group.
    """

    row: Index
    has_before: Mask
    has_after: Mask


def key(
    group: Ints,
    ts: Ints,
    base: int,
) -> Ints:
    """One number of (group, time) that sorts as the two do.

    Times count from `base` in microseconds: finer than that, two readings of one group count as
    one moment.
    """
    elapsed_us = (ts - base) // 1000
    place_in_span = np.clip(elapsed_us, 0, SPAN - 1)
    span_begins = group.astype(np.int64) * SPAN
    return span_begins + place_in_span


def bracket(
    group: Ints,
    ts: Ints,
    asked_group: Ints,
    asked_ts: Ints,
) -> Neighbours:
    """Where each question (a group and a moment) lies among the sorted rows (`group`, `ts`)."""
    rows = len(group)
    questions = len(asked_ts)
    if not rows:
        nothing = np.zeros(questions, bool)
        return Neighbours(
            row=np.full(questions, -1),
            has_before=nothing,
            has_after=nothing,
        )

    earliest_asked = asked_ts.min(initial=NEVER)
    base = int(min(ts.min(), earliest_asked))
    held = key(group, ts, base)
    asked = key(asked_group, asked_ts, base)
    row = np.searchsorted(held, asked, "right") - 1
    following = row + 1

    # A row of another group, or none, is no neighbour. Clipping keeps the look-up of the groups
    # inside the table; the comparison with its ends takes out what was clipped.
    group_before = group[np.clip(row, 0, rows - 1)]
    group_after = group[np.clip(following, 0, rows - 1)]
    return Neighbours(
        row=row,
        has_before=(row >= 0) & (group_before == asked_group),
        has_after=(following < rows) & (group_after == asked_group),
    )


def group_starts(group: Ints) -> Mask:
    """True at the first row of each group of a sorted column."""
    starts = np.ones(len(group), bool)
    starts[1:] = _changes(group)
    return starts


def _changes(group: Ints) -> Mask:
    """Whether each row but the first begins another group than the row before it."""
    before = group[:-1]
    after = group[1:]
    return np.asarray(before != after, bool)


def group_ends(group: Ints) -> Mask:
    """True at the last row of each group of a sorted column."""
    ends = np.ones(len(group), bool)
    ends[:-1] = _changes(group)
    return ends


def before_group(running: npt.NDArray[Number], starts: Index) -> npt.NDArray[Number]:
    """What a running sum over all rows stood at before the group of each row began.

    `starts` are the first rows of the groups. Taken off `running`, this lets the sum start anew in
    each group.
    """
    # Before the first row of all, the sum stood at nothing.
    stood_at = np.where(starts > 0, running[starts - 1], 0)
    borders = np.append(starts, len(running))
    rows_a_group = np.diff(borders)
    return np.repeat(stood_at, rows_a_group)


def group_cumsum(values: Floats, group: Ints) -> Floats:
    """Running sum that starts anew in each group."""
    running = np.cumsum(values)
    is_start = group_starts(group)
    starts = np.flatnonzero(is_start)
    return running - before_group(running, starts)
