"""MQTT meters of a plant: JSON messages on the topics that the
plant file reads, at the pace at which it expects them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec

from plant.protocols.mqtt import MqttConnection, MqttMeter, TopicConfig
from plant.units import SECOND_NS
from simulator.devices.broker import Broker, Message
from simulator.devices.instruments import Instruments
from simulator.devices.stage import Stage

SHORTEST_S: Final = 0.25  # real time between two messages of one meter


Document: TypeAlias = "dict[str, Document | float | str]"


def put(
    document: Document,
    path: str,
    value: float | str,
) -> None:
    """Set `$.a.b` in a document."""
    *parents, last = re.findall(r"[A-Za-z0-9_\-]+", path.removeprefix("$"))
    inner = document
    for key in parents:
        child = inner.setdefault(key, {})
        if not isinstance(child, dict):
            raise ValueError(f"{path}: '{key}' holds a value already")

        inner = child

    inner[last] = value


async def play(stage: Stage) -> str:
    """Serve an MQTT connection: a broker, and sensors that publish on it."""
    broker = Broker()
    sensors = Sensors(
        stage.connection,
        stage.instruments,
        broker,
        stage.now,
        stage.speed,
    )
    stage.running.extend((broker, sensors))
    endpoint = await broker.start()
    sensors.start()
    return endpoint


class Sensors:
    """Publishes every MQTT meter of one connection on a broker."""

    def __init__(
        self,
        connection: str,
        instruments: Instruments,
        broker: Broker,
        now: Callable[[], int],
        speed: float = 1.0,
    ) -> None:
        self.connection = connection
        self.instruments = instruments
        self.broker = broker
        self.now = now
        self.speed = speed
        world = instruments.world
        self.meters = [
            key
            for key, meter in instruments.plant.meters.items()
            if meter.on == connection and key in world.meters
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def message(self, meter: str, now_ns: int) -> Message | None:
        """What the meter says now; None while it is silent."""
        instruments = self.instruments
        if "silent" in instruments.faults.lasting(meter, now_ns):
            return None

        config = MqttMeter.of(instruments.plant.meters[meter])
        topic = self._topic(meter)
        look = instruments.look(meter, instruments.time_of(meter, now_ns))
        document: Document = {}
        put(
            document,
            topic.value,
            instruments.plain(
                meter,
                "counter",
                look,
                now_ns,
            ),
        )
        if topic.flow:
            put(
                document,
                topic.flow,
                instruments.plain(
                    meter,
                    "flow",
                    look,
                    now_ns,
                ),
            )

        if topic.time:
            moment = datetime.fromtimestamp(now_ns / SECOND_NS, UTC)
            put(
                document,
                topic.time,
                moment.isoformat(timespec="milliseconds"),
            )

        instruments.ledger.poll(meter, "mqtt", 1)
        return Message(
            topic=topic.filter.replace("{meter}", config.id),
            payload=msgspec.json.encode(document),
            qos=1,
            retain=True,
        )

    def _topic(self, meter: str) -> TopicConfig:
        plant = self.instruments.plant
        connection = MqttConnection.of(plant.connections[self.connection])
        return connection.topic_of(plant.meters[meter])

    def start(self) -> None:
        """Begin to publish, the meters one after the other within the first second."""
        for number, meter in enumerate(self.meters):
            phase = number / len(self.meters)
            task = asyncio.create_task(
                self._run(meter, phase),
                name=f"sensor {meter}",
            )
            self._tasks.append(task)

    async def _run(self, meter: str, phase: float) -> None:
        """Publish one meter at its pace until cancelled, late where a fault says so."""
        config = self.instruments.plant.meters[meter]
        every = config.every.power if self._topic(meter).flow else config.every.energy
        pause = max(SHORTEST_S, every / self.speed)
        await asyncio.sleep(phase * min(pause, 1.0))
        while True:
            now = self.now()
            late = self.instruments.faults.lasting(meter, now).get("late")
            message = self.message(meter, now)
            if late is not None:
                await asyncio.sleep(late.delay_s)

            if message is not None:
                self.broker.publish(message)

            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Stop publishing."""
        for task in self._tasks:
            task.cancel()

        await asyncio.gather(*self._tasks, return_exceptions=True)
