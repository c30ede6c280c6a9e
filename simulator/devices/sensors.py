"""MQTT meters of a plant: JSON messages on the topics that the plant file reads, at the pace at which it expects
them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from plant.units import SECOND_NS
from simulator.devices.broker import Broker, Message
from simulator.devices.instruments import Instruments

SHORTEST_S: Final = 0.25  # real time between two messages of one meter


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set `$.a.b` in a document."""
    *parents, last = re.findall(r"[A-Za-z0-9_\-]+", path.removeprefix("$"))
    for key in parents:
        document = document.setdefault(key, {})
    document[last] = value


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
        if "silent" in self.instruments.faults.lasting(meter, now_ns):
            return None
        config = self.instruments.plant.meters[meter]
        topic = self.instruments.plant.connections[self.connection].topics[str(config.topic)]
        at = self.instruments.time_of(meter, now_ns)
        look = self.instruments.look(meter, at)
        document: dict[str, Any] = {}
        put(document, topic.value, self.instruments.plain(meter, "counter", look, now_ns))
        if topic.flow:
            put(document, topic.flow, self.instruments.plain(meter, "flow", look, now_ns))
        if topic.time:
            put(
                document,
                topic.time,
                datetime.fromtimestamp(now_ns / SECOND_NS, UTC).isoformat(timespec="milliseconds"),
            )
        self.instruments.ledger.poll(meter, "mqtt", 1)
        return Message(
            topic.filter.replace("{meter}", str(config.id)),
            msgspec.json.encode(document),
            qos=1,
            retain=True,
        )

    def start(self) -> None:
        """Begin to publish."""
        for number, meter in enumerate(self.meters):
            self._tasks.append(
                asyncio.create_task(
                    self._run(meter, number / max(len(self.meters), 1)), name=f"sensor {meter}"
                )
            )

    async def _run(self, meter: str, phase: float) -> None:
        config = self.instruments.plant.meters[meter]
        topic = self.instruments.plant.connections[self.connection].topics[str(config.topic)]
        every = config.every.power if topic.flow else config.every.energy
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
