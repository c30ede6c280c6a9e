"""The page left open, in small: the same measurement as bench/bench_page.py, shorter and faster."""

from __future__ import annotations

import shutil

import pytest

from bench.bench_page import run
from wattline.places import page_folder

UPDATES, HZ = 240, 20.0
pytestmark = [
    pytest.mark.net,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not (page_folder() / "index.html").exists(), reason="the live page is not built (make page)"
    ),
]


@pytest.mark.parametrize("path", ["/", "/lines/cells_steam"])
def test_the_heap_does_not_grow_with_the_updates(path: str) -> None:
    found = run(UPDATES, HZ, path)
    assert found["seen"] > 0.5 * UPDATES, "the page must have shown what it was sent"
    assert found["after"] < 1.05 * found["before"], found
