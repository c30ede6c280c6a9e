"""Figures that are more than a sum of draws: own use, self-sufficiency,
remainder, uncertainty, demand, storage, dated factors.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.factors.registry import properties, year_begins
from engine.figures.line_sums import LineSums
from engine.figures.stack import Stack
from engine.figures.weights import Weights
from engine.tracing.graph import Graph
from plant.load import load_plant_text
from plant.resolve import resolve
from plant.site import DatedFactor
from tests.api_rig import ApiRig
from tests.cases.test_golden_tracing import BATTERY, CHP, EXPORT, _battery
from tests.rig import text

FACTOR = "factors: {grid: 0.4974}"


async def test_case_5_own_use_and_self_sufficiency(tmp_path: Path) -> None:
    rig = ApiRig(text(EXPORT, "g p la lb", more=FACTOR), tmp_path)
    rig.feed({"p": 80, "g": (10, 30), "la": 40, "lb": 20})
    rig.store_all()
    assert await rig.value("self_consumption") == pytest.approx(62.5)
    assert await rig.value("self_sufficiency") == pytest.approx(100 * 50 / 60)
    assert await rig.value("renewable.physical", "a") == pytest.approx(100 * 33.333333 / 40)
    assert await rig.value("carbon.total_location", "a") == pytest.approx(3.316)
    assert await rig.value("self_consumption", "a") is None  # a line generates nothing


async def test_case_9_remainder_and_its_uncertainty(tmp_path: Path) -> None:
    body = "sources: {grid: {carrier: electricity, meter: g, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {a: {draws: {board: la}}, b: {draws: {board: lb}}}\n"
    plant = (
        text(body, "g la lb")
        .replace("  g: {", "  g: {class: 0.5, step: 0.000001, ")
        .replace("  la: {", "  la: {step: 0.000001, ")
    )
    rig = ApiRig(plant.replace("  lb: {", "  lb: {step: 0.000001, "), tmp_path)
    rig.feed({"g": 1000, "la": 620, "lb": 395})
    rig.store_all()
    assert await rig.value("remainder", "board") == pytest.approx(-15.0)
    assert await rig.value("uncertainty", "board") == pytest.approx(10.2660, abs=1e-4)
    assert await rig.value("coverage.metered") == pytest.approx(101.5)
    assert await rig.value("uncertainty", "a") == pytest.approx(2 * 6.2 / 3**0.5)


async def test_case_8_output(tmp_path: Path) -> None:
    body = "sources: {grid: {carrier: electricity, meter: g, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {line: {draws: {board: l}, output: {good: plc.good, scrap: plc.scrap}}}\n"
    rig = ApiRig(
        text(
            body,
            "g l",
            more="factors: {grid: 1}",
            nodes="good: 'nsu=u;s=good', scrap: 'nsu=u;s=scrap'",
        ),
        tmp_path,
    )
    rig.feed({"g": 600, "l": 600}, counts={"line": (0, 0)})
    rig.feed({"g": 400, "l": 400}, counts={"line": (80, 10)})
    rig.store_all()
    series = f"/api/v1/series?of=line&figures=per_good.carbon&from={rig.iso(rig.start)}&to={rig.iso(rig.at)}&every=1h"
    hours = (await rig.ask(series)).json()["columns"]["per_good.carbon"]
    assert hours[0] is None
    assert hours[1] == pytest.approx(5.0)
    assert await rig.value("per_good.carbon", "line") == pytest.approx(12.5)
    assert await rig.value("per_unit.carbon", "line") == pytest.approx(1000 / 90)
    assert await rig.value("scrap.carbon", "line") == pytest.approx(1000 - 1000 / 90 * 80)


async def test_electrification_by_boundary_and_convention(tmp_path: Path) -> None:
    """A works heat and power plant: its power is electric
    where it is used, gas where energy is bought.
    """
    rig = ApiRig(text(CHP % "efficiency", "g g2 p h la lb"), tmp_path)
    rig.feed({"g": 1000, "g2": 1000, "p": 380, "h": 450, "la": 380, "lb": 450})
    rig.store_all()
    assert await rig.value("electrification.calorific", "a") == pytest.approx(100.0)
    assert await rig.value("electrification.traced", "a") == pytest.approx(0.0)
    assert await rig.value("electrification.calorific@purchased") == pytest.approx(0.0)
    assert await rig.value("electrification.calorific") == pytest.approx(100 * 380 / 830)
    heat = 450 * 34.12 * 0.0036
    assert await rig.value("electrification.coal_equivalent") == pytest.approx(
        100 * 380 * 0.1229 / (380 * 0.1229 + heat)
    )
    assert await rig.value("energy.heat", "b") == pytest.approx(450.0)


async def test_demand_is_the_greatest_quarter_hour(tmp_path: Path) -> None:
    body = "sources: {grid: {carrier: electricity, meter: g, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {line: {draws: {board: l}}}\n"
    rig = ApiRig(text(body, "g l", window="1m"), tmp_path)
    for minute in range(60):
        kwh = 3.0 if 20 <= minute < 35 else 1.0
        rig.feed({"g": kwh, "l": kwh})
    rig.store_all()
    assert await rig.value("demand.sliding") == pytest.approx(180.0)  # minutes 20 to 35
    assert await rig.value("demand.block") == pytest.approx(
        (10 * 3.0 + 5 * 1.0) * 4
    )  # of 15 to 30, the clock's quarter
    assert await rig.value("demand.sliding", "line") == pytest.approx(180.0)


async def test_carbon_in_storage(tmp_path: Path) -> None:
    rig = ApiRig(text(BATTERY % "fifo", "g p b l", more="factors: {grid: 0.4}"), tmp_path)
    rig.feed({"g": 100.0, "b": 60.0, "l": 40.0})
    rig.store_all()
    assert await rig.value("carbon.in_storage") == pytest.approx(24.0)


def test_a_discharge_carries_the_factor_of_its_origin(tmp_path: Path) -> None:
    """Case 1 with factors .4, .6, .5 in the three hours:

    21.052632 kg from the battery, 7.747368 + 0 held of W1's grid and W2's.
    """
    rig = _battery(tmp_path, "fifo")
    books = rig.close()
    grid, *rest = rig.site.properties
    row = grid.location
    dated = tuple(
        DatedFactor(from_ns=b.start, location=msgspec.structs.replace(row, value_kg=kg), market=row)
        for b, kg in zip(books, (0.4, 0.6, 0.5), strict=True)
    )
    site = msgspec.structs.replace(
        rig.site, properties=(msgspec.structs.replace(grid, dated=dated), *rest)
    )
    weights = Weights.of_site(site)
    kg = (
        LineSums(site, Graph(site), weights)
        .columns(Stack(books))["scope2_location_kg"][:, 0]
        .tolist()
    )
    assert kg == pytest.approx([16.0, 60 * 0.2 * 0.6, 21.052632 + 30 * 0.5], abs=1e-6)
    held = float(weights.kg_of(books[2].layers)[0])
    assert sum(kg) + held == pytest.approx(100 * 0.4 + 20 * 0.6 + 30 * 0.5)  # 67.000


def test_the_method_chooses_the_year() -> None:
    body = "sources: {grid: {carrier: electricity, meter: g, into: board}}\nbuses: {board: {carrier: electricity}}\n"
    by_year = load_plant_text("p", text(body, "g", more="method: GHGP"))
    latest = load_plant_text("p", text(body, "g", more="method: CN-ORG"))

    class Tags:
        def tag(self, meter: str, quantity: str) -> int:
            return 1

        def names(self) -> dict[int, tuple[str, str]]:
            return {}

    dated = properties(by_year, resolve(by_year, {}, Tags()))[0].dated
    assert [(d.from_ns, d.location.value_kg) for d in dated] == [
        (year_begins("UTC", y), kg) for y, kg in ((2021, 0.5422), (2022, 0.5153), (2023, 0.4974))
    ]
    assert properties(latest, resolve(latest, {}, Tags()))[0].dated == ()
