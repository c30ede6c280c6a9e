"""The state of the step as bytes: an ASCII magic with a version, then columns.

Written each hour of event time and at a clean stop. A state that was saved and loaded again goes on
exactly as if it had never stopped: whatever `step` remembers is written here, nothing is derived
from less. A state of 0.1.0 (version 1) lacks the storages after the newest window; it is traced from
the start of its open block.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from engine.codec import pack, unpack
from engine.counting.counters import Track
from engine.counting.curves import Points
from engine.counting.meters import Meters, Unusual
from engine.counting.power import Powers
from engine.counting.recent import History
from engine.state import Booked, Running, Snapshot, State, Tail
from engine.states import Timeline
from engine.tracing.graph import Graph
from engine.tracing.storage import Account, Layer
from engine.tracing.tracing import Held
from plant.frame import Batch, Event
from plant.names import Verdict
from plant.site import Site

MAGIC = b"WLSTATE2\n"
VERSION_1 = b"WLSTATE1\n"
_TRACK = tuple(Track.__dataclass_fields__)
_POINTS = tuple(Points.__dataclass_fields__)
_POWERS = tuple(Powers.__dataclass_fields__)
_HISTORY = ("amount", "seen", "estimated", "x", "total")
_BATCH = ("ts", "received", "tag", "value", "quality")

Arrays = dict[str, npt.NDArray[np.generic]]


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
    states: list[list[tuple[int, int]]] = []
    gaps: list[_Gap] = []
    events: list[list[tuple[int, int, str]]] = []
    history: _History | None = None
    snapshots: list[tuple[int, _Storages]] = []
    tail: tuple[int, _Storages] | None = None


def save(state: State) -> bytes:
    """Bytes of a state."""
    arrays: Arrays = {}
    meta = _Meta(seq=state.seq, wm=state.wm, config=state.config)
    running = state.running
    if running is not None:
        _save_running(running, meta, arrays)
        if running.booked is not None:
            _save_booked(running.booked, meta, arrays)
    return pack(MAGIC, meta, arrays)


def _save_running(running: Running, meta: _Meta, arrays: Arrays) -> None:
    meters = running.meters
    meta.site = msgspec.json.encode(running.site).decode()
    meta.tracks = [[getattr(track, name) for name in _TRACK] for track in meters.tracks]
    meta.late = meters.late
    meta.refused = meters.refused
    meta.states = running.states.changes
    meta.gaps = [_saved_gap(gap) for gap in running.gaps]
    for name in _POINTS:
        arrays[f"points.{name}"] = getattr(meters.points, name)
    arrays["filled"] = meters.filled
    for name in _POWERS:
        arrays[f"powers.{name}"] = getattr(meters.powers, name)
    for place, rows in enumerate(running.pending):
        meta.events.append([(event.ts, event.tag, event.text) for event in rows.events])
        for name in _BATCH:
            arrays[f"pending.{place}.{name}"] = getattr(rows, name)


def _saved_gap(gap: Unusual) -> _Gap:
    bound = gap.bound if np.isfinite(gap.bound) else None
    return _Gap(gap.channel, gap.ts, gap.verdict.value, gap.amount, bound, gap.since)


def _save_booked(booked: Booked, meta: _Meta, arrays: Arrays) -> None:
    history = booked.history
    digests = [digest.hex() for digest in history.digests]
    meta.history = _History(history.first, history.window, digests, history.revisions)
    for name in _HISTORY:
        arrays[f"history.{name}"] = getattr(history, name)
    for place, (start, snapshot) in enumerate(booked.snapshots.items()):
        meta.snapshots.append((start, _saved_accounts(snapshot.accounts)))
        arrays[f"held.{place}"] = snapshot.held.mix
        arrays[f"fed.{place}"] = snapshot.held.fed_ns
    if booked.tail is not None:
        meta.tail = (booked.tail.until, _saved_accounts(booked.tail.accounts))


def _saved_accounts(accounts: list[Account]) -> _Storages:
    return [[_saved_layer(layer) for layer in account.layers] for account in accounts]


def _saved_layer(layer: Layer) -> _Layer:
    amounts = [(source, origin, amount) for (source, origin), amount in layer.amounts.items()]
    return _Layer(layer.hour, layer.energy_kwh, amounts)


def load(data: bytes) -> State:
    """State of bytes; ValueError if they are none."""
    magic = VERSION_1 if data.startswith(VERSION_1) else MAGIC
    raw, arrays = unpack(magic, data)
    meta = msgspec.convert(raw, _Meta)
    state = State(seq=meta.seq, wm=meta.wm)
    if meta.site is not None:
        site = msgspec.json.decode(meta.site, type=Site)
        state.running = _load_running(site, meta, arrays)
        state.running.booked = _load_booked(site, meta, arrays)
    return state


def _load_running(site: Site, meta: _Meta, arrays: Arrays) -> Running:
    return Running(
        site=site,
        config=meta.config,
        graph=Graph(site),
        meters=_load_meters(site, meta, arrays),
        states=Timeline([list(changes) for changes in meta.states]),
        pending=_load_pending(meta, arrays),
        gaps=[_load_gap(gap) for gap in meta.gaps],
    )


def _load_meters(site: Site, meta: _Meta, arrays: Arrays) -> Meters:
    meters = Meters.start(site)
    # states of 0.1.0 have a swap after these, which is the site's now
    meters.tracks = [Track(*row[: len(_TRACK)]) for row in meta.tracks]  # type: ignore[arg-type]
    # early states of 0.1.0 have no marks and no times of filling
    arrays.setdefault("points.mark", np.zeros(len(arrays["points.ts"]), np.int8))
    arrays.setdefault("filled", meters.filled)
    meters.points = Points(**{name: arrays[f"points.{name}"] for name in _POINTS})  # type: ignore[arg-type]
    meters.powers = Powers(**{name: arrays[f"powers.{name}"] for name in _POWERS})  # type: ignore[arg-type]
    meters.filled = arrays["filled"].astype(np.int64)
    meters.late = meta.late
    meters.refused = meta.refused
    return meters


def _load_gap(gap: _Gap) -> Unusual:
    return Unusual(
        channel=gap.channel,
        ts=gap.ts,
        verdict=Verdict(gap.verdict),
        amount=gap.amount,
        bound=float("inf") if gap.bound is None else gap.bound,
        since=gap.since,
    )


def _load_pending(meta: _Meta, arrays: Arrays) -> list[Batch]:
    pending = []
    for place, said in enumerate(meta.events):
        columns = {name: arrays[f"pending.{place}.{name}"] for name in _BATCH}
        events = tuple(Event(*event) for event in said)
        pending.append(Batch(**columns, events=events))  # type: ignore[arg-type]
    return pending


def _load_booked(site: Site, meta: _Meta, arrays: Arrays) -> Booked | None:
    if meta.history is None:
        return None
    columns = {name: arrays[f"history.{name}"] for name in _HISTORY}
    history = History(
        first=meta.history.first,
        window=meta.history.window,
        digests=[bytes.fromhex(digest) for digest in meta.history.digests],
        revisions=meta.history.revisions,
        **columns,  # type: ignore[arg-type]
    )
    booked = Booked(history)
    for place, (start, storages) in enumerate(meta.snapshots):
        mix = arrays[f"held.{place}"].astype(np.float64)
        # Before buses let go what they held, nobody noted when they were fed: take it for just now.
        just_now = np.full(len(mix), start, np.int64)
        held = Held(mix, arrays.get(f"fed.{place}", just_now).astype(np.int64))
        booked.snapshots[start] = Snapshot(_load_accounts(site, storages), held)
    if meta.tail is not None:
        until, storages = meta.tail
        booked.tail = Tail(until, _load_accounts(site, storages))
    return booked


def _load_accounts(site: Site, storages: _Storages) -> list[Account]:
    accounts = []
    for storage, layers in zip(site.storages, storages, strict=True):
        account = Account(
            storage.charge_efficiency,
            storage.discharge_efficiency,
            mixed=storage.account == "well_mixed",
            layers=[_load_layer(layer) for layer in layers],
        )
        accounts.append(account)
    return accounts


def _load_layer(layer: _Layer) -> Layer:
    amounts = {(source, origin): amount for source, origin, amount in layer.amounts}
    return Layer(layer.hour, layer.energy_kwh, amounts)
