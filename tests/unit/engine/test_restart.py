"""A step that was stopped and began again from what was saved gives the same outputs, frame by
frame, as one that never stopped.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from engine.checkpoint import load, save
from engine.outputs import encode, outputs_of
from engine.state import State
from engine.step import step
from plant.frame import Frame
from plant.units import HOUR_NS
from tests.cut_day import MINUTES, Day

RANDOM_CUTS = 200


def _fold(state: State, frame: Frame) -> tuple[State, list[bytes]]:
    state, out = step(state, frame)
    return state, [encode(output) for output in outputs_of(out)]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
def test_a_restart_at_any_frame_gives_the_same_outputs(name: str, tmp_path: Path) -> None:
    frames = Day(name, tmp_path).frames
    cuts = set(random.Random(11).sample(range(len(frames)), RANDOM_CUTS))
    state = State()
    saved_at = 0
    first_run: list[list[bytes]] = []
    saved: dict[int, bytes] = {}
    for number, frame in enumerate(frames):
        state, outputs = _fold(state, frame)
        first_run.append(outputs)
        hourly = state.wm - saved_at >= HOUR_NS
        if hourly:
            saved_at = state.wm
        if hourly or number in cuts or number == len(frames) - 1:
            saved[number] = save(state)
    books = sum(len(outputs) for outputs in first_run)
    assert books > MINUTES, "the day gave fewer outputs than it has minutes"
    # each cut folds on to the next: what is the same there is
    # the same from there on, as the next one shows
    numbers = sorted(saved)
    for here, there in pairwise(numbers):
        state = load(saved[here])
        assert save(state) == saved[here], f"frame {here}: what was loaded is not what was saved"
        for number in range(here + 1, there + 1):
            state, outputs = _fold(state, frames[number])
            assert outputs == first_run[number], f"cut at {here}, frame {number}: other outputs"
        assert save(state) == saved[there], f"cut at {here}: another state at {there}"
