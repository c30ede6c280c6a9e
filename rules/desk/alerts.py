"""The alerts of a running plant: desk, history and what people do about them. One lock, and one
transaction for all that belongs together.

`route` turns tellings into messages in the outbox, inside the transaction that notes them as told.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from plant.errors import NotThere, QueryError
from plant.hints import suggestion
from plant.site import Site
from plant.units import MINUTE_NS
from rules.alert import Alert, AlertState, HistoryRow, Severity, Telling
from rules.desk import cause, telling
from rules.desk.cause import Hangs
from rules.desk.desk import Desk, Open, Quiet, Taken, forget_quiets, lift
from rules.language.config import Rule
from store.alert_book import AlertBook

Route = Callable[[Sequence[Telling], int], Mapping[str, str]]
"""Puts tellings into the outbox; who hears of them, by the key of the telling."""
SHELVED_MOST_MIN = {
    Severity.INFO: 7 * 24 * 60,
    Severity.WARNING: 24 * 60,
    Severity.CRITICAL: 4 * 60,
}


class Alerts:
    """`rules` by id. All times are event time in ns."""

    def __init__(
        self,
        book: AlertBook,
        site: Site,
        rules: Mapping[str, Rule],
        route: Route | None = None,
    ) -> None:
        self.book = book
        self.rules = rules
        self.hangs = Hangs.of(site)
        self.route: Route = route or (lambda tellings, now: {})
        self.reload()

    def reload(self) -> None:
        """The desk as it was saved."""
        self.desk = Desk()
        self.saved = b""
        part = self.book.part("desk")
        if part is not None:
            _, self.saved = part
            self.desk = msgspec.json.decode(self.saved, type=Desk)

    def note(self, rows: Sequence[HistoryRow], changed: Sequence[Alert]) -> None:
        """History of a round; inside a transaction of the caller."""
        self.book.add_changes(rows)
        self.book.put_alerts([_row(alert) for alert in changed])
        for alert in changed:
            at_ns = alert.resolved_ns or alert.fired_ns
            found_late = "found late" if alert.late else ""
            self._did_itself(
                at_ns,
                _ACTIONS[alert.state],
                alert.id,
                found_late,
            )

    def turn(self, now_ns: int) -> None:
        """Causes, quiets that end, and what is to be told; inside a transaction of the caller."""
        changed = cause.find(
            self.desk,
            self.rules,
            self.hangs,
            now_ns,
        )
        self.note([], changed)
        for quiet in forget_quiets(self.desk, now_ns):
            what = f"{quiet.rule} {quiet.subject}".strip()
            self._did_itself(
                now_ns,
                f"{quiet.kind} ended",
                quiet.alert,
                what,
            )

        tellings = telling.tell(self.desk, self.rules, now_ns)
        heard = self.route(tellings, now_ns)
        for told in tellings:
            who = heard.get(told.key)
            for alert in told.alerts if who else ():
                self._did_itself(
                    now_ns,
                    told.occasion.value,
                    alert.id,
                    heard[told.key],
                )

        self.save(now_ns)

    def _did_itself(
        self,
        at_ns: int,
        action: str,
        alert: str,
        detail: str,
    ) -> None:
        """What Wattline did, for the trail of an alert."""
        self.book.add_audit([(at_ns, "wattline", action, alert, detail)])

    def save(self, now_ns: int) -> None:
        body = msgspec.json.encode(self.desk)
        if body != self.saved:
            self.book.set_part("desk", now_ns, body)
            self.saved = body

    def acknowledge(
        self,
        alert: str,
        name: str,
        note: str,
        now_ns: int,
    ) -> None:
        """Somebody has it: no repeats, no escalation."""
        with self.book.together():
            there = self._open(alert)
            there.taken = Taken(_name(name), now_ns, note)
            self.book.take(alert, there.taken.by)
            self._did(
                now_ns,
                name,
                "acknowledged",
                alert,
                note,
            )

    def shelve(
        self,
        alert: str,
        name: str,
        reason: str,
        minutes: float,
        now_ns: int,
    ) -> Quiet:
        """Put one alert aside for a while; at most as long as its severity allows."""
        with self.book.together():
            there = self._open(alert)
            most = SHELVED_MOST_MIN[there.alert.severity]
            if not 0 < minutes <= most:
                raise QueryError(
                    f"an alert of severity {there.alert.severity} can be shelved "
                    f"for up to {most / 60:g} h, not {minutes:g} min"
                )

            quiet = self._quiet(
                "shelve",
                name,
                reason,
                now_ns,
                now_ns + round(minutes * MINUTE_NS),
                alert=alert,
            )
            self._did(
                now_ns,
                name,
                "shelved",
                alert,
                reason,
            )
            return quiet

    def silence(
        self,
        name: str,
        reason: str,
        from_ns: int,
        until_ns: int,
        rule: str,
        subject: str,
        now_ns: int,
    ) -> Quiet:
        """Keep a rule, a subject or one on the other quiet until a
        time; planned ahead it is a maintenance window.
        """
        with self.book.together():
            if not rule and not subject:
                raise QueryError("a silence needs a rule or a subject; it cannot be for everything")

            if rule and rule not in self.rules:
                raise QueryError(f"there is no rule '{rule}'")

            if subject and subject not in self.hangs.known:
                raise QueryError(
                    f"there is no line, group, bus, meter or connection '{subject}'"
                    f"{suggestion(subject, sorted(self.hangs.known))}"
                )

            severity = (
                self.rules[rule].severity if rule else Severity.CRITICAL
            )  # it may cover anything
            most = SHELVED_MOST_MIN[severity]
            if (
                not from_ns < until_ns
                or until_ns <= now_ns
                or until_ns - max(from_ns, now_ns) > most * MINUTE_NS
            ):
                raise QueryError(
                    f"a silence of severity {severity} ends within {most / 60:g} h of its begin, "
                    "in the future"
                )

            kind = "maintenance" if from_ns > now_ns else "silence"
            quiet = self._quiet(
                kind,
                name,
                reason,
                from_ns,
                until_ns,
                rule=rule,
                subject=subject,
            )
            self._did(
                now_ns,
                name,
                f"{kind} set",
                "",
                f"{rule} {subject}: {reason}".strip(),
            )
            return quiet

    def lift(
        self,
        quiet: str,
        name: str,
        now_ns: int,
    ) -> None:
        """End a silence or a shelving before its time."""
        _name(name)
        with self.book.together():
            found = next((each for each in self.desk.quiets if each.id == quiet), None)
            if found is None:
                raise NotThere(f"there is no silence '{quiet}'")

            lift(
                self.desk,
                msgspec.structs.replace(found, until_ns=now_ns),
            )
            self._did(
                now_ns,
                name,
                f"{found.kind} lifted",
                found.alert,
                found.reason,
            )

    def _quiet(
        self, kind: str, name: str, reason: str, from_ns: int, until_ns: int, **what: str
    ) -> Quiet:
        if not reason.strip():
            raise QueryError("say why: reason must not be empty")

        quiet = Quiet(
            id=uuid.uuid4().hex[:12],
            kind=kind,
            by=_name(name),
            reason=reason,
            from_ns=from_ns,
            until_ns=until_ns,
            **what,
        )
        self.desk.quiets.append(quiet)
        return quiet

    def _did(
        self,
        now_ns: int,
        name: str,
        action: str,
        alert: str,
        detail: str,
    ) -> None:
        self.book.add_audit([(now_ns, _name(name), action, alert, detail)])
        self.save(now_ns)

    def _open(self, alert: str) -> Open:
        there = self.desk.by_id(alert)
        if there is None:
            raise NotThere(f"there is no open alert '{alert}'")

        return there


_ACTIONS = {
    AlertState.FIRING: "fired",
    AlertState.NO_DATA: "no data",
    AlertState.RESOLVED: "resolved",
    AlertState.PENDING: "pending",
    AlertState.INACTIVE: "inactive",
}


def _row(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.id,
        alert.rule,
        alert.subject,
        alert.fired_ns,
        alert.resolved_ns,
        msgspec.json.encode(alert),
    )


def _name(name: str) -> str:
    if not name.strip():
        raise QueryError("say who: name must not be empty")

    return name.strip()
