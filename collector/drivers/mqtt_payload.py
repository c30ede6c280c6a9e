"""From MQTT messages to rows: whose topic it is, and where its values stand in the payload.

No network here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Final, NamedTuple

import msgspec
from paho.mqtt.client import topic_matches_sub

from collector.drivers.mqtt_wire import Messages
from collector.health import LinkHealth
from plant.frame import EMPTY, Batch, batch

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


@dataclass(slots=True)
class _Columns:
    """Rows of a batch while it grows."""

    ts: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(
        self,
        ts: int,
        received: int,
        tag: int,
        value: float,
    ) -> None:
        """One row more."""
        self.ts.append(ts)
        self.received.append(received)
        self.tags.append(tag)
        self.values.append(value)

    def batch(self) -> Batch:
        """All rows."""
        if not self.ts:
            return EMPTY

        return batch(
            self.ts,
            self.tags,
            self.values,
            received=self.received,
        )


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
        self._known: dict[bytes, tuple[Point, ...]] = {}
        self._points = list(points)

    def batch(self, reads: Iterable[Messages]) -> Batch:
        """All readings of these messages.

        A retained one is a last known value of unknown age, never a reading.
        """
        columns = _Columns()
        for messages in reads:
            received = messages.received
            for topic, payload, retained in zip(
                messages.topics,
                messages.payloads,
                messages.retained,
                strict=True,
            ):
                points = self._known.get(topic)
                if points is None:
                    points = self._find(topic)

                for point in points:
                    reading = self._read(point, payload, received)
                    if reading is None:
                        continue

                    if retained:
                        self.retained[point.meter] = reading.counter, received
                        self._link.counts["retained"] += 1
                    else:
                        self._keep(point, reading, received, columns)

        return columns.batch()

    def _keep(
        self,
        point: Point,
        reading: PayloadReading,
        received: int,
        columns: _Columns,
    ) -> None:
        ts, counter, flow = reading
        columns.add(
            ts,
            received,
            point.tag,
            counter,
        )
        if flow is not None:
            columns.add(
                ts,
                received,
                point.flow_tag,
                flow,
            )

        self._ok(
            point,
            received,
            rows=1 if flow is None else 2,
        )

    def _find(self, topic: bytes) -> tuple[Point, ...]:
        """Whose topic it is; kept, since patterns are dear to match."""
        name = topic.decode("utf-8", "replace")
        found = tuple(point for point in self._points if topic_matches_sub(point.pattern, name))
        if not found:
            self._link.counts["unknown_topic"] += 1

        if len(self._known) < _TOPICS_KNOWN_MOST:
            self._known[topic] = found

        return found

    def _read(
        self,
        point: Point,
        payload: bytes,
        received: int,
    ) -> PayloadReading | None:
        """What a message says; None, and counted, if that is nothing usable."""
        try:
            return point.read(payload, received)
        except msgspec.DecodeError:
            self._bad(point, "not_json")
        except (KeyError, IndexError, TypeError):
            self._bad(point, "missing")
        except (ValueError, OverflowError):
            self._bad(point, "bad_value")

        return None

    def _bad(self, point: Point, reason: str) -> None:
        meter = self._link.meters[point.meter]
        polls = meter.groups[_GROUP]
        polls.due += 1
        meter.failed(polls, reason)

    def _ok(
        self,
        point: Point,
        at: int,
        rows: int,
    ) -> None:
        meter = self._link.meters[point.meter]
        polls = meter.groups[_GROUP]
        polls.due += 1
        polls.ok(at, rows)
        meter.recovered()


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

    given = number(value)
    milliseconds = given if given >= _MS_FROM else given * 1e3
    if not 0 <= milliseconds < _MS_TO:
        raise ValueError("not a time since 1970")

    return round(milliseconds) * _MS_NS


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
