"""History of a simulated plant, made by the same world that
its devices show, through the same step.
"""

from __future__ import annotations

import asyncio
from typing import Final

from plant.calendar import Span
from plant.units import MINUTE_NS, SECOND_NS
from simulator.history import batches
from simulator.world import World
from wattline.filling import FillInto

BLOCK_NS: Final = 15 * MINUTE_NS
WEEK_NS: Final = 7 * 24 * 60 * MINUTE_NS
PRESENT_NS: Final = 80 * SECOND_NS
"""Nearer to now than this, live readings take over."""
STEP_S: Final = 60.0
AT_ONCE: Final = 240
"""Frames of one commit."""


class Backfill:
    """Since the beginning of the world at the first start,
    since the last reading at a later one.
    """

    def __init__(self, world: World, span_ns: int = WEEK_NS) -> None:
        self.world = world
        self.span_ns = span_ns

    async def __call__(self, into: FillInto) -> None:
        """Fill, and fill again what passed meanwhile, until the present is reached."""
        while True:
            end = await asyncio.to_thread(self._fill, into)
            if into.clock.now() - end < PRESENT_NS:
                break

        # What devices gave meanwhile is in the history already, up to its end.
        waiting = into.sequencer.pending
        into.sequencer.pending = [batch for batch in waiting if not len(batch) or batch.ts[0] > end]

    def _fill(self, into: FillInto) -> int:
        """History up to the last whole minute; returns its end."""
        now = into.clock.now()
        end = now - now % MINUTE_NS
        start = self._start(into, end)
        if end - start < MINUTE_NS:
            return end

        before = into.live.backfill
        into.live.backfill = Span(start if before is None else before.start, end)
        frames = []
        watermark = into.sequencer.wm
        for rows in batches(
            self.world,
            start,
            end,
            STEP_S,
            into.journal,
        ):
            newest = int(rows.ts[-1])
            # The watermark moves once a block, so that its windows close together; a minute past
            # it, so that the grace is over.
            if newest % BLOCK_NS == MINUTE_NS or newest >= end - MINUTE_NS:
                watermark = newest

            frames.append(into.sequencer.history(rows, watermark))
            if len(frames) >= AT_ONCE:
                into.journal.append_all(frames)
                frames = []
                into.wake()

        if frames:
            into.journal.append_all(frames)

        into.wake()
        return end

    def _start(self, into: FillInto, end: int) -> int:
        """Just after what the journal has, or a week back."""
        last = into.journal.last_wm()
        if not last:
            return end - self.span_ns

        next_minute = last - last % MINUTE_NS + MINUTE_NS
        return max(next_minute, self.world.epoch_ns)
