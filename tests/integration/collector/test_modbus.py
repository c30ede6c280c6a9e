"""The Modbus driver against a pymodbus server in this process,
and against peers that misbehave on the wire.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.build import drivers
from collector.encode import encode_value
from plant.clock import SystemClock
from plant.config import PlantFile
from plant.frame import Batch, Quality
from plant.profile import Profile, Row

pytestmark = pytest.mark.net

PROFILE = Profile.model_validate(
    {
        "id": "bench",
        "vendor": "V",
        "model": "M",
        "category": "electricity_meter",
        "sources": ["this test"],
        "defaults": {"max_gap": 8},
        "registers": [
            {"quantity": "active_power", "address": 10, "type": "float32", "unit": "W"},
            {
                "quantity": "power_factor",
                "address": 14,
                "type": "int16",
                "unit": "1",
                "scale": 0.001,
            },
            {"quantity": "active_energy_import", "address": 40, "type": "uint64", "unit": "Wh"},
        ],
    }
)
VALUES = {
    "active_power.total": 1234.5,
    "power_factor.total": 0.95,
    "active_energy_import.total": 5_000_000.0,
}


class Tags:
    """Tags in the order in which they are asked for."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.known.setdefault((meter, quantity), len(self.known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.known.items()}


class Heard:
    """A sink that can be waited on."""

    def __init__(self, tags: Tags) -> None:
        self.tags, self.batches = tags, list[Batch]()
        self._news = asyncio.Event()

    def __call__(self, batch: Batch) -> None:
        self.batches.append(batch)
        self._news.set()

    async def until(self, ready: Callable[[], bool], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not ready():
                self._news.clear()
                await self._news.wait()

    def of(self, meter: str) -> dict[str, float]:
        names = self.tags.names()
        rows = [
            (names[int(t)], float(v))
            for b in self.batches
            for t, v in zip(b.tag, b.value, strict=True)
        ]
        return {name: value for (owner, name), value in rows if owner == meter}

    def times(self, meter: str) -> int:
        names = self.tags.names()
        return sum(len(b) > 0 and names[int(b.tag[0])][0] == meter for b in self.batches)


def device(unit: int, missing: tuple[str, ...] = ()) -> SimDevice:
    """A unit that holds the bench values; addresses between
    and of `missing` rows answer exception 2.
    """
    data = []
    for row in PROFILE.registers:
        if row.name not in missing:
            words = encode_value(row, VALUES[row.name])
            data.append(SimData(row.address, values=words, datatype=DataType.REGISTERS))
    return SimDevice(unit, data)


def bridged(unit: int) -> SimDevice:
    """Like `device`, with zeros in the gaps."""
    registers = [0] * 60
    for row in PROFILE.registers:
        registers[row.address : row.address + row.registers] = encode_value(row, VALUES[row.name])
    return SimDevice(unit, [SimData(0, values=registers, datatype=DataType.REGISTERS)])


@asynccontextmanager
async def serving(
    devices: list[SimDevice], port: int = 0
) -> AsyncIterator[tuple[ModbusTcpServer, int]]:
    server = ModbusTcpServer(devices, address=("127.0.0.1", port))
    await server.listen()
    assert server.transport is not None
    try:
        yield server, server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def reading(
    port: int, units: list[int], period: float = 0.1, profile: Profile = PROFILE
) -> AsyncIterator[Any]:
    """A running driver on this port with one meter per unit id."""
    every = {"power": period, "energy": period}
    plant = PlantFile.model_validate(
        {
            "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
            "connections": {"hall": {"modbus": f"tcp://127.0.0.1:{port}", "timeout": 0.3}},
            "meters": {
                f"m{u}": {"on": "hall", "unit": u, "profile": "bench", "every": every}
                for u in units
            },
        }
    )
    tags = Tags()
    (driver,) = drivers(plant, {"bench": profile}, tags, SystemClock())
    heard = Heard(tags)
    task = asyncio.create_task(driver.run(heard))
    try:
        yield driver, heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_good_values_come_in_canonical_units() -> None:
    async with serving([bridged(1)]) as (_, port), reading(port, [1]) as (driver, heard):
        await heard.until(lambda: len(heard.of("m1")) == 3)
        assert heard.of("m1") == {
            "active_power.total": pytest.approx(1.2345),
            "power_factor.total": pytest.approx(0.95),
            "active_energy_import.total": 5000.0,
        }
        batch = heard.batches[0]
        assert (batch.received >= batch.ts).all()
        assert set(batch.quality.tolist()) == {Quality.GOOD}
        health = driver.health()
        assert health["connection"]["state"] == "up"
        assert health["meters"]["m1"]["last_ms"] is not None
        assert health["meters"]["m1"]["failed"] == {}


async def test_exception_inside_a_block_is_gone_round() -> None:
    """The gap between power and power factor is refused: both still come, in two requests."""
    async with serving([device(1)]) as (_, port), reading(port, [1]) as (_, heard):
        await heard.until(lambda: len(heard.of("m1")) == 3)
        assert heard.of("m1")["power_factor.total"] == pytest.approx(0.95)


async def test_a_missing_register_takes_no_other_value_with_it() -> None:
    async with (
        serving([device(1, ("power_factor.total",))]) as (_, port),
        reading(port, [1]) as (driver, heard),
    ):
        await heard.until(lambda: heard.times("m1") > 6)
        assert set(heard.of("m1")) == {"active_power.total", "active_energy_import.total"}
        assert not any(np.isnan(b.value).any() for b in heard.batches)
        (power,) = [
            job for job in driver.units[0].jobs if job.rows[0].quantity != "active_energy_import"
        ]
        assert [r.block.address for r in power.requests] == [10]
        power.replan_at = 0.0  # the hour is over
        before = heard.times("m1")
        await heard.until(lambda: heard.times("m1") > before + 2)
        assert power.replan_at > 0.0, "the full plan was tried again, and refused again"


async def test_a_server_that_comes_back_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wattline.collector")
    async with serving([bridged(1)]) as (_, port):
        stack = reading(port, [1])
        driver, heard = await stack.__aenter__()
        await heard.until(lambda: heard.times("m1") > 2)
    try:
        async with asyncio.timeout(10):
            while driver.health()["connection"]["state"] == "up":
                await asyncio.sleep(0.02)
        async with serving([bridged(1)], port):
            before = heard.times("m1")
            await heard.until(lambda: heard.times("m1") > before + 2)
            health = driver.health()
    finally:
        await stack.__aexit__(None, None, None)
    assert health["connection"]["state"] == "up"
    assert health["connection"]["reconnects"] == 1
    assert health["meters"]["m1"]["failed"]["connection_lost"] >= 1
    words = [r.message for r in caplog.records if r.message.startswith("hall")]
    assert len(words) == 2
    assert "is down" in words[0]
    assert "is connected again" in words[1]


Answer = Callable[[bytes, int], bytes]


@asynccontextmanager
async def wire(answer: Answer) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A peer that gives `answer(request, count so far)` to
    every request; an empty answer is silence.
    """
    asked: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(6)
                request = head + await reader.readexactly(int.from_bytes(head[4:6], "big"))
                asked.append(request)
                writer.write(answer(request, len(asked)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


def good(request: bytes, _count: int = 0) -> bytes:
    """Registers that count up from zero."""
    tid, _, _, unit, code, _, count = struct.unpack(">HHHBBHH", request)
    body = struct.pack(f">{count}H", *range(count))
    return struct.pack(">HHHBBB", tid, 0, 3 + len(body), unit, code, len(body)) + body


async def test_only_reading_functions_are_sent() -> None:
    both = PROFILE.model_copy(
        update={
            "registers": [
                *PROFILE.registers,
                Row(quantity="mass", address=3, type="uint32", unit="kg", function_code=4),
            ]
        }
    )
    async with wire(good) as (port, asked), reading(port, [1, 7], profile=both) as (_, heard):
        await heard.until(lambda: heard.times("m1") > 4 and heard.times("m7") > 4)
        assert {request[7] for request in asked} == {3, 4}
        assert {request[6] for request in asked} == {1, 7}
        assert all(len(request) == 12 for request in asked)


async def test_a_dead_unit_does_not_hold_up_its_neighbours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "wattline.collector")

    def answer(request: bytes, _count: int) -> bytes:
        return b"" if request[6] == 2 else good(request)

    async with wire(answer) as (port, _), reading(port, [1, 2, 3]) as (driver, heard):
        await heard.until(lambda: driver.units[1].quarantined)
        before = heard.times("m1"), driver.health()["meters"]["m2"]["failed"]["timeout"]
        await heard.until(lambda: heard.times("m1") >= before[0] + 30)
        health = driver.health()
        assert health["meters"]["m2"]["failed"]["timeout"] <= before[1] + 2
        assert health["meters"]["m2"]["last_ms"] is None
        assert health["connection"]["reconnects"] == 0
        assert heard.times("m3") > 20
    assert [r.message for r in caplog.records if "m2" in r.message] == [
        "m2 does not answer: timeout"
    ]


async def test_late_answers_are_not_taken_for_the_next_request() -> None:
    """One answer in three is held back and sent in front of the next one.

    Which one is drawn: taken in turn, it would be the same registers each time.
    """
    held: list[bytes] = []
    drawn = random.Random(3)

    def late(request: bytes, _count: int) -> bytes:
        if drawn.random() < 1 / 3:
            held.append(good(request))
            return b""
        out, held[:] = b"".join(held) + good(request), []
        return out

    async with wire(late) as (port, _), reading(port, [1, 2]) as (driver, heard):
        meters = ("m1", "m2")
        await heard.until(lambda: all("active_power.total" in heard.of(m) for m in meters))
        await heard.until(lambda: all(heard.times(m) > 3 for m in meters))
        await heard.until(lambda: any(m["failed"] for m in driver.health()["meters"].values()))
        expected = struct.unpack(">f", struct.pack(">HH", 0, 1))[0] / 1000
        for meter in meters:
            assert heard.of(meter)["active_power.total"] == pytest.approx(expected)
        assert sum(m["failed"].get("timeout", 0) for m in driver.health()["meters"].values()) > 0


@pytest.mark.parametrize(
    "junk",
    [
        b"\xde\xad\xbe\xef" * 8,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x01\x00\x00\x00\x03\x01\x03\x00",
        b"\x00\x01\x00\x00\x00\x05\x01\x03\x02\x00\x01",
        b"\x00\x01\x00\x00\x00\x02\x01\x63",
    ],
)
async def test_garbage_gives_no_value_and_is_recovered_from(junk: bytes) -> None:
    def answer(request: bytes, count: int) -> bytes:
        return request[:2] + junk[2:] if count <= 2 else good(request)

    async with wire(answer) as (port, _), reading(port, [1]) as (driver, heard):
        await heard.until(lambda: heard.times("m1") > 2)
        assert driver.health()["meters"]["m1"]["failed"]
        expected = struct.unpack(">f", struct.pack(">HH", 0, 1))[0] / 1000
        assert [float(b.value[0]) for b in heard.batches if len(b) == 2] == pytest.approx(
            [expected] * sum(len(b) == 2 for b in heard.batches)
        )


async def test_busy_is_not_a_reason_to_replan() -> None:
    def answer(request: bytes, count: int) -> bytes:
        tid, _, _, unit, code, _, _ = struct.unpack(">HHHBBHH", request)
        return (
            struct.pack(">HHHBBB", tid, 0, 3, unit, code | 0x80, 6) if count <= 4 else good(request)
        )

    async with wire(answer) as (port, asked), reading(port, [1]) as (driver, heard):
        await heard.until(lambda: heard.times("m1") > 2)
        assert driver.health()["meters"]["m1"]["failed"]["exception_6"] >= 2
        assert {request[8:] for request in asked} == {
            struct.pack(">HH", 10, 5),
            struct.pack(">HH", 40, 4),
        }


async def test_an_unreachable_endpoint_is_down_and_says_why() -> None:
    async with reading(1, [1]) as (driver, _):
        async with asyncio.timeout(5):
            while driver.health()["connection"]["last_error"] is None:
                await asyncio.sleep(0.01)
        assert driver.health()["connection"]["state"] == "down"
        assert "no connection" in driver.health()["connection"]["last_error"]
