"""Piecewise-linear look-ups over many groups at once: one sorted
table of (group, time), one search for all questions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

SPAN = 1 << 42  # microseconds in a group: 50 days
GROUPS_MOST = 1 << 20


def key(
    group: npt.NDArray[Any],
    ts: Ints,
    base: int,
) -> Ints:
    """One sortable number of (group, time); times count from `base` in microseconds."""
    return group.astype(np.int64) * SPAN + np.clip((ts - base) // 1000, 0, SPAN - 1)


def bracket(
    group: npt.NDArray[Any],
    ts: Ints,
    asked_group: npt.NDArray[Any],
    asked_ts: Ints,
) -> tuple[Index, Mask, Mask]:
    """For each question the row at or before it; and whether such a
    row, and a row after it, exists in its group.
    """
    rows = len(group)
    base = int(min(ts.min(initial=2**62), asked_ts.min(initial=2**62)))
    at = (
        np.searchsorted(
            key(group, ts, base),
            key(asked_group, asked_ts, base),
            "right",
        )
        - 1
    )
    safe = np.clip(at, 0, max(rows - 1, 0))
    after = np.clip(at + 1, 0, max(rows - 1, 0))
    has_left = (at >= 0) & (group[safe] == asked_group) if rows else np.zeros(len(asked_ts), bool)
    has_right = (
        (at + 1 < rows) & (group[after] == asked_group) if rows else np.zeros(len(asked_ts), bool)
    )
    return at, has_left, has_right


def group_starts(group: npt.NDArray[Any]) -> Mask:
    """True at the first row of each group of a sorted column."""
    first = np.ones(len(group), bool)
    first[1:] = group[1:] != group[:-1]
    return first


def group_cumsum(values: Floats, group: npt.NDArray[Any]) -> Floats:
    """Running sum that starts anew in each group."""
    total = np.cumsum(values)
    starts = np.flatnonzero(group_starts(group))
    before = np.concatenate(([0.0], total))[starts]
    return np.asarray(
        total - np.repeat(before, np.diff(np.append(starts, len(group)))),
        np.float64,
    )
