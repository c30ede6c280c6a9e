"""Newest values for rules: how well meters are heard, worked
out from what the drivers and `now` know.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.now.now import Now
from rules.variables.newest import NewestSources, newer_factor
from rules.variables.table import values_of
from tests.rig import START, Rig, text

SECOND = 1_000_000_000
BODY = "sources: {grid: {carrier: electricity, meter: grid, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}}\n"


class Sampled:
    """A plant whose newest values are set by hand; `of` gives
    the figures of its meters after `seconds`.
    """

    def __init__(self, folder: Path, **more: Any) -> None:
        site = Rig(text(BODY, "grid la", window="10s"), folder).site
        meters = tuple(msgspec.structs.replace(m, **more) for m in site.meters)
        channels = tuple(msgspec.structs.replace(c, step=0.1) for c in site.channels)
        self.now = Now(msgspec.structs.replace(site, meters=meters, channels=channels))
        self.tags = [[c.tag for c in channels if c.meter == m and not c.reverse] for m in range(2)]
        self.health = [
            SimpleNamespace(lag_s=1.0, period_s=1.0, answer_s=0.02, refused=[]) for _ in meters
        ]

    def of(self, seconds: float) -> dict[str, Any]:
        at = START + round(seconds * SECOND)
        picture = {"lines": {}, "site": {"power_kw": 5.0, "figures": {}}}
        newest = NewestSources(
            now=self.now,
            picture=picture,
            meters=self.health,
            at_ns=at,
            since_ns=START,
            of_site={"disk.used": 1.0},
        )
        return dict(values_of(newest)["meter"])

    def counts(self, meter: int, heard_s: float, moved_s: float) -> None:
        self.now.heard_at[self.tags[meter]] = START + round(heard_s * SECOND)
        self.now.moved_at[self.tags[meter]] = START + round(moved_s * SECOND)


def test_a_frozen_meter_shows_power_and_a_counter_that_stands(tmp_path: Path) -> None:
    rig = Sampled(tmp_path)
    rig.now.power[:] = [36.0, 36.0]
    rig.counts(0, 100, 95)
    rig.counts(1, 100, 10)
    # 90 s without a step, less three periods of 10 s: 60 s at
    # 36 kW are 0.6 kWh, six steps of 0.1 kWh
    assert rig.of(101)["unmoved"] == pytest.approx([0.0, 6.0])
    rig.now.power[1] = 0.0
    assert rig.of(101)["unmoved"] == pytest.approx([0.0, 0.0]), (
        "nothing flows, nothing should count"
    )


def test_a_counter_never_heard_of_is_not_frozen(tmp_path: Path) -> None:
    rig = Sampled(tmp_path)
    rig.now.power[:] = 36.0
    assert rig.of(500)["unmoved"] == pytest.approx([0.0, 0.0])


def test_silence_is_beyond_the_own_period_and_since_the_start_where_nothing_came(
    tmp_path: Path,
) -> None:
    rig = Sampled(tmp_path)
    vars(rig.health[0]).update({"lag_s": 70.0, "period_s": 60.0})
    vars(rig.health[1]).update({"lag_s": None, "period_s": None})
    assert rig.of(40)["silence"] == pytest.approx([10.0, 40.0])


def test_a_register_that_is_missing_of_a_meter_that_answers(tmp_path: Path) -> None:
    """Only where registers are polled: what comes on change may be still for long."""
    polled, pushed = (
        Sampled(_folder(tmp_path, "a"), profile="some_meter"),
        Sampled(_folder(tmp_path, "b")),
    )
    for rig in (polled, pushed):
        vars(rig.health[0]).update({"lag_s": 0.5, "refused": ["power_factor.total"]})
        vars(rig.health[1]).update({"lag_s": 90.0})
        rig.counts(0, 20, 20)
    found = polled.of(100)
    assert found["register_silence"][0] == pytest.approx(100 - 0 - 30), (
        "the export register was never heard of"
    )
    assert found["register_silence"][1] == 0.0, "a silent meter has no silent register"
    assert found["registers_refused"].tolist() == [1.0, 0.0]
    assert pushed.of(100)["register_silence"].tolist() == [0.0, 0.0]


def test_what_is_not_known_is_nan(tmp_path: Path) -> None:
    rig = Sampled(tmp_path)
    vars(rig.health[0]).update({"answer_s": None})
    found = rig.of(10)
    assert np.isnan(found["answer"][0]) and found["answer"][1] == 0.02
    assert np.isnan(found["power"]).all() and np.isnan(found["clock_error"]).all()


def test_a_factor_that_is_pinned_to_an_older_year_has_a_newer_one(tmp_path: Path) -> None:
    newest = Rig(text(BODY, "grid la"), tmp_path).site
    pinned = Rig(text(BODY, "grid la", more="factors_year: 2021"), _folder(tmp_path, "old")).site
    assert newer_factor(newest) == 0.0
    assert newer_factor(pinned) >= 1.0


def _folder(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name
