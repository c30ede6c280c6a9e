"""The dashboards' queries are answered by the embedded store, and with the figures of the API."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from dashboards.grafana import query
from dashboards.grafana.build import FOLDER
from dashboards.grafana.lint import REPLACED, panels
from dashboards.grafana.query import Value, ask
from store.influxql.query import Answerer
from tests.api_rig import ApiRig
from tests.rig import text

PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
buses: {board: {carrier: electricity}}
lines:
  press: {draws: {board: a}}
  paint: {draws: {board: b}}
"""
MINUTES = 180
WITHOUT = {
    "$tag_via",
    "$tag_via gives",
    "$tag_source takes",
    "Energy held",
    "Carbon held",
    "good",
    "scrap",
}
"""What this plant has none of: batteries and counts."""
BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ApiRig:
    """Windows of a minute; `a` is silent for half an hour, and
    its windows are given again when it is back.
    """
    rig = ApiRig(text(PLANT, "g p a b", window="1m"), tmp_path_factory.mktemp("plant"))
    rig.minutes(MINUTES, lambda _: {"g": 60.0, "p": 40.0, "a": 70.0, "b": 20.0}, range(40, 70), "a")
    return rig


def sent(rig: ApiRig, asked: str) -> str:
    """As Grafana sends it, for the time of the rig."""
    own = {
        "$timeFilter": f"time >= {rig.start // 10**6}ms and time < {rig.at // 10**6}ms", "$tz": "UTC", "/^$site$/": "/^(works|other)$/", "/^$line$/": "/^(press|paint)$/",
    }  # fmt: skip
    for name, value in (REPLACED | own).items():
        asked = asked.replace(name, value)
    return asked


def answer(rig: ApiRig, asked: str, raw: bool = False) -> list[Any]:
    answerer = Answerer(rig.site.id, rig.store, rig.journal.names)
    (found,) = answerer.answer(sent(rig, asked), rig.at, raw=raw)
    return list(found)


def number(rig: ApiRig, value: Value, *where: str) -> float:
    (found,) = answer(rig, ask(value, *where))
    return float(found.values[0][0])


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_is_answered(rig: ApiRig, name: str) -> None:
    silent = []
    for panel in panels(BOARDS[name]):
        for target in panel["targets"]:
            raw = target["datasource"]["uid"] == "${readings}"
            asked = (
                target["query"].replace("active_power.total", "active_energy_import.total")
                if raw
                else target["query"]
            )
            if not answer(rig, asked, raw):
                silent.append((panel["title"], target.get("alias")))
    assert [s for s in silent if not set(s) & WITHOUT] == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_year_can_be_asked(rig: ApiRig, name: str) -> None:
    for panel in panels(BOARDS[name]):
        for target in panel["targets"]:
            if target["datasource"]["uid"] == "${datasource}":
                year = f"time >= {rig.at // 10**6 - 366 * 86_400_000}ms and time <= {rig.at // 10**6}ms"
                answer(
                    rig,
                    target["query"]
                    .replace("$timeFilter", year)
                    .replace("$__interval_ms", "21600000")
                    .replace("$__interval", "6h"),
                )


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_answered(rig: ApiRig, name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            (found,) = answer(rig, variable["query"])
            assert found.columns == ["key", "value"] and found.values[1]


FIGURES = {
    "energy.electricity": query.ELECTRICITY, "energy.final": query.FINAL, "carbon.total_location": query.LOCATION,
    "carbon.total_market": query.MARKET, "intensity.electricity": query.INTENSITY, "intensity.electricity@market": query.INTENSITY_MARKET,
    "intensity.final": query.INTENSITY_FINAL, "electrification.calorific": query.ELECTRIFICATION, "renewable.physical": query.RENEWABLE,
    "renewable.claimed": query.CLAIMED, "self_sufficiency": query.ON_SITE, "coverage.time": query.COVERAGE, "estimated": query.ESTIMATED,
    "idle.avoidable": query.IDLE, "idle.non_productive": query.NOT_RUNNING,
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
async def test_a_board_says_what_the_api_says(rig: ApiRig, name: str) -> None:
    assert number(rig, FIGURES[name]) == pytest.approx(await rig.value(name))
    assert number(rig, FIGURES[name], "\"line\" = 'press'") == pytest.approx(
        await rig.value(name, "press")
    )


async def test_power_is_energy_by_the_time_of_the_windows(rig: ApiRig) -> None:
    (found,) = answer(rig, query.power(query.ELECTRICITY, every="1h"))
    assert [x for x in found.values[0].tolist() if not math.isnan(x)] == pytest.approx([6000.0] * 3)


def test_a_gap_shows_as_coverage(rig: ApiRig) -> None:
    assert number(rig, query.COVERAGE, "\"line\" = 'press'") < 90
    assert number(rig, query.COVERAGE, "\"line\" = 'paint'") == pytest.approx(100)


def test_corrected_windows_count_once(rig: ApiRig) -> None:
    assert rig.store.query("SELECT count(*) AS n FROM line_superseded")["n"][0] > 0
    assert number(rig, query.ELECTRICITY) == pytest.approx(100.0 * MINUTES)
