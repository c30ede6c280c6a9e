"""What the API says of alerts: made from the desk, the alert book, the rules and the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from api.answers import alerts as answers
from api.answers.base import Names
from api.ports import AlertDesk, Figures, Operations
from api.rule_views import milliseconds, rule_words
from engine.figures.figures import find
from plant.errors import NotThere
from plant.languages import names
from plant.site import Site
from plant.units import HOUR_NS, MINUTE_NS
from rules.alert import Alert, AlertState, Severity
from rules.desk.desk import Open, Quiet
from rules.variables.subjects import names as subject_names

CHATTERS: Final = 5
"""Times in an hour from which an alert comes and goes rather than says something."""
CHART_BEFORE_NS: Final = 2 * HOUR_NS
CHART_MOST_NS: Final = 48 * HOUR_NS
CHART_POINTS: Final = 1000
NEIGHBOUR_NS: Final = 15 * MINUTE_NS
NEIGHBOURS_MOST: Final = 20
MINUTE_S: Final = 60
RANK: Final = {
    Severity.CRITICAL: 0,
    Severity.WARNING: 1,
    Severity.INFO: 2,
}


@dataclass(slots=True)
class AlertViews:
    """All answers about alerts of one site. Reads the desk under the lock of the alert book."""

    site: Site
    alerts: AlertDesk
    figures: Figures
    operations: Operations
    meters: dict[str, Names] = field(default_factory=dict)

    def listed(self, span: tuple[int, int], *, past: bool) -> answers.Alerts:
        """Open alerts, the most urgent and oldest first; with `past` those that fired in the span
        (ns) and are over."""
        now_ns = self.operations.now_ns()

        with self.alerts.book.lock:
            shown = [self._open(there, now_ns) for there in self.alerts.desk.open.values()]

        busy = self.alerts.book.chattering(now_ns - HOUR_NS, CHATTERS)
        chattering = [alert for alert in shown if (alert.rule, alert.subject) in busy]
        steady = [alert for alert in shown if (alert.rule, alert.subject) not in busy]
        steady.sort(key=lambda alert: (RANK[alert.severity], alert.fired_ms))
        return answers.Alerts(
            at_ms=milliseconds(now_ns),
            open=steady,
            chattering=chattering,
            past=self._over(span) if past else [],
        )

    def _over(self, span: tuple[int, int]) -> list[answers.Alert]:
        """Alerts that fired in a span and are over."""
        found = [self._closed(alert_of(body), by) for body, by in self.alerts.book.alerts(*span)]
        return [alert for alert in found if alert.resolved_ms is not None]

    def one(self, alert_id: str) -> answers.OneAlert:
        """One alert whole; NotThere if there is none."""
        now_ns = self.operations.now_ns()

        with self.alerts.book.lock:
            alert, shown = self._found(alert_id, now_ns)

        rule = self.alerts.rules.get(alert.rule)
        trail = self.alerts.book.trail(alert_id)
        return answers.OneAlert(
            alert=shown,
            rule=None if rule is None else rule_words(rule),
            chart=self._chart(alert, now_ns),
            neighbours=self._neighbours(alert),
            trail=[step(row) for row in trail],
        )

    def _found(self, alert_id: str, now_ns: int) -> tuple[Alert, answers.Alert]:
        """An alert and how it is shown, from the desk while it is open, else from the book."""
        there = self.alerts.desk.by_id(alert_id)

        if there is not None:
            return there.alert, self._open(there, now_ns)

        past = self.alerts.book.alert(alert_id)

        if past is None:
            raise NotThere(
                f"there is no alert '{alert_id}'; "
                "/api/v1/alerts?state=all lists those of the last days"
            )

        body, by = past
        alert = alert_of(body)
        return alert, self._closed(alert, by)

    def changes(
        self,
        span: tuple[int, int],
        rule: str,
        subject: str,
    ) -> answers.Changes:
        """Changes of a span (ns), of one rule or subject where that is given."""
        rows = self.alerts.book.changes(*span, rule, subject)
        return answers.Changes(changes=[change(row) for row in rows])

    def quiets(self) -> list[answers.Quiet]:
        """What is kept quiet, what ends first on top."""
        with self.alerts.book.lock:
            found = sorted(self.alerts.desk.quiets, key=lambda kept: kept.until_ns)

        return [quiet(kept) for kept in found]

    def _open(self, there: Open, now_ns: int) -> answers.Alert:
        """An open alert: who has it, what keeps it quiet, and what it is told under."""
        kept = self.alerts.desk.quiet(there.alert, now_ns)
        taken = None

        if there.taken is not None:
            taken = answers.Acknowledged(
                by=there.taken.by,
                at_ms=milliseconds(there.taken.at_ns),
                note=there.taken.note,
            )

        shown = self._alert(there.alert)
        shown.acknowledged = taken
        shown.quiet = None if kept is None else quiet(kept)
        shown.cause = there.cause or None
        return shown

    def _closed(self, alert: Alert, by: str | None) -> answers.Alert:
        """An alert of the book; of who took it only the name is kept."""
        shown = self._alert(alert)

        if by:
            shown.acknowledged = answers.Acknowledged(
                by=by,
                at_ms=None,
                note="",
            )

        return shown

    def _alert(self, alert: Alert) -> answers.Alert:
        """What an alert says of itself."""
        over_ms = None if alert.resolved_ns is None else milliseconds(alert.resolved_ns)
        return answers.Alert(
            id=alert.id,
            rule=alert.rule,
            title=alert.title,
            per=alert.per,
            subject=alert.subject,
            subject_name=alert.subject_name,
            severity=alert.severity,
            state=alert.state,
            since_ms=milliseconds(alert.since_ns),
            fired_ms=milliseconds(alert.fired_ns),
            resolved_ms=over_ms,
            value=alert.value,
            limit=alert.limit,
            unit=alert.unit,
            late=alert.late,
            members=[self._member(meter) for meter in alert.members],
            say=alert.say,
            do=alert.do,
            acknowledged=None,
            quiet=None,
            cause=None,
        )

    def _member(self, meter: str) -> answers.Member:
        """A meter that an alert stands for."""
        if not self.meters:
            self.meters = subject_names(self.site, "meter")

        return answers.Member(
            subject=meter,
            subject_name=self.meters.get(meter, names("", meter)),
        )

    def _neighbours(self, alert: Alert) -> list[answers.Alert]:
        """What else fired around the same time."""
        near = self.alerts.book.alerts(
            alert.fired_ns - NEIGHBOUR_NS,
            alert.fired_ns + NEIGHBOUR_NS,
            NEIGHBOURS_MOST,
        )
        found = [self._closed(alert_of(body), by) for body, by in near]
        return [other for other in found if other.id != alert.id]

    def _chart(self, alert: Alert, now_ns: int) -> answers.Watched | None:
        """The watched figure around the alert, where it is one that is stored by line, group, bus
        or site."""
        rule = self.alerts.rules.get(alert.rule)

        if rule is None or alert.per in ("meter", "connection"):
            return None

        figure = find(rule.on.figure)

        if figure is None or not figure.summed:
            return None

        over_ns = alert.resolved_ns or now_ns
        end = min(now_ns, over_ns + CHART_BEFORE_NS)
        start = max(alert.since_ns - CHART_BEFORE_NS, end - CHART_MOST_NS)

        # Whole minutes, long enough for at most so many points.
        minutes = round((end - start) / 1e9 / CHART_POINTS / MINUTE_S)
        every = max(self.site.window_s, minutes * MINUTE_S)
        curve = self.figures.series(alert.subject, [figure.name], start, end, every)
        start_ms = [int(moment) for moment in curve.columns["start_ms"] if moment is not None]
        return answers.Watched(
            figure=figure.name,
            unit=figure.unit,
            start_ms=start_ms,
            value=list(curve.columns[figure.name]),
            limit=[alert.limit] * len(start_ms),
            firing=[(milliseconds(alert.fired_ns), milliseconds(over_ns))],
        )


def change(row: object) -> answers.Change:
    """A row of the alert book as a change."""
    found = msgspec.convert(row, ChangeRow)
    return answers.Change(
        at_ms=milliseconds(found.at_ns),
        clock=found.clock,
        rule=found.rule,
        subject=found.subject,
        state=found.state,
        value=found.value,
        limit=found.limit,
        unit=found.unit,
        late=bool(found.late),
        withdrawn=bool(found.withdrawn),
    )


class ChangeRow(msgspec.Struct):
    """A change as the alert book has it; SQLite knows no truth, only 0 and 1."""

    at_ns: int
    clock: str
    rule: str
    subject: str
    state: AlertState
    value: float | None
    limit: float | None = msgspec.field(name="limit_")
    unit: str
    late: int
    withdrawn: int


def step(row: object) -> answers.Trail:
    """A row of the audit trail."""
    found = msgspec.convert(row, TrailRow)
    return answers.Trail(
        at_ms=milliseconds(found.at_ns),
        actor=found.actor,
        action=found.action,
        detail=found.detail,
    )


class TrailRow(msgspec.Struct):
    """What somebody did, as the alert book has it."""

    at_ns: int
    actor: str
    action: str
    detail: str


def quiet(kept: Quiet) -> answers.Quiet:
    """A silence, a maintenance window or a shelving."""
    return answers.Quiet(
        id=kept.id,
        kind=kept.kind,
        by=kept.by,
        reason=kept.reason,
        from_ms=milliseconds(kept.from_ns),
        until_ms=milliseconds(kept.until_ns),
        rule=kept.rule or None,
        subject=kept.subject or None,
        alert=kept.alert or None,
    )


def alert_of(body: bytes) -> Alert:
    """An alert as the alert book keeps it."""
    return msgspec.json.decode(body, type=Alert)
