"""Alerts as retained MQTT topics, for SCADA: TOPIC/alerts/RULE/SUBJECT as JSON, TOPIC/status
"online" with a last will "offline".

QoS 1: a message counts as sent when the broker has acknowledged it. Timeouts in real seconds, times
in the JSON RFC 3339.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, TypedDict

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from plant.errors import RetryableError
from rules.alert import Alert, AlertState
from rules.notify.alertmanager import latest, over, rfc3339
from rules.notify.channels import Message
from rules.notify.wording import chart, named, sentence
from rules.words import words

_KEEPALIVE_S: Final = 15
_PORT: Final = 1883
_SECURE_PORT: Final = 8883
_AGAIN_S: Final = (1, 30)
"""The shortest and the longest pause between two tries to connect."""
_GOODBYE_S: Final = 2.0
ONLINE: Final = "online"
OFFLINE: Final = "offline"
_NOT_IN_A_TOPIC: Final = re.compile(r"[/+#\s]")


class MqttChannel:
    """One broker.

    `status` False leaves TOPIC/status alone: a test from the command line must not say that
    Wattline is offline.
    """

    def __init__(
        self,
        url: str,
        topic: str,
        timeout_s: float,
        link: str,
        language: str,
        user: str | None = None,
        password: Callable[[], str] | None = None,
        status: bool = True,
    ) -> None:
        self.topic = topic
        self.link = link
        self.language = language
        self.status = status
        scheme, _, address = url.partition("://")
        host, _, port = address.partition(":")
        self._secure = scheme == "mqtts"
        self._host = host
        self._port = int(port or (_SECURE_PORT if self._secure else _PORT))
        self._user = user
        self._password = password
        self._timeout_s = timeout_s
        self._up = threading.Event()
        self._why = "no connection yet"
        self._times_up = 0
        self._stood = 0
        self._client: mqtt.Client | None = None

    def open(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"wattline-{uuid.uuid4().hex[:12]}",
        )
        client.connect_timeout = self._timeout_s
        client.reconnect_delay_set(*_AGAIN_S)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._not_connected
        if self._user:
            client.username_pw_set(
                self._user,
                self._password() if self._password else None,
            )

        if self._secure:
            client.tls_set_context(ssl.create_default_context())

        if self.status:
            client.will_set(
                f"{self.topic}/status",
                OFFLINE,
                1,
                True,
            )

        client.connect_async(self._host, self._port, _KEEPALIVE_S)
        client.loop_start()
        self._client = client

    def send(self, message: Message) -> None:
        found = latest(message.told)
        for alert in found:
            self._state(alert, message.key)

        if not found:
            body = {
                "title": message.words.title,
                "text": message.words.plain,
                "key": message.key,
            }
            self._publish(
                f"{self.topic}/messages",
                json.dumps(body, ensure_ascii=False),
                retain=False,
            )

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """After a reconnect all is said again: a broker that was started anew may have forgotten
        it."""
        times_up = self._times_up
        was_away = times_up != self._stood
        for alert in [*(alerts if was_away else ()), *over]:
            self._state(alert, "")

        if was_away:
            self._stood = times_up

    def close(self) -> None:
        """Say goodbye in words: after a proper disconnect the broker does not send the last
        will."""
        client = self._client
        self._client = None
        if client is None:
            return

        if self.status and self._up.is_set():
            goodbye = client.publish(
                f"{self.topic}/status",
                OFFLINE,
                1,
                True,
            )
            goodbye.wait_for_publish(_GOODBYE_S)

        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()

    def _state(self, alert: Alert, key: str) -> None:
        """Publish one alert under its rule and subject."""
        rule = _NOT_IN_A_TOPIC.sub("_", alert.rule)
        subject = _NOT_IN_A_TOPIC.sub("_", alert.subject)
        body = state(
            alert,
            self.link,
            self.language,
            key,
        )
        self._publish(
            f"{self.topic}/alerts/{rule}/{subject}",
            json.dumps(body, ensure_ascii=False),
            retain=True,
        )

    def _publish(
        self,
        topic: str,
        text: str,
        *,
        retain: bool,
    ) -> None:
        if self._client is None:
            self.open()

        if not self._up.wait(self._timeout_s) or self._client is None:
            raise RetryableError(f"the broker at {self._host}: {self._why}")

        published = self._client.publish(
            topic,
            text,
            1,
            retain,
        )
        try:
            published.wait_for_publish(self._timeout_s)
        except (RuntimeError, ValueError) as error:
            raise RetryableError(f"the broker at {self._host}: {error}") from None

        if not published.is_published():
            raise RetryableError(
                f"the broker at {self._host} did not acknowledge within {self._timeout_s:g} s"
            )

    def _connected(
        self,
        client: mqtt.Client,
        _data: object,
        _flags: object,
        reason: Any,
        _properties: object,
    ) -> None:
        if reason.is_failure:
            self._why = f"refused: {reason}"
            return

        if self.status:
            client.publish(
                f"{self.topic}/status",
                ONLINE,
                1,
                True,
            )

        self._times_up += 1
        self._up.set()

    def _disconnected(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: object,
        reason: object,
        _properties: object,
    ) -> None:
        # While it was never up it was refused, and that is the reason.
        if self._up.is_set():
            self._why = f"connection lost: {reason}"

        self._up.clear()

    def _not_connected(self, _client: mqtt.Client, _data: object) -> None:
        self._why = "no connection; is it running, and is its address right?"


class ScadaAlert(TypedDict):
    """One alert for a SCADA: numbers as numbers, unknown as null."""

    id: str
    rule: str
    subject: str
    name: str
    severity: str
    state: str
    active: bool
    since: str
    until: str | None
    value: float | None
    limit: float | None
    unit: str
    text: str
    link: str
    key: str


def state(
    alert: Alert,
    link: str,
    language: str,
    key: str,
) -> ScadaAlert:
    """An alert as it is now."""
    say = words(language)
    is_over = over(alert)
    return {
        "id": alert.id,
        "rule": alert.rule,
        "subject": alert.subject,
        "name": named(alert, say),
        "severity": str(alert.severity),
        "state": "resolved" if is_over else str(alert.state),
        "active": not is_over and alert.state is not AlertState.PENDING,
        "since": rfc3339(alert.since_ns),
        "until": None if alert.resolved_ns is None else rfc3339(alert.resolved_ns),
        "value": alert.value,
        "limit": alert.limit,
        "unit": alert.unit,
        "text": sentence(alert, say),
        "link": chart(link, alert),
        "key": key,
    }


def ended(alert: Alert, now_ns: int) -> Alert:
    """An alert that is no more, though nobody was told: a silence, or a rule that was taken out."""
    return msgspec.structs.replace(
        alert,
        state=AlertState.RESOLVED,
        resolved_ns=alert.resolved_ns or now_ns,
    )
