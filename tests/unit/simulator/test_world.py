"""The world behind the demo plants: it balances, repeats itself by
seed, and its lines are those of the archetypes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import simulator
from collector.catalogue import load_catalogue
from plant.config import PlantFile
from plant.errors import ConfigError
from plant.load import load_plant, load_plant_text
from plant.names import State
from plant.units import HOUR_NS, MINUTE_NS, SECOND_NS
from simulator import truth as true_energy
from simulator.archetypes import ARCHETYPES
from simulator.config import SimConfig, load_sim, load_sim_text
from simulator.history import batches
from simulator.meters import basic_rows
from simulator.noise import DAY_NS
from simulator.world import World

PLANTS = Path(simulator.__file__).parent / "plants"
START = 20_700 * DAY_NS  # a Friday in September


class Tags:
    """Registry in memory."""

    def __init__(self) -> None:
        self.by_name: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.by_name.setdefault((meter, quantity), len(self.by_name) + 1)

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.by_name.items()}


@cache
def plant_of(name: str) -> PlantFile:
    return load_plant(PLANTS / f"{name}.yaml", frozenset(load_catalogue()))


@cache
def world_of(name: str) -> World:
    plant = plant_of(name)
    return World(
        plant,
        load_sim(PLANTS / f"{name}.yaml", plant),
        load_catalogue(),
        START,
        start_ns=START + DAY_NS,
    )


@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
def test_every_bus_balances(name: str) -> None:
    truth = true_energy.between(world_of(name), START, START + DAY_NS)
    for bus, sums in truth["buses"].items():
        assert sums["in"] == pytest.approx(sums["out"] + sums["remainder"], rel=1e-9, abs=1e-6), bus
        assert sums["in"] > 0, bus


def test_what_no_meter_sees_is_four_to_eight_percent_of_the_board() -> None:
    board = true_energy.between(world_of("jiaxing"), START, START + 2 * DAY_NS)["buses"]["board"]
    assert 0.04 < board["remainder"] / board["in"] < 0.08


def test_the_works_takes_about_twenty_megawatts() -> None:
    truth = true_energy.between(world_of("jiaxing"), START, START + DAY_NS)
    assert 18_000 < truth["sources"]["grid"]["import"] / 24 < 24_000
    assert truth["sources"]["pv"]["import"] > 5_000
    hall = sum(draws["board"] for line, draws in truth["lines"].items() if line.startswith("smt"))
    assert 500 < hall / 24 < 850


def test_transformers_lose_one_to_one_and_a_half_percent() -> None:
    converters = true_energy.between(world_of("jiaxing"), START, START + DAY_NS)["converters"]
    for key in ("t1", "t2", "t3", "t4"):
        given, taken = (
            converters[key]["out"]["board"]["forward"],
            converters[key]["in"]["intake"]["forward"],
        )
        assert 0.010 < 1 - given / taken < 0.015


def test_the_battery_cycles_twice_a_day_within_its_limits() -> None:
    world = world_of("jiaxing")
    for number in (1, 2):
        store = true_energy.between(world, START + number * DAY_NS, START + (number + 1) * DAY_NS)[
            "storages"
        ]["battery"]
        assert 12_000 < store["discharge"] < 17_000
        assert store["discharge"] / store["charge"] == pytest.approx(0.88, abs=0.02)


@pytest.mark.parametrize("line", ["cells_steam", "cells_electric", "pv_cells", "modules", "smt_1"])
def test_energy_per_good_unit_is_near_the_archetype(line: str) -> None:
    world = world_of("jiaxing")
    truth = true_energy.between(world, START, START + 3 * DAY_NS)
    kind = ARCHETYPES[world.sim.lines[line].archetype or ""]
    draws, good = truth["lines"][line], truth["output"][line]["good"]
    behind = {
        bus: sum(
            c["in"]["board"]["forward"]
            for k, c in truth["converters"].items()
            if k.startswith(word)
        )
        / truth["buses"][bus]["out"]
        for bus, word in (("air_net", "comp"), ("cold_net", "chiller"))
    }
    electricity = draws["board"] + sum(draws.get(bus, 0.0) * each for bus, each in behind.items())
    assert electricity / good == pytest.approx(kind.electricity_kwh, rel=0.14)
    if kind.heat_kwh:
        assert draws["steam_net"] / good == pytest.approx(kind.heat_kwh, rel=0.1)


def test_electrifying_pays_by_where_the_heat_comes_from() -> None:
    """District steam at 110 kg/GJ: the electric sister emits less.

    Steam of a gas boiler: it emits more.
    """
    truth = true_energy.between(world_of("jiaxing"), START, START + 3 * DAY_NS)
    per_good = {
        line: {bus: x / truth["output"][line]["good"] for bus, x in truth["lines"][line].items()}
        for line in ("cells_steam", "cells_electric")
    }
    electric = per_good["cells_electric"]["board"] * 0.4974
    steam, heat = per_good["cells_steam"]["board"] * 0.4974, per_good["cells_steam"]["steam_net"]
    assert electric < steam + heat * 0.0036 * 110
    assert electric > steam + heat / 0.92 * 0.19994


def test_the_same_seed_gives_the_same_world_and_another_one_another() -> None:
    plant, sim = plant_of("jiaxing"), SimConfig()
    one, two, other = (World(plant, sim, load_catalogue(), START, seed) for seed in (5, 5, 6))
    at = START + 7 * HOUR_NS + 123_456_789
    assert one.values("intake_meter", at) == two.values("intake_meter", at)
    assert one.values("intake_meter", at) != other.values("intake_meter", at)


def test_a_forgotten_day_is_made_again_the_same() -> None:
    plant = plant_of("dyeworks")
    world = World(plant, load_sim(PLANTS / "dyeworks.yaml", plant), load_catalogue(), START)
    before = world.registered("intake_meter", START + DAY_NS // 2)
    world.prepare(START + 12 * DAY_NS)
    assert START // DAY_NS not in world._days
    assert world.registered("intake_meter", START + DAY_NS // 2) == before


def test_counters_rise_and_follow_power() -> None:
    world = world_of("jiaxing")
    times = range(START, START + HOUR_NS, 7 * SECOND_NS)
    totals = np.asarray([world.registered("t1_lv", at)[0] for at in times])
    assert (np.diff(totals) > 0).all()
    mean = world.power_kw("t1_lv", START + 5 * SECOND_NS)
    first = (
        world.registered("t1_lv", START + 9 * SECOND_NS)[0] - world.registered("t1_lv", START)[0]
    )
    assert first == pytest.approx(mean * 9 / 3600, rel=0.005)


def test_meter_gain_is_inside_its_class() -> None:
    for key, model in world_of("jiaxing").meters.items():
        assert abs(model.gain - 1) <= model.config.class_limit, key


@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
def test_history_is_what_devices_show(name: str) -> None:
    world, tags = world_of(name), Tags()
    made = list(
        batches(world, START + DAY_NS - MINUTE_NS, START + DAY_NS + 3 * MINUTE_NS, 60, tags)
    )
    assert [int(b.ts[0]) for b in made] == [START + DAY_NS + n * MINUTE_NS for n in (-1, 0, 1, 2)]
    names = tags.names()
    for batch in made:
        seen = {names[int(tag)]: value for tag, value in zip(batch.tag, batch.value, strict=True)}
        for meter in world.meters:
            for quantity, value in world.readings(meter, int(batch.ts[0])).items():
                assert seen[meter, quantity] == pytest.approx(value, rel=1e-12, abs=1e-9), (
                    meter,
                    quantity,
                )


def test_history_carries_states_orders_and_counts() -> None:
    world, tags = world_of("jiaxing"), Tags()
    made = list(batches(world, START, START + DAY_NS, 60, tags))
    first = {tags.names()[e.tag][1]: e.text for e in made[0].events}
    assert {"cells_steam_state", "cells_steam_order", "smt_7_state"} <= set(first)
    later = [
        e.text for b in made[1:] for e in b.events if tags.names()[e.tag] == ("plc", "smt_7_state")
    ]
    assert {State.CHANGEOVER, State.RUN, State.STANDBY, State.WARMUP} <= set(later)
    good = [float(b.value[list(b.tag).index(tags.tag("plc", "smt_1_good"))]) for b in made[::60]]
    assert good == sorted(good)
    assert good[-1] == np.floor(good[-1]) > 1000


def test_each_step_of_history_has_every_value_once() -> None:
    world, tags = world_of("jiaxing"), Tags()
    batch = next(iter(batches(world, START, START + MINUTE_NS, 60, tags)))
    assert len(set(batch.tag.tolist())) == len(batch)
    assert np.isfinite(batch.value).all()
    assert {"counter.total", "flow.total"} <= {q for m, q in tags.by_name if m == "comp_1_air"}


def test_a_plant_without_a_simulator_file_simulates() -> None:
    text = (PLANTS / "dyeworks.yaml").read_text()
    world = World(load_plant_text("x.yaml", text), SimConfig(), load_catalogue(), START)
    truth = true_energy.between(world, START, START + HOUR_NS)
    assert truth["lines"]["jets"]["board"] == pytest.approx(0.5 * 900, rel=0.2)
    assert truth["sources"]["grid"]["import"] > 500
    assert truth["output"]["jets"]["good"] > 0


def test_an_idle_event_takes_power_and_output_away() -> None:
    plant = plant_of("jiaxing")
    text = "events: [{at: 1h, kind: idle, line: modules, for: 30m}, {at: 1h, kind: unloaded, converter: comp_3, for: 30m}]"
    world = World(plant, load_sim_text("x", text, plant), load_catalogue(), START, 3)
    event, before = START + HOUR_NS, START + HOUR_NS - 15 * MINUTE_NS
    assert world.signal("modules", "state", event + MINUTE_NS) == "IDLE"
    assert world.power_kw("modules_el", event + 10 * MINUTE_NS) < 0.6 * world.power_kw(
        "modules_el", before
    )
    assert world.power_kw("comp_3_air", event + MINUTE_NS) == 0
    assert world.power_kw("comp_3_el", event + MINUTE_NS) > 50


def test_a_scheduled_wrap_comes_when_it_shall() -> None:
    plant = plant_of("jiaxing")
    world = World(
        plant,
        load_sim_text("x", "events: [{at: 10m, kind: wrap, meter: modules_el}]", plant),
        load_catalogue(),
        START,
        3,
    )
    name = next(
        row.name
        for row in basic_rows(world.meters["modules_el"])
        if row.quantity == "active_energy_import"
    )
    before, after = (
        world.readings("modules_el", START + minute * MINUTE_NS)[name] for minute in (9, 11)
    )
    assert before > 42_949_000
    assert after < 100


def test_mistakes_are_reported_with_their_lines() -> None:
    text = "lines:\n  modulez: {archetype: A9}\nevents:\n  - {at: 3m, kind: silent}\n"
    with pytest.raises(ConfigError) as caught:
        load_sim_text("x.sim.yaml", text, plant_of("jiaxing"))
    assert "x.sim.yaml:4" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_sim_text(
            "x.sim.yaml",
            text.replace("kind: silent", "kind: silent, meter: grid_meter"),
            plant_of("jiaxing"),
        )
    assert "did you mean 'modules'" in str(caught.value)
    assert "x.sim.yaml:2" in str(caught.value)


def test_a_recorded_series_drives_its_edge(tmp_path: Path) -> None:
    plant = plant_of("dyeworks")
    rows = "".join(f"2026-09-04 {hour:02d}:00,{100 + hour}\n" for hour in range(24))
    (tmp_path / "jets.csv").write_text("time,kW\n" + rows)
    sim = load_sim_text(
        "x", f"replay: {{jets_el: {{file: {tmp_path / 'jets.csv'}, column: kW}}}}", plant
    )
    world = World(plant, sim, load_catalogue(), START)
    at = START + 5 * HOUR_NS + MINUTE_NS
    assert world.power_kw("jets_el", at) == 105.0
    sums = true_energy.between(world, at, at + HOUR_NS)["buses"]["board"]
    assert sums["in"] == pytest.approx(sums["out"] + sums["remainder"])
