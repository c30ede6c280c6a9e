"""The recent past of additive columns: each window for a day or so, each hour for four weeks. A
corrected window corrects its hour.

Columns are sums, so any span is a sum; ratios are taken by
`rules.watching.measures` from the sums of a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plant.arrays import Floats
from plant.units import HOUR_NS

RECENT_NS = 27 * HOUR_NS
RECENT_NOW_NS = 2 * HOUR_NS
HOURS = 28 * 24 + 1


@dataclass(slots=True)
class Ring:
    """`recent` [windows, columns, subjects] with `first` the start of its
    first window; `hours` the same by hour from `first_hour`.

    A window that never came is NaN. `hours` is empty (0 rows)
    where no rule looks back for longer than a day.
    """

    window: int
    columns: int
    subjects: int
    long: bool
    keeps_ns: int = RECENT_NS
    first: int = 0
    newest: int = -1
    recent: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    first_hour: int = 0
    hours: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))

    def __post_init__(self) -> None:
        if not self.recent.size:
            self.recent = self._empty(0)
            self.hours = self._empty(0)

    def _empty(self, spans: int) -> Floats:
        """So many spans of which nothing is known."""
        return np.full((spans, self.columns, self.subjects), np.nan)

    @property
    def capacity(self) -> int:
        return self.keeps_ns // self.window

    def row(self, start: int) -> int:
        """Row of the window that starts at `start`; outside of the array if it is not held."""
        return (start - self.first) // self.window

    def put(self, start: int, values: Floats) -> bool:
        """Keep one window [columns, subjects]; False if it is too old to be held."""
        if self.newest < 0:
            self.first = self.newest = start

        row = self.row(start)
        if row < 0:
            return False

        if row >= len(self.recent):
            self._grow(row)

        before = self.recent[row].copy()
        self.recent[row] = values
        self.newest = max(self.newest, start)
        if self.long:
            self._hour(start, before, values)

        return True

    def _grow(self, row: int) -> None:
        """Room for `row`; the older half is let go when it is full."""
        missing = row + 1 - len(self.recent)
        a_good_many = min(256, self.capacity)
        more = self._empty(max(missing, a_good_many))
        self.recent = np.concatenate((self.recent, more))

    def trim(self) -> None:
        """Let go of windows past the horizon, a good many at a time."""
        held = self.row(self.newest) + 1
        drop = held - self.capacity
        if drop > 240:
            self.recent = self.recent[drop:].copy()
            self.first += drop * self.window

    def _hour(
        self,
        start: int,
        before: Floats,
        values: Floats,
    ) -> None:
        """Put a window into its hour, in place of what was there of it before."""
        hour = start // HOUR_NS
        if not len(self.hours):
            self.first_hour = hour

        at = hour - self.first_hour
        if at < 0:
            return

        if at >= len(self.hours):
            self._grow_hours(at)
            at = hour - self.first_hour

        self.hours[at] += _zero_if_unknown(values) - _zero_if_unknown(before)

    def _grow_hours(self, row: int) -> None:
        """Room for hour `row`; those past the horizon are let go."""
        missing = row + 1 - len(self.hours)
        shape = (missing, self.columns, self.subjects)
        more = np.zeros(shape)
        self.hours = np.concatenate((self.hours, more))
        over = len(self.hours) - HOURS
        if over > 0:
            self.hours = self.hours[over:].copy()
            self.first_hour += over

    def since(self, at: int, count: int) -> Floats:
        """The `count` windows up to the one that starts at `at` [n,
        columns, subjects]; fewer at the beginning.
        """
        end = self.row(at) + 1
        begin = max(end - count, 0)
        return self.recent[begin:end]


def _zero_if_unknown(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)
