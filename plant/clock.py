"""Event time.

One port, three clocks: the plant's, a scaled one for demos, a hand-moved one for tests.

All times are integer nanoseconds since 1970 UTC. Event time runs on the monotonic clock plus an
offset, so a step of the wall clock never makes it jump; I/O timeouts use real time and never this
clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Gives event time in ns UTC; `speed` is event seconds per real second."""

    @property
    def speed(self) -> float: ...
    def now(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall time at construction, carried on by the monotonic clock."""

    offset_ns: int = field(default_factory=lambda: time.time_ns() - time.monotonic_ns())
    speed: float = 1.0

    def now(self) -> int:
        return time.monotonic_ns() + self.offset_ns


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Event time `event_ns` at monotonic time `real_ns`, running `speed` times as fast.

    Shared by processes of one machine.
    """

    real_ns: int
    event_ns: int
    speed: float = 1.0

    def now(self) -> int:
        return self.event_ns + int((time.monotonic_ns() - self.real_ns) * self.speed)


@dataclass(slots=True)
class ManualClock:
    """Moves only when told to."""

    at_ns: int = 0
    speed: float = 1.0

    def now(self) -> int:
        return self.at_ns

    def advance(self, seconds: float) -> None:
        self.at_ns += round(seconds * 1e9)
