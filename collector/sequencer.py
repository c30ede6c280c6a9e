"""The sequencer: one per site. It cuts a frame every 250 ms at most and commits it to the journal.

What is in a committed frame is acknowledged. The watermark is set here, at the edge, so no host
needs a timer of its own. A frame without rows is a heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from plant.clock import Clock
from plant.frame import SCHEMA, Batch, Frame, Header, Kind, control_frame, data_frame, join
from plant.ports import Journal
from plant.site import Control, config_hash, encode_control
from plant.units import SECOND_NS

CUT_S = 0.25

# Readings may come out of order by this much real time before a frame says they are late.
DISORDER_S = 0.5
BATCHES_MOST = 200_000


class Sequencer:
    """Collects batches and cuts frames.

    `on_rows` is told of each batch at once (the lossy channel of `now`).
    """

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
        """Accept a batch from a driver.

        When the journal cannot keep up, the newest batches are counted and left out.
        """
        if self.on_rows is not None:
            self.on_rows(batch)

        if len(self.pending) >= BATCHES_MOST:
            self.dropped += len(batch)
            return

        self.pending.append(batch)

    def _header(self, kind: Kind, wm: int) -> Header:
        return Header(
            schema=SCHEMA,
            site=self.site,
            journal=self.journal_id,
            seq=0,  # the journal gives the number
            wm=wm,
            config=self.config,
            kind=kind,
        )

    def control(self, control: Control) -> int:
        """Commit a control frame: a new site, a declared swap. Returns its number."""
        if control.site is not None:
            self.config = config_hash(control.site)

        header = self._header(Kind.CONTROL, self.wm)
        return self.journal.append(control_frame(header, encode_control(control)))

    def cut(self, wm: int | None = None) -> int:
        """Commit what has come as one frame.

        `wm` overrides the watermark of the clock (back-fill, tests).
        """
        batches = self.pending
        self.pending = []
        self.wm = max(self.wm, self._edge() if wm is None else wm)
        header = self._header(Kind.DATA, self.wm)
        number = self.journal.append(data_frame(header, join(batches)))
        self.committed.set()
        return number

    def _edge(self) -> int:
        """Event time before which everything has come; a fast clock passes more of it meanwhile."""
        disorder_s = DISORDER_S * max(self.clock.speed, 1.0)
        return self.clock.now() - int(disorder_s * SECOND_NS)

    def history(self, rows: Batch, wm: int) -> Frame:
        """A frame of the past with its own watermark, not yet committed."""
        self.wm = max(self.wm, wm)
        return data_frame(self._header(Kind.DATA, wm), rows)

    async def run(self) -> None:
        """Cut a frame every 250 ms until cancelled, then cut the last one."""
        try:
            while True:
                await asyncio.sleep(CUT_S)
                self.cut()
        finally:
            self.cut()
