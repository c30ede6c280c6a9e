"""What needs attention on the Site page."""

from __future__ import annotations

from pathlib import Path

from books.attention import attention
from tests.rig import Rig, text

BODY = "buses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}}\n"


def test_attention_names_the_line_behind_a_silent_meter(tmp_path: Path) -> None:
    site = Rig(text(BODY, "la"), tmp_path).site
    meters = [{"id": "la", "state": "silent", "last_ms": 1_000, "lag_s": 72.0}]
    (item,) = attention(site, 0, None, meters, [])
    assert (item["code"], item["meter"], item["line"], item["params"]) == (
        "meter_silent",
        "la",
        "press",
        {"seconds": 72},
    )


def test_a_meter_that_never_answered_is_not_called_silent(tmp_path: Path) -> None:
    site = Rig(text(BODY, "la"), tmp_path).site
    assert (
        attention(
            site, 0, None, [{"id": "la", "state": "never", "last_ms": None, "lag_s": None}], []
        )
        == []
    )
