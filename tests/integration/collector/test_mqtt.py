"""The MQTT driver against a real mosquitto."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.build import drivers
from plant.clock import SystemClock
from plant.config import PlantFile
from tests.integration.collector.test_modbus import Heard, Tags

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(PROGRAM is None, reason="the program mosquitto is not installed"),
]


class Broker:
    """A mosquitto process on a port of its own, with or without passwords."""

    def __init__(self, folder: Path, passwords: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            f"allow_anonymous {str(not passwords).lower()}",
        ]
        self.config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(PROGRAM), "-c", str(self.config)], stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


async def publish(port: int, messages: list[tuple[str, bytes, bool]]) -> None:
    """Publish with QoS 1 and wait for every acknowledgement."""

    def work() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        for attempt in range(100):
            try:
                client.connect("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                if attempt == 99:
                    raise
                threading_wait(0.05)
        client.loop_start()
        for topic, payload, retain in messages:
            client.publish(topic, payload, 1, retain).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(work)


def threading_wait(seconds: float) -> None:
    """Wait in a thread while a process starts up: there is no event to wait for."""
    import threading

    threading.Event().wait(seconds)


@asynccontextmanager
async def reading(port: int, **more: Any) -> AsyncIterator[tuple[Any, Heard]]:
    plant = PlantFile.model_validate(
        {
            "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
            "connections": {
                "broker": {
                    "mqtt": f"mqtt://127.0.0.1:{port}",
                    "topics": {
                        "gas": {
                            "filter": "gas/{meter}/state",
                            "value": "$.v[0].total",
                            "flow": "$.flow",
                        }
                    },
                    **more,
                }
            },
            "meters": {"boiler": {"on": "broker", "topic": "gas", "id": "b1", "unit": "Nm3"}},
        }
    )
    tags = Tags()
    (driver,) = drivers(plant, {}, tags, SystemClock(), None, lambda name: "wrong")
    heard = Heard(tags)
    task = asyncio.create_task(driver.run(heard))
    try:
        yield driver, heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def reading_of(total: float) -> tuple[str, bytes, bool]:
    return "gas/b1/state", b'{"v": [{"total": %r}], "flow": 3}' % total, False


async def test_messages_become_rows_and_bad_ones_are_counted(broker: Broker) -> None:
    await publish(broker.port, [("gas/b1/state", b'{"v": [{"total": 1}], "flow": 2}', True)])
    async with reading(broker.port) as (driver, heard):
        async with asyncio.timeout(10):
            await driver.subscribed.wait()
            while not driver.router.retained:
                await asyncio.sleep(0.02)
        assert not heard.batches
        foreign = [("gas/b1/state", b"{", False), ("gas/other/state", b"{}", False)]
        await publish(broker.port, [*foreign, reading_of(10.5), reading_of(11.0)])
        await heard.until(lambda: heard.of("boiler").get("counter.total") == 11.0)
        assert heard.of("boiler")["flow.total"] == 3.0
        health = driver.health()
        assert health["connection"]["state"] == "up"
        assert health["connection"]["counts"] == {"retained": 1, "unknown_topic": 1}
        assert health["meters"]["boiler"]["failed"] == {"not_json": 1}
        assert health["meters"]["boiler"]["retained"]["value"] == 1.0


async def test_a_broker_that_comes_back_is_subscribed_again(broker: Broker) -> None:
    async with reading(broker.port) as (driver, heard):
        async with asyncio.timeout(10):
            await driver.subscribed.wait()
        broker.stop()
        async with asyncio.timeout(10):
            while driver.health()["connection"]["state"] == "up":
                await asyncio.sleep(0.02)
        driver.subscribed.clear()
        broker.start()
        async with asyncio.timeout(20):
            await driver.subscribed.wait()
        await publish(broker.port, [reading_of(12.0)])
        await heard.until(lambda: heard.of("boiler").get("counter.total") == 12.0)
        assert driver.health()["connection"]["reconnects"] == 1


async def test_the_broker_keeps_messages_while_the_collector_restarts(broker: Broker) -> None:
    async with reading(broker.port) as (driver, _):
        async with asyncio.timeout(10):
            await driver.subscribed.wait()
        await publish(broker.port, [reading_of(1.0)])
    await publish(broker.port, [reading_of(2.0), reading_of(3.0)])
    async with reading(broker.port) as (_, heard):
        await heard.until(lambda: heard.of("boiler").get("counter.total") == 3.0)
        assert sum(len(b) for b in heard.batches) >= 4


async def test_refused_credentials_are_named(tmp_path: Path) -> None:
    broker = Broker(tmp_path, passwords=True)
    broker.start()
    try:
        async with (
            reading(broker.port, user="u", password={"secret": "s"}) as (driver, _),
            asyncio.timeout(15),
        ):
            while "refused: Not auth" not in str(driver.health()["connection"]["last_error"]):
                await asyncio.sleep(0.05)
        assert driver.health()["connection"]["state"] == "down"
    finally:
        broker.stop()
