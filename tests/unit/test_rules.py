"""The built-in rule: no data from a meter fires once and resolves once; and what it becomes on the page."""

from __future__ import annotations

from pathlib import Path

from rules.health import attention
from rules.machine import AlertState, NoData
from tests.rig import Rig, text

BODY = "buses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}}\n"


def test_no_data_fires_once_and_resolves_once() -> None:
    rule = NoData(after_s=30.0)
    seen = [(0, 0), (20_000, 0), (31_000, 0), (40_000, 0), (41_000, 40_500), (50_000, 49_000)]
    changes = [c for at, last in seen for c in rule.step(at, {"m": last})]
    assert [(c.at_ms, c.state) for c in changes] == [(31_000, AlertState.FIRING), (41_000, AlertState.RESOLVED)]


def test_a_meter_never_heard_of_fires() -> None:
    assert NoData().step(0, {"m": None})[0].state is AlertState.FIRING


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
    assert attention(site, 0, None, [{"id": "la", "state": "never", "last_ms": None, "lag_s": None}], []) == []
