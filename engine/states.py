"""Machine states: seconds of each line in each state, window by window. What is not known has a bucket of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.tracing.graph import Array
from plant.names import State

STATES = tuple(State)
_INDEX = {state.value: i for i, state in enumerate(STATES)}
UNKNOWN = _INDEX[State.UNKNOWN]


@dataclass(slots=True)
class Timeline:
    """Changes of state of each line, oldest first; the last one still holds."""

    changes: list[list[tuple[int, int]]] = field(default_factory=list)

    @classmethod
    def start(cls, lines: int) -> Timeline:
        return cls([[] for _ in range(lines)])

    def change(self, line: int, ts: int, text: str) -> None:
        """Line takes state `text` at `ts`; a word that is no state counts as unknown."""
        changes = self.changes[line]
        state = _INDEX.get(text.upper(), UNKNOWN)
        if changes and ts < changes[-1][0]:
            changes.append((ts, state))
            changes.sort()
        elif not changes or changes[-1][1] != state:
            changes.append((ts, state))

    def seconds(self, start: int, end: int) -> Array:
        """Seconds [lines, states] between `start` and `end`."""
        out = np.zeros((len(self.changes), len(STATES)))
        for line, changes in enumerate(self.changes):
            at = start
            state = UNKNOWN
            for ts, new in changes:
                if ts >= end:
                    break
                if ts > at:
                    out[line, state] += (ts - at) * 1e-9
                    at = ts
                state = new
            out[line, state] += (end - at) * 1e-9
        return out

    def trim(self, before: int) -> None:
        """Forget changes older than `before`, but the one that held there."""
        for line, changes in enumerate(self.changes):
            older = [c for c in changes if c[0] < before]
            self.changes[line] = older[-1:] + changes[len(older) :]
