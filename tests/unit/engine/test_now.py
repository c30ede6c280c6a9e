"""What `now` says of converters: one that takes power and gives
nothing is told apart from one that stands or works.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from books.answers import AttentionParams
from books.attention import attention
from engine.now.now import Now
from plant.frame import batch
from plant.units import SECOND_NS
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}, air: {carrier: compressed_air}}
converters: {comp: {inputs: {board: ce}, outputs: {air: {meter: ca}}}}
lines: {press: {draws: {air: la}}}
"""


@pytest.fixture
def now(tmp_path: Path) -> Now:
    meters = (
        text(PLANT, "g ce ca la")
        .replace("  ca: {", "  ca: {unit: Nm3, ")
        .replace("  la: {", "  la: {unit: Nm3, ")
    )
    return Now(Rig(meters, tmp_path).site)


def tick(now: Now, second: int, taken_kw: float, given: float) -> dict[str, Any]:
    names = {m.id: i for i, m in enumerate(now.site.meters)}
    now.at[:] = second * SECOND_NS
    now.power[[names["g"], names["ce"], names["ca"], names["la"]]] = (
        taken_kw,
        taken_kw,
        given,
        given,
    )
    return now.tick(second * SECOND_NS)


def test_an_unloaded_converter_is_said_after_two_minutes(now: Now) -> None:
    assert tick(now, 1000, 100.0, 900.0)["converters"] == {
        "comp": {"taken": 100.0, "unloaded_since_ms": None}
    }
    tick(now, 1001, 30.0, 0.0)
    assert attention(now.site, tick(now, 1100, 30.0, 0.0), [], []) == []
    (item,) = attention(now.site, tick(now, 1130, 30.0, 0.0), [], [])
    assert (item.code, item.since_ms) == ("converter_unloaded", 1_001_000)
    assert item.params == AttentionParams(converter="comp", minutes=2, kw=30.0)
    assert attention(now.site, tick(now, 1140, 100.0, 900.0), [], []) == []


def test_a_standing_converter_is_not_unloaded(now: Now) -> None:
    tick(now, 1000, 0.0, 0.0)
    assert attention(now.site, tick(now, 2000, 0.0, 0.0), [], []) == []


def test_a_meter_never_heard_of_has_no_time_since(now: Now) -> None:
    picture = now.tick(1000 * SECOND_NS)
    assert picture["lines"]["press"]["stale_since_ms"] is None
    assert picture["lines"]["press"]["final_kw"] is None, "unknown is not zero"
    assert picture["site"]["power_kw"] is None


def test_a_line_of_which_nothing_is_known_says_why_and_keeps_its_flow(now: Now) -> None:
    names = {m.id: i for i, m in enumerate(now.site.meters)}
    heard = tick(now, 1000, 100.0, 900.0)
    line = heard["lines"]["press"]
    assert line["unknown"] is None
    [drawn] = [link for link in heard["flows"]["links"] if link["to"] == "line:press"]
    assert drawn["known"]

    now.at[:] = 100_000 * SECOND_NS
    now.at[names["la"]] = 1000 * SECOND_NS
    silent = now.tick(100_000 * SECOND_NS)
    line = silent["lines"]["press"]
    assert (line["unknown"], line["stale_since_ms"]) == ("silent", 1_000_000)
    assert line["final_kw"] is None, "unknown is not zero"
    assert line["power"] == {"compressed_air": None}
    assert set(line["figures"].values()) == {None}
    [kept] = [link for link in silent["flows"]["links"] if link["to"] == "line:press"]
    assert not kept["known"]
    assert kept["kw"] == pytest.approx(drawn["kw"]), "at its last value"
    assert silent["remainder_kw"]["air"] == pytest.approx(0.0), "and not in unmetered"
    [node] = [node for node in silent["flows"]["nodes"] if node["id"] == "line:press"]
    assert not node["known"]

    now.at[names["la"]] = 0
    assert now.tick(100_000 * SECOND_NS)["lines"]["press"]["unknown"] == "never"


def counted(now: Now, second: int, readings: dict[str, float]) -> dict[str, Any]:
    """A tick after these counters have said this."""
    names = {m.id: i for i, m in enumerate(now.site.meters)}
    tags = {c.meter: c.tag for c in now.site.channels if not c.reverse}
    rows = [tags[names[meter]] for meter in readings]
    now.take(batch(second * SECOND_NS, rows, list(readings.values())))
    return now.tick(second * SECOND_NS)


def test_a_meter_that_only_counts_has_no_power_before_it_has_counted_for_a_while(
    tmp_path: Path,
) -> None:
    site = Rig(text(PLANT, "g ce ca la"), tmp_path).site
    meters = tuple(msgspec.structs.replace(m, power_tag=None) for m in site.meters)
    now = Now(msgspec.structs.replace(site, meters=meters))
    assert counted(now, 1000, {"la": 5.0, "g": 7.0})["lines"]["press"]["final_kw"] is None
    early = counted(now, 1001, {"la": 5.0, "g": 7.0})
    assert early["lines"]["press"]["power"] == {"compressed_air": None}, "unknown is not zero"
    assert early["site"]["power_kw"] is None
    later = counted(now, 1030, {"la": 6.0, "g": 8.0})
    press = [m.id for m in site.meters].index("la")
    scale = next(c.scale for c in site.channels if not c.reverse and c.meter == press)
    drawn = later["lines"]["press"]["power"]["compressed_air"]
    assert drawn == pytest.approx(scale * 3600 / 30.0)
    again = counted(now, 1040, {"la": 0.1})["lines"]["press"]["power"]["compressed_air"]
    assert again == drawn, "a counter that begins anew says no power yet"
