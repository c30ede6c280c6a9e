"""Health of a connection and its meters: plain counters, kept by the driver, read by API and
metrics.

A failure is logged once and its recovery once; everything between is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from plant.reports import DriverReport, MeterReport
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

    def report(self) -> MeterReport:
        """Totals over the groups, and the pace of the fastest.

        In one walk over the groups: it is asked of thousands of meters at a time.
        """
        fastest: Polls | None = None
        answer_s: float | None = None
        last_ns = due = answered = skipped = rows = 0
        failed: dict[str, int] = {}
        refused: list[str] = []
        for polls in self.groups.values():
            due += polls.due
            answered += polls.answered
            skipped += polls.skipped
            rows += polls.rows
            last_ns = max(last_ns, polls.last_ok_ns)
            refused += polls.refused
            if fastest is None or polls.period_s < fastest.period_s:
                fastest = polls

            if polls.answer_s is not None:
                answer_s = polls.answer_s if answer_s is None else max(answer_s, polls.answer_s)

            for reason, count in polls.failed.items():
                failed[reason] = failed.get(reason, 0) + count

        return {
            "profile": self.profile,
            "last_ms": _ms(last_ns),
            "period_s": None if fastest is None else fastest.period_s,
            "effective_period_s": None if fastest is None else fastest.effective_period_s,
            "answer_s": answer_s,
            "refused": refused,
            "due": due,
            "answered": answered,
            "failed": failed,
            "skipped": skipped,
            "rows": rows,
        }


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

    def report(self) -> DriverReport:
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
            "meters": {key: meter.report() for key, meter in self.meters.items()},
        }
