"""The live page as a picture: every page in every state, light
and dark, phone to hall wall, three languages.

`WATTLINE_PICTURES=folder` keeps the pictures, so that a person can look at them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from plant.languages import LANGUAGES
from tests.e2e.page_rig import FLAGS, PageRig, recorded
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
LOOK = Path(__file__).with_name("page_look.js").read_text(encoding="utf-8")
LANGS = LANGUAGES
PATHS = {"site": "/", "line": "/lines/cells_steam", "health": "/health", "factors": "/factors"}
HEIGHT = {390: 844, 1366: 768, 3840: 2160}
Answers = dict[str, Any]


def words() -> dict[str, tuple[str, ...]]:
    """The page's words by key, in the order of `LANGS`, with
    the gas that the recorded plant counts.
    """
    by_language = [words_of(lang) for lang in LANGS]
    return {key: tuple(said[key] for said in by_language) for key in by_language[0]}


def words_of(lang: str) -> dict[str, str]:
    """The words file of one language, read as it stands in the source."""
    source = (page_folder().parent / "src" / "words" / f"{lang}.ts").read_text(encoding="utf-8")
    found = re.findall(r'^  (\w+):\s+"([^"]*)",$', source, re.MULTILINE)
    return {key: text.replace("{c}", "CO₂") for key, text in found}


def unknown(x: Any) -> Any:
    """The same shape with every measured number unknown."""
    if isinstance(x, dict):
        return {k: v if k.endswith("_ms") else unknown(v) for k, v in x.items()}
    if isinstance(x, list):
        return [unknown(v) for v in x]
    return None if isinstance(x, float) else x


def first(a: Answers) -> None:
    """Nothing measured yet."""
    a["/api/v1/live"] = {"now": None, "books": None, "backfill": None}
    for key in a:
        if key.startswith("/api/v1/series"):
            columns = a[key]["columns"]
            a[key]["columns"] = {
                k: v if k == "start_ms" else [None] * len(v) for k, v in columns.items()
            }
        elif key.startswith("/api/v1/explain"):
            a[key] = {**unknown(a[key]), "parts": []}
    health = a["/api/v1/health"]
    health |= {"coverage": None, "estimated": None, "verdicts": [], "gaps": []}
    health["journal"] |= {"frames": 0, "bytes": 0, "behind_s": 0.0}
    for meter in health["meters"]:
        meter |= {
            "state": "never",
            "last_ms": None,
            "lag_s": None,
            "effective_period_s": None,
            "power": None,
        }
        meter |= {"due": 0, "answered": 0, "failed": {}}


def well(a: Answers) -> None:
    """All meters answer, nothing needs anybody."""
    live = a["/api/v1/live"]
    for line in live["now"]["lines"].values():
        line["stale_since_ms"] = None
    live["now"]["site"]["coverage"] = 0.999
    live["books"]["attention"] = []
    for sums in live["books"]["lines"].values():
        sums |= {"coverage.time": 99.9, "estimated": 0.0}
    for meter in a["/api/v1/health"]["meters"]:
        meter["state"] = "heard"
    a["/api/v1/health"] |= {"verdicts": [], "gaps": []}


def filling(a: Answers) -> None:
    """The first minutes of a demo: history is being made, the books are not there yet."""
    well(a)
    live = a["/api/v1/live"]
    end = live["now"]["at_ms"]
    live |= {
        "books": None,
        "backfill": {"done": 3024, "total": 10080, "from_ms": end - 7 * 86_400_000, "to_ms": end},
    }


def stale(a: Answers) -> None:
    """The steam meter of the cells is silent for a minute; the shift has a long gap in it."""
    well(a)
    live = a["/api/v1/live"]
    since = live["now"]["at_ms"] - 61_000
    for name, share in (("cells_steam", 88.0), ("modules", 91.0)):
        live["now"]["lines"][name] |= {
            "stale_since_ms": since,
            "figures": unknown(live["now"]["lines"][name]["figures"]),
        }
        live["books"]["lines"][name] |= {"coverage.time": share, "estimated": 11.5}
    live["now"]["site"]["coverage"] = 0.91
    live["books"]["attention"] = [
        item("meter_silent", "warning", since, "cells_steam_st", "cells_steam", seconds=61)
    ]
    broken = next(m for m in a["/api/v1/health"]["meters"] if m["id"] == "cells_steam_st")
    broken |= {"state": "silent", "lag_s": 61.0, "failed": {"timeout": 58}, "power": None}
    a["/api/v1/health"]["connections"][1] |= {
        "state": "down",
        "last_error": "no answer from 127.0.0.1:38657 within 1 s",
    }


def alert(a: Answers) -> None:
    """Every kind of attention at once, and a line at fault."""
    well(a)
    live = a["/api/v1/live"]
    at = live["now"]["at_ms"]
    live["now"]["lines"]["pv_cells"]["state"] = "FAULT"
    live["books"]["attention"] = [
        item("connection_lost", "critical", at - 300_000, "smt_1_el", "smt_1"),
        item("line_idle", "warning", at - 1_320_000, None, "smt_4", minutes=22, kw=31.0),
        item("converter_unloaded", "info", at - 3_600_000, "comp_1_el", None, kw=74.0),
        item("counter_reset", "warning", at - 7_200_000, "smt_3_el", "smt_3"),
        item("counter_unknown", "warning", at - 7_200_000, "boiler_steam", None),
        item("remainder_negative", "warning", at - 900_000, None, None, kw=-40.0),
        {
            **item("meter_silent", "info", at - 400_000, "modules_el", "modules", seconds=72),
            "until_ms": at - 328_000,
        },
    ]


def item(
    code: str, severity: str, since_ms: int, meter: str | None, line: str | None, **params: float
) -> dict[str, Any]:
    """One entry of what needs attention."""
    about = {"meter": meter, "line": line, "params": params}
    return {"code": code, "severity": severity, "since_ms": since_ms, "until_ms": None, **about}


STATES: dict[str, Callable[[Answers], None]] = {
    "first": first, "backfill": filling, "well": well, "stale": stale, "lost": well, "alert": alert,
}  # fmt: skip
# page, state, theme, width, language: not all, but each
# value with each other kind of value somewhere.
CASES = [
    ("site", "first", "light", 1366, "en"),
    ("line", "first", "dark", 390, "zh"),
    ("health", "first", "light", 3840, "de"),
    ("site", "backfill", "dark", 390, "de"),
    ("line", "backfill", "light", 3840, "en"),
    ("site", "well", "light", 3840, "zh"),
    ("line", "well", "dark", 1366, "de"),
    ("health", "well", "light", 390, "en"),
    ("site", "stale", "light", 390, "en"),
    ("site", "stale", "dark", 1366, "zh"),
    ("health", "stale", "dark", 1366, "de"),
    ("line", "stale", "light", 390, "de"),
    ("site", "alert", "dark", 3840, "de"),
    ("site", "alert", "light", 1366, "zh"),
    ("health", "alert", "dark", 390, "zh"),
    ("line", "alert", "light", 1366, "en"),
    ("factors", "well", "light", 1366, "zh"),
    ("factors", "well", "dark", 390, "de"),
]
# What a visitor must be able to read in each state: words of the page, by page.
SAYS = {
    ("site", "first"): ["waiting"], ("line", "first"): ["waiting"], ("health", "first"): ["state_never"],
    ("site", "backfill"): ["backfill", "noBooks"], ("line", "backfill"): ["backfill", "noBooks"], ("site", "well"): ["allWell"], ("line", "well"): ["state_RUN"],
    ("health", "well"): ["state_heard"], ("site", "stale"): ["stale", "meter_silent", "lowCoverage"], ("line", "stale"): ["stale"],
    ("health", "stale"): ["state_silent", "state_down"], ("line", "alert"): ["state_RUN"], ("health", "alert"): ["state_heard"], ("factors", "well"): ["byLocation", "contract", "scope_scope2"],
    ("site", "alert"): ["state_FAULT", "line_idle", "connection_lost", "converter_unloaded", "counter_reset", "was_silent"],
}  # fmt: skip


@contextmanager
def shown(
    browser: Browser, rig: PageRig, path: str, theme: str = "light", width: int = 1366, lang: str = "en",
    *, tolerates: str = "503", **stored: str,
) -> Iterator[Page]:  # fmt: skip
    """A page of `rig` in the given dress; at the end it must have complained of nothing but
    `tolerates` and asked nobody else.
    """
    view = browser.new_context(
        viewport={"width": width, "height": HEIGHT[width]}, reduced_motion="reduce"
    )
    kept = {"theme": theme, "lang": lang, **stored}
    view.add_init_script(
        f"for (const [k, v] of Object.entries({json.dumps(kept)})) localStorage.setItem(k, v)"
    )
    view.add_init_script(LOOK)
    page = view.new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on(
        "request",
        lambda r: None if r.url.startswith((rig.base, "data:")) else wrong.append(f"asked {r.url}"),
    )
    try:
        page.goto(rig.base + path)
        page.wait_for_selector("main")
        yield page
    finally:
        view.close()
    assert not [w for w in wrong if tolerates not in w], wrong


def rigged(state: str) -> PageRig:
    answers = recorded()
    STATES[state](answers)
    return PageRig(answers)


def settle(page: Page) -> None:
    """Wait until the page has asked for nothing new for a while."""
    known, same = -1, 0
    while same < 3:
        now = page.evaluate("performance.getEntriesByType('resource').length")
        known, same = now, same + 1 if now == known else 0
        page.wait_for_timeout(70)


def until(page: Page, wanted: str) -> None:
    """Wait up to 3 s for an expression to be true; the content
    policy forbids the page to poll for itself.
    """
    for _ in range(60):
        if page.evaluate(wanted):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {wanted}")


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("WATTLINE_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def says(page: Page, word: str, lang: str) -> bool:
    """Whether the page shows `word` in `lang`, whatever stands in its gaps."""
    pieces = re.split(r"\{\w+\}", words()[word][LANGS.index(lang)])
    wanted = ".*?".join(re.escape(piece.strip()) for piece in pieces)
    return bool(re.search(wanted, page.inner_text("body"), re.DOTALL))


def untranslated(page: Page, lang: str) -> list[str]:
    """Texts in view that are a word of the page in another language, or the raw key of one."""
    mine = LANGS.index(lang)
    own = {w[mine] for w in words().values()}
    other = {w[i] for w in words().values() for i in range(3) if i != mine} - own
    texts: list[str] = page.evaluate("() => look().texts")
    raw = re.compile(r"undefined|NaN|\[object|\{\w+\}|\b[a-z]+_[a-z]+\b(?<!_ms)")
    ids = {
        i
        for m in recorded()["/api/v1/health"]["meters"]
        for i in (m["id"], m["connection"], m["profile"])
    }
    ids |= {
        f[kind]["fallback"]
        for f in recorded()["/api/v1/factors"]
        for kind in ("location", "market")
    } - {""}
    return [s for s in texts if s in other or (raw.search(s) and not any(i in s for i in ids))]


def check(page: Page, lang: str) -> None:
    """What holds of every picture."""
    seen = page.evaluate("() => look()")
    assert seen["wide"] <= seen["room"], (
        f"the document is {seen['wide']} px wide in {seen['room']} px"
    )
    assert not seen["cut"], "cut or outside of their box"
    assert not seen["over"], "texts on top of each other"
    assert not seen["faint"], "contrast under AA"
    assert not untranslated(page, lang)


@pytest.mark.parametrize(
    ("path", "state", "theme", "width", "lang"), CASES, ids=["-".join(map(str, c)) for c in CASES]
)
def test_picture(
    browser: Browser, path: str, state: str, theme: str, width: int, lang: str
) -> None:
    with (
        rigged(state).running() as rig,
        shown(browser, rig, PATHS[path], theme, width, lang) as page,
    ):
        settle(page)
        picture(page, f"{path}-{state}-{theme}-{width}-{lang}")
        missing = [w for w in SAYS[path, state] if not says(page, w, lang)]
        assert not missing, "the state is not told"
        check(page, lang)
        if state == "first" and path != "health":
            assert set(page.locator(".value").all_inner_texts()) == {"–"}, (
                "a number where nothing was measured"
            )


def entry(state: str, error: str | None, **counts: int) -> dict[str, Any]:
    """One of `stores` in the answer of data health."""
    nothing = dict.fromkeys(
        (
            "behind_frames",
            "behind_outputs",
            "points",
            "expired",
            "dead_letters",
            "lost_frames",
            "lost_outputs",
        ),
        0,
    )
    return {
        "id": "influx",
        "url": "http://influx.example:8086",
        "state": state,
        "last_error": error,
        **nothing,
        **counts,
    }


# State, counts by their words, theme, width, language.
STORES = [
    ("up", {"behind_frames": 1}, "light", 1366, "en"),
    ("starting", {}, "dark", 390, "zh"),
    ("away", {"behind_frames": 4200, "behind_outputs": 21, "lost_frames": 5, "lost_outputs": 2}, "dark", 1366, "de"),
    ("refused", {"behind_frames": 300, "dead_letters": 12, "expired": 34}, "light", 390, "zh"),
    ("failed", {"behind_frames": 300}, "light", 3840, "de"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "counts", "theme", "width", "lang"), STORES, ids=[s[0] for s in STORES]
)
def test_a_store_beside_the_embedded_one(
    browser: Browser, state: str, counts: dict[str, int], theme: str, width: int, lang: str
) -> None:
    error = "InfluxDB at http://influx.example:8086 does not answer: connection refused"
    answers = recorded()
    well(answers)
    answers["/api/v1/health"]["stores"] = [entry(state, error, **counts)]
    with (
        PageRig(answers).running() as rig,
        shown(browser, rig, "/health", theme, width, lang) as page,
    ):
        settle(page)
        picture(page, f"stores-{state}-{theme}-{width}-{lang}")
        check(page, lang)
        box = page.get_by_role("region", name=words()["dataStores"][LANGS.index(lang)])
        cells = box.locator("td").all_inner_texts()
        assert cells[2] == words()[f"state_{state}"][LANGS.index(lang)]
        sums = (
            ("behind_frames", "behind_outputs"),
            ("lost_frames", "lost_outputs"),
            ("expired",),
            ("dead_letters",),
        )
        assert [int(re.sub(r"\D", "", c)) for c in cells[3:7]] == [
            sum(counts.get(k, 0) for k in part) for part in sums
        ]
        assert cells[7] == ("" if state in ("up", "starting") else error)


def test_no_table_of_stores_where_there_is_none(browser: Browser) -> None:
    with rigged("well").running() as rig, shown(browser, rig, "/health") as page:
        settle(page)
        assert says(page, "connection", "en")
        assert not says(page, "dataStores", "en")


LOST = (("site", "light", 390, "zh"), ("line", "dark", 3840, "de"), ("health", "light", 1366, "en"))


def test_a_lost_stream_is_told_and_heals(browser: Browser) -> None:
    with rigged("lost").running() as rig, ExitStack() as open_pages:
        pages = [
            open_pages.enter_context(shown(browser, rig, PATHS[p], theme, w, lang))
            for p, theme, w, lang in LOST
        ]
        for page in pages:
            settle(page)
        rig.tick()
        pages[0].wait_for_timeout(300)
        assert all(page.locator(".banner.lost").is_hidden() for page in pages)
        rig.stop_stream()
        for page, (path, theme, width, lang) in zip(pages, LOST, strict=True):
            page.wait_for_selector(".banner.lost", timeout=5000)
            assert says(page, "lost", lang)
            picture(page, f"{path}-lost-{theme}-{width}-{lang}")
            check(page, lang)
        rig.streaming = True
        pages[0].wait_for_timeout(700)
        rig.tick()
        for page in pages:
            page.wait_for_selector(".banner.lost", state="hidden", timeout=3000)


def test_figures_move_with_the_stream_and_the_day_grows_with_the_books(browser: Browser) -> None:
    with rigged("well").running() as rig, shown(browser, rig, "/") as page:
        settle(page)
        asked = "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes('/series'))"
        until(page, f"{asked}.length === 5")
        before = page.locator(".tile .value").first.inner_text()
        rig.tick()
        until(page, f"document.querySelector('.tile .value').textContent !== {json.dumps(before)}")
        rig.tick(900_000)
        until(page, f"{asked}.length === 10")
        assert sum("&to=" in name for name in page.evaluate(asked)) == 5, (
            "only what is new is asked for"
        )


def test_explain_by_keyboard_says_the_formula_in_words(browser: Browser) -> None:
    for lang in LANGS:
        with rigged("well").running() as rig, shown(browser, rig, "/", lang=lang) as page:
            settle(page)
            tile = page.locator("button.tile").nth(1)
            tile.focus()
            page.keyboard.press("Tab")
            page.keyboard.press("Shift+Tab")
            assert tile.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", (
                "focus must be seen"
            )
            page.keyboard.press("Enter")
            page.wait_for_selector(".panel .answer")
            top, under = words()["term_electric_carbon"], words()["term_electricity"]
            i = LANGS.index(lang)
            assert page.inner_text(".panel .said") == f"{top[i]} ÷ {under[i]}"
            assert page.locator(".panel td").count() > 4
            picture(page, f"explain-{lang}")
            assert not untranslated(page, lang)
            page.keyboard.press("Escape")
            assert page.locator(".panel").count() == 0
            assert tile.evaluate("e => e === document.activeElement"), (
                "focus goes back to the figure"
            )


def test_every_chart_has_its_table(browser: Browser) -> None:
    with rigged("well").running() as rig:
        for path in ("/", "/lines/cells_steam"):
            with shown(browser, rig, path, lang="de") as page:
                settle(page)
                buttons = page.locator("button.toggle")
                for i in range(buttons.count()):
                    buttons.nth(i).press("Enter")
                assert (
                    page.locator("canvas:visible").count() == page.locator(".spark canvas").count()
                )
                assert page.locator(".tablebox tbody tr").count() > 10
                picture(page, f"tables{path.replace('/', '-')}")
                check(page, "de")


@pytest.mark.parametrize(
    ("path", "theme", "width"), [("site", "dark", 3840), ("line", "light", 1366)]
)
def test_the_wall_is_remembered_and_has_no_controls(
    browser: Browser, path: str, theme: str, width: int
) -> None:
    with (
        rigged("alert").running() as rig,
        shown(browser, rig, PATHS[path], theme, width, "en") as page,
    ):
        settle(page)
        small = page.locator(".tile .value").first.bounding_box()
        page.get_by_role("button", name="Wall").press("Enter")
        page.reload()
        settle(page)
        big = page.locator(".tile .value").first.bounding_box()
        assert small and big and big["height"] > 1.3 * small["height"]
        assert page.locator("button.chip:visible").count() == 0
        picture(page, f"wall-{path}-{theme}-{width}")
        check(page, "en")
        if path == "site":
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), (
                "all on one screen"
            )
        page.keyboard.press("Escape")
        assert page.locator("button.chip:visible").count() > 3


DAY_MS = 86_400_000


@pytest.mark.parametrize("lang", LANGS)
def test_late_books_carry_their_date_and_are_compared_with_nothing(
    browser: Browser, lang: str
) -> None:
    answers = recorded()
    well(answers)
    books = answers["/api/v1/live"]["books"]
    books["last_week"]["electricity_pct"] = 4.0
    books["to_ms"] -= 2 * DAY_MS
    books["today"]["from_ms"] -= 2 * DAY_MS
    with PageRig(answers).running() as rig, shown(browser, rig, "/", lang=lang) as page:
        settle(page)
        picture(page, f"late-{lang}")
        for word in ("elOn", "carbonOn", "booksTo"):
            assert says(page, word, lang)
        for word in ("elToday", "carbonToday", "vsPlan", "vsWeek"):
            assert not says(page, word, lang), "of another day, or compared"
        assert page.locator(".plan").is_hidden()
        check(page, lang)


def test_books_in_time_are_of_today_and_compared(browser: Browser) -> None:
    answers = recorded()
    well(answers)
    answers["/api/v1/live"]["books"]["last_week"]["electricity_pct"] = 4.0
    with PageRig(answers).running() as rig, shown(browser, rig, "/") as page:
        settle(page)
        for word in ("elToday", "carbonToday", "vsPlan", "vsWeek"):
            assert says(page, word, "en")


def test_a_line_of_which_nothing_is_known_says_why(browser: Browser) -> None:
    answers = recorded()
    well(answers)
    now = answers["/api/v1/live"]["now"]
    line = now["lines"]["modules"]
    line |= {"state": "RUN", "unknown": "never", "final_kw": None}
    line["figures"] = unknown(line["figures"])
    for node in now["flows"]["nodes"]:
        node["known"] = node["id"] != "line:modules"
    for link in now["flows"]["links"]:
        link["known"] = link["to"] != "line:modules"
    with PageRig(answers).running() as rig, shown(browser, rig, "/") as page:
        settle(page)
        card = page.locator(".line", has=page.locator("a[href='/lines/modules']"))
        assert card.locator(".state").inner_text() == words()["state_UNKNOWN"][0]
        assert card.locator(".stale").inner_text() == words()["neverHeard"][0]
        assert card.locator(".value").last.inner_text() == "–"
        picture(page, "unknown-line")
        page.locator(".flows .toggle").press("Enter")
        rows = page.locator(".flows tr", has_text=words()["notKnownLast"][0])
        assert rows.count() == sum(
            link["to"] == "line:modules" and link["kw"] > 0.5 for link in now["flows"]["links"]
        )
        check(page, "en")


def test_a_comparison_is_drawn_as_the_plant_file_declares_it(browser: Browser) -> None:
    answers = recorded()
    well(answers)
    with PageRig(answers).running() as rig, shown(browser, rig, "/", lang="de") as page:
        settle(page)
        [declared] = answers["/api/v1/site"]["comparisons"]
        judged, by = answers["/api/v1/live"]["books"]["comparisons"][declared["id"]]
        card = page.locator(".sisters")
        assert card.locator("h2").inner_text() == declared["name"]["de"]
        shown_percent = card.locator(".value").inner_text().replace("−", "-").replace(",", ".")
        assert float(shown_percent) == pytest.approx(100 * (judged - by) / by, abs=0.5)
    answers["/api/v1/site"]["comparisons"] = []
    with PageRig(answers).running() as rig, shown(browser, rig, "/") as page:
        settle(page)
        assert page.locator(".sisters").count() == 0


LARGE = "--blink-settings=defaultFontSize=32,defaultFixedFontSize=26"


def test_text_twice_as_large_breaks_nothing(play: Playwright) -> None:
    large = play.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, LARGE])
    with rigged("stale").running() as rig:
        for path, width in (("site", 390), ("site", 1366), ("line", 390)):
            with shown(large, rig, PATHS[path], "light", width, "de") as page:
                settle(page)
                assert (
                    float(
                        page.evaluate(
                            "parseFloat(getComputedStyle(document.documentElement).fontSize)"
                        )
                    )
                    >= 27
                )
                picture(page, f"large-{path}-{width}")
                check(page, "de")
    large.close()


def test_words_have_the_same_gaps_in_all_languages() -> None:
    odd = [
        key
        for key, said in words().items()
        if len({tuple(sorted(re.findall(r"\{\w+\}", s))) for s in said}) > 1
    ]
    assert len(words()) > 100
    assert not odd
    assert not [key for key, said in words().items() if not all(said)]
