"""How long to wait before something that failed is tried again: the one home of back-off.

Waits are real seconds, never event time. Drivers, hosts, channels and
polling differ only in the shortest and the longest wait.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

MOST_DOUBLINGS: Final = 16


def pause_s(
    tries: int,
    shortest_s: float,
    longest_s: float,
    *,
    spread: float = 0.0,
) -> float:
    """Wait after the `tries`-th failure in a row: doubled each time, up to `longest_s`.

    `spread` shifts the wait by up to that share, so that many sites do not come back at one moment.
    """
    doublings = min(max(tries - 1, 0), MOST_DOUBLINGS)
    wait_s = min(shortest_s * 2.0**doublings, longest_s)
    if not spread:
        return wait_s

    return wait_s * random.uniform(1.0 - spread, 1.0 + spread)


@dataclass(slots=True)
class Backoff:
    """Counts failures in a row and says how long to wait after each."""

    shortest_s: float = 0.5
    longest_s: float = 30.0
    spread: float = 0.0
    tries: int = 0

    def take(self) -> float:
        """The wait after one more failure."""
        self.tries += 1
        return pause_s(
            self.tries,
            self.shortest_s,
            self.longest_s,
            spread=self.spread,
        )

    def reset(self) -> None:
        """After a success: the next failure waits the shortest time again."""
        self.tries = 0
