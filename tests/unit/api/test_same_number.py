"""Each figure that the page shows is the same number in its tile, in
explain, in series and on the boards; its parts add up to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.answers.live import Now as NowShape
from api.app import Shown, create_app
from api.ports import Ports
from books.history import History
from books.summary import LINE_FIGURES, TODAY_CARBON, Seen, books
from dashboards.grafana import query
from dashboards.grafana.lint import REPLACED
from dashboards.grafana.query import Value, ask
from engine.now.now import Now
from store.influxql.query import Answerer
from tests.api_rig import ApiRig, access
from tests.rig import text
from tests.unit.api.test_access import client

PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: intake}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
  gas: {carrier: natural_gas, meter: ga, into: pipe}
buses:
  intake: {carrier: electricity}
  board: {carrier: electricity}
  pipe: {carrier: natural_gas}
storages:
  battery: {bus: board, meter: b, capacity: 100 kWh}
converters:
  transformer: {inputs: {intake: th}, outputs: {board: {meter: tl}}}
  engine: {inputs: {pipe: eg}, outputs: {board: {meter: ee, efficiency: 0.4}}}
lines:
  press: {group: hall, draws: {board: l, pipe: lg}}
  paint: {group: hall, draws: {board: m}}
groups: {hall: {name: Hall}}
"""
METERS = "g p ga b l lg m th tl eg ee"
HOURS = 30
"""More than a day, so that today and the shift begin within the books."""
ENERGIES = {
    "g": 60.0,
    "p": 40.0,
    "ga": 8.0,
    "b": (0.0, 4.0),
    "l": 70.0,
    "lg": 6.0,
    "m": 20.0,
    "th": 59.0,
    "tl": 57.0,
    "eg": 1.0,
    "ee": 3.0,
}
CHARGING = {**ENERGIES, "g": 80.0, "b": (16.0, 0.0), "th": 79.0, "tl": 76.0}
POWERS = {
    "g": 61.0,
    "p": 41.0,
    "ga": 8.0,
    "b": -4.5,
    "l": 70.0,
    "lg": 6.5,
    "m": 21.0,
    "th": 61.0,
    "tl": 59.0,
    "eg": 1.0,
    "ee": 3.0,
}
ON_BOARDS = {
    "energy.electricity": query.ELECTRICITY,
    "energy.final": query.FINAL,
    "carbon.total_location": query.LOCATION,
    "carbon.total_market": query.MARKET,
    "intensity.electricity": query.INTENSITY,
    "intensity.electricity@market": query.INTENSITY_MARKET,
    "intensity.final": query.INTENSITY_FINAL,
    "electrification.calorific@final": query.ELECTRIFICATION,
    "renewable.physical": query.RENEWABLE,
    "renewable.claimed": query.CLAIMED,
    "coverage.time": query.COVERAGE,
    "estimated": query.ESTIMATED,
}
SUBJECTS = ("site", "hall", "press", "paint")


