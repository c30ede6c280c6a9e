"""Machine states: seconds of each line in each state, window by window.

What is not known has a bucket of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from plant.arrays import Floats
from plant.names import State

STATES = tuple(State)
_PLACE = {state.value: place for place, state in enumerate(STATES)}
UNKNOWN = _PLACE[State.UNKNOWN]
_S_PER_NS = 1e-9


class Change(NamedTuple):
    """From `ts`, ns UTC, on a line is in a state, given by its place in `STATES`."""

    ts: int
    state: int


@dataclass(slots=True)
class Timeline:
    """Changes of state of each line, oldest first; the last one still holds."""

    changes: list[list[Change]] = field(default_factory=list)

    @classmethod
    def start(cls, lines: int) -> Timeline:
        """Of no line is anything known yet."""
        return cls([[] for _ in range(lines)])

    def change(
        self,
        line: int,
        ts: int,
        text: str,
    ) -> None:
        """Line takes state `text` at `ts`; a word that is no state counts as unknown."""
        changes = self.changes[line]
        change = Change(ts, _PLACE.get(text.upper(), UNKNOWN))
        came_late = bool(changes) and ts < changes[-1].ts
        if came_late:
            changes.append(change)
            changes.sort()
        elif not changes or changes[-1].state != change.state:
            changes.append(change)

    def seconds(self, start: int, end: int) -> Floats:
        """Seconds [lines, states] between `start` and `end`, ns UTC."""
        seconds = np.zeros((len(self.changes), len(STATES)))
        for line, changes in enumerate(self.changes):
            since = start
            state = UNKNOWN
            for change in changes:
                if change.ts >= end:
                    break

                if change.ts > since:
                    seconds[line, state] += (change.ts - since) * _S_PER_NS
                    since = change.ts

                state = change.state

            seconds[line, state] += (end - since) * _S_PER_NS

        return seconds

    def trim(self, before: int) -> None:
        """Forget changes older than `before`, but the one that held there."""
        for line, changes in enumerate(self.changes):
            older = [change for change in changes if change.ts < before]
            still_holds = max(len(older) - 1, 0)
            self.changes[line] = changes[still_holds:]
