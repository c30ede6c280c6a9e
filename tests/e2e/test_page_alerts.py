"""Alerts on the live page: what is open is told in words,
people act on it, rules are tried on the past.

`WATTLINE_PICTURES=folder` keeps the pictures, so that a person can look at them.
"""

from __future__ import annotations

import re
import shutil
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.e2e.alert_rig import BACKTEST, HOUR, answers, busy, detail
from tests.e2e.page_rig import FLAGS, PageRig
from tests.e2e.test_page_states import LANGS, LARGE, check, picture, says, settle, shown, words
from wattline.places import page_folder

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.net,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not (page_folder() / "index.html").exists(), reason="the live page is not built (make page)"
    ),
]
# page, theme, width, language
CASES = [
    ("/alerts", "light", 1366, "en"),
    ("/alerts", "dark", 390, "zh"),
    ("/alerts", "light", 3840, "de"),
    ("/alerts/a4", "dark", 390, "de"),
    ("/alerts/a4", "light", 3840, "zh"),
    ("/alerts/a5", "light", 1366, "en"),
    ("/rules", "dark", 1366, "de"),
    ("/rules", "light", 390, "zh"),
    ("/rules/idle_load", "light", 390, "de"),
    ("/rules/idle_load", "dark", 3840, "en"),
    ("/", "dark", 1366, "de"),
    ("/", "light", 390, "zh"),
]
SEVERITIES = {"critical": "◆", "warning": "▲", "info": "●"}


def word(key: str, lang: str) -> str:
    return words()[key][LANGS.index(lang)]


def act(page: Page, name: str, **filled: str) -> None:
    """Unfold one of the things to do, fill it in and press its button."""
    form = page.locator(f"details.{name}").first
    form.locator("summary").press("Enter")
    for label, value in filled.items():
        form.get_by_label(word(label, "en"), exact=True).fill(value)
    form.locator("button").press("Enter")


def bare_codes(page: Page) -> None:
    """Conditions are code, not words of a language; `check` is about words."""
    page.evaluate("document.querySelectorAll('code').forEach(c => c.textContent = 'x > 1')")


@pytest.mark.parametrize(
    ("path", "theme", "width", "lang"), CASES, ids=["-".join(map(str, c)) for c in CASES]
)
def test_picture(browser: Browser, path: str, theme: str, width: int, lang: str) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, path, theme, width, lang) as page:
        if path.startswith("/rules/"):
            page.locator("form button").press("Enter")
            page.wait_for_selector("main canvas")
        settle(page)
        picture(page, f"alerts{path.replace('/', '-')}-{theme}-{width}-{lang}")
        bare_codes(page)
        check(page, lang)


@pytest.mark.parametrize("lang", LANGS)
def test_an_open_alert_is_told_in_words_and_shape(browser: Browser, lang: str) -> None:
    found = busy()
    with PageRig(found).running() as rig, shown(browser, rig, "/alerts", lang=lang) as page:
        page.wait_for_selector(".openNow li")
        first = page.locator(".openNow > ul > li").first
        peak = found["/api/v1/alerts"]["open"][0]
        assert first.locator(".title").inner_text() == peak["say"][lang]
        assert first.locator(".title").get_attribute("href") == "/alerts/a1"
        for severity, shape in SEVERITIES.items():
            mark = page.locator(f".sev.{severity}").first.text_content()
            assert mark == shape + word(f"severity_{severity}", lang)
        said = first.locator(".facts").inner_text()
        assert {"en": "4 min", "zh": "4 分钟", "de": "4 Min."}[lang] in said
        assert {"en": "26,120 kW", "zh": "26,120 kW", "de": "26.120 kW"}[lang] in said
        red = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(s => getComputedStyle(s).backgroundColor === 'rgb(179, 38, 30)').map(s => s.className)"
        )
        assert red == ["sev critical"], "red is only for critical"


