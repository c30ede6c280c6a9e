"""What messages say, in the language of who reads them. Pure: tellings in, title and text out.

Called by `sender` just before sending. Times are local to the site with their offset, numbers
have three significant digits and their unit. The words themselves are in `rules.words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from rules.alert import Alert, AlertState, Occasion, Severity, Telling
from rules.notify.rota import local
from rules.numbers import number
from rules.words import Words, words

_LISTED: Final = (Occasion.SUMMARY, Occasion.DIGEST)
_SELF: Final = (Occasion.TEST, Occasion.WEEKLY)
MOST_LINES: Final = 30
"""A longer list ends with "and N more": chat services cut off long messages."""
MARKDOWN: Final = frozenset("\\`*_[]<>#")
"""What means something in Markdown."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """One message: a subject line and a text, plain and as Markdown.

    `link` leads to the chart or the page.
    """

    title: str
    plain: str
    markdown: str
    link: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a message is for: the language, the clock and the site that it speaks of, and the
    address of the page."""

    say: Words
    zone: ZoneInfo
    site: str
    link: str


class Fact(NamedTuple):
    """One line of a message."""

    label: str
    text: str


def wording(
    told: Sequence[Telling],
    language: str,
    zone: ZoneInfo,
    link: str,
    site: str,
) -> Wording:
    """The message for what is told together: one telling, or those of a digest or of "and N
    more"."""
    reader = Reader(
        say=words(language),
        zone=zone,
        site=site,
        link=link,
    )
    first = told[0]
    is_alone = len(told) == 1
    if is_alone and first.occasion in _SELF:
        return _of_the_telling_itself(first, reader)

    if is_alone and first.occasion not in _LISTED and len(first.alerts) == 1:
        return _single(first, first.alerts[0], reader)

    return _list(told, reader)


