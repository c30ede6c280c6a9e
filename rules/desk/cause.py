"""What lies behind alerts: meters of a connection that is gone are one alert that names it, and
what hangs on a silent meter is not told beside it.

When the cause is over, what still fires stands for itself again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from plant.languages import names
from plant.site import Site
from rules.alert import Alert, AlertState, Severity
from rules.desk.desk import Desk, Open, alert_id, close, key_of
from rules.language.config import Rule
from rules.words import WORDS

LEAST: Final = 2
MOST_SHARE: Final = 0.5
"""A connection is the cause when two of its meters and half of them
have the alert; it is over when a quarter or one is left.
"""
LEFT_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Hangs:
    """What hangs on what: meters by connection, and meters of lines and buses."""

    connection: Mapping[str, str]
    behind: Mapping[str, tuple[str, ...]]
    meters: Mapping[tuple[str, str], frozenset[str]]

    @property
    def known(self) -> frozenset[str]:
        """Everything that an alert can be about."""
        return frozenset(
            {
                *self.connection,
                *self.behind,
                "site",
                *(subject for _, subject in self.meters),
            }
        )

    @classmethod
    def of(cls, site: Site) -> Hangs:
        """As the plant file says it."""
        connections = {}
        behind: dict[str, tuple[str, ...]] = {}
        for meter in site.meters:
            connections[meter.id] = meter.connection
            others = behind.get(meter.connection, ())
            behind[meter.connection] = (*others, meter.id)

        return cls(
            connection=connections,
            behind=behind,
            meters=_meters_of_lines(site) | _meters_of_buses(site),
        )


def _meters_of_lines(site: Site) -> dict[tuple[str, str], frozenset[str]]:
    """Meters of each line, and of all lines of each group."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for group in site.groups:
        found["group", group.id] = frozenset()

    for line in site.lines:
        own: set[str] = set()
        for draw in line.draws:
            own.update(site.meters[meter].id for meter in draw.meters)

        found["line", line.id] = frozenset(own)
        group_key = ("group", line.group)
        if group_key in found:
            found[group_key] |= own

    return found


def _meters_of_buses(site: Site) -> dict[tuple[str, str], frozenset[str]]:
    """Meters that feed each bus."""
    found = {}
    for index, bus in enumerate(site.buses):
        feeding = set()
        for source in site.sources:
            if source.bus == index:
                feeding.add(site.meters[source.meter].id)

        found["bus", bus.id] = frozenset(feeding)

    return found


def find(
    desk: Desk,
    rules: Mapping[str, Rule],
    hangs: Hangs,
    at_ns: int,
) -> list[Alert]:
    """Open and close the alerts of connections, and mark what is
    told by another; the alerts that opened or closed.
    """
    changed: list[Alert] = []
    gathering = [rule for rule in rules.values() if rule.gather]
    possible = {
        key_of(rule.id, f"@{connection}") for rule in gathering for connection in hangs.behind
    }
    # Its rule or its connection is no more.
    gone = [
        key
        for key, there in desk.open.items()
        if there.alert.per == "connection" and key not in possible
    ]
    for key in gone:
        changed.append(close(desk, key, at_ns))

    for rule in gathering:
        changed += _gather(
            desk,
            rule,
            hangs,
            at_ns,
        )

    _depend(
        desk,
        rules,
        hangs,
        at_ns,
    )
    return changed


def _gather(
    desk: Desk,
    rule: Rule,
    hangs: Hangs,
    at_ns: int,
) -> list[Alert]:
    by_connection: dict[str, list[Open]] = {}
    for there in desk.open.values():
        if there.alert.rule == rule.id and there.alert.per == "meter":
            by_connection.setdefault(
                hangs.connection.get(there.alert.subject, ""),
                [],
            ).append(there)

    changed = []
    for connection, meters in hangs.behind.items():
        found = by_connection.get(connection, [])
        key = key_of(rule.id, f"@{connection}")
        parent = desk.open.get(key)
        if parent is None and len(found) >= max(LEAST, MOST_SHARE * len(meters)):
            parent = desk.open[key] = _connection(
                rule,
                connection,
                found,
                len(meters),
                at_ns,
            )
            changed.append(parent.alert)
        elif parent is not None and len(found) < max(LEAST, LEFT_SHARE * len(meters)):
            changed.append(close(desk, key, at_ns))
            parent = None

        if parent is not None and len(parent.alert.members) != len(found):
            parent.alert = _with_members(
                parent.alert,
                found,
                connection,
                len(meters),
            )

        _under(found, parent, at_ns)

    return changed


def _under(
    found: list[Open],
    parent: Open | None,
    at_ns: int,
) -> None:
    """Children of a cause are told by it; without it they
    stand for themselves, as new as this moment.
    """
    for there in found:
        if parent is None and there.cause:
            there.due_ns = at_ns

        there.cause = "" if parent is None else parent.alert.id


def _connection(
    rule: Rule,
    connection: str,
    found: list[Open],
    count: int,
    at_ns: int,
) -> Open:
    since = min(there.alert.since_ns for there in found)
    severity = Severity.CRITICAL if rule.severity is Severity.CRITICAL else Severity.WARNING
    alert = Alert(
        id=alert_id(rule.id, f"@{connection}", at_ns),
        rule=rule.id,
        title=names(rule.title, rule.id),
        per="connection",
        subject=connection,
        subject_name=names("", connection),
        severity=severity,
        state=AlertState.FIRING,
        since_ns=since,
        fired_ns=at_ns,
        group=f"{rule.id}@{connection}",
        do=names(rule.do, " ") if rule.do else {},
        tell=tuple(rule.tell),
    )
    return Open(
        alert=_with_members(
            alert,
            found,
            connection,
            count,
        ),
        clock="cause",
        due_ns=at_ns,
    )


def _with_members(
    alert: Alert,
    found: list[Open],
    connection: str,
    count: int,
) -> Alert:
    say = {
        language: known.meters_silent.format(
            n=len(found),
            all=count,
            connection=connection,
        )
        for language, known in WORDS.items()
    }
    members = tuple(sorted(there.alert.subject for there in found))
    return msgspec.structs.replace(
        alert,
        members=members,
        say=say,
        value=float(len(found)),
        limit=None,
        unit="1",
    )


def _depend(
    desk: Desk,
    rules: Mapping[str, Rule],
    hangs: Hangs,
    at_ns: int,
) -> None:
    """Lines, groups and buses whose meters are silent: their alerts are told by the silence."""
    silent = {
        there.alert.subject: there.cause or there.alert.id
        for there in desk.open.values()
        if there.alert.per == "meter"
        and (rule := rules.get(there.alert.rule)) is not None
        and rule.gather
    }
    for there in desk.open.values():
        meters = hangs.meters.get((there.alert.per, there.alert.subject))
        if meters is None:
            continue

        cause = next((silent[meter] for meter in sorted(meters) if meter in silent), "")
        if there.cause and not cause:
            there.due_ns = at_ns

        there.cause = cause
