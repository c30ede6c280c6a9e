"""MQTT messages taken out of the stream: at any cut, with answers, and the rest for paho."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from collector.drivers.mqtt_wire import Inbox, Messages, Tap, split

SUBACK = b"\x90\x03\x00\x01\x01"


def publish(topic: bytes, payload: bytes, mid: int = 0, flags: int = 0) -> bytes:
    """A PUBLISH packet, of QoS 1 where it has an id."""
    body = len(topic).to_bytes(2, "big") + topic
    if mid:
        flags |= 0x02
        body += mid.to_bytes(2, "big")
    body += payload
    length = b""
    left = len(body)
    while True:
        byte, left = left & 0x7F, left >> 7
        length += bytes([byte | (0x80 if left else 0)])
        if not left:
            return bytes([0x30 | flags]) + length + body


STREAM = (
    publish(b"a/1", b"one")
    + SUBACK
    + publish(b"a/2", b"x" * 20_000, mid=7)
    + publish(b"a/3", b"", mid=8, flags=0x01)
    + b"\xd0\x00"
)


def test_messages_answers_and_the_rest() -> None:
    found = split(STREAM)
    assert found.messages.topics == [b"a/1", b"a/2", b"a/3"]
    assert found.messages.payloads == [b"one", b"x" * 20_000, b""]
    assert found.messages.retained == [False, False, True]
    assert found.answers == b"\x40\x02\x00\x07\x40\x02\x00\x08"
    assert found.others == SUBACK + b"\xd0\x00"
    assert found.rest == b""


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 7, 12, 13, 14, 100, len(STREAM) - 3, len(STREAM) - 1])
def test_a_packet_may_come_in_two_pieces(cut: int) -> None:
    first = split(STREAM[:cut])
    second = split(first.rest + STREAM[cut:])
    assert first.messages.topics + second.messages.topics == [b"a/1", b"a/2", b"a/3"]
    assert first.others + second.others == SUBACK + b"\xd0\x00"
    assert len(first.answers + second.answers) == 8


def test_messages_of_qos_2_are_paho_s() -> None:
    packet = publish(b"a", b"b", mid=9, flags=0x04).replace(b"\x36", b"\x34")
    assert split(packet).others == packet
    assert not split(packet).messages


def test_a_length_without_end_is_paho_s() -> None:
    packet = b"\x30\xff\xff\xff\xff\x01abc"
    found = split(packet)
    assert found.others == packet
    assert not found.messages


def test_a_topic_beyond_its_packet_is_paho_s() -> None:
    packet = b"\x30\x04\x00\xffab"
    found = split(packet + SUBACK)
    assert found.others == packet + SUBACK
    assert not found.messages


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    one.setblocking(False)
    yield one, other
    one.close()
    other.close()


def test_paho_sees_only_what_is_its_own(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    came: list[Messages] = []
    tap = Tap(near, came.append)
    far.sendall(publish(b"a", b"b", mid=1) + SUBACK)
    assert tap.recv(1) == SUBACK[:1]
    assert tap.pending() == 4
    assert tap.recv(10) == SUBACK[1:]
    with pytest.raises(BlockingIOError):
        tap.recv(1)
    assert [each.topics for each in came] == [[b"a"]]
    assert far.recv(100) == b"\x40\x02\x00\x01"
    far.close()
    assert tap.recv(1) == b""


def test_answers_never_stand_inside_a_packet_of_paho_s(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    tap = Tap(near, lambda messages: None)
    packet = b"\x82" + b"s" * 400_000
    sent = tap.send(packet)
    assert sent < len(packet)
    far.sendall(publish(b"a", b"b", mid=1))
    with pytest.raises(BlockingIOError):
        tap.recv(1)
    got = b""
    while sent < len(packet):
        got += far.recv(1 << 20)
        sent += tap.send(packet[sent:])
    tap.send(b"\xc0\x00")
    while not got.endswith(b"\xc0\x00"):
        got += far.recv(1 << 20)
    assert got == packet + b"\x40\x02\x00\x01" + b"\xc0\x00"


def test_the_oldest_are_dropped_and_counted() -> None:
    inbox = Inbox(keep=3)
    for name in (b"a", b"b", b"c"):
        inbox.put(Messages(0, [name] * 2, [b""] * 2, [False] * 2))
    held, dropped = inbox.take()
    assert [each.topics[0] for each in held] == [b"c"]
    assert dropped == 4
    assert inbox.take() == ([], 0)
