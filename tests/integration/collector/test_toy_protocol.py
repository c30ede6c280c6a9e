"""A protocol is one entry: a toy one is checked, resolved,
collected, probed and simulated by it alone.
"""

from __future__ import annotations

import asyncio

import pytest

from collector.build import drivers
from collector.probe import probe
from plant.clock import ManualClock
from plant.config import PlantFile
from plant.errors import ConfigError
from plant.frame import Batch
from plant.load import load_plant_text
from plant.protocols import PROTOCOLS
from plant.resolve import resolve
from simulator.config import SimConfig
from simulator.server import Simulation
from tests.integration.collector.toy import TOY, ToyConnection

pytestmark = pytest.mark.net
PLANT = """site: {id: works, timezone: Asia/Shanghai, grid: CN-ZJ}
connections: {toys: {toy: "toy://192.0.2.1:7"}}
meters: {m1: {on: toys, colour: red, max: 100 kW}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: m1}}}
"""


class Tags:
    """Registry in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.known.setdefault((meter, quantity), len(self.known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.known.items()}


@pytest.fixture(autouse=True)
def _one_entry_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, TOY.word, TOY)


def load(text: str = PLANT) -> PlantFile:
    return load_plant_text("plant.yaml", text)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "colour: red",
            "color: red",
            "plant.yaml:3: meters.m1.color: unknown key (did you mean 'colour'?)",
        ),
        (
            "colour: red, ",
            "",
            "plant.yaml:3: meters.m1.colour: is needed and missing: what it is called on the wire",
        ),
        ("red", "ultraviolet", "plant.yaml:3: meters.m1.colour: cannot be seen"),
        (
            'toy: "toy',
            'toi: "toy',
            "plant.yaml:2: connections.toys.toi: unknown key (did you mean 'toy'?)",
        ),
        (
            'toy: "toy://192.0.2.1:7"',
            "timeout: 1s",
            "plant.yaml:2: connections.toys: exactly one of modbus, opcua, mqtt, toy is needed",
        ),
    ],
)
def test_its_mistakes_are_told(old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(PLANT.replace(old, new))
    assert str(caught.value.mistakes[0]) == expected


def test_it_is_resolved() -> None:
    tags = Tags()
    site = resolve(load(), {}, tags)
    assert isinstance(load().connections["toys"], ToyConnection)
    assert [channel.tag for channel in site.channels] == [
        tags.tag("m1", "active_energy_import.total")
    ]
    assert site.meters[0].power_tag == tags.tag("m1", "active_power.total")
    assert site.meters[0].profile == "toy"


async def test_it_is_simulated_collected_and_probed() -> None:
    plant = load()
    simulation = Simulation(plant, SimConfig(), {})
    opened = await simulation.start()
    endpoints = opened["connections"]
    try:
        assert endpoints["toys"].startswith("toy://127.0.0.1:")
        (row,) = await probe(plant, {}, endpoints, wait_s=5.0)
        assert row.ok, row.problems
        await _collected(plant, endpoints, simulation)
    finally:
        await simulation.stop()


async def _collected(plant: PlantFile, endpoints: dict[str, str], simulation: Simulation) -> None:
    """What the driver hands over is what the back-fill would have brought."""
    tags = Tags()
    (driver,) = drivers(plant, {}, tags, ManualClock(), endpoints)
    values: dict[str, float] = {}
    complete = asyncio.Event()

    def take(batch: Batch) -> None:
        for tag, value in zip(batch.tag.tolist(), batch.value.tolist(), strict=True):
            meter, name = tags.names()[tag]
            assert meter == "m1"
            values[name] = value
        if len(values) == 2:
            complete.set()

    running = asyncio.create_task(driver.run(take))
    try:
        await asyncio.wait_for(complete.wait(), 5.0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    filled = simulation.world.readings("m1", simulation.now())
    assert values.keys() == filled.keys()
    counter = "active_energy_import.total"
    assert values[counter] == pytest.approx(filled[counter], rel=1e-3)
