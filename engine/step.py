"""`step(state, frame) -> (state, out)`: everything between readings and books.

No clock, no I/O, no globals. A frame is folded here: readings wait in the state until their windows
close (`engine.closing`), control frames change the plant (`engine.plant_change`).
"""

from __future__ import annotations

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
from plant.units import SECOND_NS


def step(state: State, frame: Frame) -> tuple[State, Out]:
    """Fold one frame into `state`, which is moved in place and returned.

    A frame that was folded before changes nothing, so a replay may begin anywhere.
    """
    out = Out()
    header = frame.header
    was_folded = header.seq != 0 and header.seq <= state.seq
    if was_folded:
        return state, out

    state.seq = header.seq
    if header.kind == Kind.CONTROL:
        _control(state, frame, out)
    elif state.running is not None:
        _keep(state.running, frame)

    state.wm = max(state.wm, header.wm)
    if state.running is not None:
        _advance(state.running, state.wm, out)

    return state, out


def _keep(running: Running, frame: Frame) -> None:
    """Let the readings of a frame wait for the close of their windows."""
    is_heartbeat = not len(frame) and not frame.events
    if not is_heartbeat:
        running.pending.append(running.meters.of_use(frame))


def _control(
    state: State,
    frame: Frame,
    out: Out,
) -> None:
    """Put the site of a control frame in force, if it is another."""
    site = decode_control(frame.control).site
    if site is None or config_hash(site) == state.config:
        return

    state.running = take_site(state.running, site)
    out.site = site


def _advance(
    running: Running,
    watermark: int,
    out: Out,
) -> None:
    """Close every window whose grace is over at the watermark, ns UTC."""
    if running.booked is None:
        running.booked = _begin(running)

    if running.booked is None:
        return

    history = running.booked.history
    grace = round(running.site.grace_s * SECOND_NS)
    last = (watermark - grace) // history.window * history.window
    if last > history.end:
        close_windows(
            running,
            running.booked,
            last,
            out,
        )


def _begin(running: Running) -> Booked | None:
    """Books begin with the window of the first reading; None while there is none."""
    earliest = [int(rows.ts.min()) for rows in running.pending if len(rows)]
    first = min(earliest, default=0)
    if not first:
        return None

    site = running.site
    window = round(site.window_s * SECOND_NS)
    start = first - first % window
    history = History.start(
        start,
        window,
        channels=len(site.channels),
        meters=len(site.meters),
    )
    opening = Snapshot(
        opening_accounts(site),
        nothing_held(running.graph),
    )
    return Booked(
        history,
        {block_start(running.graph, start): opening},
    )
