"""The engine: folds journal frames through `step` and puts what comes out into the journal.

Frames are folded in order; outputs and, once an hour of event time, a
checkpoint are one transaction. A kill at any moment repeats work and gives
the same outputs again, which the journal knows by what they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine import checkpoint
from engine.outputs import encode, name_of, outputs_of
from engine.state import State
from engine.step import step
from plant.frame import decode
from plant.site import Site
from plant.units import HOUR_NS
from store.journal import Checkpoint, Output, SqliteJournal
from wattline.hosts.consumer import Consumer

AT_ONCE: Final = 400
"""Frames of one round."""
NAME: Final = "engine"
MEANWHILE: Final = (
    "Readings go on into the journal and nothing is lost; figures of now go on, no new books are"
    " made."
)


@dataclass(frozen=True, slots=True)
class Passed:
    """How far the embedded store is: frames whose readings, and outputs whose figures, it holds."""

    frames: int
    outputs: int


class EngineHost(Consumer):
    """`passed` says how far the journal may forget; `told` is called when there are new outputs."""

    def __init__(
        self,
        journal: SqliteJournal,
        passed: Callable[[], Passed],
        told: Callable[[], None] = lambda: None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(
            NAME,
            MEANWHILE,
            now_ns=now_ns,
        )
        self.journal = journal
        self.passed = passed
        self.told = told
        self.steps = 0
        self._load()

    def _load(self) -> None:
        """The state as it was saved last."""
        saved = self.journal.checkpoint("step")
        self.state = State() if saved is None else checkpoint.load(saved[1])
        self.saved_at = self.state.wm
        self.saved_place = self.state.seq
        # Outputs that were worked out and are not in the
        # journal yet; the state is already past them.
        self._owed: list[Output] = []
        self._broken = False

    @property
    def site(self) -> Site | None:
        """The site in force, once there is one."""
        return None if self.state.running is None else self.state.running.site

    def begin_again(self) -> None:
        """A frame that failed may have left the state half
        changed; a commit that failed has not.
        """
        if self._broken:
            self._load()

    def turn(self) -> bool:
        """Fold some frames and commit what they gave; True if there were any."""
        if self._owed:
            self._commit()

        frames = self.journal.read(self.state.seq, AT_ONCE)
        if not frames:
            return False

        try:
            for seq, body in frames:
                self._fold(seq, body)
        finally:
            # What the frames before a bad one gave is good and
            # goes out, also if the round then fails.
            self._commit()

        return True

    def _fold(self, seq: int, body: bytes) -> None:
        self._broken = True
        self.state, out = step(self.state, decode(body))
        self._broken = False
        for given in outputs_of(out):
            self._owed.append(Output(seq, name_of(given, seq), encode(given)))

        self.steps += 1

    def _commit(self) -> None:
        """Put what is owed into the journal, and each hour of event time the state with it."""
        if not self._broken and self.state.wm - self.saved_at >= HOUR_NS:
            self._save()
        elif self._owed:
            self.journal.put_outputs(self._owed)
            self._owed = []
            self.told()

    def _save(self) -> None:
        place = self.state.seq
        body = checkpoint.save(self.state)
        self.journal.put_outputs(
            self._owed,
            Checkpoint("step", place, body),
        )
        self._owed = []
        self.saved_at = self.state.wm
        self.saved_place = place
        self.told()
        passed = self.passed()
        self.journal.forget(
            frames_to=min(place, passed.frames),
            outputs_to=passed.outputs,
            folded_to=place,
        )

    def finish(self) -> None:
        """Write a checkpoint, so that the next start has nothing to fold again."""
        if self.state.seq > self.saved_place and not self._broken:
            self._save()

    def caught_up(self) -> bool:
        return self.state.seq >= self.journal.last() and not self._owed