def test_the_list_is_parted_and_folded(browser: Browser) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, "/alerts") as page:
        page.wait_for_selector(".quiets li")
        links = "[...document.querySelectorAll('{} > ul > li > .head > .title')].map(a => a.getAttribute('href'))"
        assert page.evaluate(links.format(".openNow")) == [f"/alerts/a{n}" for n in (1, 2, 4, 5, 6)]
        assert page.evaluate(links.format(".standing")) == ["/alerts/a7"]
        assert page.evaluate(links.format(".chattering")) == ["/alerts/a8"]
        fold = page.locator("#fold-a2")
        assert not fold.locator("li").first.is_visible()
        fold.locator("summary").press("Enter")
        assert fold.locator("li").all_inner_texts()[:3] == ["smt_1_el", "smt_2_el", "smt_3_el"]
        assert fold.locator("a[href='/alerts/a3']").is_visible()
        assert "acknowledged by Li Wei" in page.locator(".openNow").inner_text()
        assert re.search(
            r"quiet until \d\d:\d\d \(Anna Berg\)", page.locator(".openNow").inner_text()
        )


def test_what_is_unfolded_stays_so_while_the_list_is_renewed(browser: Browser) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, "/alerts") as page:
        items, fold = page.locator(".openNow > ul > li"), page.locator("#fold-a2")
        items.nth(4).wait_for()
        fold.locator("summary").press("Enter")
        rig.answers["/api/v1/alerts"]["open"].pop()
        rig.answers["/api/v1/alerts"]["open"].pop()
        items.nth(4).wait_for(state="detached", timeout=12_000)
        assert fold.locator("li").first.is_visible()
        assert fold.locator("summary").evaluate("e => e === document.activeElement"), (
            "and the focus with it"
        )


def test_the_past_can_be_filtered_by_rule(browser: Browser) -> None:
    with PageRig(answers()).running() as rig, shown(browser, rig, "/alerts") as page:
        rows = page.locator(".tablebox tbody tr")
        rows.first.wait_for()
        past = rig.answers["/api/v1/alerts?state=all"]["past"]
        assert rows.count() == len(past)
        page.locator("#past-rule").focus()
        page.locator("#past-rule").select_option("idle_load")
        assert rows.count() == sum(a["rule"] == "idle_load" for a in past) < len(past)
        assert page.locator("#past-rule").evaluate("e => e === document.activeElement"), (
            "the filter keeps its focus"
        )


@pytest.mark.parametrize("lang", LANGS)
def test_nothing_open_is_said_in_words(browser: Browser, lang: str) -> None:
    with PageRig(answers()).running() as rig, shown(browser, rig, "/alerts", lang=lang) as page:
        page.get_by_text(word("nothingOpen", lang)).wait_for()
        count = len(rig.answers["/api/v1/rules"])
        page.get_by_text(word("rulesWatch", lang).replace("{n}", str(count))).wait_for()
        assert page.locator(".count").is_hidden()


def test_acknowledging_says_who_and_is_remembered(browser: Browser) -> None:
    found = busy()
    of = found["/api/v1/alerts/a4"]["alert"]
    taken = of | {
        "acknowledged": {"by": "Li Wei", "at_ms": of["fired_ms"] + 120_000, "note": "on my way"}
    }
    found["POST /api/v1/alerts/a4/acknowledge"] = detail(found, taken)
    with PageRig(found).running() as rig, shown(browser, rig, "/alerts/a4") as page:
        page.wait_for_selector(".acts")
        assert page.locator(".taken").count() == 0
        rig.answers["/api/v1/alerts/a4"] = detail(found, taken)
        act(page, "acknowledge", yourName="Li Wei", note="on my way")
        page.locator(".taken").wait_for()
        assert rig.sent == [
            ("POST", "/api/v1/alerts/a4/acknowledge", {"name": "Li Wei", "note": "on my way"})
        ]
        assert "acknowledged by Li Wei" in page.locator(".taken").inner_text()
        assert page.locator("main .tablebox tbody tr").last.inner_text().split("\t")[1:] == [
            "Li Wei",
            "acknowledged",
            "on my way",
        ]
        page.reload()
        page.wait_for_selector(".acts")
        assert page.locator("details.shelve input").first.input_value() == "Li Wei"


