"""An alert as people read it: made from an instance of a rule, its
value and its limit, in every language that the rule has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from plant.languages import names
from rules.alert import Alert, AlertState
from rules.desk.desk import alert_id
from rules.numbers import number
from rules.watching.ruleset import Watch
from rules.words import words

UNKNOWN_VALUE = "–"


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a rule was true.

    Times are event time, ns UTC; `late`: found out after its window had been judged.
    """

    state: AlertState
    since_ns: int
    fired_ns: int
    late: bool
    value: float | None = None
    limit: float | None = None


def alert_of(
    watch: Watch,
    subject: str,
    name: Mapping[str, str],
    occurrence: Occurrence,
    *,
    timezone: str,
) -> Alert:
    """The alert of one instance.

    Its group is the rule, so that ten lines with the same trouble are one message.
    """
    rule = watch.rule
    local = datetime.fromtimestamp(
        occurrence.since_ns / 1e9,
        ZoneInfo(timezone),
    )
    since = local.strftime("%H:%M")
    say = {}
    for language, text in names(rule.say or "{subject}: {value}", rule.id).items():
        value = _shown(occurrence.value, watch.unit, language)
        limit = _shown(occurrence.limit, watch.unit, language)
        filled = {
            rule.on.per: name[language],
            "subject": name[language],
            "value": value,
            "mean": value,
            "limit": limit,
            "since": since,
        }
        say[language] = text.format_map(filled)

    return Alert(
        id=alert_id(rule.id, subject, occurrence.fired_ns),
        rule=rule.id,
        title=watch.title,
        per=rule.on.per,
        subject=subject,
        subject_name=dict(name),
        severity=rule.severity,
        state=occurrence.state,
        since_ns=occurrence.since_ns,
        fired_ns=occurrence.fired_ns,
        value=occurrence.value,
        limit=occurrence.limit,
        unit=watch.unit,
        late=occurrence.late,
        group=rule.id,
        say=say,
        do=names(rule.do, rule.id) if rule.do else {},
        tell=tuple(rule.tell),
    )


def _shown(
    value: float | None,
    unit: str,
    language: str,
) -> str:
    """A number with its unit as its language writes it; a dash where it is unknown."""
    if value is None:
        return UNKNOWN_VALUE

    return number(value, unit, words(language).decimal)
