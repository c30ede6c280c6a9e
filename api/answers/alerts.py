"""Alerts, rules, back-tests, and how people are told."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from api.answers.base import Answer, Names
from rules.alert import AlertState, Severity


class Member(Answer):
    """One of those that an alert stands for."""

    subject: str
    subject_name: Names


class Acknowledged(Answer):
    """Who has it; when and with which note, as long as the alert is open."""

    by: str
    at_ms: int | None
    note: str


class Quiet(Answer):
    """A silence, a maintenance window or a shelved alert (`kind`)."""

    id: str
    kind: str
    by: str
    reason: str
    from_ms: int
    until_ms: int
    rule: str | None
    subject: str | None
    alert: str | None


class Alert(Answer):
    """One occurrence of a rule on a subject.

    `cause` is the id of the alert that it is told under.
    """

    id: str
    rule: str
    title: Names
    per: str
    subject: str
    subject_name: Names
    severity: Severity
    state: AlertState
    since_ms: int
    fired_ms: int
    resolved_ms: int | None
    value: float | None
    limit: float | None
    unit: str
    late: bool
    members: list[Member]
    say: Names
    do: Names
    acknowledged: Acknowledged | None
    quiet: Quiet | None
    cause: str | None


class Alerts(Answer):
    """Open alerts; those that come and go apart; and those of a span that are over."""

    at_ms: int
    open: list[Alert]
    chattering: list[Alert]
    past: list[Alert]


class Rule(Answer):
    """A rule in force; `open` is how many alerts of it are open, in the list of rules."""

    id: str
    title: Names
    why: Names
    do: Names
    per: str
    figure: str
    clock: str
    severity: Severity
    when: str
    until: str | None
    for_s: float
    keep_firing_for_s: float
    on_gap: str
    page: str | None
    open: int | UnsetType = UNSET


class Watched(Answer):
    """The watched figure around an alert, with the threshold and the spans in which it fired."""

    figure: str
    unit: str
    start_ms: list[int]
    value: list[float | None]
    limit: list[float | None]
    firing: list[tuple[int, int]]


class Trail(Answer):
    """Who did what, and when."""

    at_ms: int
    actor: str
    action: str
    detail: str


class OneAlert(Answer):
    """An alert with its rule, its curve, what fired around the same time, and who did what."""

    alert: Alert
    rule: Rule | None
    chart: Watched | None
    neighbours: list[Alert]
    trail: list[Trail]


class Change(Answer):
    """One change of one rule on one subject."""

    at_ms: int
    clock: str
    rule: str
    subject: str
    state: AlertState
    value: float | None
    limit: float | None
    unit: str
    late: bool
    withdrawn: bool


class Changes(Answer):
    """Changes of rules, those that became known last first."""

    changes: list[Change]


class NoisyCounts(Answer):
    """How often a rule fired, and how often somebody did something about it."""

    rule: str
    fired: int
    acknowledged: int
    no_action: int
    minutes_firing: float


class Noisy(NoisyCounts):
    """The same, with the title of the rule."""

    title: Names


class Noisiest(Answer):
    """Which rules fired most, against the goal."""

    goal_per_hour: float
    per_hour: float
    rules: list[Noisy]


class Firing(Answer):
    """A span in which a rule would have fired; `to_ms` is None where it still does."""

    subject: str
    from_ms: int
    to_ms: int | None
    value: float | None
    limit: float | None


class OtherLevel(Answer):
    """How the rule would have done with its threshold times `factor`."""

    factor: float
    fired: int
    per_week: float
    seconds: float


class TrialChart(Watched):
    """The curve of the subject that fired most."""

    subject: str


class Backtest(Answer):
    """When a rule would have fired over stored books, as `known` then or now."""

    rule: str
    known: str
    from_ms: int
    to_ms: int
    unit: str
    when: str
    fired: int
    per_week: float
    seconds: float
    spans: list[Firing]
    others: list[OtherLevel]
    chart: TrialChart


class Channel(Answer):
    """A way to tell people, and since when it takes nothing."""

    id: str
    kind: str
    ok: bool
    since_ms: int | None
    error: str
    sent: int
    failures: int


class Notify(Answer):
    """How people can be told: messages of the outbox by state, channels, and what fails and why,
    and how many heartbeats were sent."""

    outbox: dict[str, int]
    channels: list[Channel]
    failing: dict[str, str] | UnsetType = UNSET
    heartbeats: int | UnsetType = UNSET


class TestSent(Answer):
    """What came of a test message."""

    sent: bool
    detail: str
