"""The demo as a visitor meets it: started as a command,
looked at with a real browser, ended with Ctrl-C.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.record_examples import BY_ID, ROUTES
from plant.names import State
from tests.loopback import free_port, until
from wattline.places import page_folder

EXAMPLES = Path(__file__).parents[2] / "api" / "examples.json"
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.net, pytest.mark.slow, pytest.mark.timeout(240)]
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
needs_page = pytest.mark.skipif(
    not (page_folder() / "index.html").exists(), reason="the live page is not built (make page)"
)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port, data = free_port(), tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "wattline.cli",
        "demo",
        "--port",
        str(port),
        "--data",
        str(data / "d"),
        "--seconds",
        "220",
    ]
    process = subprocess.Popen(command, start_new_session=True)
    base = f"http://127.0.0.1:{port}"
    try:
        until(lambda: get(base + "/api/v1/live")["now"], 60, "the first live figures")
        yield base, process
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0, "Ctrl-C must end clean within 10 s"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_live_figures_are_there_and_move(demo: tuple[str, Any]) -> None:
    base, _ = demo

    def machine_state() -> str | None:
        """The demo keeps real time, so a line may stand in a change-over
        or a short stop just now: any state that the machine can give will do.
        """
        state = get(base + "/api/v1/live")["now"]["lines"]["cells_steam"]["state"]
        return state if state in set(State) else None

    state = until(machine_state, 30, "a machine state over OPC UA")
    first = get(base + "/api/v1/live")["now"]
    assert 10_000 < first["site"]["power_kw"] < 35_000
    # a line that stands takes steam for its heat and less electricity
    least, most = (40, 75) if state == State.RUN else (5, 95)
    electrified = first["lines"]["cells_steam"]["figures"]["electrification.calorific@final"]
    assert least < electrified < most
    assert first["lines"]["cells_electric"]["figures"][
        "electrification.calorific@final"
    ] == pytest.approx(100)
    until(
        lambda: get(base + "/api/v1/live")["now"]["site"]["power_kw"] != first["site"]["power_kw"],
        10,
        "another power",
    )


def test_history_is_filled_and_meters_are_well(demo: tuple[str, Any]) -> None:
    base, _ = demo
    until(
        lambda: (
            get(base + "/api/v1/live")["backfill"] is None and get(base + "/api/v1/live")["books"]
        ),
        150,
        "seven days of history",
    )
    series = get(
        base
        + "/api/v1/series?of=site&figures=energy.electricity,intensity.electricity&every=day&from=-6d"
    )
    assert sum(v is not None for v in series["columns"]["energy.electricity"]) >= 6
    assert all(200 < v < 600 for v in series["columns"]["intensity.electricity"] if v is not None)
    states = [m["state"] for m in get(base + "/api/v1/health")["meters"]]
    assert states.count("heard") >= len(states) - 2


def test_answers_have_the_shape_of_their_examples(demo: tuple[str, Any]) -> None:
    base, _ = demo
    until(lambda: get(base + "/api/v1/live")["books"], 150, "books")
    for route, path in ROUTES.items():
        differs(json.loads(EXAMPLES.read_text(encoding="utf-8"))[route], get(base + path), route)


def differs(example: Any, real: Any, where: str) -> None:
    """Every key of the example is in the answer, with a value of its kind."""
    if isinstance(example, dict) and isinstance(real, dict):
        for key in example if where.rpartition(".")[2] not in BY_ID else ():
            assert key in real, f"{where} lacks {key}"
            differs(example[key], real[key], f"{where}.{key}")
    elif isinstance(example, list) and isinstance(real, list) and example and real:
        differs(example[0], real[0], f"{where}[0]")
    elif example is not None and real is not None:
        numbers = isinstance(example, int | float) and isinstance(real, int | float)
        assert numbers or type(example) is type(real), (
            f"{where}: {real!r} is no {type(example).__name__}"
        )


def test_a_taken_port_is_one_plain_sentence(demo: tuple[str, Any]) -> None:
    port = demo[0].rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "wattline.cli", "demo", "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("give another with --port")
    assert len(done.stderr.strip().splitlines()) == 1


@needs_browser
@needs_page
def test_page_in_a_real_browser(demo: tuple[str, Any], tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    base, _ = demo
    problems: list[str] = []
    outside: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
            ],
        )
        for width, dark, locale in ((1366, False, "en"), (390, True, "zh-CN"), (3840, False, "de")):
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                locale=locale,
            )
            page = context.new_page()
            page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda e: problems.append(str(e)))
            page.on(
                "request",
                lambda r: outside.append(r.url) if not r.url.startswith((base, "data:")) else None,
            )
            page.goto(base)
            page.wait_for_selector(".tile .value")
            before = page.inner_text(".clock")
            page.wait_for_function(
                "old => document.querySelector('.clock').textContent !== old",
                arg=before,
                timeout=10_000,
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=str(tmp_path / f"site-{width}.png"))
            for path in ("/lines/cells_steam", "/lines/electronics", "/health"):
                page.goto(base + path)
                page.wait_for_selector("main .card")
            context.close()
        browser.close()
    assert problems == []
    assert outside == []


@needs_browser
@needs_page
def test_explain_by_keyboard(demo: tuple[str, Any]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
            ],
        )
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(demo[0])
        page.wait_for_selector("button.tile .value")
        page.focus("button.tile")
        page.keyboard.press("Enter")
        page.wait_for_selector(".panel .answer")
        page.keyboard.press("Escape")
        assert page.query_selector(".panel") is None
        browser.close()


@pytest.mark.timeout(240)
def test_a_visitor_sees_an_alert_within_three_minutes(
    demo: tuple[str, subprocess.Popen[bytes]],
) -> None:
    """The story has a meter fall silent; the rule that ships
    says so, by name, in three languages.
    """
    base, process = demo
    left = 180.0 - (time.time() - Path(f"/proc/{process.pid}").stat().st_ctime)

    def seen() -> list[Any]:
        found = get(f"{base}/api/v1/alerts?state=all&from=-10m")
        return [a for a in found["open"] + found["past"] if a["rule"] == "meter_silent"]

    until(lambda: bool(seen()), left, "the alert of the silent meter")
    (alert,) = seen()
    assert alert["subject"] == "modules_el"
    assert (
        "silent" in alert["say"]["en"]
        and "无数据" in alert["say"]["zh"]
        and "schweigt" in alert["say"]["de"]
    )
