"""`step(state, frame) -> (state, out)`: everything between readings and books.

No clock, no I/O, no globals. A frame is folded here: readings wait in the state until their windows
close (`engine.closing`), control frames change the plant
(`engine.plant_change`).
"""

from __future__ import annotations

import numpy as np

from engine.closing import close_windows
from engine.counting.recent import History
from engine.out import Out
from engine.plant_change import take_site
from engine.state import (
    Booked,
    Running,
    Snapshot,
    State,
    block_start,
    nothing_held,
    opening_accounts,
)
from plant.frame import Frame, Kind
from plant.site import config_hash, decode_control


def step(state: State, frame: Frame) -> tuple[State, Out]:
    """Fold one frame into `state`, which is moved in place and returned.

    A frame that was folded before changes nothing, so a replay may begin anywhere.
    """
    out = Out()
    header = frame.header
    if header.seq and header.seq <= state.seq:
        return state, out
    state.seq = header.seq
    if header.kind == Kind.CONTROL:
        _control(state, frame, out)
    elif state.running is not None and (len(frame) or frame.events):
        state.running.pending.append(state.running.meters.of_use(frame))
    state.wm = max(state.wm, header.wm)
    if state.running is not None:
        _advance(state.running, state.wm, out)
    return state, out


def _control(state: State, frame: Frame, out: Out) -> None:
    control = decode_control(frame.control)
    if control.site is not None and config_hash(control.site) != state.config:
        state.running = take_site(state.running, control.site)
        out.site = control.site


def _advance(running: Running, wm: int, out: Out) -> None:
    """Close every window whose grace is over at watermark `wm`."""
    if running.booked is None:
        running.booked = _begin(running)
    if running.booked is None:
        return
    window = running.booked.history.window
    grace = round(running.site.grace_s * 1e9)
    last = (wm - grace) // window * window
    if last > running.booked.history.end:
        close_windows(running, running.booked, last, out)


def _begin(running: Running) -> Booked | None:
    """Books begin with the window of the first reading; None while there is none."""
    first = min((int(rows.ts.min()) for rows in running.pending if len(rows)), default=0)
    if not first:
        return None
    window = round(running.site.window_s * 1e9)
    start = first - first % window
    power_unknown = np.full((1, len(running.site.meters), 2), np.nan)
    history = History.start(start, window, len(running.site.channels), power_unknown)
    opening = Snapshot(opening_accounts(running.site), nothing_held(running.graph))
    return Booked(history, {block_start(running.graph, start): opening})
