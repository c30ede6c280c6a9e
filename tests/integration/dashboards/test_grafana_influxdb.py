"""What the boards ask, asked of a real InfluxDB 1.8 and of the
embedded store over the same points: the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dashboards.grafana.build import FOLDER
from dashboards.grafana.lint import REPLACED, panels
from tests.api_rig import ApiRig, Energies
from tests.influx_rig import Influxd
from tests.integration.store.test_influxql import Both, stored_in
from tests.rig import text

pytestmark = [pytest.mark.net, pytest.mark.slow]
PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
storages: {battery: {bus: board, meter: s, capacity: 10 MWh, opening: 1 MWh}}
buses: {board: {carrier: electricity}}
lines:
  press: {draws: {board: a}}
  paint: {draws: {board: b}}
"""
MINUTES = 180
BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """`a` is silent for half an hour, and its windows are given again
    when it is back; the battery is charged, then empties.
    """

    def energies(minute: int) -> Energies:
        battery = (0.0, 10.0) if minute < 90 else (10.0, 0.0)
        return {"g": 60.0, "p": 40.0 - 20.0 * (minute >= 90), "s": battery, "a": 70.0, "b": 15.0}

    rig = ApiRig(text(PLANT, "g p s a b", window="1m"), tmp_path_factory.mktemp("rig"))
    rig.minutes(MINUTES, energies, range(40, 70), "a")
    with stored_in(Influxd(tmp_path_factory.mktemp("influx")), rig) as found:
        yield found


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("shift", [0, 90_123], ids=["on the minute", "off the minute"])
async def test_both_stores_answer_alike(both: Both, name: str, shift: int) -> None:
    own = {
        "$timeFilter": f"time >= {both.since + shift}ms and time <= {both.until - shift // 3}ms", "$__interval": "5m",
        "/^$site$/": "/^(works|other)$/", "/^$line$/": "/^(press|paint)$/",
    }  # fmt: skip
    for panel in panels(BOARDS[name]):
        for target in panel["targets"]:
            if target["datasource"]["uid"] == "${datasource}":
                asked = target["query"]
                for variable, value in (REPLACED | own).items():
                    asked = asked.replace(variable, value)
                await both.compare(asked)
                if not any(x in asked for x in ('"good"', '"scrap"')):
                    assert "series" in both.influx.ask(asked)["results"][0], asked


@pytest.mark.parametrize("name", BOARDS)
async def test_both_stores_fill_the_variables(both: Both, name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            await both.compare(variable["query"].replace("/^$site$/", "/^works$/"))