def test_shelving_offers_what_the_severity_allows(browser: Browser) -> None:
    most = {"a1": "240", "a2": "1440", "a4": "10080"}
    with PageRig(busy()).running() as rig:
        for alert, minutes in most.items():
            rig.answers[f"POST /api/v1/alerts/{alert}/shelve"] = rig.answers[
                f"/api/v1/alerts/{alert}"
            ]
            with shown(browser, rig, f"/alerts/{alert}", person="Anna") as page:
                page.wait_for_selector(".acts")
                assert page.locator("details.shelve option").last.get_attribute("value") == minutes
                page.locator("details.shelve summary").press("Enter")
                page.locator("details.shelve select").select_option(minutes)
                page.get_by_label("Reason").first.fill("known")
                page.locator("details.shelve button").click()
                page.locator("details.shelve:not([open])").wait_for()
        assert [body["minutes"] for _, _, body in rig.sent] == [float(m) for m in most.values()]
        assert {body["name"] for _, _, body in rig.sent} == {"Anna"}


def test_silencing_is_for_this_rule_on_this_subject_until_a_time(browser: Browser) -> None:
    found = busy()
    found["POST /api/v1/silences"] = found["/api/v1/silences"][1]
    with PageRig(found).running() as rig, shown(browser, rig, "/alerts/a4", person="Anna") as page:
        page.wait_for_selector(".acts")
        page.locator("details.silence summary").press("Enter")
        page.locator("details.silence select").select_option("240")
        page.locator("details.silence").get_by_label("Reason").fill("retooling")
        page.locator("details.silence button").click()
        page.locator("details.silence:not([open])").wait_for()
        [(_, path, body)] = rig.sent
        alert = found["/api/v1/alerts/a4"]["alert"]
        until_ms = datetime.fromisoformat(body.pop("until")).timestamp() * 1000
        assert path == "/api/v1/silences"
        assert body == {
            "name": "Anna",
            "reason": "retooling",
            "rule": "idle_load",
            "subject": alert["subject"],
        }
        assert until_ms == found["/api/v1/alerts"]["at_ms"] + 4 * HOUR


def test_a_silence_can_be_lifted(browser: Browser) -> None:
    found = busy()
    found["DELETE /api/v1/silences/q1?name=Li%20Wei"] = found["/api/v1/silences"][1:]
    with PageRig(found).running() as rig, shown(browser, rig, "/alerts", person="Li Wei") as page:
        page.locator(".quiets li").nth(1).wait_for()
        assert "Idle load · SMT line 4" in page.locator(".quiets").inner_text()
        rig.answers["/api/v1/silences"] = found["/api/v1/silences"][1:]
        act(page, "lift")
        page.locator(".quiets li").nth(1).wait_for(state="detached")
        assert rig.sent == [("DELETE", "/api/v1/silences/q1", "name=Li%20Wei")]


def test_what_the_api_refuses_is_said_where_the_button_is(browser: Browser) -> None:
    found = busy()
    refused = "there is no open alert 'a4'"
    found["POST /api/v1/alerts/a4/acknowledge"] = {
        "error": {"code": "bad_query", "message": refused, "hint": ""}
    }
    with (
        PageRig(found).running() as rig,
        shown(browser, rig, "/alerts/a4", tolerates="400") as page,
    ):
        page.wait_for_selector(".acts")
        act(page, "acknowledge", yourName="Li Wei")
        wrong = page.locator("details.acknowledge [role=alert]")
        wrong.filter(has_text=refused).wait_for()
        assert page.locator("details.acknowledge button").is_enabled(), "it can be tried again"


def test_no_curve_says_why(browser: Browser) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, "/alerts/a2") as page:
        page.get_by_text(word("noCurve", "en")).wait_for()
        assert page.locator("main canvas").count() == 0


def test_the_curve_has_its_table(browser: Browser) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, "/alerts/a4", lang="de") as page:
        page.wait_for_selector("main canvas")
        page.locator("button.toggle").press("Enter")
        chart = rig.answers["/api/v1/alerts/a4"]["chart"]
        rows = page.locator(".side .tablebox tbody tr")
        assert rows.count() == len(chart["start_ms"])
        inside = [any(a <= ms < b for a, b in chart["firing"]) for ms in chart["start_ms"]]
        assert [r.endswith("●") for r in rows.all_inner_texts()] == inside
        assert 0 < sum(inside) < len(inside)


