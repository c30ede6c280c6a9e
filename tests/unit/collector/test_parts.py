"""Schedule, health and MQTT payloads: no sockets, no waiting."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from collector.drivers.mqtt_payload import (
    Point,
    Router,
    number,
    parse_path,
    pick,
    subscription,
    time_ns,
)
from collector.drivers.mqtt_wire import Messages
from collector.drivers.opcua import resolve
from collector.health import LinkHealth
from collector.schedule import Grid, real_period
from plant.backoff import Backoff

SECOND = 1_000_000_000


def link() -> LinkHealth:
    return LinkHealth("c", "mqtt", "mqtt://h:1", logging.getLogger("wattline.collector.test"))


def test_grid_is_fixed_and_counts_what_it_missed() -> None:
    grid = Grid(1.0, 0.25)
    grid.start(10.5)
    assert grid.next == 11.25
    assert grid.advance(11.3) == 0
    assert grid.next == 12.25
    assert grid.advance(15.5) == 3
    assert grid.next == 16.25


def test_offsets_are_spread_and_the_same_on_every_start() -> None:
    offsets = [Grid.named(f"hall/m{i}/power", 1.0).offset for i in range(200)]
    assert offsets == [Grid.named(f"hall/m{i}/power", 1.0).offset for i in range(200)]
    assert max(sum(a <= o < a + 0.1 for o in offsets) for a in (0, 0.3, 0.6, 0.9)) < 50


def test_event_periods_shrink_with_the_clock_down_to_100_ms() -> None:
    assert real_period(10.0, 10.0) == 1.0
    assert real_period(1.0, 60.0) == 0.1


def test_back_off_doubles_to_30_s() -> None:
    waits = [(backoff := Backoff()).take()] + [backoff.take() for _ in range(8)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    backoff.reset()
    assert backoff.take() == 0.5


def test_a_failure_is_logged_once_and_its_recovery_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wattline.collector.test")
    meter = link().add("m", "p", {"power": 1.0})
    for _ in range(5):
        meter.failed(meter.groups["power"], "timeout")
    meter.recovered()
    meter.recovered()
    assert [r.message for r in caplog.records] == ["m does not answer: timeout", "m answers again"]
    assert meter.report()["failed"] == {"timeout": 5}


def test_paths() -> None:
    content = {"a": {"b": [{"c": 5}]}}
    assert pick(content, parse_path("$.a.b[0].c")) == 5
    assert parse_path("$") == ()
    for bad in ("a.b", "$.a[", "$..a", "$.a b]"):
        with pytest.raises(ValueError, match="expected a path"):
            parse_path(bad)


@pytest.mark.parametrize("bad", [True, None, "x", float("nan"), [1], "1e999"])
def test_only_finite_numbers_are_numbers(bad: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        number(bad)


def test_times() -> None:
    assert time_ns("2026-01-01T08:00:00+08:00") == time_ns(1767225600) == time_ns(1767225600000)
    with pytest.raises(ValueError, match="offset"):
        time_ns("2026-01-01T08:00:00")


def test_subscriptions_use_one_wildcard() -> None:
    assert subscription("gas/{meter}/state", ["a", "b"]) == ["gas/+/state"]
    assert subscription("gas/{meter}/state", ["x/y"]) == ["gas/+/state", "gas/x/y/state"]
    assert subscription("tele/m-{meter}/S", ["a"]) == ["tele/+/S"]


def router(health: LinkHealth) -> Router:
    health.add("gas", "mqtt:g", {"power": 1.0})
    point = Point(
        "gas",
        "gas/g1/state",
        parse_path("$.total"),
        7,
        1000.0,
        parse_path("$.flow"),
        8,
        parse_path("$.at"),
    )
    return Router([point], ["gas/+/state"], health)


def read(
    *payloads: bytes, received: int, retained: bool = False, topic: bytes = b"gas/g1/state"
) -> list[Messages]:
    """Messages of one read."""
    count = len(payloads)
    return [Messages(received, [topic] * count, list(payloads), [retained] * count)]


def test_payloads_become_rows_in_canonical_units() -> None:
    health = link()
    rows = router(health).batch(read(b'{"total": 2, "flow": 0.5, "at": 1767225600}', received=99))
    assert rows.tag.tolist() == [7, 8]
    assert rows.value.tolist() == [2000.0, 500.0]
    assert set(rows.ts.tolist()) == {1767225600 * SECOND}
    assert set(rows.received.tolist()) == {99}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{}", "missing"),
        (b"[1]", "missing"),
        (b'"text"', "missing"),
        (b'{"total": null, "flow": 1, "at": 1}', "bad_value"),
        (b'{"total": 1, "flow": 1, "at": "2026-01-01T00:00:00"}', "bad_value"),
        (b'{"total": 1, "flow": 1, "at": 1e300}', "bad_value"),
    ],
)
def test_bad_payloads_are_counted_and_stop_nothing(payload: bytes, reason: str) -> None:
    health = link()
    good = b'{"total": 1, "flow": 1, "at": 1}'
    assert len(router(health).batch(read(payload, good, received=1))) == 2
    assert dict(health.meters["gas"].groups["power"].failed) == {reason: 1}


def test_messages_read_together_say_what_they_say_one_by_one() -> None:
    payloads = [
        b'{"total": %d, "flow": 0.5, "at": %d}' % (n, (1767225600 + n) * (1000 if n % 2 else 1))
        for n in range(40)
    ]
    together = router(link()).batch(read(*payloads, received=7))
    odd = b'{"total": "9", "flow": 1, "at": "2026-01-01T00:00:00Z"}'
    singly = router(link()).batch(read(*payloads, b"{", odd, received=7))
    for name in ("tag", "value", "ts", "received"):
        one = getattr(together, name).reshape(2, -1)
        other = getattr(singly, name).reshape(2, -1)[:, :-1]
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("total", [b"true", b"null", b'"x"', b"[1]", b"1e999"])
def test_what_is_no_number_is_none_among_numbers(total: bytes) -> None:
    health = link()
    good = b'{"total": 1, "flow": 1, "at": 1}'
    bad = b'{"total": %b, "flow": 1, "at": 1}' % total
    assert len(router(health).batch(read(good, bad, good, received=1))) == 4
    assert sum(health.meters["gas"].groups["power"].failed.values()) == 1
    assert health.meters["gas"].groups["power"].answered == 2


def test_retained_is_a_last_known_value_and_never_a_reading() -> None:
    health = link()
    made = router(health)
    assert (
        len(made.batch(read(b'{"total": 1, "flow": 1, "at": 1}', received=5, retained=True))) == 0
    )
    assert made.retained == {"gas": (1000.0, 5)}


def test_foreign_topics_are_counted() -> None:
    health = link()
    assert len(router(health).batch(read(b"1", b"1", received=1, topic=b"gas/other/state"))) == 0
    assert health.counts["unknown_topic"] == 1


def test_nodes_are_found_by_namespace_uri() -> None:
    node = resolve("nsu=urn:a:b;s=line.good", ["http://opcfoundation.org/UA/", "urn:x", "urn:a:b"])
    assert (node.NamespaceIndex, node.Identifier) == (2, "line.good")
    assert resolve("nsu=urn:gone;s=x", ["urn:x"]) is None
