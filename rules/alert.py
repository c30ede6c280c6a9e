"""What an alert is: the words that machine, desk, notifiers, API and page share."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec


class AlertState(StrEnum):
    """States of one rule on one subject."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    NO_DATA = "no_data"


class Severity(StrEnum):
    """How soon somebody should look: at the next round, in this shift, at once."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of a rule on a subject. Times are event time, ns UTC.

    `id` stays the same from firing to resolved: rule, subject and when it began. `group` is what is
    told in one message. `members` are the alerts that this one stands for (meters behind a
    gateway). `say` and `do` are texts by language, `say` filled in. `value` and `limit` in `unit`;
    None: unknown.
    """

    id: str
    rule: str
    title: dict[str, str]
    per: str
    subject: str
    subject_name: dict[str, str]
    severity: Severity
    state: AlertState
    since_ns: int
    fired_ns: int
    resolved_ns: int | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    late: bool = False
    group: str = ""
    members: tuple[str, ...] = ()
    say: dict[str, str] = {}
    do: dict[str, str] = {}
    tell: tuple[str, ...] = ()


class Occasion(StrEnum):
    """Why people are told."""

    FIRED = "fired"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    SUMMARY = "summary"
    DIGEST = "digest"
    TEST = "test"
    WEEKLY = "weekly"


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell: what the desk hands to the router.

    `key` is the same when the same thing is told again after a crash. `to`: names of people, rotas
    or channels; empty: as the severity says. `step` counts escalations.
    """

    key: str
    occasion: Occasion
    severity: Severity
    alerts: tuple[Alert, ...]
    at_ns: int
    to: tuple[str, ...] = ()
    step: int = 0
    note: str = ""


class HistoryRow(NamedTuple):
    """A change of the state of a rule on a subject as history keeps it.

    `late`: found out afterwards; `withdrawn`: it had been noted, and was not so.
    """

    clock: str
    at_ns: int
    rule: str
    subject: str
    state: str
    value: float | None
    limit: float | None
    unit: str
    late: bool
    withdrawn: bool
