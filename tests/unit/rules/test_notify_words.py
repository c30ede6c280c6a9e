"""What messages say in three languages, and the two formats of Alertmanager. No network."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.alert import AlertState, Occasion, Severity
from rules.notify import alertmanager
from rules.notify.apprise_channel import secret_parts, with_login
from rules.notify.mqtt_channel import state
from rules.notify.wording import MOST_LINES, lasted, moment, wording
from rules.numbers import number
from rules.words import words
from tests.notify_rig import MINUTE_NS, NOON_NS, alert, telling

ZONE, LINK = ZoneInfo("Asia/Shanghai"), "http://energy.works.local:8000"
SAY = {"en": "6.2 kW while idle", "zh": "空闲时功率 6.2 kW", "de": "6,2 kW im Leerlauf"}
DO = {"en": "Switch off the hydraulics.", "zh": "关闭液压泵。", "de": "Hydraulik abschalten."}


def written(language: str, found: Any = None, **more: Any) -> Any:
    return wording(
        [telling(alerts=(found or alert(say=SAY, do=DO),), **more)], language, ZONE, LINK, "Works"
    )


def test_english() -> None:
    found = written("en", at_ns=NOON_NS + 12 * MINUTE_NS, note="Anna has acknowledged it")
    assert found.title == "[warning] Press 1: 6.2 kW while idle (limit 4 kW)"
    assert found.plain.splitlines() == [
        "Value: 6.2 kW", "Limit: 4 kW", "Since: 2026-03-25 12:00 (UTC+8) (12 min)", "Where: Press 1", "What to do: Switch off the hydraulics.",
        "Note: Anna has acknowledged it", "Chart: http://energy.works.local:8000/alerts/a1",
    ]  # fmt: skip
    assert (
        "[Chart](http://energy.works.local:8000/alerts/a1)" in found.markdown
        and "**Value**: 6.2 kW" in found.markdown
    )


def test_chinese() -> None:
    found = written("zh", at_ns=NOON_NS + 12 * MINUTE_NS)
    assert found.title == "[警告] 1号压机：空闲时功率 6.2 kW（限值 4 kW）"
    assert found.plain.splitlines() == [
        "当前值：6.2 kW", "限值：4 kW", "开始时间：2026-03-25 12:00 (UTC+8)（12 分钟）", "位置：1号压机", "处理建议：关闭液压泵。",
        "查看曲线：http://energy.works.local:8000/alerts/a1",
    ]  # fmt: skip


def test_german() -> None:
    found = written("de", at_ns=NOON_NS + 12 * MINUTE_NS)
    assert found.title == "[Warnung] Presse 1: 6,2 kW im Leerlauf (Grenzwert 4 kW)"
    assert found.plain.splitlines() == [
        "Wert: 6,2 kW", "Grenzwert: 4 kW", "Seit: 25.03.2026 12:00 (UTC+8) (12 Min.)", "Ort: Presse 1", "Was ist zu tun: Hydraulik abschalten.",
        "Verlauf: http://energy.works.local:8000/alerts/a1",
    ]  # fmt: skip


def test_without_a_sentence_the_title_and_the_value_serve() -> None:
    assert (
        written("en", alert()).title == "[warning] Press 1: Power while idle, 6.2 kW (limit 4 kW)"
    )
    assert (
        written("de", alert(title={}, subject_name={})).title
        == "[Warnung] press_1: idle_power, 6,2 kW (Grenzwert 4 kW)"
    )


def test_a_rule_in_one_language_is_still_understood() -> None:
    found = written(
        "zh",
        alert(
            title={"en": "Power while idle"},
            say={"en": "draws 6.2 kW"},
            subject_name={"en": "Press 1"},
        ),
    )
    assert found.title == "[警告] Press 1：draws 6.2 kW（限值 4 kW）"


def test_a_list_says_how_soon_to_look() -> None:
    told = [
        telling(Severity.INFO, key="a"),
        telling(Severity.CRITICAL, key="b", alerts=(alert(id="b", severity=Severity.CRITICAL),)),
    ]
    assert wording(told, "de", ZONE, LINK, "Werk").title == "[Kritisch] Werk: 2 Alarme"
    over = telling(
        alerts=(alert(state=AlertState.RESOLVED), alert(id="c", state=AlertState.RESOLVED)),
        occasion=Occasion.RESOLVED,
    )
    assert wording([over], "de", ZONE, LINK, "Werk").title == "[Behoben] Werk: 2 Alarme"


def test_a_sentence_that_names_subject_and_limit_is_left_as_it_is() -> None:
    found = alert(say={"en": "Press 1 draws 6.2 kW while idle, limit 4 kW"})
    assert written("en", found).title == "[warning] Press 1 draws 6.2 kW while idle, limit 4 kW"


def test_unknown_is_said_and_not_zero() -> None:
    found = written(
        "en", alert(state=AlertState.NO_DATA, value=None, limit=None, severity=Severity.CRITICAL)
    )
    assert found.title == "[critical, no data] Press 1: Power while idle"
    assert found.plain.startswith("Value: unknown\nSince:")


def test_the_end_says_how_long_it_was_and_nothing_to_do() -> None:
    over = alert(state=AlertState.RESOLVED, resolved_ns=NOON_NS + 90 * MINUTE_NS, say=SAY, do=DO)
    found = written("en", over, occasion=Occasion.RESOLVED)
    assert found.title == "[resolved] Press 1: 6.2 kW while idle (limit 4 kW)"
    assert (
        "Began: 2026-03-25 12:00 (UTC+8) (1 h 30 min)\nEnded: 2026-03-25 13:30 (UTC+8)"
        in found.plain
    )
    assert "hydraulics" not in found.plain


@pytest.mark.parametrize(
    ("occasion", "title"),
    [
        (Occasion.REPEATED, "[warning, still open]"),
        (Occasion.ESCALATED, "[warning, escalated]"),
        (Occasion.FIRED, "[warning]"),
    ],
)
def test_why_it_is_told_stands_in_brackets(occasion: Occasion, title: str) -> None:
    assert written("en", occasion=occasion).title.startswith(f"{title} Press 1")


def test_a_list_has_the_latest_news_of_each_and_an_end() -> None:
    told = [telling(key=f"k{n}", alerts=(alert(id=f"a{n}"),)) for n in range(MOST_LINES + 3)]
    told.append(telling(key="again", alerts=(alert(id="a0", state=AlertState.RESOLVED),)))
    found = wording(told, "en", ZONE, LINK, "Works")
    lines = found.plain.splitlines()
    assert found.title == f"[warning] Works: {MOST_LINES + 3} alerts"
    assert (
        lines[0].startswith("[resolved] Press 1")
        and lines[MOST_LINES] == "... and 3 more, see the page"
    )
    assert lines[-1] == f"All alerts: {LINK}/alerts"


@pytest.mark.parametrize("language", ["en", "zh", "de"])
@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_occasion_has_words_in_every_language(language: str, occasion: Occasion) -> None:
    alerts = () if occasion in (Occasion.TEST, Occasion.WEEKLY) else (alert(),)
    found = wording([telling(occasion=occasion, alerts=alerts)], language, ZONE, LINK, "Works")
    assert (
        found.title
        and LINK in found.plain
        and LINK in found.markdown
        and "{" not in found.plain + found.title
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(6.2, "kW", "6.2 kW"), (6.2449, "kW", "6.24 kW"), (12345.6, "kWh", "12300 kWh"), (0.04123, "1", "0.0412"), (0.0, "kW", "0 kW"),
     (-7.5, "bar", "-7.5 bar"), (4.0, "kW", "4 kW"), (999.9, "V", "1000 V"), (1e-7, "A", "0.0000001 A")],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_times_are_local_with_their_offset() -> None:
    say = words("en")
    assert moment(NOON_NS, ZoneInfo("Asia/Kolkata"), say) == "2026-03-25 09:30 (UTC+5:30)"
    assert moment(NOON_NS, ZoneInfo("America/St_Johns"), say) == "2026-03-25 01:30 (UTC-2:30)"
    assert [lasted(s, say) for s in (5, 3600, 93_784)] == ["< 1 min", "1 h", "1 d 2 h"]


def test_markdown_of_names_is_escaped() -> None:
    found = written("en", alert(subject_name={"en": "line_1_*x*"}, say={}))
    assert "line\\_1\\_\\*x\\*" in found.markdown and "line_1_*x*" in found.plain


def test_the_labels_stay_the_same_from_firing_to_resolved() -> None:
    fires, over = (
        alert(),
        alert(value=9.0, state=AlertState.RESOLVED, resolved_ns=NOON_NS + MINUTE_NS),
    )
    a, b = (alertmanager.alert(x, "works", LINK, NOON_NS + 2 * MINUTE_NS) for x in (fires, over))
    assert (
        a["labels"] == b["labels"] and a["startsAt"] == b["startsAt"] == "2026-03-25T04:00:00.000Z"
    )
    assert (a["endsAt"], b["endsAt"]) == ("2026-03-25T04:07:00.000Z", "2026-03-25T04:01:00.000Z")


def test_the_webhook_is_that_of_alertmanager() -> None:
    told = [
        telling(
            alerts=(
                alert(),
                alert(id="a2", subject="press_2", state=AlertState.RESOLVED, resolved_ns=NOON_NS),
            )
        )
    ]
    body = alertmanager.webhook(
        told, wording(told, "en", ZONE, LINK, "Works"), "key1", "hook", "works", LINK
    )
    assert (body["version"], body["status"], body["receiver"], body["idempotencyKey"]) == (
        "4",
        "firing",
        "hook",
        "key1",
    )
    assert [(a["status"], a["endsAt"]) for a in body["alerts"]] == [
        ("firing", "0001-01-01T00:00:00Z"),
        ("resolved", "2026-03-25T04:00:00.000Z"),
    ]
    assert body["commonLabels"] == {
        "alertname": "idle_power",
        "severity": "warning",
        "site": "works",
        "rule": "idle_power",
        "per": "line",
    }


def test_a_scada_gets_numbers_and_null() -> None:
    found = state(alert(value=None), LINK, "de", "k")
    assert found["value"] is None and found["limit"] == 4.0 and found["active"] is True
    assert (
        state(alert(state=AlertState.RESOLVED, resolved_ns=NOON_NS), LINK, "de", "k")["active"]
        is False
    )


def test_a_login_is_put_into_the_address_and_known_as_secret() -> None:
    url = with_login("mailto://mail.works.local:25?from=a@b.de", "me@works", "p@ss/word")
    assert url == "mailto://me%40works:p%40ss%2Fword@mail.works.local:25?from=a@b.de"
    assert {"p@ss/word", "p%40ss%2Fword"} <= set(
        secret_parts(url)
    ) and "mail.works.local" not in secret_parts(url)
