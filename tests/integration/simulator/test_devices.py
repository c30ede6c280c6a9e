"""The simulated devices on real sockets, read by other people's clients."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncua
import paho.mqtt.client as mqtt
import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

import simulator
from collector.catalogue import load_catalogue
from plant.load import load_plant
from plant.units import HOUR_NS
from simulator.config import SimConfig, load_sim
from simulator.devices.broker import packet
from simulator.server import Simulation, run_simulation

pytestmark = pytest.mark.net
PLANTS = Path(simulator.__file__).parent / "plants"


def simulation_of(
    name: str, *, calm: bool = True, only: tuple[str, ...] = (), speed: float = 1.0
) -> Simulation:
    """Simulation of a plant with some of its connections (all by default)."""
    catalogue = load_catalogue()
    plant = load_plant(PLANTS / f"{name}.yaml", frozenset(catalogue))
    sim: SimConfig = load_sim(PLANTS / f"{name}.yaml", plant)
    if calm:
        sim = sim.model_copy(update={"events": []})
    made = Simulation(
        plant, sim, catalogue, speed=speed, seed=4, epoch_ns=time.time_ns() - 2 * HOUR_NS
    )
    if only:
        kept = {key: c for key, c in plant.connections.items() if key in only}
        made.plant = plant.model_copy(update={"connections": kept})
    return made


@pytest.fixture
async def works() -> AsyncIterator[Simulation]:
    made = simulation_of("jiaxing", only=("intake_gw", "smt_gw", "pv_logger", "energy_gw"))
    await made.start()
    yield made
    await made.stop()


async def registers(
    works: Simulation, meter: str, start: int, count: int, code: int | None = None
) -> Any:
    """Answer to one request for registers of a meter."""
    config = works.plant.meters[meter]
    model = works.world.meters[meter]
    assert model.profile is not None
    host, port = works.endpoints["connections"][config.on].removeprefix("tcp://").split(":")
    client = AsyncModbusTcpClient(host, port=int(port), timeout=0.7, retries=0)
    await client.connect()
    read = (
        client.read_holding_registers
        if (code or model.profile.defaults.function_code) == 3
        else client.read_input_registers
    )
    try:
        return await read(config.address + start, count=count, device_id=int(config.unit or 0))
    finally:
        client.close()


def value_of(words: list[int], kind: str, *, low_first: bool = False) -> float:
    """Number of big-endian words."""
    return float(
        struct.unpack(kind, struct.pack(f">{len(words)}H", *(words[::-1] if low_first else words)))[
            0
        ]
    )


async def command(works: Simulation, **fields: Any) -> dict[str, Any]:
    """Answer of the control port."""
    host, port = works.endpoints["control"].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
    writer.write(json.dumps(fields).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


async def test_word_orders_and_types(works: Simulation) -> None:
    intake = (await registers(works, "intake_meter", 801, 4)).registers
    assert value_of(intake, ">d") / 1000 == pytest.approx(
        works.world.registered("intake_meter", works.now())[0], rel=1e-6
    )
    smt = (await registers(works, "smt_8_el", 52, 2)).registers
    assert 0.1 * value_of(smt, ">i", low_first=True) == pytest.approx(
        works.world.registered("smt_8_el", works.now())[0], abs=0.2
    )
    float32 = (await registers(works, "smt_2_el", 72, 2)).registers
    assert value_of(float32, ">f") == pytest.approx(
        works.world.registered("smt_2_el", works.now())[0], rel=1e-6
    )
    power = (await registers(works, "intake_meter", 65, 2)).registers
    assert value_of(power, ">f") / 1000 == pytest.approx(
        works.world.power_kw("intake_meter", works.now()), rel=0.03
    )


async def test_sunspec_chain_and_scale_factors(works: Simulation) -> None:
    head = (await registers(works, "inv_3", 40_000 - 40_069, 4)).registers
    assert bytes(struct.pack(">2H", *head[:2])) == b"SunS"
    assert head[3] + 40_004 == works.plant.meters["inv_3"].address
    block = (await registers(works, "inv_3", 0, 52)).registers
    assert block[:2] == [103, 50]
    exponent = struct.unpack(">h", struct.pack(">H", block[15]))[0]
    watts = struct.unpack(">h", struct.pack(">H", block[14]))[0] * 10.0**exponent
    assert watts / 1000 == pytest.approx(works.world.power_kw("inv_3", works.now()), abs=5)


async def test_exceptions(works: Simulation) -> None:
    assert (await registers(works, "smt_8_el", 0, 51)).exception_code == 3
    assert (await registers(works, "smt_8_el", 30_000, 2)).exception_code == 2
    assert (await registers(works, "smt_8_el", 0, 2, code=3)).exception_code == 2
    works.plant.meters["smt_8_el"].__dict__["unit"] = 99
    try:
        assert (await registers(works, "smt_8_el", 0, 2)).exception_code == 0x0B
    finally:
        works.plant.meters["smt_8_el"].__dict__["unit"] = 8


async def test_the_ledger_knows_what_was_served(works: Simulation) -> None:
    words = (await registers(works, "smt_8_el", 52, 2)).registers
    answer = await command(works, cmd="ledger", meter="smt_8_el")
    assert answer["ok"]
    column = answer["counters"]["active_energy_import.total"]
    assert column["value"] == [pytest.approx(0.1 * value_of(words, ">i", low_first=True))]
    assert column["generation"] == [0]
    assert 0 <= column["registered"][0] - column["value"][0] < 0.1
    assert answer["polls"] == {"4:52+2": 1}
    assert (await command(works, cmd="served"))["polls"]["smt_8_el"] == {"4:52+2": 1}


async def test_faults_by_command(works: Simulation) -> None:
    assert (await command(works, cmd="fault", meter="smt_8_el", kind="silent", **{"for": "1h"}))[
        "ok"
    ]
    with pytest.raises(ModbusException):
        await registers(works, "smt_8_el", 52, 2)
    assert not (await registers(works, "smt_7_el", 52, 2)).isError()
    assert (await command(works, cmd="clear", meter="smt_8_el"))["ok"]
    await command(works, cmd="fault", meter="smt_8_el", kind="bad_register", **{"for": "1h"})
    assert (await registers(works, "smt_8_el", 40, 14)).exception_code == 2
    assert not (await registers(works, "smt_8_el", 40, 2)).isError()
    await command(works, cmd="clear", meter="smt_8_el")
    await command(works, cmd="fault", meter="smt_8_el", kind="late", delay_ms=300, **{"for": "1h"})
    begun = time.monotonic()
    await registers(works, "smt_8_el", 40, 2)
    assert time.monotonic() - begun > 0.28


async def test_counters_jump_and_freeze(works: Simulation) -> None:
    await command(works, cmd="fault", meter="smt_1_el", kind="reset")
    await asyncio.sleep(0.05)
    assert value_of((await registers(works, "smt_1_el", 72, 2)).registers, ">f") < 0.1
    await command(works, cmd="fault", meter="smt_1_el", kind="preset", value=777.0)
    await asyncio.sleep(0.05)
    assert value_of((await registers(works, "smt_1_el", 72, 2)).registers, ">f") == pytest.approx(
        777.0, abs=0.1
    )
    column = (await command(works, cmd="ledger", meter="smt_1_el"))["counters"][
        "active_energy_import.total"
    ]
    assert column["generation"] == [1, 2]
    assert column["registered"][0] > 1000
    await command(works, cmd="fault", meter="intake_meter", kind="frozen", **{"for": "1h"})
    await asyncio.sleep(0.05)
    one = (await registers(works, "intake_meter", 801, 4)).registers
    await asyncio.sleep(0.3)
    assert (await registers(works, "intake_meter", 801, 4)).registers == one


async def test_commands_that_make_no_sense_say_so(works: Simulation) -> None:
    assert "no meter 'x'" in (await command(works, cmd="fault", meter="x", kind="silent"))["error"]
    assert not (await command(works, cmd="fault", meter="smt_1_el", kind="explode"))["ok"]
    assert "one of" in (await command(works, cmd="dance"))["error"]
    assert not (await command(works, cmd="truth", **{"from": 0, "to": 1}))["ok"]
    now = (await command(works, cmd="now"))["now"]
    truth = await command(works, cmd="truth", **{"from": now - 3_600_000_000_000, "to": now})
    assert truth["truth"]["sources"]["grid"]["import"] > 10_000


async def test_physical_events_by_command(works: Simulation) -> None:
    before = works.world.power_kw("comp_2_air", works.now())
    assert (
        await command(works, cmd="fault", converter="comp_2", kind="unloaded", **{"for": "10m"})
    )["ok"]
    assert before > 0
    assert works.world.power_kw("comp_2_air", works.now() + 15_000_000_000) == 0


async def test_opcua_signals_and_meters() -> None:
    made = simulation_of("jiaxing", only=("plc",))
    endpoints = await made.start()
    try:
        async with asyncua.Client(endpoints["connections"]["plc"]) as client:
            index = await client.get_namespace_index("urn:wattline:plant")
            state = await client.get_node(f"ns={index};s=cells_steam.state").read_value()
            good = await client.get_node(f"ns={index};s=cells_steam.good").read_value()
            power = await client.get_node(
                f"ns={index};s=cells_electric.meter.active_power"
            ).read_value()
            energy = await client.get_node(
                f"ns={index};s=cells_electric.meter.active_energy_import"
            ).read_data_value()
        assert state == made.world.signal("cells_steam", "state", made.now())
        assert good == pytest.approx(
            float(made.world.signal("cells_steam", "good", made.now())), abs=2
        )
        assert power == pytest.approx(
            made.world.power_kw("cells_electric_el", made.now()), rel=0.05
        )
        assert energy.Value is not None
        assert energy.Value.Value == pytest.approx(
            made.world.registered("cells_electric_el", made.now())[0], rel=1e-6
        )
        assert energy.SourceTimestamp is not None
    finally:
        await made.stop()


async def test_mqtt_meters_read_by_paho() -> None:
    made = simulation_of("dyeworks", only=("broker",))
    endpoints = await made.start()
    got: dict[str, bytes] = {}
    host, port = endpoints["connections"]["broker"].removeprefix("mqtt://").split(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: got.__setitem__(message.topic, message.payload)
    client.on_connect = lambda c, *_: c.subscribe("meters/+/+", 1)
    try:
        await asyncio.to_thread(client.connect, host, int(port))
        client.loop_start()
        await asyncio.sleep(1.0)
        _, writer = await asyncio.open_connection(host, int(port))
        will = b"\x00\x13meters/watcher/gone\x00\x03yes"
        writer.write(packet(1, 0, b"\x00\x04MQTT\x04\x0e\x00\x3c\x00\x01w" + will))
        await asyncio.sleep(0.2)
        writer.transport.abort()  # the wire breaks, so the will is published
        await asyncio.sleep(0.4)
    finally:
        client.loop_stop()
        client.disconnect()
        await made.stop()
    assert set(got) >= {
        "meters/jets/steam",
        "meters/gas/count",
        "meters/jets_water/count",
        "meters/watcher/gone",
    }
    steam = json.loads(got["meters/jets/steam"])
    kg = made.world.registered("jets_st", made.now())[0] * 3600 / 2700
    assert steam["mass"] == pytest.approx(kg, rel=1e-4)
    assert "flow" in steam
    assert made.ledger.served()["polls"]["jets_st"]["mqtt"] >= 1


@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
async def test_simulate_starts_and_stops(name: str, tmp_path: Path) -> None:
    path, seen = tmp_path / "endpoints.json", asyncio.Event()
    task = asyncio.create_task(
        run_simulation(
            PLANTS / f"{name}.yaml",
            load_catalogue(),
            speed=60,
            endpoints_path=path,
            ready=lambda _: seen.set(),
        )
    )
    await asyncio.wait_for(seen.wait(), 30)
    endpoints = json.loads(path.read_text())
    assert set(endpoints["connections"]) == set(load_plant(PLANTS / f"{name}.yaml").connections)
    assert endpoints["clock"]["speed"] == 60
    await asyncio.sleep(0.5)
    host, port = endpoints["control"].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'{"cmd": "stop"}\n')
    assert json.loads(await reader.readline()) == {"ok": True}
    await asyncio.wait_for(task, 10)
    writer.close()
    assert not path.exists()


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.json"
    code = (
        "import sys; from pathlib import Path; from simulator.server import simulate;"
        f"simulate(Path({str(PLANTS / 'dyeworks.yaml')!r}), endpoints_path=Path({str(path)!r}), with_parent=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert path.exists()
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(15) == 0
    finally:
        child.kill()
        child.wait()
