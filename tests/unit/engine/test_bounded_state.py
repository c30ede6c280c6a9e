"""What `step` keeps of a meter is bounded by windows, not by how often the meter is read, and what
it lets go of changes no figure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import engine.counting.integrating
import engine.counting.singly
import engine.counting.together
from engine.counting.curves import Points
from engine.out import Out
from engine.state import State
from engine.step import step
from plant.arrays import Mask
from plant.frame import batch
from plant.units import MINUTE_NS, SECOND_NS
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}, mill: {draws: {board: p}}}
"""
POWER_ONLY = (
    "  p: {on: plc, nodes: {active_power: 'nsu=u;s=pp'}, max: 500 kW, every: {power: 1s}}\n"
)
POINTS_A_WINDOW = 8
"""First and last reading and anchor, of those before and after a window closes."""


def plant() -> str:
    written = text(PLANT, "g l", window="1m")
    return written.replace("meters:\n", "meters:\n" + POWER_ONLY)


def read(rig: Rig, every_s: float, windows: int, late_share: float = 0.0) -> None:
    """Readings of all meters, with a silence of two minutes, late ones, and a frame a window."""
    chance = np.random.default_rng(1)
    tags = [channel.tag for channel in rig.site.channels if not channel.reverse]
    power_tag = next(meter.power_tag for meter in rig.site.meters if meter.id == "p")
    counter = 1000.0
    times = np.arange(rig.start, rig.start + windows * MINUTE_NS, round(every_s * SECOND_NS))
    late = []
    for ts in times.tolist():
        counter += every_s * chance.uniform(0.0, 0.01)
        minute = (ts - rig.start) // MINUTE_NS
        if minute in (5, 6):
            continue

        values = [counter if tag != power_tag else chance.uniform(10, 90) for tag in tags]
        rows = batch(np.full(len(tags), ts), tags, values)
        if chance.uniform() < late_share:
            late.append(rows)
        else:
            rig.sequencer.take(rows)

        if ts % MINUTE_NS == 0:
            rig.sequencer.cut(ts)
            for rows in late:
                rig.sequencer.take(rows)

            late = []


def fold(rig: Rig) -> tuple[State, list[Out]]:
    state = State()
    outs = []
    for frame in rig.journal.frames(0, 10**9):
        state, out = step(state, frame)
        outs.append(out)

    return state, outs


def points_of(state: State) -> int:
    assert state.running is not None
    return len(state.running.meters.points.ts)


@pytest.mark.parametrize("every_s", [1.0, 5.0])
def test_points_are_bounded_by_windows(tmp_path: Path, every_s: float) -> None:
    windows = 90
    rig = Rig(plant(), tmp_path)
    read(rig, every_s, windows)
    state, _ = fold(rig)
    # Kept is what the open block, the one before and a quarter of an hour need.
    held = 45 + 15
    assert points_of(state) <= POINTS_A_WINDOW * held * len(rig.site.channels)


def test_what_is_let_go_of_changes_no_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(plant(), tmp_path)
    read(rig, 1.0, 40, late_share=0.02)
    state, thinned = fold(rig)

    def all_of_them(points: Points, window_ns: int, needed: Mask | None = None) -> Points:
        return points

    monkeypatch.setattr(engine.counting.integrating, "thinned", all_of_them)
    monkeypatch.setattr(engine.counting.singly, "thinned", all_of_them)
    monkeypatch.setattr(engine.counting.together, "thinned", all_of_them)
    other, whole = fold(rig)
    assert points_of(other) > 2 * points_of(state)
    books = [book.encode() for out in thinned for book in out.books]
    assert books == [book.encode() for out in whole for book in out.books]
    assert len(books) > 40
