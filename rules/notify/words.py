"""What messages say, in English, Chinese and German. Pure; a Telling in, title and text out. Called by `sender` just before sending.

Times are local to the site with their offset, numbers have three significant digits and their unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from rules.alert import Alert, AlertState, Occasion, Severity, Telling
from rules.notify.phrases import Phrases, phrases
from rules.notify.rota import local
from rules.numbers import number

_LISTED: Final = (Occasion.SUMMARY, Occasion.DIGEST)
_SELF: Final = (Occasion.TEST, Occasion.WEEKLY)
MOST_LINES: Final = 30
"""A longer list ends with "and N more": chat services cut off long messages."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One message: a subject line and a text, plain and as Markdown. `link` leads to the chart or the page."""

    title: str
    plain: str
    markdown: str
    link: str


def words(told: Sequence[Telling], language: str, zone: ZoneInfo, link: str, site: str) -> Words:
    """The message for what is told together: one telling, or those of a digest or of "and N more"."""
    say = phrases(language)
    first = told[0]
    if len(told) == 1 and first.occasion in _SELF:
        return _self(first, say, zone, link, site)
    if len(told) == 1 and first.occasion not in _LISTED and len(first.alerts) == 1:
        return _single(first, first.alerts[0], say, zone, link)
    return _list(told, say, zone, link, site)


def moment(at_ns: int, zone: ZoneInfo, say: Phrases) -> str:
    """Local date and time with the offset: 2026-03-25 12:00 (UTC+8)."""
    at = local(at_ns, zone)
    minutes = round((at.utcoffset() or at - at).total_seconds()) // 60
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60}" + (
        f":{abs(minutes) % 60:02}" if minutes % 60 else ""
    )
    return f"{at:{say.date}} (UTC{offset})"


def lasted(seconds: float, say: Phrases) -> str:
    """A length of time in its two largest units: 2 h 5 min."""
    minutes = round(seconds / 60)
    days = minutes // 1440
    hours = minutes // 60 % 24
    parts = [(days, say.days), (hours, say.hours), (minutes % 60 if not days else 0, say.minutes)]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or f"< 1 {say.minutes}"


def chart(link: str, alert: Alert) -> str:
    """Where the chart of an alert is."""
    return f"{link}/alerts/{alert.id}"


def sentence(alert: Alert, say: Phrases) -> str:
    """Press 1: 6.2 kW while idle (limit 4 kW)."""
    name = named(alert, say)
    what = (
        alert.say.get(say.code)
        or alert.title.get(say.code)
        or alert.say.get("en")
        or alert.title.get("en")
        or alert.rule
    )
    value = _amount(alert.value, alert, say)
    limit = _amount(alert.limit, alert, say)
    if value and value not in what and what not in alert.say.values():
        what = f"{what}{say.comma}{value}"
    if limit and limit not in what:
        what = f"{what}{say.open}{say.limit} {limit}{say.close}"
    return what if name in what else f"{name}{say.colon}{what}"


def named(alert: Alert, say: Phrases) -> str:
    """The subject as people call it."""
    return alert.subject_name.get(say.code) or alert.subject_name.get("en") or alert.subject


def _amount(value: float | None, alert: Alert, say: Phrases) -> str:
    return "" if value is None else number(value, alert.unit, say.decimal)


def _tag(telling: Telling, alert: Alert, say: Phrases) -> str:
    """What stands in brackets before the subject."""
    if alert.state is AlertState.RESOLVED or telling.occasion is Occasion.RESOLVED:
        return say.resolved
    severity = say.severity[alert.severity]
    added = say.occasion.get(telling.occasion) or (
        say.no_data if alert.state is AlertState.NO_DATA else ""
    )
    return f"{severity}, {added}" if added else severity


def _single(telling: Telling, alert: Alert, say: Phrases, zone: ZoneInfo, link: str) -> Words:
    title = f"[{_tag(telling, alert, say)}] {sentence(alert, say)}"
    return _compose(
        title, _facts(telling, alert, say, zone), chart(link, alert), say.chart, say.colon
    )


