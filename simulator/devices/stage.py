"""Where a protocol is played: one connection of the plant file, the
plant behind it, and the event time that runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from simulator.devices.instruments import Instruments


class Stoppable(Protocol):
    """A device that runs until it is stopped."""

    async def stop(self) -> None:
        """Close what it opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One connection to be played.

    `running` gets every device that has to be stopped at the end.
    """

    connection: str
    instruments: Instruments
    now: Callable[[], int]
    speed: float
    running: list[Stoppable]


Play = Callable[[Stage], Awaitable[str]]
"""Opens the devices of a connection on free ports; gives the address they answer at."""
