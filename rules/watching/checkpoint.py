"""The state of the rules as bytes, and back: into the same rules, or into others, which take over
what they have in common with the old ones.

Rings are carried over by subject and column, instances by rule, meaning and subject. Where rules
changed, corrections of windows before the change are no longer judged anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.codec import pack, unpack
from rules.alert import AlertState
from rules.watching.machine import Change
from rules.watching.ring import Ring
from rules.watching.step import Noted, RuleState
from rules.watching.view import View

MAGIC = b"WLRULES1\n"
_MACHINE = ("state", "since", "over", "gap", "fired")
_SNAPSHOT = ("index", *_MACHINE)
_CHANGE = ("instance", "at", "state", "since", "fired")


def save(state: RuleState, rings: bool = True) -> bytes:
    """Bytes of a state; without `rings` what rules remember, but not what they saw."""
    arrays: dict[str, Any] = {f"machine.{n}": getattr(state.machine, n) for n in _MACHINE}
    meta: dict[str, Any] = {
        "newest": state.newest,
        "dirty": state.dirty,
        "keys": state.rules.keys,
        "views": {},
    }
    for per, view in state.views.items() if rings else ():
        ring = view.ring
        held = ring.row(ring.newest) + 1 if ring.newest >= 0 else 0
        arrays[f"{per}.recent"] = ring.recent[:held]
        arrays[f"{per}.hours"] = ring.hours
        meta["views"][per] = [
            ring.first,
            ring.newest,
            ring.first_hour,
            view.measures.columns,
            view.subjects,
        ]

    starts = sorted(state.before) if rings else []
    arrays["before.start"] = np.array(starts, np.int64)
    arrays["before.count"] = np.array(
        [len(state.before[s]["index"]) for s in starts],
        np.int64,
    )
    for name in _SNAPSHOT:
        arrays[f"before.{name}"] = np.concatenate(
            [np.zeros(0, np.int64), *(state.before[s][name] for s in starts)]
        )

    meta["noted"] = [
        [
            *(getattr(n.change, f) for f in _CHANGE),
            n.value,
            n.limit,
        ]
        for n in state.noted
        if rings
    ]
    return pack(MAGIC, meta, arrays)


def load(data: bytes, state: RuleState) -> RuleState:
    """Put what was saved into a started state; it is returned."""
    meta, arrays = unpack(MAGIC, data)
    state.newest = meta["newest"]
    state.dirty = meta["dirty"]
    for per, saved in meta["views"].items():
        if per in state.views:
            _ring(
                state.views[per],
                saved,
                arrays[f"{per}.recent"],
                arrays[f"{per}.hours"],
            )

    if tuple(meta["keys"]) == state.rules.keys:
        _same(state, meta, arrays)
    else:
        _others(state, meta["keys"], arrays)

    return state


def _ring(
    view: View,
    saved: list[Any],
    recent: Any,
    hours: Any,
) -> None:
    first, newest, first_hour, columns, subjects = saved
    ring: Ring = view.ring
    ring.first = first
    ring.newest = newest
    ring.first_hour = first_hour
    if tuple(columns) == view.measures.columns and tuple(subjects) == view.subjects:
        ring.recent = recent
        ring.hours = hours if ring.long else ring.hours
        return

    pairs = [(i, columns.index(c)) for i, c in enumerate(view.measures.columns) if c in columns]
    places = [(i, subjects.index(s)) for i, s in enumerate(view.subjects) if s in subjects]
    ring.recent = _fit(
        recent,
        ring,
        pairs,
        places,
    )
    if ring.long and len(pairs) == len(
        view.measures.columns
    ):  # hours without a column would be zeros of it
        ring.hours = np.nan_to_num(
            _fit(
                hours,
                ring,
                pairs,
                places,
            )
        )


def _fit(
    values: Any,
    ring: Ring,
    columns: list[tuple[int, int]],
    subjects: list[tuple[int, int]],
) -> Any:
    """Values by the columns and subjects that are wanted now; NaN for what was not kept."""
    out = np.full((len(values), ring.columns, ring.subjects), np.nan)
    for new_column, old_column in columns:
        for new_subject, old_subject in subjects:
            out[:, new_column, new_subject] = values[:, old_column, old_subject]

    return out


def _same(
    state: RuleState,
    meta: Any,
    arrays: dict[str, Any],
) -> None:
    for name in _MACHINE:
        setattr(state.machine, name, arrays[f"machine.{name}"])

    ends = np.cumsum(arrays["before.count"])
    for start, count, end in zip(
        arrays["before.start"],
        arrays["before.count"],
        ends,
        strict=True,
    ):
        state.before[int(start)] = {n: arrays[f"before.{n}"][end - count : end] for n in _SNAPSHOT}

    for instance, at, word, since, fired, value, limit in meta["noted"]:
        state.noted.append(
            Noted(
                Change(
                    instance,
                    at,
                    AlertState(word),
                    since,
                    fired,
                ),
                value,
                limit,
            )
        )


def _others(
    state: RuleState,
    keys: list[str],
    arrays: dict[str, Any],
) -> None:
    was = {key: i for i, key in enumerate(keys)}
    pairs = [(i, was[key]) for i, key in enumerate(state.rules.keys) if key in was]
    new = np.array([p[0] for p in pairs], np.int64)
    old = np.array([p[1] for p in pairs], np.int64)
    for name in _MACHINE:
        getattr(state.machine, name)[new] = arrays[f"machine.{name}"][old]

    state.dirty = None
