"""Health of a connection and its meters: plain counters, kept by the driver, read by API and metrics.

A failure is logged once and its recovery once; everything between is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_SECOND: Final = 1_000_000_000
_SLOW: Final = 0.2  # weight of the newest interval in the effective period


@dataclass(slots=True)
class Polls:
    """One poll group of one meter. Times are event time; `period_s` is what was asked for; `refused` are registers that the meter says it does not have."""

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

    def ok(self, at_ns: int, rows: int, answer_s: float | None = None) -> None:
        """An answer with `rows` values at event time `at_ns`, which took `answer_s` of real time, where it was asked for."""
        self.answer_s = answer_s
        self.answered += 1
        self.rows += rows
        if self.last_ok_ns:
            step = (at_ns - self.last_ok_ns) / _SECOND
            known = self.effective_period_s
            self.effective_period_s = step if known is None else known + _SLOW * (step - known)
        self.last_ok_ns = at_ns

    def as_dict(self) -> dict[str, Any]:
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
            "last_ms": self.last_ok_ns // 1_000_000 or None,
        }


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

    def as_dict(self, now_ns: int) -> dict[str, Any]:
        """Totals over the groups, the pace of the fastest, and each group on its own."""
        groups = list(self.groups.values())
        fastest = min(groups, key=lambda g: g.period_s, default=None)
        last = max((g.last_ok_ns for g in groups), default=0)
        failed: Counter[str] = sum((g.failed for g in groups), Counter())
        lag = (now_ns - last) / _SECOND if last else None
        return {
            "profile": self.profile,
            "state": state(lag, fastest.period_s if fastest else 1.0),
            "last_ms": last // 1_000_000 or None,
            "lag_s": lag,
            "period_s": fastest.period_s if fastest else None,
            "effective_period_s": fastest.effective_period_s if fastest else None,
            "answer_s": max((g.answer_s for g in groups if g.answer_s is not None), default=None),
            "refused": [name for g in groups for name in g.refused],
            "due": sum(g.due for g in groups),
            "answered": sum(g.answered for g in groups),
            "failed": dict(failed),
            "skipped": sum(g.skipped for g in groups),
            "rows": sum(g.rows for g in groups),
            "groups": {name: polls.as_dict() for name, polls in self.groups.items()},
        }


def state(lag_s: float | None, period_s: float) -> Literal["ok", "late", "silent", "never"]:
    """How a meter stands by the age of its newest answer: late after 3 periods, silent after 10 (at least 10 s)."""
    if lag_s is None:
        return "never"
    if lag_s <= max(3 * period_s, 3.0):
        return "ok"
    return "late" if lag_s <= max(10 * period_s, 10.0) else "silent"


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
    _tried: bool = False
    _was_up: bool = False

    def add(self, meter: str, profile: str, periods: dict[str, float]) -> MeterHealth:
        """Take a meter in, with the period in event seconds of each of its groups."""
        found = MeterHealth(
            meter, profile, self.logger, {name: Polls(s) for name, s in periods.items()}
        )
        self.meters[meter] = found
        return found

    def up(self) -> None:
        """The connection stands."""
        if self.state == "up":
            return
        self.state = "up"
        self.reconnects += self._was_up
        if self._tried:
            self.logger.info("%s (%s) is connected again", self.id, self.endpoint)
        self._was_up = True
        self._tried = False

    def down(self, error: str) -> None:
        """The connection was lost or cannot be made; the first time in a row is logged."""
        self.state = "down"
        self.last_error = error
        if not self._tried:
            self._tried = True
            self.logger.warning("%s (%s) is down: %s", self.id, self.endpoint, error)

    def as_dict(self, now_ns: int) -> dict[str, Any]:
        """What `driver.health()` returns."""
        link = {
            "id": self.id,
            "protocol": self.protocol,
            "endpoint": self.endpoint,
            "state": self.state,
            "reconnects": self.reconnects,
            "last_error": self.last_error,
            "counts": dict(self.counts),
        }
        return {
            "connection": link,
            "meters": {key: meter.as_dict(now_ns) for key, meter in self.meters.items()},
        }
