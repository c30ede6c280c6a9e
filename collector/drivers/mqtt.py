"""MQTT: a thread of its own collects messages; the event loop takes them off every 200 ms.

Subscribe only. QoS 1 with a fixed client id and a persistent session, so the broker keeps what is
sent while we restart.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.assignment import Assignment, Password
from collector.drivers.mqtt_payload import Point, Router, parse_path, subscription
from collector.drivers.mqtt_wire import Inbox, Messages, TappedClient
from collector.health import LinkHealth
from collector.probe import ProbeRow, listen
from plant.backoff import Backoff
from plant.clock import Clock
from plant.ports import Sink
from plant.protocols.mqtt import MqttConnection, MqttMeter
from plant.reports import DriverReport
from plant.units import to_canonical

log = logging.getLogger("wattline.collector.mqtt")

FLUSH_S: Final = 0.2
PORT: Final = 1883
SECURE_PORT: Final = 8883
_KEEPALIVE_S: Final = 30
_RECONNECT_LEAST_S: Final = 1
_AT_LEAST_ONCE: Final = 1


def build(assignment: Assignment) -> MqttDriver:
    """The subscriber of one broker; a lasting one has messages kept for it while it is away."""
    connection = MqttConnection.of(assignment.connection)
    link = assignment.link
    points: list[Point] = []
    ids_by_topic: dict[str, list[str]] = {name: [] for name in connection.topics}
    for key, declared in assignment.meters.items():
        meter = MqttMeter.of(declared)
        link.add(
            key,
            f"mqtt:{meter.topic}",
            {"power": meter.every.power},
        )
        points.append(
            _point(
                assignment,
                connection,
                key,
                meter,
            )
        )
        ids_by_topic[meter.topic].append(meter.id)

    subscriptions: list[str] = []
    for name, ids in ids_by_topic.items():
        subscriptions += subscription(connection.topics[name].filter, ids)

    session = Session(
        client_id=assignment.reader,
        timeout=connection.timeout,
        user=connection.user,
        password=assignment.password,
        lasting=assignment.lasting,
    )
    return MqttDriver(
        link,
        Router(points, subscriptions, link),
        assignment.clock,
        session,
    )


def _point(
    assignment: Assignment,
    connection: MqttConnection,
    key: str,
    meter: MqttMeter,
) -> Point:
    """Where the values of a meter stand, and the tags under which they travel."""
    topic = connection.topic_of(meter)
    tags = assignment.tags
    _, factor = to_canonical(meter.unit)
    return Point(
        meter=key,
        pattern=topic.filter.replace("{meter}", meter.id),
        value=parse_path(topic.value),
        tag=tags.tag(key, "counter.total"),
        factor=factor,
        flow=parse_path(topic.flow) if topic.flow else None,
        flow_tag=tags.tag(key, "flow.total") if topic.flow else -1,
        time=parse_path(topic.time) if topic.time else None,
    )


async def probe(assignment: Assignment, wait_s: float) -> list[ProbeRow]:
    """What each meter of the broker sends within the time given."""
    driver = build(assignment)
    return await listen(driver, assignment, wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How we meet the broker: as whom, and whether it keeps messages for us while we are away."""

    client_id: str
    timeout: float
    user: str | None = None
    password: Password | None = None
    lasting: bool = True


class MqttDriver:
    """Subscribes to the topics of one broker."""

    def __init__(
        self,
        link: LinkHealth,
        router: Router,
        clock: Clock,
        session: Session,
    ) -> None:
        self.connection = link.id
        self.link = link
        self.router = router
        self.clock = clock
        self.session = session
        self.subscribed = asyncio.Event()
        self._inbox = Inbox()
        self._accepted = False
        # What the thread noticed: "" for up, else why it is down.
        self._changes: list[str] = []

    def health(self) -> DriverReport:
        """Counters of the connection and its meters.

        Retained values stand under `retained` with their time of receipt.
        """
        report = self.link.report()
        for meter, (value, at_ns) in self.router.retained.items():
            report["meters"][meter]["retained"] = {
                "value": value,
                "received_ms": at_ns // 1_000_000,
            }

        return report

    async def run(self, sink: Sink) -> None:
        """Collect until cancelled.

        paho reconnects by itself, with back-off; only the first connection is made here.
        """
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
        held, dropped = self._inbox.take()
        if dropped:
            self.link.counts["dropped"] += dropped

        batch = self.router.batch(held)
        if len(batch):
            sink(batch)

    def _make(self) -> mqtt.Client:
        session = self.session
        client = TappedClient(
            CallbackAPIVersion.VERSION2,
            client_id=session.client_id,
            clean_session=not session.lasting,
        )
        client.take = self._came
        client.connect_timeout = session.timeout
        client.reconnect_delay_set(
            _RECONNECT_LEAST_S,
            int(Backoff().longest_s),
        )
        if session.user:
            client.username_pw_set(
                session.user,
                session.password() if session.password else None,
            )

        if self._secure:
            client.tls_set_context(ssl.create_default_context())

        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._failed
        client.on_subscribe = self._answered
        return client

    @property
    def _secure(self) -> bool:
        return self.link.endpoint.startswith("mqtts://")

    def _open(self, client: mqtt.Client) -> bool:
        """Connect; False where that failed. Runs in a thread, since paho waits."""
        _, _, address = self.link.endpoint.partition("://")
        host, _, given = address.partition(":")
        usual = SECURE_PORT if self._secure else PORT
        try:
            code = client.connect(host, int(given or usual), _KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._changes.append(f"no connection: {error}")
            return False

        return code == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _connected(
        self,
        client: mqtt.Client,
        _data: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._changes.append(f"refused: {reason}")
            return

        self._accepted = True
        self._changes.append("")
        client.subscribe([(pattern, _AT_LEAST_ONCE) for pattern in self.router.subscriptions])

    def _disconnected(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # After a refusal, that is the reason, and it is already known.
        if self._accepted:
            self._changes.append(f"connection lost: {reason}")

        self._accepted = False

    def _failed(self, _client: mqtt.Client, _data: object) -> None:
        self._changes.append("no connection")

    def _answered(
        self,
        _client: mqtt.Client,
        _data: object,
        _message_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        """The broker's answer to each subscription."""
        for pattern, reason in zip(
            self.router.subscriptions,
            reasons,
            strict=False,
        ):
            if reason.is_failure:
                self._changes.append(f"subscription to {pattern} refused: {reason}")

    def _came(self, messages: Messages) -> None:
        """Messages of one read, in paho's thread."""
        messages.received = self.clock.now()
        self._inbox.put(messages)

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