class Live(ApiRig):
    """A rig with newest values beside its books."""

    def __init__(self, folder: Path) -> None:
        plant = text(PLANT, METERS)

        for meter in ("ga", "lg", "eg"):
            plant = plant.replace(f"  {meter}: {{on: plc", f"  {meter}: {{unit: Nm3, on: plc")

        super().__init__(plant, folder)
        self.now = Now(self.site)

        for hour in range(HOURS):
            self.feed(CHARGING if hour % 3 else ENERGIES)

        self.store_all()
        index = {meter.id: place for place, meter in enumerate(self.site.meters)}
        self.now.at[:] = self.at
        layers = self.newest_layers()

        for meter, power in POWERS.items():
            self.now.power[index[meter]] = power

        self.now.set_storages(layers)
        self.picture = self.now.tick(self.at)

    def newest_layers(self) -> list[list[Any]]:
        """What the battery holds: sun and grid in equal parts."""
        return [[(0, 10.0, [(0, 0, 5.0), (1, 0, 5.0)])]]

    def ports(self) -> Ports:
        return Ports(
            figures=History(self.site, self.store),
            live=self.hub,
            operations=self.operations(),
            instants=self.now.apart,
        )

    async def explained(self, name: str, of: str, span: str) -> Mapping[str, Any]:
        app = create_app(Shown(self.site, "0.1.0"), self.ports(), access())

        async with client(app) as api:
            answer = await api.get(f"/api/v1/explain?figure={name}&of={of}&{span}")

        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def of_series(self, name: str, of: str, span: str) -> float | None:
        """The figure of the whole span as one bucket, out of the series."""
        app = create_app(Shown(self.site, "0.1.0"), self.ports(), access())

        async with client(app) as api:
            hours = f"every={HOURS * 2}h"
            answer = await api.get(f"/api/v1/series?figures={name}&of={of}&{span}&{hours}")

        column = answer.json()["columns"][name]
        assert len(column) <= 2
        return column[-1] if len(column) == 1 else None

    def on_board(self, value: Value, start_ns: int, end_ns: int) -> float:
        """The figure as a board asks for it."""
        asked = ask(value)
        own = {
            "$timeFilter": f"time >= {start_ns}ns and time < {end_ns}ns",
            "$tz": "UTC",
            "$window": "1h",
            "/^$site$/": "/^works$/",
        }

        for name, replaced in (dict(REPLACED) | own).items():
            asked = asked.replace(name, replaced)

        answerer = Answerer(self.site.id, self.store, self.journal.names, self.window)
        (found,) = answerer.answer(asked, end_ns)
        return float(found[0].values[0][0])


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return Live(tmp_path_factory.mktemp("plant"))


def adds_up(found: Mapping[str, Any]) -> None:
    """Parts or contributions are the numerator."""
    top = found["numerator"]["value"]
    parts = [part["value"] for part in found["parts"]]
    contributions = [part["value"] for part in found["contributions"]]

    for listed in (parts, contributions):
        if listed:
            assert sum(listed) == pytest.approx(top, rel=1e-9), found["figure"]

    assert parts or contributions, f"{found['figure']} has no parts"


def amount_of(found: Mapping[str, Any], source: str) -> float:
    amounts = [part["amount"] for part in found["parts"] if part["source"] == source]
    return float(sum(amounts))


