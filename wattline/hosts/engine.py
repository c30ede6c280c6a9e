"""The engine: folds journal frames through `step` and puts what comes out into the journal.

Frames are folded in order; outputs and, once an hour of event time or when
much was folded, a checkpoint are one transaction. A kill at any moment
repeats work and gives the same outputs again, which the journal knows by
what they are. What the checkpoint and all who follow are past is let go of.
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
FILLING_SHARE: Final = 1 / 4
"""Of the bound: above it the journal lets go as soon as it can. Below, what an hour holds stays, so
that a further store which is new has something to begin with.
"""
SAVED_BY_SHARE: Final = 1 / 16
"""Of the journal's bound: when so many bytes were folded, the state is saved, whatever the time.
Only frames before the saved state can be let go of, so with full rates an hour would be too long.
"""
NAME: Final = "engine"
MEANWHILE: Final = (
    "Readings go on into the journal and nothing is lost; figures of now go on, no new books are"
    " made."
)


@dataclass(frozen=True, slots=True)
class StoredUpTo:
    """How far the embedded store is: frames whose readings, and outputs whose figures, it holds."""

    frames: int
    outputs: int


class EngineHost(Consumer):
    """`passed` says how far the journal may forget; `told` is called when there are new outputs."""

    def __init__(
        self,
        journal: SqliteJournal,
        passed: Callable[[], StoredUpTo],
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
        self.saved_outputs = self.journal.last_given()
        self.folded_bytes = 0
        self.let_go = StoredUpTo(0, 0)
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
            if self.journal.bytes > FILLING_SHARE * self.journal.most_bytes:
                self._let_go()

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
        self.folded_bytes += len(body)
        for given in outputs_of(out):
            self._owed.append(Output(seq, name_of(given, seq), encode(given)))

        self.steps += 1

    def _commit(self) -> None:
        """Put what is owed into the journal, and the state with it where that is due."""
        if not self._broken and self._is_due():
            self._save()
        elif self._owed:
            self.journal.put_outputs(self._owed)
            self._owed = []
            self.told()

    def _is_due(self) -> bool:
        """Whether the state is to be saved: an hour of event time passed, or much was folded."""
        if self.state.wm - self.saved_at >= HOUR_NS:
            return True

        return self.folded_bytes >= SAVED_BY_SHARE * self.journal.most_bytes

    def _save(self) -> None:
        """Commit what is owed together with the state after it."""
        place = self.state.seq
        body = checkpoint.save(self.state)
        self.journal.put_outputs(
            self._owed,
            Checkpoint("step", place, body),
        )
        self._owed = []
        self.saved_at = self.state.wm
        self.saved_place = place
        self.saved_outputs = self.journal.last_given()
        self.folded_bytes = 0
        self.told()
        self._let_go()

    def _let_go(self) -> None:
        """Let the journal forget what the saved state and the store are past, if that is more than
        the last time.
        """
        passed = self.passed()
        reached = StoredUpTo(
            frames=min(self.saved_place, passed.frames),
            outputs=min(self.saved_outputs, passed.outputs),
        )
        if reached == self.let_go:
            return

        self.journal.forget(
            frames_to=reached.frames,
            outputs_to=reached.outputs,
            folded_to=self.saved_place,
        )
        self.let_go = reached

    def finish(self) -> None:
        """Write a checkpoint, so that the next start has nothing to fold again."""
        if self.state.seq > self.saved_place and not self._broken:
            self._save()

    def caught_up(self) -> bool:
        return self.state.seq >= self.journal.last() and not self._owed
