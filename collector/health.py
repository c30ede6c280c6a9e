"""Health of a connection and its meters: plain counters, kept by the driver, read by API and
metrics.

A failure is logged once and its recovery once; everything between is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from plant.reports import DriverReport, GroupReport, MeterReport
from plant.silence import heard
from plant.units import SECOND_NS

# Weight of the newest interval in the effective period.
_NEWEST: Final = 0.2
_MS_NS: Final = 1_000_000


@dataclass(slots=True)
class Polls:
    """One poll group of one meter.

    Times are event time; `period_s` is what was asked for; `answer_s` the real time that the last
    answer took; `refused` are registers that the meter says it does not have.
    """

    period_s: float
    due: int = 0
    answered: int = 0
    skipped: int = 0
    rows: int = 0
    last_ok_ns: int = 0
    effective_period_s: float | None = None
    answer_s: float | None = None
    refused: tuple[str, ...] = ()
    failed: Counter[str] = field(default_factory=Counter)

    def ok(
        self,
        at_ns: int,
        rows: int,
        answer_s: float | None = None,
    ) -> None:
        """An answer with `rows` values at event time `at_ns`.

        It took `answer_s` of real time, where it was asked for.
        """
        self.answer_s = answer_s
        self.answered += 1
        self.rows += rows
        if self.last_ok_ns:
            self._pace((at_ns - self.last_ok_ns) / SECOND_NS)

        self.last_ok_ns = at_ns

    def _pace(self, step_s: float) -> None:
        """The effective period is a sliding mean of what lay between answers."""
        known = self.effective_period_s
        if known is None:
            self.effective_period_s = step_s
        else:
            self.effective_period_s = known + _NEWEST * (step_s - known)

    def report(self) -> GroupReport:
        """The counters under the names of the API."""
        return {
            "due": self.due,
            "answered": self.answered,
            "failed": dict(self.failed),
            "skipped": self.skipped,
            "rows": self.rows,
            "period_s": self.period_s,
            "effective_period_s": self.effective_period_s,
            "answer_s": self.answer_s,
            "refused": list(self.refused),
            "last_ms": _ms(self.last_ok_ns),
        }


def _ms(at_ns: int) -> int | None:
    """Milliseconds of a time; none where nothing has happened yet."""
    return at_ns // _MS_NS or None


@dataclass(slots=True)
class MeterHealth:
    """One meter: its groups, and whether it answers."""

    meter: str
    profile: str
    logger: logging.Logger
    groups: dict[str, Polls] = field(default_factory=dict)
    failing: bool = False

    def failed(self, polls: Polls, reason: str) -> None:
        """Count a failed poll; the first in a row is logged."""
        polls.failed[reason] += 1
        if not self.failing:
            self.failing = True
            self.logger.warning("%s does not answer: %s", self.meter, reason)

    def recovered(self) -> None:
        """It answers again."""
        if self.failing:
            self.failing = False
            self.logger.info("%s answers again", self.meter)

    def report(self, now_ns: int) -> MeterReport:
        """Totals over the groups, the pace of the fastest, and each group on its own."""
        groups = list(self.groups.values())
        fastest = min(
            groups,
            key=_period,
            default=None,
        )
        last_ns = max((group.last_ok_ns for group in groups), default=0)
        period_s = fastest.period_s if fastest else None
        return {
            "profile": self.profile,
            "state": heard(last_ns, period_s or 1.0, now_ns).value,
            "last_ms": _ms(last_ns),
            "lag_s": (now_ns - last_ns) / SECOND_NS if last_ns else None,
            "period_s": period_s,
            "effective_period_s": fastest.effective_period_s if fastest else None,
            "answer_s": _slowest(groups),
            "refused": [name for group in groups for name in group.refused],
            "due": sum(group.due for group in groups),
            "answered": sum(group.answered for group in groups),
            "failed": _failures(groups),
            "skipped": sum(group.skipped for group in groups),
            "rows": sum(group.rows for group in groups),
            "groups": {name: polls.report() for name, polls in self.groups.items()},
        }


def _period(polls: Polls) -> float:
    return polls.period_s


def _slowest(groups: Iterable[Polls]) -> float | None:
    """The longest of the newest answers."""
    took = [group.answer_s for group in groups if group.answer_s is not None]
    return max(took, default=None)


def _failures(groups: Iterable[Polls]) -> dict[str, int]:
    """How often each reason came up, over all groups."""
    failed: Counter[str] = Counter()
    for group in groups:
        failed.update(group.failed)

    return dict(failed)


@dataclass(slots=True)
class LinkHealth:
    """One connection and everything behind it."""

    id: str
    protocol: str
    endpoint: str
    logger: logging.Logger
    meters: dict[str, MeterHealth] = field(default_factory=dict)
    state: Literal["up", "down"] = "down"
    reconnects: int = 0
    last_error: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _failing: bool = False
    _was_up: bool = False

    def add(
        self,
        meter: str,
        profile: str,
        periods: dict[str, float],
    ) -> MeterHealth:
        """Take a meter in, with the period in event seconds of each of its groups."""
        groups = {name: Polls(period_s) for name, period_s in periods.items()}
        found = MeterHealth(
            meter,
            profile,
            self.logger,
            groups,
        )
        self.meters[meter] = found
        return found

    def up(self) -> None:
        """The connection stands."""
        if self.state == "up":
            return

        self.state = "up"
        if self._was_up:
            self.reconnects += 1

        if self._failing:
            self.logger.info("%s (%s) is connected again", self.id, self.endpoint)

        self._was_up = True
        self._failing = False

    def down(self, error: str) -> None:
        """The connection was lost or cannot be made; the first time in a row is logged."""
        self.state = "down"
        self.last_error = error
        if not self._failing:
            self._failing = True
            self.logger.warning(
                "%s (%s) is down: %s",
                self.id,
                self.endpoint,
                error,
            )

    def report(self, now_ns: int) -> DriverReport:
        """What `driver.health()` returns."""
        return {
            "connection": {
                "id": self.id,
                "protocol": self.protocol,
                "endpoint": self.endpoint,
                "state": self.state,
                "reconnects": self.reconnects,
                "last_error": self.last_error,
                "counts": dict(self.counts),
            },
            "meters": {key: meter.report(now_ns) for key, meter in self.meters.items()},
        }
