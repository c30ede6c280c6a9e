"""Alerts as retained MQTT topics, for SCADA: TOPIC/alerts/RULE/SUBJECT as JSON, TOPIC/status "online" with a last will "offline".

QoS 1: a message counts as sent when the broker has acknowledged it. Timeouts in real seconds, times in the JSON RFC 3339.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from plant.errors import RetryableError
from rules.alert import Alert, AlertState
from rules.notify.alertmanager import latest, over, rfc3339
from rules.notify.channels import Message
from rules.notify.phrases import phrases
from rules.notify.words import chart, named, sentence

_KEEPALIVE_S: Final = 15
ONLINE = "online"
OFFLINE = "offline"


class MqttChannel:
    """One broker. `status` False leaves TOPIC/status alone: a test from the command line must not say that Wattline is offline."""

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
        self._secure = url.startswith("mqtts")
        (self._host, _, self._port) = url.partition("://")[2].partition(":")
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
            CallbackAPIVersion.VERSION2, client_id=f"wattline-{uuid.uuid4().hex[:12]}"
        )
        client.connect_timeout = self._timeout_s
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._no
        if self._user:
            client.username_pw_set(self._user, self._password() if self._password else None)
        if self._secure:
            client.tls_set_context(ssl.create_default_context())
        if self.status:
            client.will_set(f"{self.topic}/status", OFFLINE, 1, True)
        client.connect_async(
            self._host, int(self._port or (8883 if self._secure else 1883)), _KEEPALIVE_S
        )
        client.loop_start()
        self._client = client

    def send(self, message: Message) -> None:
        found = latest(message.told)
        for alert in found:
            self._state(alert, message.key)
        if not found:
            body = {"title": message.words.title, "text": message.words.plain, "key": message.key}
            self._publish(
                f"{self.topic}/messages", json.dumps(body, ensure_ascii=False), retain=False
            )

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """After a reconnect all is said again: a broker that was started anew may have forgotten it."""
        again = self._times_up != self._stood
        for alert in [*(alerts if again else ()), *over]:
            self._state(alert, "")
        self._stood = self._times_up if again else self._stood

    def close(self) -> None:
        """Say goodbye in words: after a proper disconnect the broker does not send the last will."""
        client = self._client
        self._client = None
        if client is None:
            return
        if self.status and self._up.is_set():
            client.publish(f"{self.topic}/status", OFFLINE, 1, True).wait_for_publish(2.0)
        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()

    def _state(self, alert: Alert, key: str) -> None:
        at = "/".join(re.sub(r"[/+#\s]", "_", part) for part in (alert.rule, alert.subject))
        body = json.dumps(state(alert, self.link, self.language, key), ensure_ascii=False)
        self._publish(f"{self.topic}/alerts/{at}", body, retain=True)

    def _publish(self, topic: str, text: str, retain: bool) -> None:
        if self._client is None:
            self.open()
        if not self._up.wait(self._timeout_s) or self._client is None:
            raise RetryableError(f"the broker at {self._host}: {self._why}")
        info = self._client.publish(topic, text, 1, retain)
        try:
            info.wait_for_publish(self._timeout_s)
        except (RuntimeError, ValueError) as error:
            raise RetryableError(f"the broker at {self._host}: {error}") from None
        if not info.is_published():
            raise RetryableError(
                f"the broker at {self._host} did not acknowledge within {self._timeout_s:g} s"
            )

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._why = f"refused: {reason}"
            return
        if self.status:
            client.publish(f"{self.topic}/status", ONLINE, 1, True)
        self._times_up += 1
        self._up.set()

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if self._up.is_set():  # else it was refused, and that is the reason
            self._why = f"connection lost: {reason}"
        self._up.clear()

    def _no(self, _client: mqtt.Client, _data: Any) -> None:
        self._why = "no connection; is it running, and is its address right?"


def state(alert: Alert, link: str, language: str, key: str) -> dict[str, Any]:
    """One alert for a SCADA: numbers as numbers, unknown as null."""
    say = phrases(language)
    return {
        "id": alert.id,
        "rule": alert.rule,
        "subject": alert.subject,
        "name": named(alert, say),
        "severity": str(alert.severity),
        "state": "resolved" if over(alert) else str(alert.state),
        "active": not over(alert) and alert.state is not AlertState.PENDING,
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
        alert, state=AlertState.RESOLVED, resolved_ns=alert.resolved_ns or now_ns
    )