def test_a_rule_is_tried_on_the_past(browser: Browser) -> None:
    with PageRig(answers()).running() as rig, shown(browser, rig, "/rules/idle_load") as page:
        page.wait_for_selector("dl")
        assert page.locator("main canvas").count() == 0
        page.locator("form button").press("Enter")
        page.wait_for_selector("main canvas")
        trial = rig.answers[BACKTEST]
        assert f"Times it would have fired: {trial['fired']}" in page.inner_text("main")
        tables = page.locator(".pair .tablebox")
        assert tables.nth(0).locator("tbody tr").count() == len(trial["others"])
        assert tables.nth(0).locator("tr.this").inner_text().startswith("100 %")
        assert tables.nth(1).locator("tbody tr").count() == len(trial["spans"])
        settle(page)
        drawn = page.evaluate(
            """() => { const c = document.querySelector('main canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let ink = 0, limit = 0;
            for (let i = 0; i < d.length; i += 4) { if (d[i + 3] < 200) continue; if (d[i] < 60 && d[i + 1] < 60) ink++; else if (d[i] > 140 && d[i] < 190 && d[i + 1] < 100 && d[i + 2] < 40) limit++; }
            return [ink, limit]; }"""
        )
        assert min(drawn) > 200, f"value and limit are drawn: {drawn}"


def test_a_rule_on_newest_values_says_why_it_cannot_be_tried(browser: Browser) -> None:
    found = answers()
    why = "'factor_newer' watches newest values, which are not stored; only rules on books can be tried on the past"
    found[BACKTEST.replace("idle_load", "factor_newer")] = {
        "error": {"code": "bad_query", "message": why, "hint": ""}
    }
    with (
        PageRig(found).running() as rig,
        shown(browser, rig, "/rules/factor_newer", tolerates="400") as page,
    ):
        page.wait_for_selector("dl")
        page.locator("form button").press("Enter")
        page.get_by_text(why).wait_for()
        assert page.locator(".working").is_hidden()


@pytest.mark.parametrize(("rate", "said"), [(0.73, "goalMet"), (6.4, "goalMissed")])
def test_the_noisiest_rules_stand_against_the_goal(
    browser: Browser, rate: float, said: str
) -> None:
    found = answers()
    found["/api/v1/rules/noisiest"]["per_hour"] = rate
    with PageRig(found).running() as rig, shown(browser, rig, "/rules") as page:
        page.get_by_text(word(said, "en")).wait_for()
        rows = page.locator(".tablebox tbody tr")
        noisy = found["/api/v1/rules/noisiest"]["rules"]
        assert rows.count() == len(noisy)
        assert rows.first.inner_text().split("\t")[1:3] == [
            str(noisy[0]["fired"]),
            f"{noisy[0]['fired'] / 168:.3f}",
        ]
        assert page.locator(".rules .card").count() == len(found["/api/v1/rules"])


def test_alerts_come_and_go_on_the_site_page(browser: Browser) -> None:
    with PageRig(answers()).running() as rig, shown(browser, rig, "/") as page:
        settle(page)
        assert page.locator(".count").is_hidden()
        rig.answers.update(busy())
        page.locator(".attention .alert").first.wait_for(timeout=12_000)
        hrefs = [a.get_attribute("href") for a in page.locator(".attention .alert a").all()]
        assert hrefs == [f"/alerts/a{n}" for n in (1, 2, 4, 7, 8)], (
            "taken, quiet and explained ones are left out"
        )
        assert page.locator(".count").inner_text() == "◆ 5 open"
        page.locator(".attention .alert a").first.press("Enter")
        page.wait_for_selector(".acts")
        assert page.url.endswith("/alerts/a1")


@pytest.mark.parametrize(("path", "width"), [("/", 3840), ("/", 1366), ("/alerts", 1366)])
def test_the_wall_shows_what_is_open(browser: Browser, path: str, width: int) -> None:
    with (
        PageRig(busy()).running() as rig,
        shown(browser, rig, path, "dark", width, wall="on") as page,
    ):
        settle(page)
        picture(page, f"alerts-wall{path.replace('/', '-')}-{width}")
        assert page.locator(".count").inner_text() == "◆ 5 open"
        check(page, "en")
        if path == "/":
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), (
                "all on one screen"
            )


def test_many_alerts_of_one_rule_are_one_line_on_the_site_page(browser: Browser) -> None:
    found = busy()
    idle = found["/api/v1/alerts/a4"]["alert"]
    found["/api/v1/alerts"]["open"] = [idle | {"id": f"b{n}"} for n in range(9)]
    with PageRig(found).running() as rig, shown(browser, rig, "/") as page:
        page.locator(".attention .alert").first.wait_for()
        assert page.locator(".attention .alert .title").all_inner_texts() == [
            f"Idle load ({9})",
            found["/api/v1/alerts"]["chattering"][0]["say"]["en"],
        ]