def tiles_of_now(picture: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """What the page shows of now: figure, of what, value."""
    shown = [("power.electricity", "site", picture["site"]["power_kw"])]

    for name, value in picture["site"]["figures"].items():
        shown.append((name, "site", value))

    for line, now in picture["lines"].items():
        shown.append(("energy.final", line, now["final_kw"]))
        shown.append(("power.electricity", line, now["power"]["electricity"]))

        for name, value in now["figures"].items():
            shown.append((name, line, value))

    return shown


async def test_explain_of_now_is_the_tile(rig: Live) -> None:
    tiles = tiles_of_now(rig.picture)
    assert len(tiles) == 6 + 3 * 7

    for name, of, shown in tiles:
        found = await rig.explained(name, of, "at=now")
        assert found["value"] == pytest.approx(shown, rel=1e-12), (name, of)
        assert found["from_ms"] == found["to_ms"] == rig.picture["at_ms"]
        assert found["coverage"] == 100.0
        adds_up(found)

        if found["denominator"] is None:
            assert found["unit"] == "kW"
            assert found["numerator"]["value"] == pytest.approx(shown)


async def test_explain_of_now_names_only_what_is_in_it(rig: Live) -> None:
    electric = await rig.explained("intensity.electricity", "press", "at=now")
    assert {(part["source"], part["via"]) for part in electric["parts"]} == {
        ("grid", None),
        ("pv", None),
        ("gas", None),
        ("grid", "battery"),
        ("pv", "battery"),
    }, "gas made some of it"
    final = await rig.explained("intensity.final", "press", "at=now")
    burnt = {which: amount_of(found, "gas") for which, found in (("el", electric), ("all", final))}
    assert burnt["all"] == pytest.approx(burnt["el"] + 6.5), "what the press burns itself"
    power = await rig.explained("power.electricity", "site", "at=now")
    assert {part["of"]: part["value"] for part in power["contributions"]} == {
        "grid": 61.0,
        "pv": 41.0,
        "engine": 3.0,
        "battery": 4.5,
    }


async def test_tiles_of_books_are_explain_series_and_board(rig: Live) -> None:
    history = History(rig.site, rig.store)
    closed_ns = rig.at
    found = books(rig.site, history, closed_ns, Seen(now_ns=closed_ns))
    today = f"from={rig.iso(found.today.from_ms * 1_000_000)}&to={rig.iso(closed_ns)}"
    tiles: dict[tuple[str, str, str], float | None] = {
        ("energy.electricity", "site", today): found.today.electricity_kwh,
    }

    for name in TODAY_CARBON:
        tiles[(f"carbon.{name}", "site", today)] = found.today.carbon_kg[name]

    shift = f"from={rig.iso(found.shift.from_ms * 1_000_000)}&to={rig.iso(closed_ns)}"

    for line, figures in found.lines.items():
        for name in LINE_FIGURES:
            tiles[(name, line, shift)] = figures[name]

    for (name, of, span), shown in tiles.items():
        explained = await rig.explained(name, of, span)
        assert explained["value"] == pytest.approx(shown), (name, of)
        assert await rig.of_series(name, of, span) == pytest.approx(shown), (name, of)

        if name.startswith(("carbon.", "energy.", "intensity.")):
            adds_up(explained)

    for name, value in ON_BOARDS.items():
        explained = await rig.explained(name, "site", today)
        board = rig.on_board(value, found.today.from_ms * 1_000_000, closed_ns)
        assert board == pytest.approx(explained["value"]), name


async def test_site_electricity_is_its_parts(rig: Live) -> None:
    """Import + own generation + discharge - export - charge = lines + converters + unmetered."""
    history = History(rig.site, rig.store)
    found = history.one("site", rig.start, rig.at)
    discharging = 60.0 + 40.0 + 3.0 + 4.0
    charging = 80.0 + 40.0 + 3.0 - 16.0
    thirds = HOURS / 3
    assert found["energy.electricity"] == pytest.approx(thirds * (discharging + 2 * charging))
    assert found["energy.electricity@lines"] == pytest.approx(HOURS * 90.0)
    assert found["energy.electricity@converters"] == pytest.approx(thirds * (2.0 + 2 * 3.0))
    left_at_intake = 1.0
    left_on_board = (57.0 + 40.0 + 3.0 + 4.0) - 90.0
    left_while_charging = (76.0 + 40.0 + 3.0 - 16.0) - 90.0
    unmetered = thirds * (left_on_board + 2 * left_while_charging) + HOURS * left_at_intake
    assert found["energy.electricity@unmetered"] == pytest.approx(unmetered)
    span = f"from={rig.iso(rig.start)}&to={rig.iso(rig.at)}"
    explained = await rig.explained("energy.electricity", "site", span)
    kept = [each for each in explained["contributions"] if each["kind"] == "converters"]
    assert kept == [{"kind": "converters", "of": "intake", "value": pytest.approx(80.0)}]
    adds_up(explained)


def test_now_has_the_shape_of_its_answer(rig: Live) -> None:
    picture = json.loads(msgspec.json.encode({**rig.picture, "speed": 1.0}))
    shape = msgspec.convert(picture, NowShape)
    assert msgspec.to_builtins(shape) == picture, "a field that the shape does not know"


async def test_what_now_does_not_have_is_said(rig: Live) -> None:
    app = create_app(Shown(rig.site, "0.1.0"), rig.ports(), access())

    async with client(app) as api:
        other = await api.get("/api/v1/explain?figure=per_good.carbon&of=press&at=now")
        assert other.status_code == 400
        assert "is no figure of now" in other.json()["error"]["message"]
        nobody = await api.get("/api/v1/explain?figure=intensity.final&of=pres&at=now")
        assert nobody.status_code == 404
