"""History that is made before live frames are cut, so that the journal stays in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from collector.sequencer import Sequencer
from plant.clock import Clock
from plant.errors import JournalFull, StoreFull
from store.journal import SqliteJournal
from wattline.live import Live


@dataclass(frozen=True, slots=True)
class FillInto:
    """What a back-fill writes to. `wake` says that there is something to fold."""

    journal: SqliteJournal
    sequencer: Sequencer
    live: Live
    clock: Clock
    wake: Callable[[], None]


Fill: TypeAlias = Callable[[FillInto], Awaitable[None]]


async def fill_history(fill: Fill, into: FillInto) -> None:
    """Fill; where the journal has no room, again from what it took, until it is done."""
    trouble = into.sequencer.trouble
    while True:
        try:
            await fill(into)
        except (JournalFull, StoreFull) as error:
            pause_s = trouble.failed(error)
            # The watermark went ahead with frames that were never committed.
            into.sequencer.wm = into.journal.last_wm()
            await asyncio.sleep(pause_s)
        else:
            trouble.worked()
            return
