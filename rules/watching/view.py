"""What a condition sees: variables of all subjects of one kind, at one window, over any span of the
past. Each answer is kept until the window moves on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats
from plant.units import HOUR_NS
from rules.language.check_condition import LONG
from rules.variables.past import OverTime, Sums
from rules.watching.measures import Measures
from rules.watching.ring import Ring

Gaps: TypeAlias = npt.NDArray[np.bool_]
Asked: TypeAlias = tuple[str, str, int]
"""Function, variable and span (ns)."""

LEAST_SHARE: Final = 0.5
LEAST_HOURS: Final = 24
LEAST_DAYS: Final = 3
"""A rolling median is unknown until half of its hours, or a day of
them, are there; one of days until half or three are.
"""

WEEK_H: Final = 7 * 24
DAY_H: Final = 24
SATURDAY: Final = 5


@dataclass(slots=True)
class View:
    """`subjects` of one kind. `over_time` makes variables that are no
    ratio of sums, `state` (codes of machine states) among them.

    `at_ns` is the start of the window that is looked at.
    """

    subjects: tuple[str, ...]
    measures: Measures
    ring: Ring
    timezone: str = "UTC"
    over_time: Mapping[str, OverTime] = field(default_factory=dict)
    at_ns: int = 0
    kept: dict[Asked, Floats] = field(default_factory=dict)
    hourly: dict[Asked, tuple[int, Floats]] = field(default_factory=dict)
    gaps: dict[int, Gaps | None] = field(default_factory=dict)

    @property
    def window_ns(self) -> int:
        return self.ring.window

    def move(self, at_ns: int) -> None:
        """Look at the window that starts at `at_ns`."""
        self.at_ns = at_ns
        self.kept.clear()
        self.gaps.clear()

    def corrected(self) -> None:
        """Something of the past has changed."""
        self.kept.clear()
        self.gaps.clear()
        self.hourly.clear()

    def figure(
        self,
        function: str,
        name: str,
        over_ns: int,
    ) -> Floats:
        """One value per subject; NaN: unknown."""
        key = (function, name, over_ns)
        found = self.kept.get(key)
        if found is None:
            found = self._make(function, name, over_ns)
            self.kept[key] = found
            gaps = np.isnan(found)
            self.gaps[id(found)] = gaps if gaps.any() else None

        return found

    def unknown(self, values: Floats | float) -> Gaps | None:
        """Where values are unknown; None where none is.

        Looked up once for what `figure` gave, since thousands of rules share it.
        """
        if isinstance(values, float):
            return None

        if id(values) in self.gaps:
            return self.gaps[id(values)]

        gaps = np.isnan(values)
        return gaps if gaps.any() else None

    def states(self) -> Floats:
        """Code of the machine state in which each subject was for most of the window."""
        return self.figure("value", "state", self.ring.window)

    def sums(self, count: int) -> Sums:
        """Sums of all columns over the last `count` windows."""
        total = self.ring.since(self.at_ns, count).sum(axis=0)
        return dict(
            zip(
                self.measures.columns,
                total,
                strict=True,
            )
        )

    def windows(self, column: str, count: int) -> Floats:
        """One column of the last `count` windows [windows, subjects]; fewer at the beginning."""
        index = self.measures.columns.index(column)
        held = self.ring.since(self.at_ns, count)
        return held[:, index]

    def _make(
        self,
        function: str,
        name: str,
        over_ns: int,
    ) -> Floats:
        if function in LONG:
            return self._long(function, name, over_ns)

        count = max(over_ns // self.ring.window, 1)
        over_time = self.over_time.get(name)
        if over_time is not None:
            return over_time(self, count)

        if function in ("min", "max"):
            return self._extreme(function, name, count)

        if len(self.ring.since(self.at_ns, count)) < count:
            return self._unknown()

        found = self.measures.value(name, self.sums(count))
        if function == "mean" and self.measures.adds_up(name):
            return found / count

        return found

    def _extreme(
        self,
        function: str,
        name: str,
        count: int,
    ) -> Floats:
        rows = self.ring.since(self.at_ns, count)
        if len(rows) < count:
            return self._unknown()

        each = self.measures.value(name, self._by_column(rows))
        if function == "max":
            return np.asarray(each.max(axis=0))

        return np.asarray(each.min(axis=0))

    def _by_column(self, spans: Floats) -> Sums:
        """Sums of some spans [spans, columns, subjects] by column [spans, subjects]."""
        return dict(
            zip(
                self.measures.columns,
                np.moveaxis(spans, 1, 0),
                strict=True,
            )
        )

    def _values(
        self,
        name: str,
        spans: Floats,
        hours: int,
    ) -> Floats:
        """The variable of spans of whole hours, from their sums [spans, columns, subjects]; what
        adds up as the mean of a window.
        """
        found = self.measures.value(name, self._by_column(spans))
        if not self.measures.adds_up(name):
            return found

        windows = hours * HOUR_NS // self.ring.window
        return found / windows

    def _long(
        self,
        function: str,
        name: str,
        over_ns: int,
    ) -> Floats:
        """Over whole hours.

        Medians go over those before this one, so their answer stays for an hour.
        """
        hour = self.at_ns // HOUR_NS
        hours = over_ns // HOUR_NS
        if function == "last_week":
            return self._last_week(name, hour, hours)

        if function == "baseline":
            return self._baseline(name, hour, hours)

        key = (function, name, over_ns)
        kept = self.hourly.get(key)
        if kept is not None and kept[0] == hour:
            return kept[1]

        if function == "median":
            found = self._median(name, hour, hours)
        else:
            found = self._days(name, hour, hours // DAY_H)

        self.hourly[key] = (hour, found)
        return found

    def _median(
        self,
        name: str,
        hour: int,
        hours: int,
    ) -> Floats:
        """Median of the hours before this one."""
        end = hour - self.ring.first_hour
        there = self.ring.hours[max(end - hours, 0) : end]
        if len(there) < _at_least(hours, LEAST_HOURS):
            return self._unknown()

        return _median(
            self._values(
                name,
                there,
                hours=1,
            )
        )

    def _days(
        self,
        name: str,
        hour: int,
        count: int,
    ) -> Floats:
        """Median of the spans of 24 hours before this one, for comparison with mean(24h).

        Three of them, or half, must be there.
        """
        end = hour - self.ring.first_hour
        spans = []
        for days_ago in range(1, count + 1):
            begin = end - DAY_H * days_ago
            if begin >= 0:
                spans.append(self.ring.hours[begin : begin + DAY_H].sum(axis=0))

        if len(spans) < _at_least(count, LEAST_DAYS):
            return self._unknown()

        return _median(
            self._values(
                name,
                np.stack(spans),
                hours=DAY_H,
            )
        )

    def _blend(self, hour: int) -> Floats | None:
        """Sums of an hour that ends as far into its clock hour as the
        window does; None where they are not held.
        """
        begin_of_hour = self.at_ns // HOUR_NS * HOUR_NS
        end_of_window = self.at_ns + self.ring.window
        passed = (end_of_window - begin_of_hour) / HOUR_NS
        at = hour - self.ring.first_hour
        if at < 1 or at >= len(self.ring.hours):
            return None

        of_this = passed * self.ring.hours[at]
        of_the_one_before = (1.0 - passed) * self.ring.hours[at - 1]
        return np.asarray(of_this + of_the_one_before)

    def _blends(self, hours: list[int]) -> list[Floats]:
        """Those of some hours that are held."""
        found = []
        for hour in hours:
            blend = self._blend(hour)
            if blend is not None:
                found.append(blend)

        return found

    def _last_week(
        self,
        name: str,
        hour: int,
        hours: int,
    ) -> Floats:
        """The span of the same length that ended a week ago."""
        wanted = [hour - WEEK_H - before for before in range(hours)]
        found = self._blends(wanted)
        if len(found) < hours:
            return self._unknown()

        span = np.sum(found, axis=0)
        found_then: Floats = self._values(name, span[None], hours)[0]
        return found_then

    def _baseline(
        self,
        name: str,
        hour: int,
        hours: int,
    ) -> Floats:
        """Median of the same hour on days of the same kind (working days, weekends)."""
        same_hour = range(hour - hours, hour, DAY_H)
        wanted = [before for before in same_hour if self._weekend(before) == self._weekend(hour)]
        found = self._blends(wanted)
        if len(found) < max(LEAST_SHARE * len(wanted), 1):
            return self._unknown()

        return _median(
            self._values(
                name,
                np.stack(found),
                hours=1,
            )
        )

    def _unknown(self) -> Floats:
        return np.full(len(self.subjects), np.nan)

    def _weekend(self, hour: int) -> bool:
        at = datetime.fromtimestamp(hour * 3600, UTC)
        local = at.astimezone(ZoneInfo(self.timezone))
        return local.weekday() >= SATURDAY


def _at_least(wanted: int, enough: int) -> float:
    """How many of the wanted spans must be there."""
    return max(min(LEAST_SHARE * wanted, enough), 1)


def _median(values: Floats) -> Floats:
    """Median over the first axis of what is known; NaN where less than half is."""
    spans, subjects = values.shape
    least = max(LEAST_SHARE * spans, 1)
    known = np.isfinite(values).sum(axis=0)
    enough = known >= least
    found = np.full(subjects, np.nan)
    if enough.any():
        found[enough] = np.nanmedian(values[:, enough], axis=0)

    return found
