"""A source whose meter was silent and is back: what it gave is known, so
nothing stays of unknown origin, on slow buses neither.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig import Rig, text

PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  bought: {carrier: steam, meter: h, into: steam}
buses: {board: {carrier: electricity}, steam: {carrier: steam}}
lines: {dyer: {draws: {board: d, steam: s}}}
"""


@pytest.mark.parametrize("silent", [{"h"}, {"g"}, {"g", "h", "d", "s"}])
def test_nothing_stays_unknown_when_the_counter_is_back(tmp_path: Path, silent: set[str]) -> None:
    rig = Rig(text(PLANT, "g h d s", window="1m"), tmp_path)
    for minute in range(60):
        rig.feed(
            {"g": 8.0, "h": 6.0, "d": 8.0, "s": 6.0}, silent=silent if 20 <= minute < 23 else set()
        )
    books = rig.close()[:60]
    of_dyer = [rig.traced(book, tap) for book in books for tap in (0, 1)]
    assert sum(t.get("unknown", 0.0) for t in of_dyer) == pytest.approx(0.0, abs=1e-9)
    assert sum(t.get("bought", 0.0) for t in of_dyer) == pytest.approx(6.0 * 60)
    assert sum(t.get("grid", 0.0) for t in of_dyer) == pytest.approx(8.0 * 60)


def test_while_it_is_silent_its_energy_is_unknown(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g h d s", window="1m"), tmp_path)
    for minute in range(20):
        rig.feed({"g": 8.0, "h": 6.0, "d": 8.0, "s": 6.0}, silent={"g"} if minute >= 17 else set())
    last = rig.close()[19]
    assert rig.traced(last, 0).get("grid", 0.0) == pytest.approx(0.0)
    assert rig.traced(last, 0)["unknown"] == pytest.approx(8.0)


def test_a_long_silence_begins_at_the_last_reading(tmp_path: Path) -> None:
    """Also where that reading is no anchor of its curve and
    older points are let go of while it lasts.
    """
    rig = Rig(text(PLANT, "g h d s", window="1m"), tmp_path)
    for minute in range(150):
        rig.feed(
            {"g": 8.0, "h": 6.0, "d": 0.01, "s": 6.0}, silent={"d"} if 50 <= minute < 120 else set()
        )
        if minute % 15 == 0:
            rig.close_so_far()
    seen = [float(book.meters_seen_s[2]) for book in rig.close()[:150]]
    assert seen[:50] == pytest.approx([60.0] * 50), "what was seen stays seen"
    assert seen[50:120] == pytest.approx([0.0] * 70)
