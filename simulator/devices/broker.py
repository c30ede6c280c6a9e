"""A small MQTT 3.1.1 broker for a few clients: QoS 0 and 1, retained
messages, wills, + and # wildcards, clean sessions only.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final

CONNECT = 1
CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBSCRIBE = 8
SUBACK = 9
UNSUBSCRIBE = 10
UNSUBACK = 11
PINGREQ = 12
PINGRESP = 13
DISCONNECT = 14
MOST_BUFFERED: Final = 1 << 20
"""Bytes to a client that does not read; what comes after is
dropped at QoS 0, else the client is cut off.
"""


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic filter takes a topic."""
    want = pattern.split("/")
    have = topic.split("/")
    if topic.startswith("$") and want[0] in ("+", "#"):
        return False

    for place, word in enumerate(want):
        if word == "#":
            return True

        if place >= len(have) or word not in ("+", have[place]):
            return False

    return len(want) == len(have)


def packet(
    kind: int,
    flags: int,
    body: bytes,
) -> bytes:
    """A control packet with its length in front, seven bits
    a byte, the last without its top bit.
    """
    head = bytearray((kind << 4 | flags,))
    rest = len(body)
    while rest > 0x7F:
        head.append(rest & 0x7F | 0x80)
        rest >>= 7

    head.append(rest)
    return bytes(head) + body


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    """A string with its length in front, and where it ends."""
    (length,) = struct.unpack_from(">H", body, at)
    begin = at + 2
    return body[begin : begin + length], begin + length


@dataclass(frozen=True, slots=True)
class Message:
    """One message on a topic."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False

    def packed(
        self,
        qos: int,
        number: int,
        retain: bool,
    ) -> bytes:
        """As a PUBLISH packet; `number` is sent with QoS 1 only."""
        topic = self.topic.encode()
        head = struct.pack(">H", len(topic)) + topic
        if qos:
            head += struct.pack(">H", number)

        return packet(PUBLISH, qos << 1 | retain, head + self.payload)


@dataclass(eq=False, slots=True)
class _Client:
    writer: asyncio.StreamWriter
    id: str = ""
    filters: dict[str, int] = field(default_factory=dict)
    will: Message | None = None
    number: int = 0

    def send(
        self,
        message: Message,
        qos: int,
        retain: bool = False,
    ) -> None:
        """Hand over a message; a client that does not read loses it, or its connection at QoS 1."""
        if self.writer.transport.get_write_buffer_size() > MOST_BUFFERED:
            if qos:
                self.writer.transport.abort()

            return

        self.number = self.number % 65_535 + 1
        self.writer.write(message.packed(qos, self.number, retain))


class Broker:
    """Serves on a free loopback port. `publish` is for the process itself."""

    def __init__(self) -> None:
        self.retained: dict[str, Message] = {}
        self.endpoint = ""
        self._clients: set[_Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; returns mqtt://127.0.0.1:PORT."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.endpoint = f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.endpoint

    async def stop(self) -> None:
        """Close the port and all clients."""
        if self._server is None:
            return

        self._server.close()
        for client in list(self._clients):
            client.will = None
            client.writer.transport.abort()

        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def publish(self, message: Message) -> None:
        """Hand a message to every client whose filters take it, at the lower of both QoS."""
        if message.retain:
            self.retained[message.topic] = message
            if not message.payload:
                del self.retained[message.topic]

        for client in self._clients:
            wanted = [
                qos for pattern, qos in client.filters.items() if matches(pattern, message.topic)
            ]
            if wanted:
                client.send(message, min(max(wanted), message.qos))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client from its first byte to its last; its will
        is told if it did not say good-bye.
        """
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        client = _Client(writer)
        try:
            while await self._packet(client, reader):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, struct.error, UnicodeDecodeError):
            pass
        finally:
            self._clients.discard(client)
            writer.close()
            if client.will is not None:
                self.publish(client.will)

    async def _packet(self, client: _Client, reader: asyncio.StreamReader) -> bool:
        """Take one packet; False ends the connection."""
        first = (await reader.readexactly(1))[0]
        body = await reader.readexactly(await _length(reader))
        kind = first >> 4
        if kind == CONNECT:
            return self._connect(client, body)

        if client not in self._clients or kind == DISCONNECT:
            client.will = None
            return False

        if kind == PUBLISH:
            return self._published(client, first & 0x0F, body)

        if kind == SUBSCRIBE:
            self._subscribe(client, body)
        elif kind == UNSUBSCRIBE:
            self._unsubscribe(client, body)
        elif kind == PINGREQ:
            client.writer.write(packet(PINGRESP, 0, b""))

        return True

    def _connect(self, client: _Client, body: bytes) -> bool:
        """Take a client in; one of the same id that is there already is cut off."""
        name, at = _text(body, 0)
        level = body[at]
        flags = body[at + 1]
        identity, at = _text(body, at + 4)
        if name != b"MQTT" or level != 4:
            client.writer.write(packet(CONNACK, 0, b"\x00\x01"))
            return False

        client.id = identity.decode()
        if flags & 4:
            topic, at = _text(body, at)
            payload, at = _text(body, at)
            qos = min(flags >> 3 & 3, 1)
            client.will = Message(
                topic.decode(),
                payload,
                qos,
                retain=bool(flags & 32),
            )

        for other in self._clients:
            if other.id and other.id == client.id:
                other.writer.transport.abort()

        self._clients.add(client)
        client.writer.write(packet(CONNACK, 0, b"\x00\x00"))
        return True

    def _published(
        self,
        client: _Client,
        flags: int,
        body: bytes,
    ) -> bool:
        """Take a message of a client; False for QoS 2, which is not spoken here."""
        topic, at = _text(body, 0)
        qos = flags >> 1 & 3
        if qos > 1:
            return False

        if qos:
            client.writer.write(packet(PUBACK, 0, body[at : at + 2]))
            at += 2

        self.publish(
            Message(
                topic.decode(),
                body[at:],
                qos,
                bool(flags & 1),
            )
        )
        return True

    def _subscribe(self, client: _Client, body: bytes) -> None:
        """Take topic filters, and send what is retained under them."""
        at = 2
        granted: list[tuple[str, int]] = []
        while at < len(body):
            pattern, at = _text(body, at)
            granted.append((pattern.decode(), min(body[at], 1)))
            at += 1

        client.filters.update(granted)
        answer = bytes(qos for _, qos in granted)
        client.writer.write(packet(SUBACK, 0, body[:2] + answer))
        for text, qos in granted:
            for message in self.retained.values():
                if matches(text, message.topic):
                    client.send(
                        message,
                        min(qos, message.qos),
                        retain=True,
                    )

    def _unsubscribe(self, client: _Client, body: bytes) -> None:
        at = 2
        while at < len(body):
            pattern, at = _text(body, at)
            client.filters.pop(pattern.decode(), None)

        client.writer.write(packet(UNSUBACK, 0, body[:2]))


async def _length(reader: asyncio.StreamReader) -> int:
    """Length of what follows: at most four bytes of seven bits, lowest first."""
    length = 0
    for shift in (0, 7, 14, 21):
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        if digit < 0x80:
            break

    return length
