"""The desk: what becomes of alerts. Which are open, which stand for others, which are quiet, who
has taken one, and what is to be told now.

Pure: the state is a value (`Desk`), time comes as an argument, nothing is sent here.
`rules.desk.cause` finds what lies behind alerts, `rules.desk.telling` decides what is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from rules.alert import Alert, AlertState


class Taken(msgspec.Struct, frozen=True):
    """Somebody has acknowledged."""

    by: str
    at_ns: int
    note: str = ""


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """A silence (rule, subject or both), a maintenance window (the same, planned) or a shelved
    alert. Ends by itself and says why.
    """

    id: str
    kind: str
    by: str
    reason: str
    from_ns: int
    until_ns: int
    rule: str = ""
    subject: str = ""
    alert: str = ""

    def covers(self, alert: Alert, at_ns: int) -> bool:
        """Whether it keeps this alert quiet at `at_ns`."""
        if not self.from_ns <= at_ns < self.until_ns:
            return False

        if self.alert:
            return self.alert == alert.id

        return self.rule in ("", alert.rule) and self.subject in ("", alert.subject)


class Open(msgspec.Struct, kw_only=True):
    """An alert that is not over.

    `told_ns`: 0 not yet, -1 left to the summary. `due_ns`: from when on
    it counts as new (its own time, or the end of a quiet).
    """

    alert: Alert
    clock: str
    due_ns: int
    told_ns: int = 0
    last_ns: int = 0
    steps: int = 0
    cause: str = ""
    taken: Taken | None = None


class Desk(msgspec.Struct, kw_only=True):
    """Open alerts by rule and subject, when groups were told last; what is over: told of, or before
    anybody was told; and what waits for a summary.
    """

    open: dict[str, Open] = {}
    groups: dict[str, int] = {}
    over: list[Alert] = []
    missed: list[Alert] = []
    summary: list[Alert] = []
    quiets: list[Quiet] = []

    def by_id(self, alert: str) -> Open | None:
        return next((there for there in self.open.values() if there.alert.id == alert), None)

    def quiet(self, alert: Alert, at_ns: int) -> Quiet | None:
        """What keeps an alert quiet for the longest, if anything does."""
        found = [each for each in self.quiets if each.covers(alert, at_ns)]
        return max(
            found,
            key=lambda each: each.until_ns,
            default=None,
        )


def key_of(rule: str, subject: str) -> str:
    return f"{rule}|{subject}"


def alert_id(
    rule: str,
    subject: str,
    fired_ns: int,
) -> str:
    """Stays the same when the same journal is read again."""
    return hashlib.blake2b(
        f"{rule}|{subject}|{fired_ns}".encode(),
        digest_size=8,
    ).hexdigest()


def reconcile(
    desk: Desk,
    clock: str,
    at_ns: int,
    firing: Mapping[str, Alert],
) -> list[Alert]:
    """Make the desk agree with what fires now on one clock (`firing` by
    key); the alerts that opened, changed or closed.
    """
    changed: list[Alert] = []
    for key, alert in firing.items():
        there = desk.open.get(key)
        if there is None:
            desk.open[key] = Open(
                alert=alert,
                clock=clock,
                due_ns=alert.fired_ns,
            )
            changed.append(alert)
        elif there.alert.state is not alert.state:
            there.alert = msgspec.structs.replace(there.alert, state=alert.state)
            changed.append(there.alert)

    gone = [
        key
        for key, there in desk.open.items()
        if there.clock == clock and key not in firing and there.alert.per != "connection"
    ]
    return changed + [close(desk, key, at_ns) for key in gone]


def close(
    desk: Desk,
    key: str,
    at_ns: int,
) -> Alert:
    """An alert is over; told as such if people had been told of it."""
    there = desk.open.pop(key)
    alert = msgspec.structs.replace(
        there.alert,
        state=AlertState.RESOLVED,
        resolved_ns=at_ns,
    )
    if there.told_ns > 0:
        desk.over.append(alert)
    elif there.told_ns == 0 and not there.cause:
        desk.missed.append(alert)

    return alert


def forget_quiets(desk: Desk, at_ns: int) -> list[Quiet]:
    """Quiets that are over; what they covered counts as new from now on."""
    over = [each for each in desk.quiets if each.until_ns <= at_ns]
    desk.quiets = [each for each in desk.quiets if each.until_ns > at_ns]
    for quiet in over:
        _new_again(desk, quiet)

    return over


def lift(desk: Desk, quiet: Quiet) -> None:
    """End a quiet before its time."""
    desk.quiets = [each for each in desk.quiets if each.id != quiet.id]
    _new_again(desk, quiet)


def _new_again(desk: Desk, quiet: Quiet) -> None:
    """What a quiet kept from being told is due when it ends."""
    for there in desk.open.values():
        was_covered = quiet.covers(there.alert, quiet.until_ns - 1)
        if was_covered and there.told_ns == 0:
            there.due_ns = max(there.due_ns, quiet.until_ns)


def open_alerts(desk: Desk) -> Iterable[Alert]:
    """All open alerts that stand for themselves."""
    return [there.alert for there in desk.open.values() if not there.cause]
