"""The way of an MQTT message past paho: a stand-in for its socket that takes PUBLISH packets out of
what the broker sends, all of one read at once, and answers those of QoS 1 with one write.

paho keeps the session (connecting, subscribing, pings, QoS 2), but makes an object for each
message, reads it in three pieces and acknowledges it with a write of its own. Packets are those of
MQTT 3.1.1 (OASIS Standard, sections 2.2 and 3.3), which is what the driver speaks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import socket
from typing import Any, Final, cast

import paho.mqtt.client as mqtt

KEEP: Final = 200_000
"""Messages held between two flushes; beyond it the oldest are dropped and counted."""

_READ_BYTES: Final = 1 << 18

# A broker sends no more than so many messages that are not acknowledged (mosquitto: 20), so a read
# waits a little for more unless it had about as many.
_GATHER_S: Final = 0.002
_FULL: Final = 16

_KIND: Final = 0xF0
_PUBLISH: Final = 0x30
_QOS: Final = 0x06
_QOS_1: Final = 0x02
_QOS_2: Final = 0x04
_RETAIN: Final = 0x01
_PUBACK: Final = b"\x40\x02"
_MORE: Final = 0x80
_LENGTH_BYTES_MOST: Final = 4


@dataclass(slots=True)
class Messages:
    """What came with one read, a message each place; `received` is event time.

    Retained: a last known value of unknown age.
    """

    received: int = 0
    topics: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    retained: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.topics)


@dataclass(slots=True)
class Packets:
    """What a piece of the stream was made of.

    `others` goes on to paho; `answers` acknowledges the messages of QoS 1; `rest` is the begin of
    a packet whose end has not come.
    """

    messages: Messages
    others: bytes
    answers: bytes
    rest: bytes


def split(data: bytes) -> Packets:
    """Messages of QoS 0 and 1 out of a stream that begins with a packet."""
    messages = Messages()
    others = bytearray()
    answers = bytearray()
    at = 0
    while at + 1 < len(data):
        body = _body(data, at)
        if body is None:
            break

        begin, end = body
        head = data[at]
        topic_at = begin + 2
        payload_at = topic_at + int.from_bytes(data[begin:topic_at], "big")
        if head & _QOS_1:
            payload_at += 2

        plain = head & _KIND == _PUBLISH and not head & _QOS_2
        if plain and payload_at <= end:
            topic_end = payload_at
            if head & _QOS_1:
                topic_end -= 2
                answers += _PUBACK + data[topic_end:payload_at]

            messages.topics.append(data[topic_at:topic_end])
            messages.payloads.append(data[payload_at:end])
            messages.retained.append(bool(head & _RETAIN))
        else:
            others += data[at:end]

        at = end

    return Packets(
        messages,
        bytes(others),
        bytes(answers),
        data[at:],
    )


def _body(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends; None while it is not all there.

    A length of more than four bytes has no meaning: an empty body, for paho to refuse.
    """
    length = 0
    for place in range(_LENGTH_BYTES_MOST):
        begin = at + 2 + place
        if begin > len(data):
            return None

        byte = data[begin - 1]
        length |= (byte & ~_MORE) << 7 * place
        if not byte & _MORE:
            end = begin + length
            return None if end > len(data) else (begin, end)

    return len(data), len(data)


class Inbox:
    """Messages on their way from paho's thread to the event loop."""

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._held: deque[Messages] = deque()
        self._count = 0
        self._dropped = 0

    def put(self, messages: Messages) -> None:
        """Hold these as well, at the cost of the oldest."""
        with self._lock:
            self._held.append(messages)
            self._count += len(messages)
            while self._count > self._keep and len(self._held) > 1:
                oldest = len(self._held.popleft())
                self._count -= oldest
                self._dropped += oldest

    def take(self) -> tuple[list[Messages], int]:
        """All that is held, and how many messages were dropped since the last time."""
        with self._lock:
            held = list(self._held)
            dropped = self._dropped
            self._held.clear()
            self._count = 0
            self._dropped = 0

        return held, dropped


class Tap:
    """Stands where paho has its socket. Used by paho's thread alone."""

    def __init__(self, sock: socket, take: Callable[[Messages], None]) -> None:
        self._sock = sock
        self._take = take
        self._rest = b""
        self._others = b""
        self._answers = b""
        self._ended = False
        self._half_sent = False

    def recv(self, size: int) -> bytes:
        """What is meant for paho; BlockingIOError while there is nothing, nothing at the end."""
        if not self._others and not self._ended:
            self._read()

        if not self._others and not self._ended:
            raise BlockingIOError

        found = self._others[:size]
        self._others = self._others[size:]
        return found

    def _read(self) -> None:
        """One read of all that has come."""
        data = self._sock.recv(_READ_BYTES)
        if not data:
            self._ended = True
            return

        packets = split(self._rest + data)
        self._rest = packets.rest
        self._others = packets.others
        self._answers += packets.answers
        count = len(packets.messages)
        if count:
            self._take(packets.messages)

        self._answer()
        if 0 < count < _FULL:
            time.sleep(_GATHER_S)

    def _answer(self) -> None:
        """Acknowledge, unless a packet of paho's is half way out; then after it."""
        if not self._answers or self._half_sent:
            return

        try:
            sent = self._sock.send(self._answers)
        except OSError:
            # Not writable, or lost: paho notices the latter, and the broker sends them again.
            return

        self._answers = self._answers[sent:]

    def send(self, data: bytes) -> int:
        """A packet of paho's, after what is left of our own; BlockingIOError for want of room."""
        if not self._half_sent:
            self._answer()
            if self._answers:
                raise BlockingIOError

        sent = self._sock.send(data)
        self._half_sent = sent < len(data)
        return sent

    def pending(self) -> int:
        """Bytes that wait in here, where `select` does not see them."""
        hidden = getattr(self._sock, "pending", None)
        return len(self._others) + (hidden() if hidden else 0)

    def fileno(self) -> int:
        """For `select`."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As of a socket."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """As of a socket."""
        self._sock.close()


class TappedClient(mqtt.Client):
    """paho's client, whose messages of QoS 0 and 1 go to `take` instead of `on_message`."""

    take: Callable[[Messages], None]

    def _create_socket(self) -> Any:
        return Tap(cast("socket", super()._create_socket()), self.take)
