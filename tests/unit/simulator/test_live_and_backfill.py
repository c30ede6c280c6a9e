"""A meter behind a current transformer, wired the other way
round: the back-fill brings what the drivers would.
"""

from __future__ import annotations

import pytest

from collector.catalogue import load_catalogue
from collector.decode import compile_block, tag_name
from collector.plan import Block, plan_blocks, wanted_rows
from plant.load import load_plant_text
from plant.profile import Row
from simulator import registers
from simulator.config import SimConfig
from simulator.noise import DAY_NS
from simulator.world import World

START = 20_700 * DAY_NS
PLANT = """site: {{id: works, timezone: Asia/Shanghai, grid: CN-ZJ}}
connections: {{hall: {{modbus: "tcp://192.0.2.1:502"}}}}
meters:
  m1: {{on: hall, unit: 1, profile: {profile}, read: all, max: 100 kW, reverse: {reverse},
        ct: {{ratio: 400/5, applied_by: wattline}}}}
sources: {{}}
buses: {{board: {{carrier: electricity}}}}
lines: {{press: {{draws: {{board: m1}}}}}}
"""


def world_of(profile: str, reverse: str) -> World:
    plant = load_plant_text("plant.yaml", PLANT.format(profile=profile, reverse=reverse))
    return World(plant, SimConfig(), load_catalogue(), START, start_ns=START)


def served(world: World, block: Block) -> bytes:
    """The registers of a block as the simulated device holds them."""
    model = world.meters["m1"]
    look = world.look("m1", START + DAY_NS // 2)
    profile = model.profile
    assert profile is not None
    order = profile.defaults.word_order
    held: dict[int, int] = {}

    def put(row: Row) -> None:
        words = registers.words(row, float(model.row(row, look)), order, model.exponent(row))
        held.update(enumerate(words, row.address))
        if row.scale_register is not None:
            held[row.scale_register] = model.exponent(row) & 0xFFFF

    for row in block.rows:
        put(row)
    words = [held.get(block.address + offset, 0) for offset in range(block.count)]
    return b"".join(word.to_bytes(2, "big") for word in words)


@pytest.mark.parametrize("reverse", ["true", "false"])
@pytest.mark.parametrize("profile", ["siemens_pac2200", "lovato_dmg610", "sunspec_meter_int"])
def test_the_backfill_brings_what_the_driver_reads(profile: str, reverse: str) -> None:
    world = world_of(profile, reverse)
    model = world.meters["m1"]
    assert model.profile is not None
    live: dict[str, float] = {}
    for block in plan_blocks(wanted_rows(model.config, model.profile), model.profile.defaults):
        decode = compile_block(block, model.profile.defaults.word_order, model.config.wiring)
        for row, value in zip(block.rows, decode(served(world, block)), strict=True):
            live[tag_name(row, model.config.wiring)] = float(value)
    filled = world.readings("m1", START + DAY_NS // 2)
    assert set(filled) == set(live)
    for name, value in live.items():
        assert filled[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name
