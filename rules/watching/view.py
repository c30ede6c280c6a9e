"""What a condition sees: figures of all subjects of one kind, at one window, over any span of the past. Each answer is kept until the window moves on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from plant.units import HOUR_NS
from rules.language.check_condition import LONG
from rules.watching.measures import Measures, Sums
from rules.watching.ring import Ring

Floats = npt.NDArray[np.float64]
Special = Callable[["View", int], Floats]
LEAST_SHARE = 0.5
LEAST_HOURS = 24
LEAST_DAYS = 3
"""A rolling median is unknown until half of its hours, or a day of them, are there; one of days until half or three are."""
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
    gaps: dict[int, npt.NDArray[np.bool_] | None] = field(default_factory=dict)

    def move(self, at: int) -> None:
        """Look at the window that starts at `at`."""
        self.at = at
        self.kept.clear()
        self.gaps.clear()

    def corrected(self) -> None:
        """Something of the past has changed."""
        self.kept.clear()
        self.gaps.clear()
        self.hourly.clear()

    def figure(self, function: str, figure: str, over_ns: int) -> Floats:
        """One value per subject; NaN: unknown."""
        key = (function, figure, over_ns)
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = self._make(function, figure, over_ns)
            gaps = np.isnan(found)
            self.gaps[id(found)] = gaps if gaps.any() else None
        return found

    def unknown(self, values: Floats | float) -> npt.NDArray[np.bool_] | None:
        """Where values are unknown; None where none is. Looked up once for what `figure` gave, since thousands of rules share it."""
        if isinstance(values, float):
            return None
        if id(values) in self.gaps:
            return self.gaps[id(values)]
        gaps = np.isnan(values)
        return gaps if gaps.any() else None

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
            return self._unknown()
        mean = self.measures.value(figure, self.sums(count))
        return mean / count if function == "mean" and self.measures.adds_up(figure) else mean

    def sums(self, count: int) -> Sums:
        """Sums of all columns over the last `count` windows."""
        total = self.ring.since(self.at, count).sum(0)
        return dict(zip(self.measures.columns, total, strict=True))

    def _extreme(self, function: str, figure: str, count: int) -> Floats:
        rows = self.ring.since(self.at, count)
        if len(rows) < count:
            return self._unknown()
        each = self.measures.value(
            figure, dict(zip(self.measures.columns, np.moveaxis(rows, 1, 0), strict=True))
        )
        return np.asarray(each.max(0) if function == "max" else each.min(0))

    def _values(self, figure: str, sums: Floats, hours: int) -> Floats:
        """The figure of spans of whole hours, from their sums [spans, columns, subjects]."""
        found = self.measures.value(
            figure, dict(zip(self.measures.columns, np.moveaxis(sums, 1, 0), strict=True))
        )
        return (
            found / (hours * HOUR_NS // self.ring.window)
            if self.measures.adds_up(figure)
            else found
        )

    def _long(self, function: str, figure: str, over_ns: int) -> Floats:
        """Over whole hours. Medians go over those before this one, so their answer stays for an hour."""
        hour = self.at // HOUR_NS
        hours = over_ns // HOUR_NS
        key = (function, figure, over_ns)
        kept = self.hourly.get(key)
        if kept is not None and kept[0] == hour:
            return kept[1]
        if function == "last_week":
            return self._last_week(figure, hour, hours)
        if function == "baseline":
            return self._baseline(figure, hour, hours)
        found = (
            self._median(figure, hour, hours)
            if function == "median"
            else self._days(figure, hour, hours // 24)
        )
        self.hourly[key] = (hour, found)
        return found

    def _median(self, figure: str, hour: int, hours: int) -> Floats:
        end = hour - self.ring.first_hour
        there = self.ring.hours[max(end - hours, 0) : end]
        if len(there) < max(min(LEAST_SHARE * hours, LEAST_HOURS), 1):
            return self._unknown()
        return _median(self._values(figure, there, 1))

    def _days(self, figure: str, hour: int, count: int) -> Floats:
        """Median of the spans of 24 hours before this one, for comparison with mean(24h). Three of them, or half, must be there."""
        end = hour - self.ring.first_hour
        spans = [
            self.ring.hours[end - 24 * k : end - 24 * (k - 1)].sum(0)
            for k in range(1, count + 1)
            if end >= 24 * k
        ]
        if len(spans) < max(min(LEAST_SHARE * count, LEAST_DAYS), 1):
            return self._unknown()
        return _median(self._values(figure, np.stack(spans), 24))

    def _blend(self, hour: int) -> Floats | None:
        """Sums of an hour that ends as far into its clock hour as the window does; None where they are not held."""
        passed = (self.at + self.ring.window - self.at // HOUR_NS * HOUR_NS) / HOUR_NS
        at = hour - self.ring.first_hour
        if at < 1 or at >= len(self.ring.hours):
            return None
        return np.asarray(passed * self.ring.hours[at] + (1.0 - passed) * self.ring.hours[at - 1])

    def _last_week(self, figure: str, hour: int, hours: int) -> Floats:
        """The span of the same length that ended a week ago."""
        found = [part for k in range(hours) if (part := self._blend(hour - WEEK_H - k)) is not None]
        return (
            self._unknown()
            if len(found) < hours
            else self._values(figure, np.sum(found, 0)[None], hours)[0]
        )

    def _baseline(self, figure: str, hour: int, hours: int) -> Floats:
        """Median of the same hour on days of the same kind (working days, weekends)."""
        wanted = [
            h for h in range(hour - hours, hour, 24) if self._weekend(h) == self._weekend(hour)
        ]
        found = [part for h in wanted if (part := self._blend(h)) is not None]
        if len(found) < max(LEAST_SHARE * len(wanted), 1):
            return self._unknown()
        return _median(self._values(figure, np.stack(found), 1))

    def _unknown(self) -> Floats:
        return np.full(len(self.subjects), np.nan)

    def _weekend(self, hour: int) -> bool:
        return (
            datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(self.timezone)).weekday()
            >= 5
        )


def _median(values: Floats) -> Floats:
    """Median over the first axis of what is known; NaN where less than half is."""
    known = np.isfinite(values).sum(0)
    out = np.full(values.shape[1], np.nan)
    some = known >= max(LEAST_SHARE * len(values), 1)
    if some.any():
        out[some] = np.nanmedian(values[:, some], axis=0)
    return out
