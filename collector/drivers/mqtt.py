"""MQTT: paho in a thread of its own collects messages; the event loop takes them off every 200 ms as one batch.

Subscribe only. QoS 1 with a fixed client id and a persistent session, so the broker keeps what is sent while we
restart.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from collector.drivers.mqtt_payload import Message, Router
from collector.health import LinkHealth
from plant.backoff import Backoff
from plant.clock import Clock
from plant.ports import Sink

log = logging.getLogger("wattline.collector.mqtt")

FLUSH_S: Final = 0.2
KEEP: Final = (
    200_000  # messages held between two flushes; beyond it the oldest are dropped and counted
)
_KEEPALIVE_S: Final = 30


class MqttDriver:
    """Subscribes to the topics of one broker."""

    def __init__(
        self,
        link: LinkHealth,
        router: Router,
        clock: Clock,
        timeout: float,
        client_id: str,
        user: str | None = None,
        password: Callable[[], str] | None = None,
        keep: bool = True,
    ) -> None:
        self.connection = link.id
        self.link = link
        self.router = router
        self.clock = clock
        self.timeout = timeout
        self._client_id = client_id
        self._user = user
        self._password = password
        self._keep = keep
        self._lock = threading.Lock()
        self._held: deque[Message] = deque(maxlen=KEEP)
        self._dropped = 0
        self._accepted = False
        self._changes: list[str] = []  # "" for up, else why it is down
        self.subscribed = asyncio.Event()

    def health(self) -> dict[str, Any]:
        """Counters of the connection and its meters; retained values under `retained` with their time of receipt."""
        found = self.link.as_dict(self.clock.now())
        for meter, (value, at_ns) in self.router.retained.items():
            found["meters"][meter]["retained"] = {"value": value, "received_ms": at_ns // 1_000_000}
        return found

    async def run(self, sink: Sink) -> None:
        """Collect until cancelled. paho reconnects by itself, with back-off; only the first connection is made here."""
        client = self._make()
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        try:
            while not await loop.run_in_executor(None, self._open, client):
                self._note()
                await asyncio.sleep(backoff.take())
            client.loop_start()
            while True:
                await asyncio.sleep(FLUSH_S)
                self.flush(sink)
        finally:
            client.on_disconnect = None  # leaving is no loss
            client.disconnect()
            await loop.run_in_executor(None, client.loop_stop)
            self.flush(sink)

    def flush(self, sink: Sink) -> None:
        """Hand over what has come since the last flush."""
        self._note()
        with self._lock:
            messages = self._held
            self._held = deque(maxlen=KEEP)
            dropped = self._dropped
            self._dropped = 0
        if dropped:
            self.link.counts["dropped"] += dropped
        if messages:
            batch = self.router.batch(messages)
            if len(batch):
                sink(batch)

    def _make(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=not self._keep
        )
        client.connect_timeout = self.timeout
        client.reconnect_delay_set(1, int(Backoff().longest_s))
        if self._user:
            client.username_pw_set(self._user, self._password() if self._password else None)
        if self.link.endpoint.startswith("mqtts://"):
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._failed
        client.on_subscribe = self._suback
        client.on_message = self._message
        return client

    def _open(self, client: mqtt.Client) -> bool:
        secure = self.link.endpoint.startswith("mqtts://")
        host, _, port = self.link.endpoint.partition("://")[2].partition(":")
        try:
            code = client.connect(host, int(port or (8883 if secure else 1883)), _KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._changes.append(f"no connection: {error}")
            return False
        return code == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._changes.append(f"refused: {reason}")
            return
        self._accepted = True
        self._changes.append("")
        client.subscribe([(pattern, 1) for pattern in self.router.subscriptions])

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if self._accepted:  # else the refusal is the reason, and it is already known
            self._changes.append(f"connection lost: {reason}")
        self._accepted = False

    def _failed(self, _client: mqtt.Client, _data: Any) -> None:
        self._changes.append("no connection")

    def _suback(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        for pattern, reason in zip(self.router.subscriptions, reasons, strict=False):
            if reason.is_failure:
                self._changes.append(f"subscription to {pattern} refused: {reason}")

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        received = self.clock.now()
        with self._lock:
            self._dropped += len(self._held) == KEEP
            self._held.append((message.topic, bytes(message.payload), received, message.retain))

    def _note(self) -> None:
        """Bring what the thread noticed into the health counters, on the event loop."""
        changes = self._changes
        self._changes = []
        for why in changes:
            if why.startswith("subscription"):
                self.link.last_error = why
                log.warning("%s: %s", self.connection, why)
            elif why:
                self.link.down(why)
            else:
                self.link.up()
                self.subscribed.set()
