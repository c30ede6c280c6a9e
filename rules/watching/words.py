"""An alert as people read it: made from an instance of a rule, its value and its limit, in every language that the rule has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from plant.config import names
from rules.alert import Alert, AlertState
from rules.desk.desk import alert_id
from rules.numbers import number
from rules.watching.ruleset import Watch


def _shown(value: float | None, unit: str, language: str) -> str:
    """A number with its unit, in German with a comma; a dash where it is unknown."""
    return "–" if value is None else number(value, unit, "," if language == "de" else ".")


def alert_of(
    watch: Watch,
    subject: str,
    name: Mapping[str, str],
    state: AlertState,
    since_ns: int,
    fired_ns: int,
    value: float | None,
    limit: float | None,
    *,
    late: bool,
    timezone: str,
) -> Alert:
    """The alert of one instance. Its group is the rule, so that ten lines with the same trouble are one message."""
    rule = watch.rule
    since = datetime.fromtimestamp(since_ns / 1e9, ZoneInfo(timezone)).strftime("%H:%M")
    say = {
        lang: _fill(text, lang, watch, name, value, limit, since)
        for lang, text in names(rule.say or "{subject}: {value}", rule.id).items()
    }
    return Alert(
        id=alert_id(rule.id, subject, fired_ns),
        rule=rule.id,
        title=watch.title,
        per=rule.on.per,
        subject=subject,
        subject_name=dict(name),
        severity=rule.severity,
        state=state,
        since_ns=since_ns,
        fired_ns=fired_ns,
        value=value,
        limit=limit,
        unit=watch.unit,
        late=late,
        group=rule.id,
        say=say,
        do=names(rule.do, rule.id) if rule.do else {},
        tell=tuple(rule.tell),
    )


def _fill(
    text: str,
    lang: str,
    watch: Watch,
    name: Mapping[str, str],
    value: float | None,
    limit: float | None,
    since: str,
) -> str:
    shown = _shown(value, watch.unit, lang)
    filled = {
        "value": shown,
        "mean": shown,
        "limit": _shown(limit, watch.unit, lang),
        "since": since,
        "subject": name[lang],
    }
    return text.format(**{watch.rule.on.per: name[lang]}, **filled)