def test_alerts_that_do_not_answer_are_told_and_come_back(browser: Browser) -> None:
    with PageRig(busy()).running() as rig, shown(browser, rig, "/alerts", tolerates="400") as page:
        page.wait_for_selector(".openNow li")
        good = rig.answers["/api/v1/alerts"]
        rig.answers["/api/v1/alerts"] = {
            "error": {"code": "internal", "message": "broken", "hint": ""}
        }
        page.get_by_text(word("unanswered", "en")).wait_for(timeout=12_000)
        assert page.locator(".openNow li").first.is_visible(), (
            "what was known stays, and is said to be old"
        )
        rig.answers["/api/v1/alerts"] = good
        page.get_by_text(word("unanswered", "en")).wait_for(state="detached", timeout=12_000)


def test_nobody_is_asked_while_the_tab_is_hidden(browser: Browser) -> None:
    with PageRig(answers()).running() as rig, shown(browser, rig, "/health") as page:
        asked: list[str] = []
        page.on(
            "request", lambda r: asked.append(r.url) if r.url.endswith("/api/v1/alerts") else None
        )
        page.clock.install()
        page.reload()
        page.wait_for_selector("main .strip")
        hide = "h => { Object.defineProperty(document, 'hidden', { value: h, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(hide, True)
        assert len(asked) == 1
        page.clock.run_for(35_000)
        page.wait_for_timeout(200)
        assert len(asked) == 1
        with page.expect_request("**/api/v1/alerts", timeout=3000):
            page.evaluate(hide, False)
        with page.expect_request("**/api/v1/alerts", timeout=3000):
            page.clock.run_for(10_500)


def test_without_rules_nothing_of_it_is_shown(browser: Browser) -> None:
    found = answers()
    del found["/api/v1/alerts"]
    with PageRig(found).running() as rig, shown(browser, rig, "/", tolerates="404") as page:
        settle(page)
        assert page.locator(".nav").count() == 3
        assert page.locator(".count").is_hidden()
        assert not says(page, "alerts", "en")


def test_text_twice_as_large_breaks_nothing(play: Playwright) -> None:
    large = play.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, LARGE])
    with PageRig(busy()).running() as rig:
        for path, width in (
            ("/alerts", 390),
            ("/alerts/a4", 390),
            ("/alerts/a5", 1366),
            ("/rules", 390),
        ):
            with shown(large, rig, path, "light", width, "de") as page:
                settle(page)
                for summary in page.locator("main summary").all():
                    summary.press("Enter")
                picture(page, f"alerts-large{path.replace('/', '-')}-{width}")
                bare_codes(page)
                check(page, "de")
    large.close()


def test_a_channel_is_tested_by_a_button(browser: Browser) -> None:
    found = answers()
    channels = [
        {
            "id": "mail",
            "kind": "url",
            "ok": True,
            "since_ms": None,
            "error": None,
            "sent": 12,
            "failures": 0,
        }
    ]
    channels.append(
        {
            "id": "am",
            "kind": "alertmanager",
            "ok": False,
            "since_ms": 0,
            "error": "no connection",
            "sent": 0,
            "failures": 3,
        }
    )
    found["/api/v1/notify"] = {"outbox": {}, "channels": channels}
    found["POST /api/v1/notify/test"] = {"sent": True, "detail": "mail took the message"}
    with PageRig(found).running() as rig, shown(browser, rig, "/rules") as page:
        page.get_by_text("no connection").wait_for()
        fold = page.locator("details#testMessagemail")
        fold.locator("summary").click()
        fold.locator("input").fill("Li Wei")
        fold.locator("button").click()
        page.get_by_text("mail took the message").wait_for()
        assert rig.sent == [("POST", "/api/v1/notify/test", {"channel": "mail", "name": "Li Wei"})]
        rig.answers["POST /api/v1/notify/test"] = {"sent": False, "detail": "the server refused"}
        fold.locator("summary").click()
        fold.locator("button").click()
        fold.get_by_text("the server refused").wait_for()
