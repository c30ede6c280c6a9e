"""The newest value of each node of a server, and the batches made of them. No network here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Any, Final

from asyncua import ua

from plant.clock import Clock
from plant.frame import EMPTY, Batch, Event, Quality, batch
from plant.names import State

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
CLOSE_NS: Final = (
    2_000_000_000  # a source timestamp is believed when it is at most this far from receipt
)


@dataclass(frozen=True, slots=True)
class Signal:
    """One node: whose value it is, its tag, the factor to the canonical unit and the period of its repetition."""

    owner: str
    name: str
    node: str
    tag: int
    factor: float = 1.0
    every_s: float = 1.0


class Cache:
    """Known values by handle, the index into `signals`. Times given out per node never go backwards."""

    def __init__(self, signals: list[Signal], clock: Clock) -> None:
        self.signals = signals
        self.clock = clock
        size = len(signals)
        self._value: list[float | None] = [None] * size
        self._quality = [int(Quality.BAD)] * size
        self._text: list[str | None] = [None] * size
        self._last_ns = [0] * size

    def changed(self, items: Iterable[Any]) -> Batch:
        """Batch of a publish: a row for each number, an event for each text that is another than before."""
        now = self.clock.now()
        ts: list[int] = []
        tags: list[int] = []
        values: list[float] = []
        marks: list[int] = []
        events: list[Event] = []
        for item in items:
            handle = item.ClientHandle
            data = item.Value
            at = max(self._time(data, now), self._last_ns[handle] + 1)
            self._last_ns[handle] = at
            signal = self.signals[handle]
            raw = data.Value.Value if data.Value is not None else None
            status = data.StatusCode or ua.StatusCode()
            if isinstance(raw, str) or self._text[handle] is not None:
                raw = raw if isinstance(raw, str) and not status.is_bad() else State.UNKNOWN.value
                if raw != self._text[handle]:
                    self._text[handle] = raw
                    events.append(Event(at, signal.tag, raw))
                continue
            value, mark = _number(raw, status, signal.factor)
            self._value[handle] = value
            self._quality[handle] = mark
            ts.append(at)
            tags.append(signal.tag)
            values.append(value)
            marks.append(mark)
        return (
            batch(ts, tags, values, marks, received=now, events=tuple(events))
            if ts or events
            else EMPTY
        )

    def _time(self, data: Any, now: int) -> int:
        """Source time where clocks agree and event time is real time, else time of receipt."""
        stamp = data.SourceTimestamp
        if stamp is None or self.clock.speed != 1.0:
            return now
        since = stamp - (_EPOCH_UTC if stamp.tzinfo else _EPOCH)
        at = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
        return at if abs(at - now) <= CLOSE_NS else now

    def held(self, period: float) -> Batch:
        """Every known number of this period once more, as of now: the server is alive and reports no change."""
        now = self.clock.now()
        handles = [
            h
            for h, signal in enumerate(self.signals)
            if signal.every_s == period
            and self._quality[h] != Quality.BAD
            and self._last_ns[h] < now
        ]
        for handle in handles:
            self._last_ns[handle] = now
        if not handles:
            return EMPTY
        values = [self._value[h] for h in handles]
        return batch(
            [now] * len(handles),
            [self.signals[h].tag for h in handles],
            values,
            [self._quality[h] for h in handles],
        )

    def good(self, owner: str) -> int:
        """How many numbers of a meter are known."""
        return sum(
            s.owner == owner and q != Quality.BAD
            for s, q in zip(self.signals, self._quality, strict=True)
        )

    def forget(self, text: str) -> Batch:
        """The connection is lost: nothing is known any more; texts become `text`."""
        now = self.clock.now()
        events = []
        for handle, known in enumerate(self._text):
            self._value[handle] = None
            self._quality[handle] = int(Quality.BAD)
            if known is not None and known != text:
                self._text[handle] = text
                at = max(now, self._last_ns[handle] + 1)
                self._last_ns[handle] = at
                events.append(Event(at, self.signals[handle].tag, text))
        return batch([], [], [], events=tuple(events))


def _number(raw: Any, status: Any, factor: float) -> tuple[float, int]:
    """Value in canonical unit and its quality; NaN and BAD for a Bad status or what is no finite number."""
    if (
        isinstance(raw, bool)
        or not isinstance(raw, int | float)
        or status.is_bad()
        or not isfinite(raw)
    ):
        return nan, int(Quality.BAD)
    return raw * factor, int(Quality.UNCERTAIN if status.is_uncertain() else Quality.GOOD)
