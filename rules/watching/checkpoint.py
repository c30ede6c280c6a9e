"""The state of the rules as bytes, and back: into the same rules, or into others, which take over
what they have in common with the old ones.

Rings are carried over by subject and column, instances by rule, meaning and subject. Where rules
changed, corrections of windows before the change are no longer judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.codec import pack, unpack
from rules.alert import AlertState
from rules.watching.machine import StateChange
from rules.watching.ring import Ring
from rules.watching.step import Noted, RuleState
from rules.watching.view import View

Array: TypeAlias = npt.NDArray[Any]
MAGIC: Final = b"WLRULES1\n"
_MACHINE = ("state", "since", "over", "gap", "fired")
_SNAPSHOT = ("index", *_MACHINE)
_CHANGE = ("instance", "at", "state", "since", "fired")


def save(state: RuleState, rings: bool = True) -> bytes:
    """Bytes of a state; without `rings` what rules remember, but not what they saw."""
    arrays: dict[str, Array] = {}
    for name in _MACHINE:
        arrays[f"machine.{name}"] = getattr(state.machine, name)

    views: dict[str, object] = {}
    noted: list[object] = []
    starts: list[int] = []
    if rings:
        starts = sorted(state.before)
        noted = [_saved_change(change) for change in state.noted]
        for per, view in state.views.items():
            views[per] = _saved_view(per, view, arrays)

    # Snapshots of all windows one behind the other; the counts say where each ends.
    snapshots = [state.before[start] for start in starts]
    counts = [len(saved["index"]) for saved in snapshots]
    arrays["before.start"] = np.array(starts, np.int64)
    arrays["before.count"] = np.array(counts, np.int64)
    nothing = np.zeros(0, np.int64)
    for name in _SNAPSHOT:
        columns = [saved[name] for saved in snapshots]
        arrays[f"before.{name}"] = np.concatenate([nothing, *columns])

    meta = {
        "newest": state.newest,
        "dirty": state.dirty,
        "keys": state.rules.keys,
        "views": views,
        "noted": noted,
    }
    return pack(MAGIC, meta, arrays)


def _saved_change(noted: Noted) -> list[object]:
    """One row of history."""
    fields = [getattr(noted.change, name) for name in _CHANGE]
    return [
        *fields,
        noted.value,
        noted.limit,
    ]


def _saved_view(
    per: str,
    view: View,
    arrays: dict[str, Array],
) -> list[object]:
    """What a kind of subject has seen; its numbers go into `arrays`."""
    ring = view.ring
    held = 0
    if ring.newest >= 0:
        held = ring.row(ring.newest) + 1

    arrays[f"{per}.recent"] = ring.recent[:held]
    arrays[f"{per}.hours"] = ring.hours
    return [
        ring.first,
        ring.newest,
        ring.first_hour,
        view.measures.columns,
        view.subjects,
    ]


def load(data: bytes, state: RuleState) -> RuleState:
    """Put what was saved into a started state; it is returned."""
    meta, arrays = unpack(MAGIC, data)
    state.newest = meta["newest"]
    state.dirty = meta["dirty"]
    for per, saved in meta["views"].items():
        if per in state.views:
            recent = arrays[f"{per}.recent"]
            hours = arrays[f"{per}.hours"]
            _ring(
                state.views[per],
                saved,
                recent,
                hours,
            )

    if tuple(meta["keys"]) == state.rules.keys:
        _same(state, meta["noted"], arrays)
    else:
        _others(state, meta["keys"], arrays)

    return state


def _ring(
    view: View,
    saved: list[Any],
    recent: Array,
    hours: Array,
) -> None:
    """Put the past of one kind of subject back: as it was, or what is still wanted of it."""
    ring: Ring = view.ring
    ring.first, ring.newest, ring.first_hour, columns, subjects = saved
    wanted = view.measures.columns
    is_same = tuple(columns) == wanted and tuple(subjects) == view.subjects
    if is_same:
        ring.recent = recent
        if ring.long:
            ring.hours = hours

        return

    column_of = _places(wanted, columns)
    subject_of = _places(view.subjects, subjects)
    ring.recent = _fit(
        recent,
        ring,
        column_of,
        subject_of,
    )
    # Hours without a column would be zeros of it.
    if ring.long and len(column_of) == len(wanted):
        ring.hours = np.nan_to_num(
            _fit(
                hours,
                ring,
                column_of,
                subject_of,
            )
        )


def _places(wanted: Sequence[str], saved: Sequence[str]) -> dict[int, int]:
    """Where each wanted name stood, by where it stands now; those that are new are left out."""
    was = {name: place for place, name in enumerate(saved)}
    found: dict[int, int] = {}
    for place, name in enumerate(wanted):
        if name in was:
            found[place] = was[name]

    return found


def _fit(
    values: Array,
    ring: Ring,
    columns: Mapping[int, int],
    subjects: Mapping[int, int],
) -> Array:
    """Values by the columns and subjects that are wanted now; NaN for what was not kept."""
    shape = (len(values), ring.columns, ring.subjects)
    fitted = np.full(shape, np.nan)
    for column, old_column in columns.items():
        for subject, old_subject in subjects.items():
            fitted[:, column, subject] = values[:, old_column, old_subject]

    return fitted


def _same(
    state: RuleState,
    noted: list[list[Any]],
    arrays: Mapping[str, Array],
) -> None:
    """The same rules on the same subjects: all of it goes on."""
    for name in _MACHINE:
        setattr(state.machine, name, arrays[f"machine.{name}"])

    end = 0
    starts = arrays["before.start"].tolist()
    counts = arrays["before.count"].tolist()
    for start, count in zip(
        starts,
        counts,
        strict=True,
    ):
        begin = end
        end += count
        snapshot = {}
        for name in _SNAPSHOT:
            snapshot[name] = arrays[f"before.{name}"][begin:end]

        state.before[start] = snapshot

    for instance, at_ns, word, since, fired, value, limit in noted:
        change = StateChange(
            instance=instance,
            at=at_ns,
            state=AlertState(word),
            since=since,
            fired=fired,
        )
        state.noted.append(Noted(change, value, limit))


def _others(
    state: RuleState,
    keys: Sequence[str],
    arrays: Mapping[str, Array],
) -> None:
    """Other rules or subjects: what they have in common with the old ones goes on."""
    was = _places(state.rules.keys, keys)
    new = np.array(list(was.keys()), np.int64)
    old = np.array(list(was.values()), np.int64)
    for name in _MACHINE:
        column = getattr(state.machine, name)
        saved = arrays[f"machine.{name}"]
        column[new] = saved[old]

    state.dirty = None
