"""`step(state, window)`: one window of the books in, changes of alerts out. Live running, back-test
and rule tests are this one function.

A window that was there before is a correction: the machine goes back to before it and runs again up
to the newest, when the next window comes. What turns out otherwise than it was known then is marked
late, so history has both, and the same journal gives the same history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats
from rules.watching.machine import FIRING, NO_DATA, Machine, StateChange
from rules.watching.ruleset import RuleSet
from rules.watching.view import View

Snapshot = dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class RuleWindow:
    """One window in one revision: columns [columns, subjects] by kind of subject. Times in ns."""

    start: int
    rows: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Noted:
    """A change as history keeps it.

    `late`: found out after the window had been judged.
    `withdrawn`: it had been noted, and was not so.
    """

    change: StateChange
    value: float | None
    limit: float | None
    late: bool = False
    withdrawn: bool = False


@dataclass(slots=True)
class RuleState:
    """All that `step` remembers.

    `corrects`: windows may come again (books do, newest values do not). `before` holds the machine
    as it was before each window that may still be corrected.
    """

    rules: RuleSet
    views: dict[str, View]
    machine: Machine
    window: int
    corrects: bool = True
    newest: int = -1
    dirty: int | None = None
    before: dict[int, Snapshot] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)


def start(
    rules: RuleSet,
    views: dict[str, View],
    window_ns: int,
) -> RuleState:
    """Before the first window."""
    return RuleState(
        rules,
        views,
        Machine.start(rules.size),
        window_ns,
    )


def step(state: RuleState, window: RuleWindow) -> list[Noted]:
    """Fold one window into `state` (which is moved in place);
    everything that history gets to know by it.
    """
    is_held = False
    for per, view in state.views.items():
        if view.ring.put(window.start, window.rows[per]):
            is_held = True

    if window.start <= state.newest:
        if state.corrects and is_held and window.start in state.before:
            oldest = state.dirty or window.start
            state.dirty = min(oldest, window.start)

        return []

    found = []
    if state.dirty is not None:
        found += _again(state)

    state.newest = window.start
    found += _judge(state, window.start)
    _forget(state)
    return found


def _judge(state: RuleState, start_ns: int) -> list[Noted]:
    """Evaluate all rules at the end of one window."""
    if state.corrects:
        state.before[start_ns] = state.machine.snapshot()

    for view in state.views.values():
        view.move(start_ns)

    at = start_ns + state.window
    on, off = state.rules.truth(
        state.views,
        at,
        state.machine.state >= FIRING,
    )
    changes = state.machine.step(
        at,
        on,
        off,
        state.rules.settings,
    )
    noted = []
    for change in changes:
        value, limit = state.rules.shown(change.instance, state.views)
        noted.append(Noted(change, value, limit))

    if state.corrects:
        state.noted += noted

    return noted


def _again(state: RuleState) -> list[Noted]:
    """Run again from the oldest corrected window to the newest;
    what differs from what was noted is late.
    """
    since = state.dirty
    assert since is not None
    state.dirty = None
    for view in state.views.values():
        view.corrected()

    old = {_key(seen.change): seen for seen in state.noted if seen.change.at > since}
    state.noted = [seen for seen in state.noted if seen.change.at <= since]
    state.machine.restore(state.before[since])
    new: list[Noted] = []
    for start_ns in sorted(begun for begun in state.before if begun >= since):
        new += _judge(state, start_ns)

    there = {_key(seen.change) for seen in new}
    gone = [
        Noted(
            seen.change,
            seen.value,
            seen.limit,
            late=True,
            withdrawn=True,
        )
        for key, seen in old.items()
        if key not in there
    ]
    late = [
        Noted(
            seen.change,
            seen.value,
            seen.limit,
            late=True,
        )
        for seen in new
        if _key(seen.change) not in old
    ]
    return sorted(
        [*gone, *late],
        key=lambda seen: (seen.change.at, seen.change.instance),
    )


def _key(change: StateChange) -> tuple[int, int, str]:
    return change.instance, change.at, change.state


def _forget(state: RuleState) -> None:
    """Corrections reach back as far as windows are held."""
    for view in state.views.values():
        view.ring.trim()

    rings = [view.ring for view in state.views.values()]
    oldest = max((ring.first for ring in rings if ring.newest >= 0), default=0)
    if not state.before or min(state.before) >= oldest:
        return

    for begun in list(state.before):
        if begun < oldest:
            del state.before[begun]

    state.noted = [noted for noted in state.noted if noted.change.at > oldest]


@dataclass(frozen=True, slots=True)
class StillFiring:
    """An instance that fires now, or has no data. Times are event time in ns."""

    index: int
    no_data: bool
    since_ns: int
    fired_ns: int


def firing(state: RuleState) -> list[StillFiring]:
    """Instances that fire or have no data now."""
    machine = state.machine
    is_up = (machine.state == FIRING) | (machine.state == NO_DATA)
    found = []
    for index in np.flatnonzero(is_up).tolist():
        instance = StillFiring(
            index=index,
            no_data=bool(machine.state[index] == NO_DATA),
            since_ns=int(machine.since[index]),
            fired_ns=int(machine.fired[index]),
        )
        found.append(instance)

    return found
