"""Publish answers decoded as columns say what asyncua says, and odd ones are left to it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer

from collector.drivers import opcua_wire
from collector.drivers.opcua_wire import Odd, Published, decode, decode_by_asyncua, published
from tests.unit.collector.opcua_answer import BAD, GOOD, UNCERTAIN, answer, item

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KINDS = {
    ua.VariantType.SByte: -5,
    ua.VariantType.Byte: 250,
    ua.VariantType.Int16: -30_000,
    ua.VariantType.UInt16: 60_000,
    ua.VariantType.Int32: -2_000_000_000,
    ua.VariantType.UInt32: 4_000_000_000,
    ua.VariantType.Int64: -(2**53),
    ua.VariantType.UInt64: 2**53,
    ua.VariantType.Float: 0.5,
    ua.VariantType.Double: 1e300,
    ua.VariantType.Boolean: True,
    ua.VariantType.DateTime: NOW,
    ua.VariantType.String: "läuft",
}


def same(one: Published, other: Published) -> None:
    """Both say the same."""
    head = ("subscription", "sequence", "more", "ended", "keep_alive")
    assert [getattr(one, key) for key in head] == [getattr(other, key) for key in head]
    assert len(one.changes) == len(other.changes)
    for mine, theirs in zip(one.changes, other.changes, strict=True):
        assert mine.handle.tolist() == theirs.handle.tolist()
        np.testing.assert_array_equal(mine.value, theirs.value)
        assert mine.status.tolist() == theirs.status.tolist()
        assert mine.source_ns.tolist() == theirs.source_ns.tolist()
        assert mine.texts == theirs.texts


def some_item(draw: random.Random, handle: int) -> ua.MonitoredItemNotification:
    kind = draw.choice([*KINDS, None])
    return item(
        handle,
        None if kind is None else KINDS[kind],
        draw.choice([GOOD, BAD, UNCERTAIN, None]),
        draw.choice([None, NOW, NOW + timedelta(milliseconds=handle)]),
        kind,
        draw.choice([None, NOW]),
    )


@pytest.mark.parametrize("seed", range(20))
def test_answers_mean_what_asyncua_says(seed: int) -> None:
    draw = random.Random(seed)
    notifications = []
    for _ in range(draw.randrange(3)):
        notifications.append([some_item(draw, h) for h in range(draw.randrange(60))])
    data = answer(
        *notifications,
        more=draw.random() < 0.5,
        available=range(draw.randrange(4)),
        status_change=draw.random() < 0.3,
    )
    same(decode(data), decode_by_asyncua(Buffer(data)))


def test_a_keep_alive_holds_nothing() -> None:
    assert decode(answer()).keep_alive
    assert not decode(answer([item(0, 1.0)])).keep_alive
    assert not decode(answer(status_change=True)).keep_alive


@pytest.mark.parametrize(
    "value",
    [
        [1.0, 2.0],
        ua.LocalizedText("läuft"),
        ua.NodeId("a", 1),
        b"bytes",
        ua.StatusCode(BAD),
    ],
)
def test_odd_values_are_left_to_asyncua(value: Any) -> None:
    data = answer([item(0, 1.5), item(1, value), item(2, "RUN")])
    with pytest.raises(Odd):
        decode(data)
    found = published(Buffer(data)).changes[0]
    assert found.handle.tolist() == [0, 1, 2]
    assert found.value[0] == 1.5 and np.isnan(found.value[1])
    assert found.texts == {2: "RUN"}


def test_an_answer_that_is_cut_off_says_no_values() -> None:
    data = answer([item(h, float(h)) for h in range(5)])
    for end in range(0, len(data) - 9, 7):
        with pytest.raises((Odd, IndexError, opcua_wire.struct.error)):
            decode(data[:end])


def test_items_that_run_over_their_notification_are_odd() -> None:
    data = bytearray(answer([item(0, 1.0), item(1, 2.0)]))
    at = data.index(b"\x01\x00" + (811).to_bytes(2, "little")) + 9
    data[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises((Odd, IndexError)):
        decode(bytes(data))
