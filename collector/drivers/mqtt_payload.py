"""From MQTT messages to rows: whose topic it is, and where its values stand in the payload. No network here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

import msgspec
from paho.mqtt.client import topic_matches_sub

from collector.health import LinkHealth
from plant.frame import EMPTY, Batch, batch

Message = tuple[str, bytes, int, bool]  # topic, payload, received (event time), retained
Step = str | int

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_CACHE: Final = 10_000
_MS_FROM: Final = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_MS_TO: Final = 7.2e12  # the year 2198
_decode = msgspec.json.Decoder().decode


def parse_path(path: str) -> tuple[Step, ...]:
    """Steps of `$.a.b[0].c`; ValueError says what is accepted."""
    body = path.removeprefix("$")
    steps = [(m[1] if m[2] is None else int(m[2])) for m in _STEP.finditer(body)]
    if not path.startswith("$") or "".join(m[0] for m in _STEP.finditer(body)) != body:
        raise ValueError(f"expected a path such as $.energy.total[0], not {path!r}")
    return tuple(steps)


def pick(value: Any, steps: Sequence[Step]) -> Any:
    """What stands at the path; KeyError, IndexError or TypeError where nothing does."""
    for step in steps:
        value = value[step]
    return value


@dataclass(frozen=True, slots=True)
class Point:
    """One meter: its topic filter, paths, tags and the factor to canonical units."""

    meter: str
    pattern: str
    value: tuple[Step, ...]
    tag: int
    factor: float
    flow: tuple[Step, ...] | None = None
    flow_tag: int = -1
    time: tuple[Step, ...] | None = None


class Router:
    """Finds the meter of a topic and reads its payload; what cannot be read is counted with its reason."""

    def __init__(
        self, points: Sequence[Point], subscriptions: Sequence[str], link: LinkHealth
    ) -> None:
        self.subscriptions = list(dict.fromkeys(subscriptions))
        self.retained: dict[str, tuple[float, int]] = {}
        self._link = link
        self._known: dict[str, tuple[Point, ...]] = {}
        self._points = list(points)

    def batch(self, messages: Iterable[Message]) -> Batch:
        """All readings of these messages. A retained one is a last known value of unknown age, never a reading."""
        ts: list[int] = []
        received: list[int] = []
        tags: list[int] = []
        values: list[float] = []
        for topic, payload, at, retain in messages:
            points = self._known.get(topic)
            if points is None:
                points = self._find(topic)
            for point in points:
                read = self._read(point, payload, at)
                if read is None:
                    continue
                stamp, counter, flow = read
                if retain:
                    self.retained[point.meter] = counter, at
                    self._link.counts["retained"] += 1
                    continue
                for tag, value in ((point.tag, counter), (point.flow_tag, flow)):
                    if value is not None:
                        ts.append(stamp)
                        received.append(at)
                        tags.append(tag)
                        values.append(value)
                self._ok(point.meter, at, 1 + (flow is not None))
        return batch(ts, tags, values, received=received) if ts else EMPTY

    def _find(self, topic: str) -> tuple[Point, ...]:
        found = tuple(point for point in self._points if topic_matches_sub(point.pattern, topic))
        if not found:
            self._link.counts["unknown_topic"] += 1
        if len(self._known) < _CACHE:
            self._known[topic] = found
        return found

    def _read(
        self, point: Point, payload: bytes, at: int
    ) -> tuple[int, float, float | None] | None:
        """Time, counter and flow; None if the message says nothing usable."""
        try:
            content = _decode(payload)
            counter = number(pick(content, point.value)) * point.factor
            flow = (
                number(pick(content, point.flow)) * point.factor if point.flow is not None else None
            )
            stamp = time_ns(pick(content, point.time)) if point.time is not None else at
        except msgspec.DecodeError:
            self._bad(point, "not_json")
        except (KeyError, IndexError, TypeError):
            self._bad(point, "missing")
        except (ValueError, OverflowError):
            self._bad(point, "bad_value")
        else:
            return stamp, counter, flow
        return None

    def _bad(self, point: Point, reason: str) -> None:
        meter = self._link.meters[point.meter]
        polls = meter.groups["power"]
        polls.due += 1
        meter.failed(polls, reason)

    def _ok(self, meter_id: str, at: int, rows: int) -> None:
        meter = self._link.meters[meter_id]
        polls = meter.groups["power"]
        polls.due += 1
        polls.ok(at, rows)
        meter.recovered()


def number(value: Any) -> float:
    """A finite number, also where it is sent as text; ValueError otherwise. `true` and null are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a number")
    found = float(value)
    if not isfinite(found):
        raise ValueError("not finite")
    return found


def time_ns(value: Any) -> int:
    """Event time in ns of an ISO 8601 text with offset, or Unix seconds or milliseconds; ValueError otherwise.

    A time without offset is refused: whose clock it is nobody knows.
    """
    if isinstance(value, str):
        stamp = datetime.fromisoformat(value)
        if stamp.tzinfo is None:
            raise ValueError("time without offset")
        return round(stamp.timestamp() * 1e6) * 1000
    given = number(value)
    milliseconds = given if given >= _MS_FROM else given * 1e3
    if not 0 <= milliseconds < _MS_TO:
        raise ValueError("not a time since 1970")
    return round(milliseconds) * 1_000_000


def subscription(pattern: str, meter_ids: Iterable[str]) -> list[str]:
    """Topic filters to subscribe to: `+` for {meter}, and the id itself where it contains levels of its own."""
    levels = pattern.split("/")
    wide = "/".join("+" if "{meter}" in level else level for level in levels)
    deep = [pattern.replace("{meter}", i) for i in meter_ids if "/" in i]
    return [wide, *deep] if "{meter}" in pattern else [pattern]
