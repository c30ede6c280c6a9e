"""What a condition sees: figures of all subjects of one kind, at one window, over any span of the past. Each answer is kept until the window moves on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from plant.units import HOUR_NS
from rules.check_condition import LONG
from rules.measures import Measures, Sums
from rules.ring import Ring

Floats = npt.NDArray[np.float64]
Special = Callable[["View", int], Floats]
LEAST_SHARE, LEAST_HOURS = 0.5, 24
"""A rolling median is unknown until half of its hours, or a day of them, are there."""
WEEK_H = 7 * 24


@dataclass(slots=True)
class View:
    """`subjects` of one kind. `special` makes figures that are no ratio of sums, `state` (codes of machine states) among them.

    `at` is the start of the window that is looked at.
    """

    subjects: tuple[str, ...]
    measures: Measures
    ring: Ring
    timezone: str = "UTC"
    special: Mapping[str, Special] = field(default_factory=dict)
    at: int = 0
    kept: dict[tuple[str, str, int], Floats] = field(default_factory=dict)
    hourly: dict[tuple[str, str, int], tuple[int, Floats]] = field(default_factory=dict)

    def move(self, at: int) -> None:
        """Look at the window that starts at `at`."""
        self.at = at
        self.kept.clear()

    def corrected(self) -> None:
        """Something of the past has changed."""
        self.kept.clear()
        self.hourly.clear()

    def figure(self, function: str, figure: str, over_ns: int) -> Floats:
        """One value per subject; NaN: unknown."""
        key = (function, figure, over_ns)
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = self._make(function, figure, over_ns)
        return found

    def states(self) -> Floats:
        """Code of the machine state in which each subject was for most of the window."""
        return self.figure("value", "state", self.ring.window)

    def _make(self, function: str, figure: str, over_ns: int) -> Floats:
        if function in LONG:
            return self._long(function, figure, over_ns)
        count = max(over_ns // self.ring.window, 1)
        if figure in self.special:
            return self.special[figure](self, count)
        if function in ("min", "max"):
            return self._extreme(function, figure, count)
        rows = self.ring.since(self.at, count)
        if len(rows) < count:
            return np.full(len(self.subjects), np.nan)
        mean = self.measures.value(figure, self.sums(count))
        return mean / count if function == "mean" and self._adds_up(figure) else mean

    def _adds_up(self, figure: str) -> bool:
        """Whether figures of windows add up: then the mean over a span is its sum by the number of windows."""
        return figure in self.measures.sums

    def sums(self, count: int) -> Sums:
        """Sums of all columns over the last `count` windows."""
        total = self.ring.since(self.at, count).sum(0)
        return dict(zip(self.measures.columns, total, strict=True))

    def _extreme(self, function: str, figure: str, count: int) -> Floats:
        rows = self.ring.since(self.at, count)
        if len(rows) < count:
            return np.full(len(self.subjects), np.nan)
        each = self.measures.value(figure, dict(zip(self.measures.columns, np.moveaxis(rows, 1, 0), strict=True)))
        return np.asarray(each.max(0) if function == "max" else each.min(0))

    def _hours(self, figure: str) -> Floats:
        """The figure in each held hour [hours, subjects]."""
        columns = np.moveaxis(self.ring.hours, 1, 0)
        values = self.measures.value(figure, dict(zip(self.measures.columns, columns, strict=True)))
        return values / (HOUR_NS // self.ring.window) if self._adds_up(figure) else values

    def _long(self, function: str, figure: str, over_ns: int) -> Floats:
        """Over whole hours before this one, so the answer stays for an hour."""
        hour, key = self.at // HOUR_NS, (function, figure, over_ns)
        kept = self.hourly.get(key)
        if kept is not None and kept[0] == hour:
            return kept[1]
        if function == "median_of_days":
            self.hourly[key] = (hour, self._days(figure, hour, over_ns // HOUR_NS // 24))
            return self.hourly[key][1]
        wanted = self._wanted(function, hour, over_ns // HOUR_NS) - self.ring.first_hour
        there = wanted[(wanted >= 0) & (wanted < len(self.ring.hours))]
        found = np.full(len(self.subjects), np.nan)
        if len(there) >= max(min(LEAST_SHARE * len(wanted), LEAST_HOURS), 1):
            found = _median(self._hours(figure)[there])
        self.hourly[key] = (hour, found)
        return found

    def _days(self, figure: str, hour: int, count: int) -> Floats:
        """Median of the spans of 24 hours before this one, for comparison with mean(24h). Three of them, or half, must be there."""
        end = hour - self.ring.first_hour
        spans = [
            self.ring.hours[end - 24 * k : end - 24 * (k - 1)].sum(0) for k in range(1, count + 1) if end >= 24 * k
        ]
        if len(spans) < max(min(LEAST_SHARE * count, 3), 1):
            return np.full(len(self.subjects), np.nan)
        columns = dict(zip(self.measures.columns, np.moveaxis(np.stack(spans), 1, 0), strict=True))
        values = self.measures.value(figure, columns)
        return _median(values / (24 * HOUR_NS // self.ring.window) if self._adds_up(figure) else values)

    def _wanted(self, function: str, hour: int, count: int) -> npt.NDArray[np.int64]:
        """The hours that are looked at: the last ones, those of a week ago, or the same hour of days of the same kind."""
        if function == "median":
            return np.arange(hour - count, hour)
        if function == "last_week":
            return np.arange(hour - WEEK_H - count + 1, hour - WEEK_H + 1)
        days = np.arange(hour - count, hour, 24)
        return days[[self._weekend(int(h)) == self._weekend(hour) for h in days]]

    def _weekend(self, hour: int) -> bool:
        return datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(self.timezone)).weekday() >= 5


def _median(values: Floats) -> Floats:
    """Median over the first axis of what is known; NaN where less than half is."""
    known = np.isfinite(values).sum(0)
    out = np.full(values.shape[1], np.nan)
    some = known >= max(LEAST_SHARE * len(values), 1)
    if some.any():
        out[some] = np.nanmedian(values[:, some], axis=0)
    return out
