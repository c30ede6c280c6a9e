"""Letting go of what is past its time: raw readings, and alerts of years ago."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from plant.clock import Clock
from plant.standing import Trouble
from store.retention import Keep
from wattline.places import DataFolder

EVERY_S: Final = 600.0
"""The first time after ten minutes, since a start has enough to do."""
ALERTS_KEPT_NS: Final = 3 * 366 * 86_400_000_000_000
"""History, closed alerts and their trail: as long as somebody may ask for them."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Of one data folder."""

    data: DataFolder
    keep: Keep
    clock: Clock

    async def run(self) -> None:
        """For ever; what could not be let go of now is let go of the next time."""
        trouble = Trouble(
            who="upkeep",
            meanwhile="Old readings and alerts stay where they are.",
            now_ns=self.clock.now,
            log=logging.getLogger("wattline.upkeep"),
        )
        while True:
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(trouble.attempt, self.once)

    def once(self) -> None:
        """Let go of everything that is past its time now."""
        now_ns = self.clock.now()
        self.data.store.forget_readings(self.keep, now_ns)
        self.data.alerts.forget(now_ns - ALERTS_KEPT_NS)
