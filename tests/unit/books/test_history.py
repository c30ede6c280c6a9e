"""A chart over roll-ups says the same as one over windows, after gaps and corrections too."""

from __future__ import annotations

import numpy as np
import pytest

from engine.figures.figures import needed
from tests.api_rig import ApiRig
from tests.rig import text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}, mill: {draws: {board: m}}}
"""
MINUTES = 200


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ApiRig:
    """Windows of a minute; `l` is silent for half an hour, and
    its windows are given again when it is back.
    """
    rig = ApiRig(text(PLANT, "g l m", window="1m"), tmp_path_factory.mktemp("rig"))
    rig.minutes(
        MINUTES, lambda minute: {"g": 8.0, "l": 4.0 + minute % 3, "m": 1.0}, range(40, 70), "l"
    )
    return rig


async def series(rig: ApiRig, every: str, of: str = "site") -> dict[str, list[float | None]]:
    figures = "energy.electricity,energy.final,carbon.total_location,energy.source.*"
    path = f"/api/v1/series?of={of}&figures={figures}&every={every}&from={rig.iso(rig.start)}&to={rig.iso(rig.at)}"
    answer = await rig.ask(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["columns"]


async def test_there_were_corrections(rig: ApiRig) -> None:
    assert rig.store.query("SELECT count(*) AS n FROM line_superseded")["n"][0] > 0


@pytest.mark.parametrize("every", ["15m", "30m", "1h", "2h", "day"])
@pytest.mark.parametrize("of", ["site", "press", "board"])
async def test_buckets_are_their_windows(rig: ApiRig, every: str, of: str) -> None:
    fine, coarse = await series(rig, "1m", of), await series(rig, every, of)
    edges = np.array([*coarse["start_ms"], rig.at // 1_000_000])
    at = np.searchsorted(edges, fine["start_ms"], "right") - 1
    for name in set(coarse) - {"start_ms", "coverage.time"}:
        sums = np.bincount(at, np.array([v or 0.0 for v in fine[name]]), len(edges) - 1)
        assert [v or 0.0 for v in coarse[name]] == pytest.approx(sums.tolist(), rel=1e-12), name


async def test_roll_ups_hold_what_the_windows_hold(rig: ApiRig) -> None:
    for table, column in (("line", "final_kwh"), ("flow", "location_kg")):
        totals = [
            rig.store.query(f"SELECT sum({column}) AS s FROM {table}{x}")["s"][0]
            for x in ("", "_15m", "_1h")
        ]
        assert totals[1:] == pytest.approx([totals[0]] * 2, rel=1e-12)


def test_what_a_figure_needs() -> None:
    assert needed(["intensity.electricity"]) == {
        "electric_location_kg",
        "electricity_kwh",
        "electric_behind_kwh",
    }
