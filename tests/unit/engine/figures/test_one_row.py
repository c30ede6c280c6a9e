"""A figure is one row: what is added here is valued in books and of the newest moment, explained,
watched by rules, asked of InfluxDB, and stands in the docs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboards.grafana.query import ask, of_figure
from deploy import regen
from engine.figures import figures
from engine.figures.figure import Figure, Share
from engine.figures.figures import figure_names, needed, value
from engine.figures.line_sums import LINE_SUMS, STATE_SUMS
from engine.now.moment import COLUMNS
from engine.now.now import Now
from plant.errors import ConfigError, QueryError
from plant.units import SECOND_NS
from rules.language.load import load_rules_text
from rules.variables.table import place
from tests.api_rig import ApiRig
from tests.rig import text
from tests.unit.dashboards.test_grafana_answers import PLANT, number

TOY = Figure(
    name="toy.strain",
    unit="g/kWh",
    means="twice the carbon of electricity / final energy",
    top={"electric_location_kg": 2.0},
    over={"final_kwh": 1.0},
    scale=1000.0,
    also=("toy",),
    clock=("books", "now"),
)
RULE = """rules:
  - {id: strained, on: {figure: toy.strain, per: line}, when: "value > 5 g/kWh", severity: info}
"""


@pytest.fixture
def with_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FIGURES", (*figures.FIGURES, TOY))


@pytest.fixture
def rig(tmp_path: Path) -> ApiRig:
    """Half an hour of grid power of 0.5 kg and of sun, 60 to 40."""
    plant = text(PLANT, "g p a b", window="1m")
    rig = ApiRig(plant.replace("grid: CN-ZJ", "grid: CN-ZJ, factors: {grid: 0.5}"), tmp_path)
    rig.minutes(30, lambda _: {"g": 60.0, "p": 40.0, "a": 70.0, "b": 20.0}, (), "a")
    return rig


@pytest.mark.usefixtures("with_row")
def test_its_value_is_that_of_its_weights() -> None:
    sums = {"electric_location_kg": np.array([3.0, 3.0]), "final_kwh": np.array([6.0, 0.0])}
    assert value("toy.strain", sums) == pytest.approx([1000.0, np.nan], nan_ok=True)
    assert value("toy", sums) == pytest.approx([1000.0, np.nan], nan_ok=True)
    assert needed(["toy"]) == {"electric_location_kg", "final_kwh"}


@pytest.mark.usefixtures("with_row")
async def test_the_api_gives_it_over_time_and_explains_it(rig: ApiRig) -> None:
    expected = 2.0 * 0.6 * 0.5 * 1000.0
    assert await rig.value("toy.strain", "press") == pytest.approx(expected)
    span = f"from={rig.iso(rig.start)}&to={rig.iso(rig.at)}"
    series = (await rig.ask(f"/api/v1/series?of=press&figures=toy.strain&every=30m&{span}")).json()
    assert series["columns"]["toy.strain"] == pytest.approx([expected])
    assert series["units"]["toy.strain"] == "g/kWh"
    explained = (await rig.ask(f"/api/v1/explain?figure=toy&of=press&{span}")).json()
    assert explained["means"] == TOY.means
    below = explained["denominator"]["value"]
    assert explained["numerator"]["value"] * 1000.0 / below == pytest.approx(expected)
    listed = (await rig.ask("/api/v1/figures")).json()
    assert {"name": TOY.name, "unit": TOY.unit, "means": TOY.means} in listed


@pytest.mark.usefixtures("with_row")
def test_a_board_asks_for_it_as_the_books_define_it(rig: ApiRig) -> None:
    asked = ask(of_figure("toy"))
    assert '(sum("electric_location_kg") * 2) / (sum("final_kwh")) * 1000 AS "value"' in asked
    assert number(rig, of_figure("toy")) == pytest.approx(2.0 * 0.6 * 0.5 * 1000.0)


@pytest.mark.usefixtures("with_row")
def test_it_is_known_of_the_newest_moment_too(rig: ApiRig) -> None:
    now = Now(rig.site)
    meters = [meter.id for meter in now.site.meters]
    for meter, kw in {"g": 60.0, "p": 40.0, "a": 70.0, "b": 20.0}.items():
        now.power[meters.index(meter)] = kw

    now.at[:] = 1000 * SECOND_NS
    picture = now.tick(1000 * SECOND_NS)
    assert picture["lines"]["press"]["figures"]["toy.strain"] == pytest.approx(600.0)
    apart = now.apart("toy", "press")
    assert apart is not None
    assert apart.value == pytest.approx(600.0)
    assert sum(part.value for part in apart.parts) == pytest.approx(apart.top)


@pytest.mark.usefixtures("with_row")
def test_rules_watch_it_with_its_unit_on_both_clocks() -> None:
    load_rules_text("rules.yaml", RULE)
    load_rules_text("rules.yaml", RULE.replace("per: line", "per: line, clock: now"))
    with pytest.raises(ConfigError, match="has g/kWh on one side and kW on the other"):
        load_rules_text("rules.yaml", RULE.replace("5 g/kWh", "5 kW"))

    watched = place("line").find("toy.strain")
    assert watched is not None
    assert watched.value is not None
    sums = {"electric_location_kg": np.array([3.0]), "final_kwh": np.array([6.0])}
    assert watched.value(sums) == pytest.approx([1000.0])


@pytest.mark.usefixtures("with_row")
def test_it_stands_in_the_docs() -> None:
    assert f"| `toy.strain`, `toy` | {TOY.means} | g/kWh |" in regen.figures()
    assert "`toy.strain` (g/kWh)" in regen.watched()


def test_without_its_row_there_is_no_such_figure() -> None:
    with pytest.raises(QueryError, match=r"there is no figure 'toy\.strain'"):
        needed(["toy.strain"])

    with pytest.raises(ConfigError, match=r"toy\.strain"):
        load_rules_text("rules.yaml", RULE)

    assert "toy.strain" not in regen.figures()


def test_a_share_is_taken_off_the_top() -> None:
    scrap = Figure(
        name="toy.scrap",
        unit="kg",
        means="carbon that scrap carries",
        top={"kg": 1.0},
        without=Share(part={"good": 1.0}, whole={"good": 1.0, "scrap": 1.0}),
    )
    sums = {
        "kg": np.array([10.0, 10.0]),
        "good": np.array([8.0, 0.0]),
        "scrap": np.array([2.0, 0.0]),
    }
    assert scrap.value(sums) == pytest.approx([2.0, np.nan], nan_ok=True)
    assert scrap.columns == {"kg", "good", "scrap"}


def test_every_row_is_made_of_columns_that_there_are() -> None:
    kept = {*LINE_SUMS, *STATE_SUMS, "hours"}
    for row in figures.summed():
        assert row.columns <= kept, row.name

    for row in figures.of_now():
        assert row.columns <= COLUMNS.keys(), row.name
        assert row.without is None and row.over is not None, "powers are no energies"


def test_no_name_stands_twice_and_each_says_what_it_means() -> None:
    names = [name for row in figures.FIGURES for name in (row.name, *row.also)]
    assert len(names) == len(set(names)) == len(figure_names())
    assert all(row.means and row.unit for row in figures.FIGURES)
