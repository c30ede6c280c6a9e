"""What needs attention on the Site page."""

from __future__ import annotations

from pathlib import Path

import pytest

from books.answers import Attention, AttentionParams, Meter, OddStep
from books.attention import attention
from plant.names import Verdict
from plant.silence import Heard
from tests.rig import Rig, text

BODY = "buses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}}\n"


def la(state: Heard, last_ms: int | None, lag_s: float | None) -> Meter:
    return Meter(
        id="la",
        name={"en": "la"},
        connection="plc",
        profile="opcua",
        class_limit=None,
        power_unit="kW",
        counter_unit="kWh",
        state=state,
        last_ms=last_ms,
        lag_s=lag_s,
        period_s=1.0,
        effective_period_s=1.0,
        answer_s=None,
        refused=[],
        due=1,
        answered=1,
        failed={},
        skipped=0,
        power=None,
    )


def test_attention_names_the_line_behind_a_silent_meter(tmp_path: Path) -> None:
    site = Rig(text(BODY, "la"), tmp_path).site
    (item,) = attention(site, None, [la(Heard.SILENT, 1_000, 72.0)], [])
    assert item == Attention(
        code="meter_silent",
        severity="warning",
        since_ms=1_000,
        until_ms=None,
        meter="la",
        line="press",
        params=AttentionParams(seconds=72),
    )


@pytest.mark.parametrize("state", [Heard.NEVER, Heard.HEARD, Heard.LATE])
def test_a_meter_that_is_not_silent_is_not_called_so(tmp_path: Path, state: Heard) -> None:
    site = Rig(text(BODY, "la"), tmp_path).site
    assert attention(site, None, [la(state, None, None)], []) == []


def test_a_silence_that_is_over_and_a_counter_that_began_anew(tmp_path: Path) -> None:
    site = Rig(text(BODY, "la"), tmp_path).site
    steps = [
        OddStep(at_ms=90_000, from_ms=30_000, meter="la", verdict=verdict, amount=1.5, bound=None)
        for verdict in (Verdict.GAP, Verdict.RESET, Verdict.WRAP)
    ]
    reset, gap = attention(site, None, [], steps)
    assert (reset.code, reset.since_ms, reset.params.amount) == ("counter_reset", 90_000, 1.5)
    assert (gap.code, gap.since_ms, gap.until_ms) == ("meter_silent", 30_000, 90_000)
    assert gap.params.seconds == 60
