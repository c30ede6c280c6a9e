"""The newest value of each node of a server, and the batches made of them. No network here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Final, NamedTuple

from asyncua import ua

from plant.clock import Clock
from plant.frame import EMPTY, Batch, Event, Quality, batch
from plant.names import State
from plant.units import SECOND_NS

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_MICROSECOND_NS: Final = 1000

# A source timestamp is believed when it is at most this far from receipt.
CLOSE_NS: Final = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Signal:
    """One node: whose value it is, its tag, the factor to the canonical unit, and how often it
    repeats.
    """

    owner: str
    name: str
    node: str
    tag: int
    factor: float = 1.0
    every_s: float = 1.0


class Marked(NamedTuple):
    """A value in its canonical unit, and its quality."""

    value: float
    quality: Quality


@dataclass(slots=True)
class _Known:
    """What is known of a node. Times given out for it never go backwards."""

    value: float = nan
    quality: Quality = Quality.BAD
    text: str | None = None
    last_ns: int = 0

    def later_than_last(self, at_ns: int) -> int:
        """A time at or after `at_ns` that was not given out yet."""
        self.last_ns = max(at_ns, self.last_ns + 1)
        return self.last_ns


class Cache:
    """Known values by handle, the index into `signals`."""

    def __init__(self, signals: list[Signal], clock: Clock) -> None:
        self.signals = signals
        self.clock = clock
        self._known = [_Known() for _ in signals]

    def changed(self, items: Iterable[ua.MonitoredItemNotification]) -> Batch:
        """Batch of a publish: a row for each number, an event for each text that changed."""
        now = self.clock.now()
        ts: list[int] = []
        tags: list[int] = []
        values: list[float] = []
        marks: list[int] = []
        events: list[Event] = []
        for item in items:
            signal = self.signals[item.ClientHandle]
            known = self._known[item.ClientHandle]
            at = known.later_than_last(self._time(item.Value, now))
            raw = item.Value.Value.Value if item.Value.Value is not None else None
            status = item.Value.StatusCode or ua.StatusCode()
            if isinstance(raw, str) or known.text is not None:
                text = _text(raw, status)
                if text != known.text:
                    known.text = text
                    events.append(Event(at, signal.tag, text))

                continue

            marked = _number(raw, status, signal.factor)
            known.value = marked.value
            known.quality = marked.quality
            ts.append(at)
            tags.append(signal.tag)
            values.append(marked.value)
            marks.append(marked.quality)

        if not ts and not events:
            return EMPTY

        return batch(
            ts,
            tags,
            values,
            marks,
            received=now,
            events=tuple(events),
        )

    def _time(self, value: ua.DataValue, now: int) -> int:
        """Source time where clocks agree and event time is real time, else time of receipt."""
        stamp = value.SourceTimestamp
        if stamp is None or self.clock.speed != 1.0:
            return now

        since = stamp - (_EPOCH_UTC if stamp.tzinfo else _EPOCH)
        seconds = since.days * _DAY_S + since.seconds
        at = seconds * SECOND_NS + since.microseconds * _MICROSECOND_NS
        return at if abs(at - now) <= CLOSE_NS else now

    def held(self, period: float) -> Batch:
        """Every known number of this period once more, as of now.

        The server is alive and reports no change, so what it said last still holds.
        """
        now = self.clock.now()
        tags: list[int] = []
        values: list[float] = []
        marks: list[int] = []
        for signal, known in zip(
            self.signals,
            self._known,
            strict=True,
        ):
            holds = known.quality != Quality.BAD and known.last_ns < now
            if signal.every_s == period and holds:
                known.last_ns = now
                tags.append(signal.tag)
                values.append(known.value)
                marks.append(known.quality)

        if not tags:
            return EMPTY

        return batch(
            [now] * len(tags),
            tags,
            values,
            marks,
        )

    def good(self, owner: str) -> int:
        """How many numbers of a meter are known."""
        count = 0
        for signal, known in zip(
            self.signals,
            self._known,
            strict=True,
        ):
            if signal.owner == owner and known.quality != Quality.BAD:
                count += 1

        return count

    def forget(self, text: str) -> Batch:
        """The connection is lost: nothing is known any more; texts become `text`."""
        now = self.clock.now()
        events: list[Event] = []
        for signal, known in zip(
            self.signals,
            self._known,
            strict=True,
        ):
            known.value = nan
            known.quality = Quality.BAD
            if known.text is not None and known.text != text:
                known.text = text
                events.append(Event(known.later_than_last(now), signal.tag, text))

        return batch(
            [],
            [],
            [],
            events=tuple(events),
        )


def _text(raw: object, status: ua.StatusCode) -> str:
    """The text of a node; a state that is bad, or no text any more, is not known."""
    if isinstance(raw, str) and not status.is_bad():
        return raw

    return State.UNKNOWN.value


def _number(
    raw: object,
    status: ua.StatusCode,
    factor: float,
) -> Marked:
    """NaN and BAD for a Bad status, or for what is no finite number."""
    nothing = Marked(nan, Quality.BAD)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return nothing

    if status.is_bad() or not isfinite(raw):
        return nothing

    quality = Quality.UNCERTAIN if status.is_uncertain() else Quality.GOOD
    return Marked(raw * factor, quality)
