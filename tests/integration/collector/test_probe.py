"""The probe against simulated units: what is plausible passes, what is not is named."""

from __future__ import annotations

import pytest
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.catalogue import load_catalogue
from collector.encode import encode_value
from collector.probe import ProbeRow, probe
from plant.config import PlantFile
from tests.integration.collector.test_modbus import serving

pytestmark = pytest.mark.net
PROFILE = load_catalogue()["eastron_sdm120"]
VALUES = {
    "voltage": 231.0,
    "frequency": 50.0,
    "power_factor": 0.9,
    "active_power": 500.0,
    "active_energy_import": 10.0,
}


def unit(number: int, word_order: str = "high_first", **other: float) -> SimDevice:
    registers = [0] * 400
    for row in PROFILE.registers:
        words = encode_value(row, (VALUES | other).get(row.quantity, 0.0), word_order)
        registers[row.address : row.address + row.registers] = words
    return SimDevice(number, [SimData(0, values=registers, datatype=DataType.REGISTERS)])


async def probed(*units: SimDevice) -> dict[str, ProbeRow]:
    async with serving(list(units)) as (_, port):
        meters = {f"m{u.id}": {"on": "c", "unit": u.id, "profile": PROFILE.id} for u in units}
        plant = PlantFile.model_validate(
            {
                "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
                "connections": {"c": {"modbus": "tcp://10.0.0.1:502"}},
                "meters": meters,
            }
        )
        rows = await probe(plant, endpoints={"c": f"tcp://127.0.0.1:{port}"})
    return {row.meter: row for row in rows}


async def test_good_odd_and_turned_meters_are_told_apart() -> None:
    rows = await probed(unit(1), unit(2, frequency=400.0), unit(3, "low_first"))
    assert rows["m1"].ok, rows["m1"].problems
    assert rows["m1"].values["active_power.total"] == pytest.approx(0.5)
    assert any("frequency.total: 400" in problem for problem in rows["m2"].problems)
    assert any("word order low_first" in problem for problem in rows["m3"].problems)


async def test_an_endpoint_that_is_not_there_is_a_problem_of_each_meter() -> None:
    plant = PlantFile.model_validate(
        {
            "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
            "connections": {"c": {"modbus": "tcp://127.0.0.1:1"}},
            "meters": {"m1": {"on": "c", "unit": 1, "profile": PROFILE.id}},
        }
    )
    (row,) = await probe(plant)
    assert not row.ok
    assert "no connection" in row.problems[0]
