"""A plant file that is changed while its meters stay the same: counting goes on, and what stores hold is kept."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.step import step
from plant.site import Control
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
stores: {battery: {bus: board, meter: b, capacity: 100 kWh}}
lines: {press: {draws: {board: l}}}
"""


def feed(rig: Rig, minutes: int) -> None:
    for _ in range(minutes):
        rig.feed({"g": 8.0, "b": 2.0, "l": 5.0})


@pytest.mark.parametrize("minutes", [1, 14, 15, 16, 40])
def test_a_new_name_changes_no_energy(tmp_path: Path, minutes: int) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, minutes)
    held = rig.close()[-1].held_kwh[0]
    lines = (msgspec.structs.replace(rig.site.lines[0], name={"en": "Press 1"}),)
    rig.sequencer.control(Control(site=msgspec.structs.replace(rig.site, lines=lines)))
    rig.at += 60 * rig.window  # an hour passed in `close`
    feed(rig, 20)
    books = rig.close()
    assert sum(b.taps[0] for b in books) == pytest.approx(5.0 * (minutes + 20))
    assert books[-1].held_kwh[0] > held
    assert max(b.imbalance(1) for b in books) < 1e-9


def test_another_line_begins_where_the_block_stands(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, 20)
    rig.sequencer.cut(rig.at)
    for frame in rig.journal.frames(0, 1000):
        rig.state, out = step(rig.state, frame)
        rig.outs.append(out)
    second = msgspec.structs.replace(rig.site.lines[0], id="mill", draws=())
    rig.sequencer.control(Control(site=msgspec.structs.replace(rig.site, lines=(*rig.site.lines, second))))
    feed(rig, 20)
    books = rig.close()
    assert sum(b.taps[0] for b in books) == pytest.approx(200.0)
    assert books[-1].held_kwh[0] > books[19].held_kwh[0] > 0


def test_a_new_factor_changes_no_energy(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, 20)
    rig.close()
    factors = msgspec.structs.replace(rig.site, electricity_kgce_per_kwh=0.2)
    rig.sequencer.control(Control(site=factors))
    rig.at += 60 * rig.window
    feed(rig, 5)
    assert sum(b.taps[0] for b in rig.close()) == pytest.approx(125.0)
