"""One stream for all tabs of a browser, and how much the Site page weighs on the wire."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.page_rig import PageRig
from tests.e2e.test_page_states import rigged, settle, shown
from wattline.places import page_folder

pytestmark = [
    pytest.mark.net,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not (page_folder() / "index.html").exists(), reason="the live page is not built (make page)"
    ),
]
TABS = 10  # more than the six connections that a browser opens to one server
SITE_BYTES = 260_000
CLOCK = "document.querySelector('.clock').textContent"
# What a browser does when a tab is covered or comes back.
TURN = """hidden => {
  Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def eventually(page: Page, is_so: Callable[[], bool], what: str) -> None:
    """Wait up to 5 s; the server of the rig runs beside the test."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never so: {what}")


def opened(context: BrowserContext, rig: PageRig, count: int) -> list[Page]:
    pages = [context.new_page() for _ in range(count)]
    for page in pages:
        page.goto(rig.base + "/health")
        page.wait_for_selector("main")
    return pages


def test_ten_tabs_are_live_over_one_stream(browser: Browser) -> None:
    with rigged("well").running() as rig:
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        pages = opened(context, rig, TABS)
        first = pages[0]
        eventually(first, lambda: rig.hub.viewers == 1, "one stream for all tabs")
        for _ in range(2):
            before = [page.evaluate(CLOCK) for page in pages]
            rig.tick()
            for page, clock in zip(pages, before, strict=True):
                eventually(
                    page, lambda p=page, c=clock: p.evaluate(CLOCK) != c, "each tab hears of it"
                )
            assert rig.hub.viewers == 1

        for page in pages[1:]:
            page.evaluate(TURN, True)
        rig.tick()
        eventually(first, lambda: rig.hub.viewers == 1, "the tab that is looked at keeps it")
        hidden = pages[1].evaluate(CLOCK)
        first.evaluate(TURN, True)
        eventually(first, lambda: rig.hub.viewers == 0, "nobody looks, nothing is sent")

        rig.tick()
        pages[1].evaluate(TURN, False)
        eventually(pages[1], lambda: pages[1].evaluate(CLOCK) != hidden, "it is live again")
        assert pages[1].locator(".banner.lost").is_hidden()
        assert rig.hub.viewers == 1
        for page in pages:
            page.close()
        context.close()
        control = browser.new_page()
        eventually(control, lambda: rig.hub.viewers == 0, "closed tabs hold no stream")
        control.close()


def test_without_shared_workers_a_tab_has_its_own_stream_while_it_is_looked_at(
    browser: Browser,
) -> None:
    with rigged("well").running() as rig:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.add_init_script("delete globalThis.SharedWorker")
        [page] = opened(context, rig, 1)
        eventually(page, lambda: rig.hub.viewers == 1, "a stream of its own")
        before = page.evaluate(CLOCK)
        rig.tick()
        eventually(page, lambda: page.evaluate(CLOCK) != before, "live")
        page.evaluate(TURN, True)
        rig.tick()
        eventually(page, lambda: rig.hub.viewers == 0, "let go while hidden")
        context.close()


def test_every_file_lies_compressed_beside_itself() -> None:
    texts = [f for f in page_folder().rglob("*") if f.suffix in (".js", ".css", ".html")]
    assert len(texts) > 5
    for file in texts:
        for ending in (".br", ".gz"):
            packed = Path(f"{file}{ending}")
            assert packed.is_file(), f"{packed.name} is missing"
            assert packed.stat().st_size < max(600, 0.8 * file.stat().st_size)


@pytest.mark.parametrize("ending", [".br", ".gz"])
def test_the_site_page_is_light_and_loads_only_its_own_charts(
    browser: Browser, ending: str
) -> None:
    with rigged("well").running() as rig, shown(browser, rig, "/") as page:
        page.wait_for_selector("canvas")
        settle(page)
        asked = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        loaded = [name.removeprefix(rig.base + "/") for name in asked if "/assets/" in name]
        worker = next((page_folder() / "assets").glob("stream_worker-*.js"))
        files = {page_folder() / name for name in loaded}
        files |= {page_folder() / "index.html", worker}
        assert any("flows" in name for name in loaded), json.dumps(loaded)
        assert not [name for name in loaded if "watched" in name or "/line-" in name]
        assert sum(Path(f"{file}{ending}").stat().st_size for file in files) < SITE_BYTES
