"""Verdicts on counter steps, each a case; and the property that parts add up to the counter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.counting.counters import Limits, Track, judge
from engine.tracing.storage import Account
from plant.names import Verdict
from plant.site import Swap
from tests.rig import Rig, text

MINUTE = 60_000_000_000
LIMITS = Limits(max_per_hour=1000.0, step=0.1, wraps_at=10_000.0)


def verdicts(values: list[float], limits: Limits = LIMITS) -> list[tuple[Verdict, float]]:
    track, out = Track(), []
    for i, value in enumerate(values):
        out += [
            (j.verdict, round(j.total, 6))
            for j in judge(track, limits, (i + 1) * 2 * MINUTE, value)
        ]
    return out


def test_normal() -> None:
    assert verdicts([100.0, 110.0, 110.0]) == [
        (Verdict.NORMAL, 100.0),
        (Verdict.NORMAL, 110.0),
        (Verdict.NORMAL, 110.0),
    ]


def test_wrap() -> None:
    assert verdicts([9995.0, 5.0])[1] == (Verdict.WRAP, 10_005.0)


def test_reset_keeps_what_was_counted_since() -> None:
    assert verdicts([5000.0, 3.0, 8.0]) == [
        (Verdict.NORMAL, 5000.0),
        (Verdict.RESET, 5003.0),
        (Verdict.NORMAL, 5008.0),
    ]


def test_glitch_is_left_out() -> None:
    got = verdicts([5000.0, 900_000.0, 5010.0])
    assert [v for v, _ in got] == [Verdict.NORMAL, Verdict.GLITCH, Verdict.NORMAL]
    assert got[-1][1] == 5010.0


def test_preset_is_unknown_and_adds_nothing() -> None:
    got = verdicts([5000.0, 7000.0, 7005.0])
    assert got == [(Verdict.NORMAL, 5000.0), (Verdict.UNKNOWN, 5000.0), (Verdict.NORMAL, 5005.0)]


def test_declared_swap() -> None:
    track = Track()
    limits = replace(LIMITS, swaps=(Swap(at=2 * MINUTE, starts_at=10.0),))
    judge(track, limits, MINUTE, 5000.0)
    (swapped,) = judge(track, limits, 3 * MINUTE, 14.0)
    assert (swapped.verdict, swapped.total) == (Verdict.SWAP, 5004.0)
    assert swapped.bound > 0


BODY = "buses: {board: {carrier: electricity}}\nlines: {a: {draws: {board: la}}}\n"


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.floats(0, 50), min_size=3, max_size=50), silent=st.sets(st.integers(0, 48))
)
def test_windows_add_up_to_the_counter(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], silent: set[int]
) -> None:
    rig = Rig(text(BODY, "la", window="1m"), Path(tmp_path_factory.mktemp("sum")))
    for i, step in enumerate(steps):
        rig.feed({"la": step}, silent={"la"} if i in silent and i < len(steps) - 1 else set())
    books = rig.close()
    assert sum(float(b.taps[0]) for b in books) == pytest.approx(sum(steps), abs=1e-9)
    assert all(b.imbalance(0) < 1e-9 for b in books)


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.0, 80)), min_size=1, max_size=30),
    st.booleans(),
)
def test_a_store_loses_no_amount(moves: list[tuple[float, float]], mixed: bool) -> None:
    account, went_in, came_out = Account(0.95, 0.9, mixed), 0.0, 0.0
    for hour, (charge, discharge) in enumerate(moves):
        taken, _ = account.discharge(discharge)
        came_out += sum(taken.values())
        account.charge(hour, charge, [((0, hour), charge)])
        went_in += charge
    assert sum(account.amounts().values()) + came_out == pytest.approx(went_in)
    assert np.isfinite(account.energy_kwh)
