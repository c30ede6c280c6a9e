"""When polls are due: fixed grids on the monotonic clock, each with an offset of its own, the same
on every start.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Final

FLOOR_S: Final = 0.1

TOGETHER_S: Final = 0.02
"""Polls of so short a time begin together: the loop wakes once for them, and their answers come
together too.
"""


def real_period(event_seconds: float, speed: float) -> float:
    """Real seconds between polls for a period in event time; never below 100 ms."""
    return max(event_seconds / speed, FLOOR_S)


@dataclass(slots=True)
class Grid:
    """Ticks at k x period + offset."""

    period: float
    offset: float
    next: float = 0.0

    @classmethod
    def named(cls, name: str, period: float) -> Grid:
        """A grid whose offset is spread over the period by the name, in steps of `TOGETHER_S`."""
        share = zlib.crc32(name.encode()) / 2**32
        steps = math.floor(share * period / TOGETHER_S)
        return cls(
            period,
            offset=steps * TOGETHER_S,
        )

    def start(self, now: float) -> None:
        """Make the next tick the first after `now`."""
        self.next = (math.floor((now - self.offset) / self.period) + 1) * self.period + self.offset

    def advance(self, now: float) -> int:
        """Go to the first tick after `now` and at least one on; returns how many ticks between were
        missed.
        """
        steps = max(1, math.floor((now - self.next) / self.period) + 1)
        self.next += steps * self.period
        return steps - 1
