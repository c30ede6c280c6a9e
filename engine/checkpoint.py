"""The state of the step as bytes: an ASCII magic with a version, then columns.

Written each hour of event time and at a clean stop. A state that was saved and loaded again goes on
exactly as if it had never stopped: whatever `step` remembers is written here, nothing is derived
from less. A state of 0.1.0 (version 1) lacks the storages after the newest window; it is traced
from the start of its open block.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from engine.codec import Column, pack, unpack
from engine.counting.absorbed import Unusual
from engine.counting.counters import Track
from engine.counting.curves import Points
from engine.counting.meters import Meters
from engine.counting.power import Powers
from engine.counting.recent import History
from engine.state import Booked, Running, Snapshot, State, Tail, empty_account
from engine.states import Change, Timeline
from engine.tracing.graph import Graph
from engine.tracing.storage import Account, Layer
from engine.tracing.tracing import Held
from plant.frame import Batch, Event
from plant.names import Verdict
from plant.site import Site

MAGIC = b"WLSTATE2\n"
VERSION_1 = b"WLSTATE1\n"

Arrays = dict[str, Column]

_TRACK = ("ts", "value", "offset", "known", "held_ts", "held_value", "holding")
_POINTS = ("channel", "ts", "total", "integral", "seen", "estimated", "anchor", "mark")
_POWERS = ("ts", "value", "forward", "reverse")
_HISTORY = ("amount", "seen", "estimated", "integrals", "total")
_BATCH = ("ts", "received", "tag", "value", "quality")
_SAVED_AS = {"integral": "x", "integrals": "x"}
"""Columns that have another name in the bytes, which must go on to be read."""


class _Gap(msgspec.Struct, array_like=True):
    """A gap that is not shaped yet; no bound is None."""

    channel: int
    ts: int
    verdict: str
    amount: float
    bound: float | None
    since: int


class _Layer(msgspec.Struct, array_like=True):
    """A layer of a storage: its hour, energy, and amounts as (source, origin hour, amount)."""

    hour: int
    energy_kwh: float
    amounts: list[tuple[int, int, float]]


_Storages = list[list[_Layer]]


class _History(msgspec.Struct, array_like=True):
    """What goes with the columns of the history."""

    first: int
    window: int
    digests: list[str]
    revisions: list[int]


class _Meta(msgspec.Struct):
    """All that is no column."""

    seq: int
    wm: int
    config: str = ""
    site: str | None = None
    tracks: list[list[float | int | bool]] = []
    late: int = 0
    refused: int = 0
    states: list[list[Change]] = []
    gaps: list[_Gap] = []
    events: list[list[Event]] = []
    history: _History | None = None
    snapshots: list[tuple[int, _Storages]] = []
    tail: tuple[int, _Storages] | None = None


def save(state: State) -> bytes:
    """Bytes of a state."""
    arrays: Arrays = {}
    meta = _Meta(
        seq=state.seq,
        wm=state.wm,
        config=state.config,
    )
    running = state.running
    if running is not None:
        _save_running(running, meta, arrays)
        if running.booked is not None:
            _save_booked(running.booked, meta, arrays)

    return pack(MAGIC, meta, arrays)


def load(data: bytes) -> State:
    """State of bytes; ValueError if they are none."""
    magic = VERSION_1 if data.startswith(VERSION_1) else MAGIC
    raw, arrays = unpack(magic, data)
    meta = msgspec.convert(raw, _Meta)
    state = State(
        seq=meta.seq,
        wm=meta.wm,
    )
    if meta.site is not None:
        site = msgspec.json.decode(meta.site, type=Site)
        state.running = _load_running(site, meta, arrays)
        state.running.booked = _load_booked(site, meta, arrays)

    return state


# Columns: each stands under the name of its table.


def _save_columns(
    arrays: Arrays,
    table: str,
    names: tuple[str, ...],
    columns: object,
) -> None:
    """Put columns of a table, which are attributes of `columns`, among the arrays."""
    for name in names:
        saved_as = _SAVED_AS.get(name, name)
        arrays[f"{table}.{saved_as}"] = getattr(columns, name)


def _load_columns(
    arrays: Arrays,
    table: str,
    names: tuple[str, ...],
) -> dict[str, Any]:
    """Columns by name, as the fields of the dataclass that they make."""
    columns = {}
    for name in names:
        saved_as = _SAVED_AS.get(name, name)
        columns[name] = arrays[f"{table}.{saved_as}"]

    return columns


# What runs: counters, their curves, readings that wait.


def _save_running(
    running: Running,
    meta: _Meta,
    arrays: Arrays,
) -> None:
    """Add what runs to `meta` and `arrays`."""
    meta.site = msgspec.json.encode(running.site).decode()
    meta.states = running.states.changes
    meta.gaps = [_saved_gap(gap) for gap in running.gaps]
    _save_meters(running.meters, meta, arrays)
    for place, rows in enumerate(running.pending):
        meta.events.append(list(rows.events))
        _save_columns(
            arrays,
            f"pending.{place}",
            _BATCH,
            rows,
        )


def _load_running(
    site: Site,
    meta: _Meta,
    arrays: Arrays,
) -> Running:
    """What runs, for the `site` in force."""
    return Running(
        site=site,
        config=meta.config,
        graph=Graph(site),
        meters=_load_meters(site, meta, arrays),
        states=Timeline(meta.states),
        pending=_load_pending(meta, arrays),
        gaps=[_loaded_gap(gap) for gap in meta.gaps],
    )


def _save_meters(
    meters: Meters,
    meta: _Meta,
    arrays: Arrays,
) -> None:
    """Add the counters and their curves."""
    for track in meters.tracks:
        meta.tracks.append([getattr(track, name) for name in _TRACK])

    meta.late = meters.late
    meta.refused = meters.refused
    _save_columns(
        arrays,
        "points",
        _POINTS,
        meters.points,
    )
    arrays["filled"] = meters.filled
    _save_columns(
        arrays,
        "powers",
        _POWERS,
        meters.powers,
    )


def _load_meters(
    site: Site,
    meta: _Meta,
    arrays: Arrays,
) -> Meters:
    """Counters and curves as they were saved."""
    meters = Meters.start(site)
    # Early states of 0.1.0 have no marks and no times of filling.
    no_marks = np.zeros(len(arrays["points.ts"]), np.int8)
    arrays.setdefault("points.mark", no_marks)
    arrays.setdefault("filled", meters.filled)
    meters.tracks = [_loaded_track(saved) for saved in meta.tracks]
    meters.points = Points(**_load_columns(arrays, "points", _POINTS))
    meters.powers = Powers(**_load_columns(arrays, "powers", _POWERS))
    meters.filled = arrays["filled"].astype(np.int64)
    meters.late = meta.late
    meters.refused = meta.refused
    return meters


def _loaded_track(saved: list[float | int | bool]) -> Track:
    """Where one counter stands."""
    # States of 0.1.0 have a swap behind these, which is the site's now: it is left out.
    fields: dict[str, Any] = dict(
        zip(
            _TRACK,
            saved,
            strict=False,
        )
    )
    return Track(**fields)


def _saved_gap(gap: Unusual) -> _Gap:
    """A gap as it is saved; JSON has no infinity, so no bound is null."""
    return _Gap(
        channel=gap.channel,
        ts=gap.ts,
        verdict=gap.verdict.value,
        amount=gap.amount,
        bound=gap.bound if math.isfinite(gap.bound) else None,
        since=gap.since,
    )


def _loaded_gap(gap: _Gap) -> Unusual:
    """A gap as it was saved."""
    return Unusual(
        channel=gap.channel,
        ts=gap.ts,
        verdict=Verdict(gap.verdict),
        amount=gap.amount,
        bound=float("inf") if gap.bound is None else gap.bound,
        since=gap.since,
    )


def _load_pending(meta: _Meta, arrays: Arrays) -> list[Batch]:
    """Readings that wait for their windows to close."""
    pending = []
    for place, events in enumerate(meta.events):
        columns = _load_columns(arrays, f"pending.{place}", _BATCH)
        pending.append(
            Batch(
                **columns,
                events=tuple(events),
            )
        )

    return pending


# What was booked: windows, and storages at the starts of blocks.


def _save_booked(
    booked: Booked,
    meta: _Meta,
    arrays: Arrays,
) -> None:
    """Add the windows that are kept, and the storages at the starts of their blocks."""
    history = booked.history
    meta.history = _History(
        first=history.first,
        window=history.window,
        digests=[digest.hex() for digest in history.digests],
        revisions=history.revisions,
    )
    _save_columns(
        arrays,
        "history",
        _HISTORY,
        history,
    )
    for place, (start, snapshot) in enumerate(booked.snapshots.items()):
        storages = _saved_accounts(snapshot.accounts)
        meta.snapshots.append((start, storages))
        arrays[f"held.{place}"] = snapshot.held.mix
        arrays[f"fed.{place}"] = snapshot.held.fed_ns

    if booked.tail is not None:
        storages = _saved_accounts(booked.tail.accounts)
        meta.tail = (booked.tail.until, storages)


def _load_booked(
    site: Site,
    meta: _Meta,
    arrays: Arrays,
) -> Booked | None:
    """What was booked; None where nothing was."""
    if meta.history is None:
        return None

    history = History(
        first=meta.history.first,
        window=meta.history.window,
        digests=[bytes.fromhex(digest) for digest in meta.history.digests],
        revisions=meta.history.revisions,
        **_load_columns(arrays, "history", _HISTORY),
    )
    booked = Booked(history)
    for place, (start, storages) in enumerate(meta.snapshots):
        booked.snapshots[start] = Snapshot(
            accounts=_loaded_accounts(site, storages),
            held=_load_held(arrays, place, start),
        )

    if meta.tail is not None:
        until, storages = meta.tail
        booked.tail = Tail(until, _loaded_accounts(site, storages))

    return booked


def _load_held(
    arrays: Arrays,
    place: int,
    start: int,
) -> Held:
    """What buses carried at the `start` of a block."""
    mix = arrays[f"held.{place}"].astype(np.float64)
    # Before buses let go what they held, nobody noted when they were fed: take it for just now.
    just_now = np.full(len(mix), start, np.int64)
    fed_ns = arrays.get(f"fed.{place}", just_now).astype(np.int64)
    return Held(mix, fed_ns)


def _saved_accounts(accounts: list[Account]) -> _Storages:
    """The layers of each storage."""
    storages = []
    for account in accounts:
        storages.append([_saved_layer(layer) for layer in account.layers])

    return storages


def _loaded_accounts(site: Site, storages: _Storages) -> list[Account]:
    """The accounts of the storages of a site, with their layers."""
    accounts = []
    for storage, layers in zip(
        site.storages,
        storages,
        strict=True,
    ):
        account = empty_account(storage)
        account.layers = [_loaded_layer(layer) for layer in layers]
        accounts.append(account)

    return accounts


def _saved_layer(layer: Layer) -> _Layer:
    """A layer as it is saved."""
    amounts = []
    for (source, origin), amount in layer.amounts.items():
        amounts.append((source, origin, amount))

    return _Layer(layer.hour, layer.energy_kwh, amounts)


def _loaded_layer(saved: _Layer) -> Layer:
    """A layer as it was saved."""
    amounts = {}
    for source, origin, amount in saved.amounts:
        amounts[(source, origin)] = amount

    return Layer(saved.hour, saved.energy_kwh, amounts)
