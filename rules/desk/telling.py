"""What is to be told now: new alerts by groups, those that last, those that nobody took, those that
are over, and one summary of what is past.

People are told of what is true now and young; what was found late, or is older than
`notify_within`, is history and one line in a summary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from plant.units import SECOND_NS
from rules.alert import Alert, Occasion, Severity, Telling
from rules.desk.desk import Desk, Open
from rules.language.config import Rule

GATHER_NS: Final = 75 * SECOND_NS
"""Meters that fall silent within a minute are one message."""
AGAIN_NS: Final = 300 * SECOND_NS
"""A group that has just been told waits so long before it
is told of more, unless it is critical.
"""
SUMMARY_NS: Final = 60 * SECOND_NS
_RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def tell(
    desk: Desk,
    rules: Mapping[str, Rule],
    now_ns: int,
) -> list[Telling]:
    """All that is to be told at event time `now_ns`; the desk notes that it was."""
    _missed(desk, rules, now_ns)
    found = [
        *_new(desk, rules, now_ns),
        *_lasting(desk, rules, now_ns),
        *_over(desk, now_ns),
        *_summary(desk, now_ns),
    ]
    desk.groups = {group: at for group, at in desk.groups.items() if now_ns - at < AGAIN_NS}
    return found


def _missed(
    desk: Desk,
    rules: Mapping[str, Rule],
    now_ns: int,
) -> None:
    """What was over before anybody was told goes into the summary; but not a meter that was back
    while others were waited for, nor what is kept quiet.
    """
    for alert in desk.missed:
        rule = rules.get(alert.rule)
        if not (rule is not None and rule.gather) and not desk.quiet(alert, now_ns):
            desk.summary.append(alert)

    desk.missed = []


def _new(
    desk: Desk,
    rules: Mapping[str, Rule],
    now_ns: int,
) -> list[Telling]:
    groups: dict[str, list[Open]] = {}
    for there in desk.open.values():
        if there.told_ns or there.cause or desk.quiet(there.alert, now_ns):
            continue

        if now_ns - there.due_ns > _within(rules, there.alert):
            there.told_ns = -1
            desk.summary.append(there.alert)
            continue

        groups.setdefault(there.alert.group, []).append(there)

    return [
        telling
        for name, found in groups.items()
        for telling in _group(
            desk,
            rules,
            name,
            found,
            now_ns,
        )
    ]


def _group(
    desk: Desk,
    rules: Mapping[str, Rule],
    name: str,
    found: list[Open],
    now_ns: int,
) -> list[Telling]:
    alerts = [each.alert for each in found]
    # Meters of one connection fall silent one after the other: wait for the rest of them.
    rule = rules.get(alerts[0].rule)
    gathers = alerts[0].per == "meter" and rule is not None and rule.gather
    due_ns = min(each.due_ns for each in found)
    if gathers:
        due_ns += GATHER_NS

    is_urgent = any(alert.severity is Severity.CRITICAL for alert in alerts)
    told_ns = desk.groups.get(name, -AGAIN_NS)
    was_told_just_now = now_ns - told_ns < AGAIN_NS
    if now_ns < due_ns or (was_told_just_now and not is_urgent):
        return []

    desk.groups[name] = now_ns
    for there in found:
        there.told_ns = now_ns
        there.last_ns = now_ns

    return [_telling(Occasion.FIRED, alerts, now_ns)]


def _lasting(
    desk: Desk,
    rules: Mapping[str, Rule],
    now_ns: int,
) -> list[Telling]:
    """Repeats and escalations of what nobody acknowledged."""
    out = []
    for there in desk.open.values():
        rule = rules.get(there.alert.rule)
        if (
            rule is None
            or there.told_ns <= 0
            or there.taken
            or there.cause
            or desk.quiet(there.alert, now_ns)
        ):
            continue

        while there.steps < len(rule.escalate) and now_ns - there.told_ns >= round(
            rule.escalate[there.steps].after * 1e9
        ):
            to = tuple(rule.escalate[there.steps].to)
            there.steps += 1
            out.append(
                _telling(
                    Occasion.ESCALATED,
                    [there.alert],
                    now_ns,
                    to=to,
                    step=there.steps,
                )
            )

        if rule.repeat and now_ns - there.last_ns >= round(rule.repeat * 1e9):
            there.last_ns = now_ns
            out.append(_telling(Occasion.REPEATED, [there.alert], now_ns))

    return out


def _over(desk: Desk, now_ns: int) -> list[Telling]:
    """What is over, a message for each group."""
    groups: dict[str, list[Alert]] = {}
    for alert in desk.over:
        groups.setdefault(alert.group, []).append(alert)

    desk.over = []
    tellings = []
    for alerts in groups.values():
        tellings.append(_telling(Occasion.RESOLVED, alerts, now_ns))

    return tellings


def _summary(desk: Desk, now_ns: int) -> list[Telling]:
    """One for all, a minute after the newest of them was
    found, so that a back-fill is one message.
    """
    if not desk.summary:
        return []

    if desk.groups.get("summary", 0) == 0:
        desk.groups["summary"] = now_ns
        return []

    if now_ns - desk.groups["summary"] < SUMMARY_NS:
        return []

    alerts = desk.summary
    desk.summary = []
    del desk.groups["summary"]
    return [_telling(Occasion.SUMMARY, alerts, now_ns)]


def _telling(
    occasion: Occasion,
    alerts: list[Alert],
    now_ns: int,
    to: Iterable[str] = (),
    step: int = 0,
) -> Telling:
    ordered = sorted(
        alerts, key=lambda alert: (-_RANK[alert.severity], alert.fired_ns, alert.subject)
    )
    first = ordered[0]
    mark = _mark_of(
        occasion,
        first,
        now_ns,
        step,
    )
    told = tuple(dict.fromkeys(name for alert in ordered for name in alert.tell))
    return Telling(
        key=f"{occasion}|{first.id}|{mark}",
        occasion=occasion,
        severity=first.severity,
        alerts=tuple(ordered),
        at_ns=now_ns,
        to=tuple(to) or told,
        step=step,
    )


def _mark_of(
    occasion: Occasion,
    first: Alert,
    now_ns: int,
    step: int,
) -> int | None:
    """What tells one telling of an alert from the next, and stays the same after a crash."""
    if occasion is Occasion.RESOLVED:
        return first.resolved_ns

    if occasion is Occasion.ESCALATED:
        return step

    if occasion is Occasion.REPEATED:
        return now_ns

    return first.fired_ns


def _within(rules: Mapping[str, Rule], alert: Alert) -> int:
    rule = rules.get(alert.rule)
    return round(900e9 if rule is None else rule.notify_within * 1e9)
