"""What alerts and messages about them say, a language each: a new language is one entry of `WORDS`.

What a rule says stands in its own file, in all its languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language.

    `{n}` is a count, `{site}` the name of the works. `meters_silent` tells of meters behind a
    connection: {n} of {all} behind {connection}. `date` is a form of `strftime`; `open` and `close`
    stand around what is added to a sentence.
    """

    code: str
    decimal: str
    date: str
    colon: str
    comma: str
    open: str
    close: str
    meters_silent: str
    severity: dict[str, str]
    occasion: dict[str, str]
    resolved: str
    no_data: str
    value: str
    limit: str
    limit_label: str
    unknown: str
    since: str
    since_word: str
    began: str
    until: str
    where: str
    also: str
    late_label: str
    late: str
    todo: str
    note: str
    chart: str
    page: str
    days: str
    hours: str
    minutes: str
    one: str
    many: str
    more: str
    test_title: str
    test: str
    weekly_title: str
    weekly: str
    sent: str

    def list_title(self, count: int) -> str:
        """Subject of a message about so many alerts."""
        return self.one if count == 1 else self.many


WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        code="en",
        decimal=".",
        date="%Y-%m-%d %H:%M",
        colon=": ",
        comma=", ",
        open=" (",
        close=")",
        meters_silent="{n} of {all} meters behind {connection} are silent",
        severity={"info": "info", "warning": "warning", "critical": "critical"},
        occasion={"repeated": "still open", "escalated": "escalated"},
        resolved="resolved",
        no_data="no data",
        value="Value",
        limit="limit",
        limit_label="Limit",
        unknown="unknown",
        since="Since",
        since_word="since",
        began="Began",
        until="Ended",
        where="Where",
        also="Also concerns",
        late_label="Late",
        late="the readings came in late; this was not seen at the time",
        todo="What to do",
        note="Note",
        chart="Chart",
        page="All alerts",
        days="d",
        hours="h",
        minutes="min",
        one="{site}: 1 alert",
        many="{site}: {n} alerts",
        more="... and {n} more, see the page",
        test_title="[test] {site}: test message of Wattline",
        test="This is a test. The channel works; there is nothing to do.",
        weekly_title="[self-test] {site}: Wattline is watching",
        weekly=(
            "Weekly self-test: this channel works. If this message fails to come one week, check"
            " Wattline."
        ),
        sent="Sent",
    ),
    "zh": Words(
        code="zh",
        decimal=".",
        date="%Y-%m-%d %H:%M",
        colon="：",
        comma="，",
        open="（",
        close="）",
        meters_silent="{connection} 下的 {all} 台表计中有 {n} 台无数据",
        severity={"info": "提示", "warning": "警告", "critical": "严重"},
        occasion={"repeated": "仍未恢复", "escalated": "已升级"},
        resolved="已恢复",
        no_data="无数据",
        value="当前值",
        limit="限值",
        limit_label="限值",
        unknown="未知",
        since="开始时间",
        since_word="始于",
        began="开始时间",
        until="恢复时间",
        where="位置",
        also="同时涉及",
        late_label="迟到数据",
        late="数据补传后才发现，当时未能及时报警",
        todo="处理建议",
        note="备注",
        chart="查看曲线",
        page="全部报警",
        days="天",
        hours="小时",
        minutes="分钟",
        one="{site}：1 条报警",
        many="{site}：{n} 条报警",
        more="……另有 {n} 条，请到页面查看",
        test_title="[测试] {site}：Wattline 测试消息",
        test="这是一条测试消息。该通道工作正常，无需处理。",
        weekly_title="[每周自检] {site}：Wattline 运行正常",
        weekly="每周自检：该通道工作正常。如果某一周没有收到本消息，请检查 Wattline。",
        sent="发送时间",
    ),
    "de": Words(
        code="de",
        decimal=",",
        date="%d.%m.%Y %H:%M",
        colon=": ",
        comma=", ",
        open=" (",
        close=")",
        meters_silent="{n} von {all} Zählern hinter {connection} schweigen",
        severity={"info": "Hinweis", "warning": "Warnung", "critical": "Kritisch"},
        occasion={"repeated": "weiterhin offen", "escalated": "eskaliert"},
        resolved="Behoben",
        no_data="keine Daten",
        value="Wert",
        limit="Grenzwert",
        limit_label="Grenzwert",
        unknown="unbekannt",
        since="Seit",
        since_word="seit",
        began="Beginn",
        until="Ende",
        where="Ort",
        also="Betrifft auch",
        late_label="Verspätet",
        late="Die Messwerte trafen verspätet ein; der Alarm war vorher nicht erkennbar",
        todo="Was ist zu tun",
        note="Bemerkung",
        chart="Verlauf",
        page="Alle Alarme",
        days="Tg.",
        hours="Std.",
        minutes="Min.",
        one="{site}: 1 Alarm",
        many="{site}: {n} Alarme",
        more="... und {n} weitere, siehe Seite",
        test_title="[Test] {site}: Testnachricht von Wattline",
        test="Dies ist ein Test. Der Kanal funktioniert, es ist nichts zu tun.",
        weekly_title="[Selbsttest] {site}: Wattline ist in Betrieb",
        weekly=(
            "Wöchentlicher Selbsttest: Dieser Kanal funktioniert. Bleibt diese Nachricht in einer"
            " Woche aus, bitte Wattline prüfen."
        ),
        sent="Gesendet",
    ),
}


def words(language: str) -> Words:
    """The words of a language; English where there are none."""
    return WORDS.get(language, WORDS["en"])
