"""The newest value of each node of a server, and the batches made of them. No network here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.drivers.opcua_wire import Changes
from plant.arrays import Index, Ints, Mask
from plant.clock import Clock
from plant.frame import EMPTY, Batch, Bytes, Event, Quality, batch
from plant.names import State
from plant.units import SECOND_NS

# A source timestamp is believed when it is at most this far from receipt.
CLOSE_NS: Final = 2 * SECOND_NS

# What was said within this share of its period need not be said again yet.
FRESH: Final = 0.75

# The upper two bits of a status say how good a value is (OPC 10000-4, section 7.39).
_SEVERITY: Final = 30
_UNCERTAIN: Final = 1
_BAD: Final = 2


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


class Cache:
    """Known values by handle, the index into `signals`. Times given out never go backwards."""

    def __init__(self, signals: list[Signal], clock: Clock) -> None:
        self.signals = signals
        self.clock = clock
        tags: list[int] = []
        factors: list[float] = []
        periods_s: list[float] = []
        owners: list[int] = []
        self._owners: dict[str, int] = {}
        for signal in signals:
            tags.append(signal.tag)
            factors.append(signal.factor)
            periods_s.append(signal.every_s)
            place = self._owners.setdefault(signal.owner, len(self._owners))
            owners.append(place)

        # What a node is, by handle.
        self._tag = np.array(tags, np.int32)
        self._factor = np.array(factors, float)
        self._every_s = np.array(periods_s, float)
        self._owner = np.array(owners, np.intp)

        # What is known of it.
        size = len(signals)
        self._value = np.full(size, np.nan)
        self._quality: Bytes = np.full(size, Quality.BAD, np.uint8)
        self._last_ns = np.zeros(size, np.int64)
        self._text: dict[int, str] = {}

    def changed(self, changes: Changes) -> Batch:
        """Batch of a publish: a row for each number, an event for each text that changed."""
        now = self.clock.now()
        times = self._times(changes, now)
        is_text = self._is_text(changes)
        events: list[Event] = []
        for row in np.flatnonzero(is_text).tolist():
            events += self._event(changes, row, int(times[row]))

        rows = np.flatnonzero(~is_text)
        if not len(rows) and not events:
            return EMPTY

        handle = changes.handle[rows]
        status = changes.status[rows] >> _SEVERITY
        value = changes.value[rows] * self._factor[handle]
        nothing = (status >= _BAD) | ~np.isfinite(value)
        value[nothing] = np.nan
        quality = np.where(status == _UNCERTAIN, Quality.UNCERTAIN, Quality.GOOD)
        quality = np.where(nothing, Quality.BAD, quality).astype(np.uint8)

        # Of several values of one node the last stays.
        self._value[handle] = value
        self._quality[handle] = quality
        return batch(
            times[rows],
            self._tag[handle],
            value,
            quality,
            received=now,
            events=tuple(events),
        )

    def _times(self, changes: Changes, now: int) -> Ints:
        """A time for each row: that of the source where clocks agree and event time is real time,
        else that of receipt; later than any that was given out for its node before.
        """
        at = np.full(len(changes), now, np.int64)
        if self.clock.speed == 1.0:
            near = np.abs(changes.source_ns - now) <= CLOSE_NS
            at[near] = changes.source_ns[near]

        for rows in _in_turns(changes.handle):
            handle = changes.handle[rows]
            at[rows] = np.maximum(at[rows], self._last_ns[handle] + 1)
            self._last_ns[handle] = at[rows]

        return at

    def _is_text(self, changes: Changes) -> Mask:
        """Rows of nodes that say texts, now or before."""
        found = np.zeros(len(changes), bool)
        found[list(changes.texts)] = True
        if self._text:
            found |= np.isin(changes.handle, list(self._text))

        return found

    def _event(self, changes: Changes, row: int, at_ns: int) -> Iterator[Event]:
        """A text, where it is another than before.

        A state that is bad, or no text any more, is not known.
        """
        handle = int(changes.handle[row])
        text = changes.texts.get(row, State.UNKNOWN.value)
        if int(changes.status[row]) >> _SEVERITY >= _BAD:
            text = State.UNKNOWN.value

        if text != self._text.get(handle):
            self._text[handle] = text
            yield Event(at_ns, self.signals[handle].tag, text)

    def held(self, period_s: float) -> Batch:
        """Every known number of this period that was not said lately once more, as of now.

        The server is alive and reports no change, so what it said last still holds.
        """
        now = self.clock.now()
        said_before = now - int(FRESH * period_s * SECOND_NS)
        due = self._every_s == period_s
        holds = (self._quality != Quality.BAD) & (self._last_ns <= said_before)
        handle = np.flatnonzero(due & holds)
        if not len(handle):
            return EMPTY

        self._last_ns[handle] = now
        return batch(
            now,
            self._tag[handle],
            self._value[handle],
            self._quality[handle],
        )

    def good(self) -> dict[str, int]:
        """How many numbers of each meter are known."""
        known = self._owner[self._quality != Quality.BAD]
        counts = np.bincount(known, minlength=len(self._owners)).tolist()
        return dict(zip(self._owners, counts, strict=True))

    def forget(self, text: str) -> Batch:
        """The connection is lost: nothing is known any more; texts become `text`."""
        now = self.clock.now()
        self._value[:] = np.nan
        self._quality[:] = Quality.BAD
        events: list[Event] = []
        for handle, known in self._text.items():
            if known != text:
                at = max(now, int(self._last_ns[handle]) + 1)
                self._last_ns[handle] = at
                events.append(Event(at, self.signals[handle].tag, text))

        self._text = dict.fromkeys(self._text, text)
        return batch(
            [],
            [],
            [],
            events=tuple(events),
        )


def _in_turns(handle: Index) -> Iterator[Index]:
    """Rows such that no handle comes twice in one turn: the first of each, the second, and so on.

    Within a queue of a node the order of the server is kept.
    """
    order = np.argsort(handle, kind="stable")
    ordered = handle[order]
    first = np.ones(len(order), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(first)
    if len(begins) == len(order):
        yield order
        return

    turn = np.arange(len(order)) - begins[np.cumsum(first) - 1]
    for each in range(int(turn.max(initial=-1)) + 1):
        yield order[turn == each]
