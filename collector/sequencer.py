"""The sequencer: one per site. It cuts a frame every 250 ms at most and commits it to the journal; what is in a committed frame is acknowledged.

The watermark is set here, at the edge, so no host needs a timer of its own. A frame without rows is a heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from plant.clock import Clock
from plant.frame import SCHEMA, Batch, Frame, Header, Kind, control_frame, data_frame, join
from plant.ports import Journal
from plant.site import Control, config_hash, encode_control

CUT_S = 0.25
DISORDER_S = 0.5
BATCHES_MOST = 200_000


class Sequencer:
    """Collects batches and cuts frames. `on_rows` is told of each batch at once (the lossy channel of `now`)."""

    def __init__(
        self,
        site: str,
        journal: Journal,
        journal_id: str,
        clock: Clock,
        on_rows: Callable[[Batch], None] | None = None,
    ) -> None:
        self.site = site
        self.journal = journal
        self.journal_id = journal_id
        self.clock = clock
        self.on_rows = on_rows
        self.config = ""
        self.pending: list[Batch] = []
        self.wm = 0
        self.dropped = 0
        self.committed = asyncio.Event()

    def take(self, batch: Batch) -> None:
        """Accept a batch from a driver. When the journal cannot keep up, the newest batches are counted and left out."""
        if self.on_rows is not None:
            self.on_rows(batch)
        if len(self.pending) >= BATCHES_MOST:
            self.dropped += len(batch)
            return
        self.pending.append(batch)

    def _header(self, kind: Kind) -> Header:
        return Header(SCHEMA, self.site, self.journal_id, 0, self.wm, self.config, kind)

    def control(self, control: Control) -> int:
        """Commit a control frame: a new site, a declared swap. Returns its number."""
        if control.site is not None:
            self.config = config_hash(control.site)
        return self.journal.append(
            control_frame(self._header(Kind.CONTROL), encode_control(control))
        )

    def cut(self, wm: int | None = None) -> int:
        """Commit what has come as one frame. `wm` overrides the watermark of the clock (back-fill, tests)."""
        batches = self.pending
        self.pending = []
        edge = (
            self.clock.now() - int(DISORDER_S * 1e9 * max(self.clock.speed, 1.0))
            if wm is None
            else wm
        )
        self.wm = max(self.wm, edge)
        number = self.journal.append(data_frame(self._header(Kind.DATA), join(batches)))
        self.committed.set()
        return number

    def history(self, rows: Batch, wm: int) -> Frame:
        """A frame of the past with its own watermark, not yet committed."""
        self.wm = max(self.wm, wm)
        return data_frame(
            Header(SCHEMA, self.site, self.journal_id, 0, wm, self.config, Kind.DATA), rows
        )

    async def run(self) -> None:
        """Cut a frame every 250 ms until cancelled, then cut the last one."""
        try:
            while True:
                await asyncio.sleep(CUT_S)
                self.cut()
        finally:
            self.cut()
