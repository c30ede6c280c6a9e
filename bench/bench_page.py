"""The live page left open: JS heap after forced collection,
busy share of its main thread, first paint, bytes.

Headless chromium shows the built page in front of recorded answers of a demo; each update
is a whole `now` in which every number differs, with new books each minute. `--updates 300
--hz 20` gives a short run; only a run at 1 Hz says something about the busy share. The
engine's compilers are off, because it counts machine code of hot functions as heap: about
1 MB that comes once, within the first half hour.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.record import figure, record
from tests.e2e.page_rig import FLAGS, PageRig
from wattline.places import page_folder

WARM, BUSY = 60, 120
NO_COMPILER = "--js-flags=--no-opt --no-maglev --no-sparkplug"
SEEN = (
    "new MutationObserver(() => { window.seen += 1; }).observe(document.querySelector('.clock'),"
    " {childList: true, characterData: true, subtree: true}); window.seen = 0"
)
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


def heap(cdp: CDPSession) -> float:
    """Bytes of JS heap in use after a full collection."""
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")

    return float(cdp.send("Runtime.getHeapUsage")["usedSize"])


def busy(cdp: CDPSession) -> float:
    """Seconds that the main thread has worked so far."""
    return next(
        float(m["value"])
        for m in cdp.send("Performance.getMetrics")["metrics"]
        if m["name"] == "TaskDuration"
    )


def feed(
    rig: PageRig,
    page: Page,
    updates: int,
    hz: float,
) -> None:
    """`updates` messages on a fixed grid."""
    began = time.monotonic()
    for i in range(updates):
        rig.tick()
        page.wait_for_timeout(max(0.0, (began + (i + 1) / hz - time.monotonic()) * 1000))


def run(
    updates: int,
    hz: float,
    path: str = "/",
    flags: Sequence[str] = (NO_COMPILER,),
) -> dict[str, float]:
    """One page through warm-up and `updates`."""
    with PageRig().running() as rig, sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[*FLAGS, *flags],
        )
        page = browser.new_page(
            viewport={
                "width": 1366,
                "height": 900,
            }
        )
        page.goto(rig.base + path)
        page.wait_for_selector("canvas")
        cdp = page.context.new_cdp_session(page)
        cdp.send("Performance.enable")
        feed(
            rig,
            page,
            WARM,
            hz,
        )
        page.evaluate(SEEN)
        before, worked, began = heap(cdp), busy(cdp), time.monotonic()
        feed(
            rig,
            page,
            updates,
            hz,
        )
        share = (busy(cdp) - worked) / (time.monotonic() - began)
        found = {
            "before": before,
            "after": heap(cdp),
            "busy": share,
            **_page_says(page),
        }
        browser.close()

    return found


def _page_says(page: Page) -> dict[str, float]:
    return {
        "seen": float(page.evaluate("window.seen")),
        "paint": float(page.evaluate(PAINT)),
    }


def compressed() -> float:
    """kB of everything the page can load, gzipped."""
    return sum(f.stat().st_size for f in page_folder().rglob("*.gz")) / 1000


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument(
        "--updates",
        type=int,
        default=1800,
    )
    given.add_argument(
        "--hz",
        type=float,
        default=1.0,
    )
    asked = given.parse_args()
    found = run(asked.updates, asked.hz)
    quick = run(
        BUSY,
        1.0,
        flags=(),
    )  # as people have it, compilers on
    growth = 100 * (found["after"] / found["before"] - 1)
    record("page", [
        figure(f"JS heap after warm-up of {WARM} updates", found["before"] / 1e6, "MB",),
        figure(f"JS heap after {asked.updates} updates at {asked.hz:g} Hz", found["after"] / 1e6, "MB",),
        figure("growth of the JS heap", growth, "%", 5.0,),
        figure("updates shown of those sent", found["seen"] / asked.updates, "share", 0.98, at_most=False,),
        figure(f"main thread busy, {BUSY} updates at 1 Hz", quick["busy"], "share of a core", 0.05,),
        figure("first paint on loopback", found["paint"], "s", 1.0,),
        figure("all assets, gzipped", compressed(), "kB", 400.0,),
    ],)  # fmt: skip


if __name__ == "__main__":
    main()
