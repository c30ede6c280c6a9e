"""From MQTT messages to rows: whose topic it is, and where its values stand in the payload.

No network here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from paho.mqtt.client import topic_matches_sub

from collector.drivers.mqtt_wire import Messages
from collector.health import LinkHealth, MeterHealth, Polls
from plant.arrays import Floats, Ints
from plant.frame import EMPTY, Batch, batch, join

Step = str | int
Steps = tuple[Step, ...]

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_TOPICS_KNOWN_MOST: Final = 10_000
_MS_FROM: Final = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_MS_TO: Final = 7.2e12  # the year 2198
_MS_NS: Final = 1_000_000
_GROUP: Final = "power"
_decode = msgspec.json.Decoder().decode


class PayloadReading(NamedTuple):
    """What a payload says: event time, counter and, where it has one, flow, in canonical units."""

    ts: int
    counter: float
    flow: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One meter: its topic filter, paths, tags and the factor to canonical units."""

    meter: str
    pattern: str
    value: Steps
    tag: int
    factor: float
    flow: Steps | None = None
    flow_tag: int = -1
    time: Steps | None = None

    @property
    def shape(self) -> Shape:
        """Where its values stand."""
        return Shape(self.value, self.flow, self.time)

    def read(self, payload: bytes, received: int) -> PayloadReading:
        """What a payload says of this meter; the errors of `pick`, `number` and `time_ns` where it
        does not.
        """
        content: object = _decode(payload)
        counter = number(pick(content, self.value)) * self.factor
        flow = None
        if self.flow is not None:
            flow = number(pick(content, self.flow)) * self.factor

        ts = received
        if self.time is not None:
            ts = time_ns(pick(content, self.time))

        return PayloadReading(ts, counter, flow)


def parse_path(path: str) -> Steps:
    """Steps of `$.a.b[0].c`; ValueError says what is accepted."""
    body = path.removeprefix("$")
    steps: list[Step] = []
    understood = ""
    for match in _STEP.finditer(body):
        key, index = match.groups()
        steps.append(key if index is None else int(index))
        understood += match[0]

    if not path.startswith("$") or understood != body:
        raise ValueError(f"expected a path such as $.energy.total[0], not {path!r}")

    return tuple(steps)


def pick(value: object, steps: Sequence[Step]) -> object:
    """What stands at the path; KeyError, IndexError or TypeError where nothing does."""
    for step in steps:
        value = value[step]  # type: ignore[index]

    return value


@dataclass(frozen=True, slots=True)
class Shape:
    """Where values stand in a payload; meters of one kind of device share it."""

    value: Steps
    flow: Steps | None
    time: Steps | None


@dataclass(frozen=True, slots=True)
class _Target:
    """A meter, what is counted of it, and the number of its shape."""

    point: Point
    shape: int
    meter: MeterHealth
    polls: Polls


@dataclass(slots=True)
class _Held:
    """Messages of one shape that are read together, a place each."""

    targets: list[_Target] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    received: list[int] = field(default_factory=list)


class Router:
    """Finds the meter of a topic and reads its payload; what it cannot read is counted."""

    def __init__(
        self,
        points: Sequence[Point],
        subscriptions: Sequence[str],
        link: LinkHealth,
    ) -> None:
        self.subscriptions = list(dict.fromkeys(subscriptions))
        self.retained: dict[str, tuple[float, int]] = {}
        """Last known value of each meter, and when it came."""
        self._link = link
        self._known: dict[bytes, tuple[_Target, ...]] = {}
        self._shapes = list(dict.fromkeys(point.shape for point in points))
        self._targets: list[_Target] = []
        for point in points:
            meter = link.meters[point.meter]
            shape = self._shapes.index(point.shape)
            self._targets.append(_Target(point, shape, meter, meter.groups[_GROUP]))

    def batch(self, reads: Iterable[Messages]) -> Batch:
        """All readings of these messages.

        A retained one is a last known value of unknown age, never a reading.
        """
        by_shape: dict[int, _Held] = {}
        for messages in reads:
            received = messages.received
            for topic, payload, retained in zip(
                messages.topics,
                messages.payloads,
                messages.retained,
                strict=True,
            ):
                targets = self._known.get(topic)
                if targets is None:
                    targets = self._find(topic)

                for target in targets:
                    if retained:
                        self._keep(target, payload, received)
                        continue

                    held = by_shape.get(target.shape)
                    if held is None:
                        held = by_shape[target.shape] = _Held()

                    held.targets.append(target)
                    held.payloads.append(payload)
                    held.received.append(received)

        return join([self._rows(self._shapes[shape], held) for shape, held in by_shape.items()])

    def _rows(self, shape: Shape, held: _Held) -> Batch:
        """Rows of all messages at once; one by one where one of them is not as it should be."""
        try:
            found = _read_together(shape, held)
        except (ValueError, LookupError, TypeError, OverflowError):
            found = self._one_by_one(held)

        for target, received in zip(
            held.targets,
            held.received,
            strict=True,
        ):
            target.polls.due += 1
            target.polls.ok(received, 1 if shape.flow is None else 2)
            target.meter.recovered()

        return found

    def _one_by_one(self, held: _Held) -> Batch:
        """Rows of the good messages, which alone stay in `held`; the others are counted."""
        good = _Held()
        readings: list[PayloadReading] = []
        for target, payload, received in zip(
            held.targets,
            held.payloads,
            held.received,
            strict=True,
        ):
            reading = self._read(target, payload, received)
            if reading is not None:
                readings.append(reading)
                good.targets.append(target)
                good.payloads.append(payload)
                good.received.append(received)

        held.targets = good.targets
        held.payloads = good.payloads
        held.received = good.received
        if not readings:
            return EMPTY

        counters = np.array([reading.counter for reading in readings], float)
        flows = None
        if readings[0].flow is not None:
            flows = np.array([reading.flow for reading in readings], float)

        times = np.array([reading.ts for reading in readings], np.int64)
        return _batch(good, times, counters, flows)

    def _keep(
        self,
        target: _Target,
        payload: bytes,
        received: int,
    ) -> None:
        """A retained message: what the meter said last."""
        reading = self._read(target, payload, received)
        if reading is not None:
            self.retained[target.point.meter] = reading.counter, received
            self._link.counts["retained"] += 1

    def _find(self, topic: bytes) -> tuple[_Target, ...]:
        """Whose topic it is; kept, since patterns are dear to match."""
        name = topic.decode("utf-8", "replace")
        found = tuple(
            target for target in self._targets if topic_matches_sub(target.point.pattern, name)
        )
        if not found:
            self._link.counts["unknown_topic"] += 1

        if len(self._known) < _TOPICS_KNOWN_MOST:
            self._known[topic] = found

        return found

    def _read(
        self,
        target: _Target,
        payload: bytes,
        received: int,
    ) -> PayloadReading | None:
        """What a message says; None, and counted, if that is nothing usable."""
        try:
            return target.point.read(payload, received)
        except msgspec.DecodeError:
            reason = "not_json"
        except (KeyError, IndexError, TypeError):
            reason = "missing"
        except (ValueError, OverflowError):
            reason = "bad_value"

        target.polls.due += 1
        target.meter.failed(target.polls, reason)
        return None