def moment(
    at_ns: int,
    zone: ZoneInfo,
    say: Words,
) -> str:
    """Local date and time with the offset: 2026-03-25 12:00 (UTC+8)."""
    at = local(at_ns, zone)
    offset = at.utcoffset() or timedelta()
    minutes = round(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    whole_hours, rest = divmod(abs(minutes), 60)
    ahead = f"{sign}{whole_hours}"
    if rest:
        ahead += f":{rest:02}"

    return f"{at:{say.date}} (UTC{ahead})"


def lasted(seconds: float, say: Words) -> str:
    """A length of time in its two largest units: 2 h 5 min."""
    total = round(seconds / 60)
    days, rest = divmod(total, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [
        (days, say.days),
        (hours, say.hours),
        (0 if days else minutes, say.minutes),
    ]
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told) or f"< 1 {say.minutes}"


def chart(link: str, alert: Alert) -> str:
    """Where the chart of an alert is."""
    return f"{link}/alerts/{alert.id}"


def sentence(alert: Alert, say: Words) -> str:
    """Press 1: 6.2 kW while idle (limit 4 kW)."""
    name = named(alert, say)
    what = _what(alert, say)
    value = _amount(alert.value, alert, say)
    limit = _amount(alert.limit, alert, say)
    is_own_sentence = what in alert.say.values()
    if value and value not in what and not is_own_sentence:
        what = f"{what}{say.comma}{value}"

    if limit and limit not in what:
        what = f"{what}{say.open}{say.limit} {limit}{say.close}"

    return what if name in what else f"{name}{say.colon}{what}"


def _what(alert: Alert, say: Words) -> str:
    """What a rule says of it, the nearest there is to the language."""
    for language in (say.code, "en"):
        said = alert.say.get(language) or alert.title.get(language)
        if said:
            return said

    return alert.rule


def named(alert: Alert, say: Words) -> str:
    """The subject as people call it."""
    names = alert.subject_name
    return names.get(say.code) or names.get("en") or alert.subject


def _amount(
    value: float | None,
    alert: Alert,
    say: Words,
) -> str:
    return "" if value is None else number(value, alert.unit, say.decimal)


def _tag(
    telling: Telling,
    alert: Alert,
    say: Words,
) -> str:
    """What stands in brackets before the subject."""
    if alert.state is AlertState.RESOLVED or telling.occasion is Occasion.RESOLVED:
        return say.resolved

    severity = say.severity[alert.severity]
    added = say.occasion.get(telling.occasion, "")
    if not added and alert.state is AlertState.NO_DATA:
        added = say.no_data

    return f"{severity}, {added}" if added else severity


def _single(
    telling: Telling,
    alert: Alert,
    reader: Reader,
) -> Wording:
    tag = _tag(telling, alert, reader.say)
    return _compose(
        title=f"[{tag}] {sentence(alert, reader.say)}",
        facts=_facts(telling, alert, reader),
        link=chart(reader.link, alert),
        link_label=reader.say.chart,
        colon=reader.say.colon,
    )


def _facts(
    telling: Telling,
    alert: Alert,
    reader: Reader,
) -> list[Fact]:
    """All that is known."""
    say = reader.say
    is_over = alert.resolved_ns is not None
    end_ns = telling.at_ns if alert.resolved_ns is None else alert.resolved_ns
    span_s = max(0, end_ns - alert.since_ns) / 1e9
    began = moment(alert.since_ns, reader.zone, say)
    until = ""
    if alert.resolved_ns is not None:
        until = moment(alert.resolved_ns, reader.zone, say)

    # Nobody needs to do anything about what is over.
    what_to_do = ""
    if not is_over:
        what_to_do = alert.do.get(say.code) or alert.do.get("en", "")

    value = _amount(alert.value, alert, say) or say.unknown
    limit = _amount(alert.limit, alert, say)
    began_label = say.began if is_over else say.since
    length = lasted(span_s, say)
    also = ", ".join(alert.members)
    late = say.late if alert.late else ""
    found = [
        Fact(say.value, value),
        Fact(say.limit_label, limit),
        Fact(began_label, f"{began}{say.open}{length}{say.close}"),
        Fact(say.until, until),
        Fact(say.where, named(alert, say)),
        Fact(say.also, also),
        Fact(say.late_label, late),
        Fact(say.todo, what_to_do),
        Fact(say.note, telling.note),
    ]
    return [fact for fact in found if fact.text]


def _list(told: Sequence[Telling], reader: Reader) -> Wording:
    """Many alerts: a line each, the latest news of each only."""
    say = reader.say
    news: dict[str, str] = {}
    for telling in told:
        for alert in telling.alerts:
            news[alert.id] = _line(telling, alert, reader)

    lines = list(news.values())[:MOST_LINES]
    more = len(news) - MOST_LINES
    if more > 0:
        lines.append(say.more.format(n=more))

    # A dict keeps the first of equal notes, in their order.
    notes = list(dict.fromkeys(telling.note for telling in told if telling.note))
    counted = say.list_title(len(news)).format(
        n=len(news),
        site=reader.site,
    )
    link = f"{reader.link}/alerts"
    bullets = [f"- {escaped(line)}" for line in lines]
    plain = [
        *lines,
        *notes,
        "",
        f"{say.page}{say.colon}{link}",
    ]
    markdown = [
        *bullets,
        *map(escaped, notes),
        "",
        f"[{say.page}]({link})",
    ]
    return Wording(
        title=f"[{_worst(told, say)}] {counted}",
        plain="\n".join(plain),
        markdown="\n".join(markdown),
        link=link,
    )


def _line(
    telling: Telling,
    alert: Alert,
    reader: Reader,
) -> str:
    say = reader.say
    tag = _tag(telling, alert, say)
    since = moment(alert.since_ns, reader.zone, say)
    return f"[{tag}] {sentence(alert, say)}{say.comma}{say.since_word} {since}"


def _worst(told: Sequence[Telling], say: Words) -> str:
    """How soon somebody should look, for a list."""
    order = list(Severity)
    worst = -1
    for telling in told:
        if telling.occasion is Occasion.RESOLVED:
            continue

        for alert in telling.alerts:
            if alert.state is not AlertState.RESOLVED:
                worst = max(worst, order.index(alert.severity))

    return say.resolved if worst < 0 else say.severity[order[worst]]


def _of_the_telling_itself(telling: Telling, reader: Reader) -> Wording:
    """A message about the telling: the test button, the weekly self-test."""
    say = reader.say
    is_weekly = telling.occasion is Occasion.WEEKLY
    title = say.weekly_title if is_weekly else say.test_title
    facts = [
        Fact("", say.weekly if is_weekly else say.test),
        Fact(say.sent, moment(telling.at_ns, reader.zone, say)),
        Fact(say.note, telling.note),
    ]
    return _compose(
        title=title.format(site=reader.site),
        facts=[fact for fact in facts if fact.text],
        link=reader.link,
        link_label=say.page,
        colon=say.colon,
    )


def _compose(
    *,
    title: str,
    facts: Sequence[Fact],
    link: str,
    link_label: str,
    colon: str,
) -> Wording:
    plain: list[str] = []
    markdown: list[str] = []
    for label, text in facts:
        if label:
            plain.append(f"{label}{colon}{text}")
            markdown.append(f"**{label}**{colon}{escaped(text)}")
        else:
            plain.append(text)
            markdown.append(escaped(text))

    plain.append(f"{link_label}{colon}{link}")
    markdown.append(f"[{link_label}]({link})")
    return Wording(
        title=title,
        plain="\n".join(plain),
        markdown="\n\n".join(markdown),
        link=link,
    )


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is: names with underscores, stars in a note."""
    return "".join(f"\\{letter}" if letter in MARKDOWN else letter for letter in text)
