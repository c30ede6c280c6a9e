"""What is read but not booked does not wait in the step until its window closes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.step import step
from plant.frame import batch
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}}
"""


def test_only_booked_readings_wait(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g l"), tmp_path)
    other = rig.journal.tag("g", "voltage.l1")
    rig.sequencer.take(batch(np.full(50, rig.start), np.full(50, other), np.full(50, 230.0)))
    rig.sequencer.cut(rig.start)
    for frame in rig.journal.frames(0, 100):
        rig.state, _ = step(rig.state, frame)
    waiting = [tag for rows in rig.state.running.pending for tag in rows.tag.tolist()]
    assert waiting
    assert other not in waiting
