"""The state of the step as bytes: an ASCII magic, a version, then columns. Written each hour of event time and at a clean stop."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from engine.codec import pack, unpack
from engine.counting.counters import Track
from engine.counting.curves import Points
from engine.counting.meters import Meters, Unusual
from engine.counting.power import Powers
from engine.counting.recent import History
from engine.states import Timeline
from engine.step import Snapshot, State
from engine.tracing.graph import Graph
from engine.tracing.storage import Account, Layer
from plant.frame import Batch, Event
from plant.names import Verdict
from plant.site import Site

MAGIC = b"WLSTATE1\n"
_TRACK = (
    "ts",
    "value",
    "offset",
    "known",
    "held_ts",
    "held_value",
    "holding",
    "swap_at",
    "swap_start",
)
_POINTS = ("channel", "ts", "total", "x", "seen", "estimated", "anchor", "mark")
_HISTORY = ("amount", "seen", "estimated", "x", "total")
_BATCH = ("ts", "received", "tag", "value", "quality")


def save(state: State) -> bytes:
    """Bytes of a state."""
    arrays: dict[str, Any] = {}
    meta: dict[str, Any] = {
        "seq": state.seq,
        "wm": state.wm,
        "closed": state.closed,
        "config": state.config,
        "site": None,
    }
    if state.site is None or state.meters is None or state.states is None:
        return pack(MAGIC, meta, arrays)
    meta["site"] = msgspec.json.encode(state.site).decode()
    meta["tracks"] = [[getattr(t, n) for n in _TRACK] for t in state.meters.tracks]
    meta["late"] = state.meters.late
    meta["refused"] = state.meters.refused
    meta["states"] = state.states.changes
    meta["gaps"] = [
        [g.channel, g.ts, g.verdict.value, g.amount, g.bound, g.since] for g in state.gaps
    ]
    arrays |= {f"points.{n}": getattr(state.meters.points, n) for n in _POINTS}
    arrays["filled"] = state.meters.filled
    arrays |= {
        f"powers.{n}": getattr(state.meters.powers, n)
        for n in ("ts", "value", "forward", "reverse")
    }
    meta["events"] = [[[e.ts, e.tag, e.text] for e in b.events] for b in state.pending]
    for i, b in enumerate(state.pending):
        arrays |= {f"pending.{i}.{n}": getattr(b, n) for n in _BATCH}
    if state.history is not None:
        h = state.history
        meta["history"] = [h.first, h.window, [d.hex() for d in h.digests], h.revisions]
        arrays |= {f"history.{n}": getattr(h, n) for n in _HISTORY}
    meta["snapshots"] = []
    for i, (block, snapshot) in enumerate(state.snapshots.items()):
        meta["snapshots"].append(
            [
                block,
                [
                    [
                        [x.hour, x.energy_kwh, [[*k, v] for k, v in x.amounts.items()]]
                        for x in a.layers
                    ]
                    for a in snapshot.accounts
                ],
            ]
        )
        arrays[f"held.{i}"] = snapshot.held
    return pack(MAGIC, meta, arrays)


def load(data: bytes) -> State:
    """State of bytes; ValueError if they are none."""
    meta, arrays = unpack(MAGIC, data)
    state = State(seq=meta["seq"], wm=meta["wm"], closed=meta["closed"], config=meta["config"])
    if meta["site"] is None:
        return state
    site = msgspec.json.decode(meta["site"], type=Site)
    state.site = site
    state.graph = Graph(site)
    meters = Meters.start(site)
    meters.tracks = [Track(**dict(zip(_TRACK, row, strict=True))) for row in meta["tracks"]]
    arrays.setdefault(
        "points.mark", np.zeros(len(arrays["points.ts"]), np.int8)
    )  # states of 0.1.0 have none
    meters.points = Points(*(arrays[f"points.{n}"] for n in _POINTS))
    meters.powers = Powers(*(arrays[f"powers.{n}"] for n in ("ts", "value", "forward", "reverse")))
    meters.filled = arrays.get("filled", meters.filled)
    meters.late = meta["late"]
    meters.refused = meta["refused"]
    state.meters = meters
    state.states = Timeline([[(int(a), int(b)) for a, b in row] for row in meta["states"]])
    state.gaps = [
        Unusual(c, ts, Verdict(v), amount, bound if bound is not None else float("inf"), since)
        for c, ts, v, amount, bound, since in meta["gaps"]
    ]
    for i, events in enumerate(meta["events"]):
        columns: dict[str, Any] = {n: arrays[f"pending.{i}.{n}"] for n in _BATCH}
        state.pending.append(Batch(**columns, events=tuple(Event(*e) for e in events)))
    if "history" in meta:
        first, window, digests, revisions = meta["history"]
        kept: dict[str, Any] = {n: arrays[f"history.{n}"] for n in _HISTORY}
        state.history = History(
            first, window, **kept, digests=[bytes.fromhex(d) for d in digests], revisions=revisions
        )
    for i, (block, storages) in enumerate(meta["snapshots"]):
        accounts = [
            Account(
                s.charge_efficiency,
                s.discharge_efficiency,
                s.account == "well_mixed",
                _layers(rows),
            )
            for s, rows in zip(site.storages, storages, strict=True)
        ]
        state.snapshots[block] = Snapshot(accounts, np.asarray(arrays[f"held.{i}"]))
    return state


def _layers(rows: list[Any]) -> list[Layer]:
    return [
        Layer(hour, energy, {(int(s), int(o)): v for s, o, v in amounts})
        for hour, energy, amounts in rows
    ]
