"""The state machine of all rules on all subjects at once, as columns. Pure: time and truth in,
changes out; no clock, nothing forgotten over a restart.

    inactive -> pending (true) -> firing (true for `for`)
             -> resolved (over for `keep_firing_for`) -> inactive
    any -> no data (unknown for longer than the grace, where the rule wants to be told)
             -> firing or resolved

What is unknown for less than its grace changes nothing; after it
`hold` stops all clocks, `clear` counts as over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from plant.arrays import Ints
from rules.alert import AlertState
from rules.watching.condition import FALSE, TRUE, UNKNOWN, Truth

INACTIVE, PENDING, FIRING, NO_DATA = range(4)
HOLD, ALERT, CLEAR = range(3)
NEVER_FIRED: Final = -1
"""In `over` of what has no data: it did not fire before, so it
has to wait for `for` when it is known again.
"""
GAPS: Final = {"hold": HOLD, "alert": ALERT, "clear": CLEAR}
_FIELDS: Final = ("state", "since", "over", "gap", "fired")


@dataclass(frozen=True, slots=True)
class Settings:
    """By instance, in ns: `for`, `keep_firing_for`, grace of a gap, and what a gap means."""

    hold_for: Ints
    keep: Ints
    grace: Ints
    on_gap: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class StateChange:
    """Instance `at` took a state; `since` is when the condition became
    true, `fired` when it fired (ns; 0: it did not).
    """

    instance: int
    at: int
    state: AlertState
    since: int
    fired: int = 0


@dataclass(slots=True)
class Machine:
    """Columns by instance.

    `over`: since when it is over while firing; `gap`: since when it is
    unknown; `fired`: 0 unless people may have been told.
    """

    state: npt.NDArray[np.int8]
    since: Ints
    over: Ints
    gap: Ints
    fired: Ints

    @classmethod
    def start(cls, size: int) -> Machine:
        zeros = [np.zeros(size, np.int64) for _ in range(4)]
        return cls(np.zeros(size, np.int8), *zeros)

    def snapshot(self) -> dict[str, npt.NDArray[np.int64]]:
        """All that is not at rest, as columns: little, since most is."""
        at = np.flatnonzero((self.state != INACTIVE) | (self.gap != 0))
        saved = {"index": at}
        for name in _FIELDS:
            column = getattr(self, name)
            saved[name] = column[at].astype(np.int64)

        return saved

    def restore(self, saved: dict[str, npt.NDArray[np.int64]]) -> None:
        """As it was when `saved` was taken; all else is at rest."""
        at = saved["index"]
        for name in _FIELDS:
            column = getattr(self, name)
            column[:] = 0
            column[at] = saved[name]

    def step(
        self,
        at: int,
        on: Truth,
        off: Truth,
        settings: Settings,
    ) -> list[StateChange]:
        """All changes at event time `at` (ns), in order of the instances."""
        rows = np.flatnonzero(
            (on == TRUE)
            | (self.state != INACTIVE)
            | (self.gap != 0)
            | ((on == UNKNOWN) & (settings.on_gap == ALERT))
        )
        return [
            change
            for i in rows.tolist()
            for change in self._one(
                i,
                at,
                int(on[i]),
                int(off[i]),
                settings,
            )
        ]

    def _one(
        self,
        i: int,
        at: int,
        on: int,
        off: int,
        settings: Settings,
    ) -> list[StateChange]:
        fired = self.state[i] == FIRING or (
            self.state[i] == NO_DATA and self.over[i] != NEVER_FIRED
        )
        unknown = (off if fired else on) == UNKNOWN
        if unknown:
            return self._unknown(i, at, settings)

        if self.gap[i]:
            self._known_again(i, at, settings)

        if self.state[i] == NO_DATA:
            return self._from_no_data(
                i,
                at,
                on,
                off,
                settings,
            )

        if self.state[i] == FIRING:
            return self._firing(
                i,
                at,
                off,
                settings,
            )

        return self._waiting(
            i,
            at,
            on,
            settings,
        )

    def _waiting(
        self,
        i: int,
        at: int,
        on: int,
        settings: Settings,
    ) -> list[StateChange]:
        """Inactive or pending."""
        if on != TRUE:
            was = self.state[i]
            since = int(self.since[i])
            self._rest(i)
            return (
                [
                    StateChange(
                        i,
                        at,
                        AlertState.INACTIVE,
                        since,
                    )
                ]
                if was == PENDING
                else []
            )

        found = []
        if self.state[i] == INACTIVE:
            self.state[i] = PENDING
            self.since[i] = at
            if settings.hold_for[i]:
                found.append(
                    StateChange(
                        i,
                        at,
                        AlertState.PENDING,
                        at,
                    )
                )

        if at - self.since[i] >= settings.hold_for[i]:
            self.state[i] = FIRING
            self.fired[i] = at
            self.over[i] = 0
            found.append(
                StateChange(
                    i,
                    at,
                    AlertState.FIRING,
                    int(self.since[i]),
                    at,
                )
            )

        return found

    def _firing(
        self,
        i: int,
        at: int,
        off: int,
        settings: Settings,
    ) -> list[StateChange]:
        if off == FALSE:
            self.over[i] = 0
            return []

        self.over[i] = self.over[i] or at
        return self._resolve(i, at) if at - self.over[i] >= settings.keep[i] else []

    def _resolve(self, i: int, at: int) -> list[StateChange]:
        change = StateChange(
            i,
            at,
            AlertState.RESOLVED,
            int(self.since[i]),
            int(self.fired[i]),
        )
        self._rest(i)
        return [change]

    def _unknown(
        self,
        i: int,
        at: int,
        settings: Settings,
    ) -> list[StateChange]:
        self.gap[i] = self.gap[i] or at
        if at - self.gap[i] < settings.grace[i]:
            return []

        policy = settings.on_gap[i]
        state = self.state[i]
        if policy == ALERT and state != NO_DATA:
            if state != FIRING:
                self.since[i] = self.gap[i]
                self.over[i] = NEVER_FIRED

            self.fired[i] = self.fired[i] or at
            self.state[i] = NO_DATA
            return [
                StateChange(
                    i,
                    at,
                    AlertState.NO_DATA,
                    int(self.since[i]),
                    int(self.fired[i]),
                )
            ]

        if policy == CLEAR and state == FIRING:
            return self._resolve(i, at)

        if policy == CLEAR and state == PENDING:
            since = int(self.since[i])
            self._rest(i)
            return [
                StateChange(
                    i,
                    at,
                    AlertState.INACTIVE,
                    since,
                )
            ]

        return []

    def _known_again(
        self,
        i: int,
        at: int,
        settings: Settings,
    ) -> None:
        """A gap is over.

        A long one that was held does not count for `for` and `keep_firing_for`.
        """
        away = at - self.gap[i]
        if settings.on_gap[i] == HOLD and away >= settings.grace[i]:
            if self.state[i] == PENDING:
                self.since[i] += away

            if self.over[i]:
                self.over[i] += away

        self.gap[i] = 0

    def _from_no_data(
        self,
        i: int,
        at: int,
        on: int,
        off: int,
        settings: Settings,
    ) -> list[StateChange]:
        """Known again: what fired before goes on as if it had been
        known all the time, what did not begins anew.
        """
        if self.over[i] == NEVER_FIRED:
            return self._resolve(i, at) + (
                self._waiting(
                    i,
                    at,
                    on,
                    settings,
                )
                if on == TRUE
                else []
            )

        self.state[i] = FIRING
        self.over[i] = 0
        ended = self._firing(
            i,
            at,
            off,
            settings,
        )
        return ended or [
            StateChange(
                i,
                at,
                AlertState.FIRING,
                int(self.since[i]),
                int(self.fired[i]),
            )
        ]

    def _rest(self, i: int) -> None:
        for name in _FIELDS:
            getattr(self, name)[i] = 0