def _facts(telling: Telling, alert: Alert, say: Phrases, zone: ZoneInfo) -> list[tuple[str, str]]:
    """(label, text) of all that is known."""
    over = alert.resolved_ns is not None
    end_ns = alert.resolved_ns if alert.resolved_ns is not None else telling.at_ns
    span = lasted(max(0, end_ns - alert.since_ns) / 1e9, say)
    since = f"{moment(alert.since_ns, zone, say)}{say.open}{span}{say.close}"
    until = moment(alert.resolved_ns, zone, say) if alert.resolved_ns is not None else ""
    found = [
        (say.value, _amount(alert.value, alert, say) or say.unknown),
        (say.limit_label, _amount(alert.limit, alert, say)),
        (say.since if not over else say.began, since),
        (say.until, until),
        (say.where, named(alert, say)),
        (say.also, ", ".join(alert.members)),
        (say.late_label, say.late if alert.late else ""),
        (say.todo, "" if over else alert.do.get(say.code) or alert.do.get("en", "")),
        (say.note, telling.note),
    ]
    return [(label, text) for label, text in found if text]


def _list(told: Sequence[Telling], say: Phrases, zone: ZoneInfo, link: str, site: str) -> Words:
    """Many alerts: a line each, the latest news of each only."""
    news = {alert.id: (telling, alert) for telling in told for alert in telling.alerts}
    lines = [
        f"[{_tag(t, a, say)}] {sentence(a, say)}{say.comma}{say.since_word} {moment(a.since_ns, zone, say)}"
        for t, a in news.values()
    ]
    shown = lines[:MOST_LINES]
    more = len(lines) - MOST_LINES
    if more > 0:
        shown.append(say.more.format(n=more))
    notes = list(dict.fromkeys(t.note for t in told if t.note))
    title = f"[{_worst(told, say)}] " + say.list_title(len(lines)).format(n=len(lines), site=site)
    at = f"{link}/alerts"
    plain = "\n".join([*shown, *notes, "", f"{say.page}{say.colon}{at}"])
    markdown = "\n".join(
        [*(f"- {escaped(line)}" for line in shown), *map(escaped, notes), "", f"[{say.page}]({at})"]
    )
    return Words(title=title, plain=plain, markdown=markdown, link=at)


def _worst(told: Sequence[Telling], say: Phrases) -> str:
    """How soon somebody should look, for a list."""
    alerts = [
        alert
        for telling in told
        for alert in telling.alerts
        if telling.occasion is not Occasion.RESOLVED
    ]
    order = list(Severity)
    open_ = [
        order.index(alert.severity) for alert in alerts if alert.state is not AlertState.RESOLVED
    ]
    return say.severity[order[max(open_)]] if open_ else say.resolved


def _self(telling: Telling, say: Phrases, zone: ZoneInfo, link: str, site: str) -> Words:
    """A message about the telling itself: the test button, the weekly self-test."""
    weekly = telling.occasion is Occasion.WEEKLY
    title = (say.weekly_title if weekly else say.test_title).format(site=site)
    text = say.weekly if weekly else say.test
    facts = [("", text), (say.sent, moment(telling.at_ns, zone, say)), (say.note, telling.note)]
    return _compose(
        title, [(label, text) for label, text in facts if text], link, say.page, say.colon
    )


def _compose(
    title: str, facts: list[tuple[str, str]], link: str, link_label: str, colon: str
) -> Words:
    plain = [f"{label}{colon if label else ''}{text}" for label, text in facts]
    bold = [
        f"**{label}**{colon}{escaped(text)}" if label else escaped(text) for label, text in facts
    ]
    return Words(
        title=title,
        plain="\n".join([*plain, f"{link_label}{colon}{link}"]),
        markdown="\n\n".join([*bold, f"[{link_label}]({link})"]),
        link=link,
    )


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is: names with underscores, stars in a note."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>#" else c for c in text)
