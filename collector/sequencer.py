"""The sequencer: one per site. It cuts a frame every 250 ms at most and commits it to the journal;
what is in a committed frame is acknowledged.

The watermark is set here, at the edge, so no host needs a timer
of its own. A frame without rows is a heartbeat.

While the journal cannot be written, such as on a full disk, readings wait in memory in the order in
which they came, and the watermark waits with them. What does not fit is left out and counted. When
there is room they go into the journal, and nothing of what waited is late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from plant.backoff import Backoff
from plant.clock import Clock
from plant.frame import SCHEMA, Batch, Frame, Header, Kind, control_frame, data_frame, join
from plant.ports import Journal
from plant.site import Control, config_hash, encode_control
from plant.standing import Trouble
from plant.units import SECOND_NS

CUT_S: Final = 0.25
DISORDER_S: Final = 0.5
"""Real seconds that a batch may take from its device to here."""
BATCHES_MOST: Final = 200_000
"""Batches that wait in memory at most: with a hundred polls a second, half an hour."""
BATCHES_A_FRAME: Final = 5_000
LONGEST_PAUSE_S: Final = 5.0
NAME: Final = "polling"
MEANWHILE: Final = (
    "Meters are polled on; their readings wait in memory and are stored as soon as that is"
    " possible."
)


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
        self.trouble = Trouble(
            who=NAME,
            meanwhile=MEANWHILE,
            now_ns=clock.now,
            log=logging.getLogger("wattline.polling"),
            backoff=Backoff(CUT_S, LONGEST_PAUSE_S),
        )

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

    def waiting(self) -> int:
        """Readings that are not in the journal yet."""
        return sum(len(batch) for batch in self.pending)

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
        """Commit what has come; returns the number of the frame. `wm`
        overrides the watermark of the clock (back-fill, tests).

        What was committed is let go of here, and nothing else is:
        an error leaves the rest for the next attempt.
        """
        edge = self._edge() if wm is None else wm
        while len(self.pending) > BATCHES_A_FRAME:
            # More is to come of the same time, so the watermark stays where it is.
            self._commit(self.pending[:BATCHES_A_FRAME], self.wm)

        number = self._commit(self.pending, max(self.wm, edge))
        self.committed.set()
        return number

    def _edge(self) -> int:
        """Event time before which everything has come; a fast clock passes more of it meanwhile."""
        disorder_s = DISORDER_S * max(self.clock.speed, 1.0)
        return self.clock.now() - int(disorder_s * SECOND_NS)

    def _commit(self, batches: list[Batch], wm: int) -> int:
        header = self._header(Kind.DATA, wm)
        number = self.journal.append(data_frame(header, join(batches)))
        self.wm = wm
        self.pending = self.pending[len(batches) :]
        return number

    def history(self, rows: Batch, wm: int) -> Frame:
        """A frame of the past with its own watermark, not yet committed."""
        self.wm = max(self.wm, wm)
        return data_frame(self._header(Kind.DATA, wm), rows)

    def attempt(self) -> float:
        """Cut once; the seconds to wait before the next time."""
        pause_s = self.trouble.attempt(lambda: self.cut())
        return CUT_S if pause_s is None else pause_s

    async def run(self) -> None:
        """Cut a frame every 250 ms until cancelled, then cut the last one."""
        pause_s = CUT_S
        try:
            while True:
                await asyncio.sleep(pause_s)
                pause_s = self.attempt()
        finally:
            self.attempt()