def _read_together(shape: Shape, held: _Held) -> Batch:
    """Rows of messages that are all as they should be; any error if one of them is not."""
    contents: list[object] = [_decode(payload) for payload in held.payloads]
    factors = np.array([target.point.factor for target in held.targets], float)
    counters = _numbers(_along(contents, shape.value)) * factors
    flows = None
    if shape.flow is not None:
        flows = _numbers(_along(contents, shape.flow)) * factors

    times = np.array(held.received, np.int64)
    if shape.time is not None:
        times = _times(_along(contents, shape.time))

    return _batch(held, times, counters, flows)


def _batch(
    held: _Held,
    times: Ints,
    counters: Floats,
    flows: Floats | None,
) -> Batch:
    """All counters, then all flows."""
    received = np.array(held.received, np.int64)
    tags = np.array([target.point.tag for target in held.targets], np.int32)
    values = batch(
        times,
        tags,
        counters,
        received=received,
    )
    if flows is None:
        return values

    flow_tags = np.array([target.point.flow_tag for target in held.targets], np.int32)
    besides = batch(
        times,
        flow_tags,
        flows,
        received=received,
    )
    return join([values, besides])


def _along(contents: list[Any], steps: Sequence[Step]) -> list[Any]:
    """What stands at the path in each of them; the errors of `pick`."""
    for step in steps:
        contents = [content[step] for content in contents]

    return contents


def _numbers(values: list[Any]) -> Floats:
    """What `number` says of each of them."""
    if set(map(type, values)) <= {int, float}:
        found = np.array(values, float)
        if np.isfinite(found).all():
            return found

    return np.array([number(value) for value in values], float)


def _times(values: list[Any]) -> Ints:
    """What `time_ns` says of each of them."""
    if any(isinstance(value, str) for value in values):
        return np.array([time_ns(value) for value in values], np.int64)

    return _since_1970(_numbers(values))


def _since_1970(given: Floats) -> Ints:
    """Nanoseconds of Unix seconds or milliseconds; ValueError for what is neither."""
    milliseconds = np.where(given >= _MS_FROM, given, given * 1e3)
    known = (milliseconds >= 0) & (milliseconds < _MS_TO)
    if not known.all():
        raise ValueError("not a time since 1970")

    return np.rint(milliseconds).astype(np.int64) * _MS_NS


def number(value: object) -> float:
    """A finite number, also where it is sent as text; ValueError otherwise.

    `true` and null are none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a number")

    found = float(value)
    if not isfinite(found):
        raise ValueError("not finite")

    return found


def time_ns(value: object) -> int:
    """Event time in ns of an ISO 8601 text with offset, or Unix seconds or milliseconds.

    ValueError otherwise. A time without offset is refused: whose clock it is nobody knows.
    """
    if isinstance(value, str):
        stamp = datetime.fromisoformat(value)
        if stamp.tzinfo is None:
            raise ValueError("time without offset")

        microseconds = round(stamp.timestamp() * 1e6)
        return microseconds * 1000

    given = np.array([number(value)], float)
    return int(_since_1970(given)[0])


def subscription(pattern: str, meter_ids: Iterable[str]) -> list[str]:
    """Topic filters to subscribe to.

    `+` stands for {meter}, and the id itself where it contains levels of its own.
    """
    if "{meter}" not in pattern:
        return [pattern]

    levels = ["+" if "{meter}" in level else level for level in pattern.split("/")]
    wide = "/".join(levels)
    deep = [pattern.replace("{meter}", each) for each in meter_ids if "/" in each]
    return [wide, *deep]
