"""The parts of a figure add up to it, and hold the sources
and carriers that are in it and no others.
"""

from __future__ import annotations

import numpy as np
import pytest

from books.history import History
from engine.figures.figures import figure
from tests.api_rig import ApiRig
from tests.rig import text

PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  roof: {carrier: electricity, kind: pv, meter: r, into: board}
  gas: {carrier: natural_gas, meter: n, into: pipe}
buses: {board: {carrier: electricity}, pipe: {carrier: natural_gas}}
lines: {press: {draws: {board: l}}, oven: {draws: {board: o, pipe: p}}}
"""
ENERGIES = {"g": 60.0, "r": 20.0, "n": 10.0, "l": 40.0, "o": 30.0, "p": 10.0}
CARBON = (
    "carbon.scope1",
    "carbon.scope2_location",
    "carbon.scope2_market",
    "carbon.total_location",
    "carbon.total_market",
    "intensity.electricity",
    "intensity.electricity@market",
    "intensity.final",
    "per_good.carbon",
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ApiRig:
    rig = ApiRig(text(PLANT, "g r n l o p"), tmp_path_factory.mktemp("rig"))
    for _ in range(30):
        rig.feed(ENERGIES)
    rig.store_all()
    return rig


@pytest.mark.parametrize("of", ["site", "press", "oven", "board"])
@pytest.mark.parametrize("name", CARBON)
def test_parts_add_up_to_the_figure(rig: ApiRig, name: str, of: str) -> None:
    history = History(rig.site, rig.store)
    sums = history.sums(of, np.array([rig.start, rig.at]), [name])
    (numerator,) = figure(name).above(sums)
    parts = history.parts(of, rig.start, rig.at, name)
    assert sum(part.value for part in parts) == pytest.approx(numerator, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("carbon.scope1", {"gas"}),
        ("carbon.scope2_location", {"grid", "roof"}),
        ("carbon.total_location", {"grid", "roof", "gas"}),
        ("intensity.electricity", {"grid", "roof"}),
        ("energy.final", set()),
        ("idle.avoidable@carbon", set()),
    ],
)
def test_only_what_is_in_the_figure(rig: ApiRig, name: str, sources: set[str]) -> None:
    parts = History(rig.site, rig.store).parts("oven", rig.start, rig.at, name)
    assert {part.source for part in parts} == sources


def test_the_factor_is_that_of_the_basis(rig: ApiRig) -> None:
    history = History(rig.site, rig.store)
    (grid,) = [
        part
        for part in history.parts("press", rig.start, rig.at, "carbon.total_market")
        if part.source == "grid"
    ]
    prop = next(prop for prop in rig.site.properties if prop.source == "grid")
    assert grid.factor.value_kg == prop.market.value_kg
    assert grid.kg == pytest.approx(grid.amount * prop.market.value_kg)


def test_an_energy_by_line_and_bus_adds_up(rig: ApiRig) -> None:
    history = History(rig.site, rig.store)
    found = history.by_member("site", rig.start, rig.at, "energy.electricity")
    total = history.one("site", rig.start, rig.at)["energy.electricity"]
    assert {(each.kind, each.of) for each in found} == {
        ("line", "press"),
        ("line", "oven"),
        ("bus", "board"),
        ("bus", "pipe"),
    }
    assert sum(each.value or 0.0 for each in found) == pytest.approx(total)
