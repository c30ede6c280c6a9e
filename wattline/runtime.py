"""One plant, running: its parts started in order and stopped the other way round, in one process.

Hosts start at the end of the way that data takes and stop from its beginning, so that
nothing is given to a part that does not listen.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from pathlib import Path

from plant.clock import Clock
from plant.config import PlantFile
from plant.profile import Profile
from plant.site import Control, config_hash
from wattline import tasks
from wattline.application import application
from wattline.ending import Ending, what_is_left
from wattline.filling import Fill, FillInto, fill_history
from wattline.options import Options
from wattline.parts import Parts
from wattline.serving import Serving
from wattline.upkeep import Upkeep


class Runtime:
    """Built, then `run`, then `close`. `parts` are there from the start."""

    def __init__(
        self,
        plant: PlantFile,
        catalogue: Mapping[str, Profile],
        clock: Clock,
        options: Options,
    ) -> None:
        self.parts = Parts(plant, catalogue, clock, options)

    def announce(self) -> None:
        """Put the site in force into the journal, if it is not there already."""
        config = config_hash(self.parts.site)
        if self.parts.engine.state.config != config:
            self.parts.sequencer.control(Control(site=self.parts.site))

        self.parts.sequencer.config = config

    async def run(
        self,
        stop: asyncio.Event,
        page: Path | None,
        fill: Fill | None = None,
        serve: bool = True,
    ) -> Ending:
        """Run until `stop`; what was left undone then.

        `fill` makes history before live frames are cut.
        """
        parts = self.parts
        self.announce()
        for host in parts.hosts:
            host.start()

        ticking = [
            asyncio.create_task(
                driver.run(parts.sequencer.take),
                name=f"driver {driver.connection}",
            )
            for driver in parts.drivers
        ]
        ticking += [
            asyncio.create_task(parts.live.tick(), name="now"),
            asyncio.create_task(
                parts.live.summarise(parts.health, parts.troubles.standing),
                name="books",
            ),
            asyncio.create_task(
                Upkeep(parts.data, parts.options.keep, parts.clock).run(),
                name="upkeep",
            ),
        ]
        cutting = asyncio.create_task(self._cut(fill), name="sequencer")
        serving = Serving(application(parts, page), parts.door) if serve else None
        still_running: list[str] = []
        # What a plant is made of lives as long as the run: thousands of meters need not be looked
        # through for garbage again and again.
        gc.collect()
        gc.freeze()
        try:
            watched = [*ticking, cutting]
            if serving is not None:
                watched.append(serving.task)

            await tasks.until(stop, watched)
        finally:
            gc.unfreeze()
            # No more readings first, then the last frame, and then
            # everything behind it in the order in which data flows.
            still_running += await tasks.end(ticking)
            still_running += await tasks.end([cutting])
            if serving is not None:
                still_running += await serving.stop()

            for host in reversed(parts.hosts):
                still_running += await asyncio.to_thread(host.stop)

        return what_is_left(
            parts.sequencer,
            parts.troubles.standing(),
            still_running,
        )

    def turn(self) -> bool:
        """After the run: one round of engine and store by
        hand; True if there was anything to do.
        """
        folded = self.parts.engine.turn()
        return self.parts.storing.turn() or folded

    def close(self) -> None:
        """Close the data folder, after the run."""
        self.parts.data.close()

    async def _cut(self, fill: Fill | None) -> None:
        """History if there is any to make, then live frames."""
        parts = self.parts
        if fill is not None:
            into = FillInto(
                parts.journal,
                parts.sequencer,
                parts.live,
                parts.clock,
                parts.engine.wake.set,
            )
            await fill_history(fill, into)

        parts.live.since_ns = parts.clock.now()
        await parts.sequencer.run()
