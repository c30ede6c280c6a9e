"""Channels without a counter: their total is the integral of power itself."""

from __future__ import annotations

import numpy as np

from engine.counting.absorbed import ONWARD, Absorbed, Span
from engine.counting.curves import S_PER_NS, Points, read_in_time
from engine.counting.meters import Meters
from engine.counting.power import Samples
from plant.arrays import Floats, Ints


def integrate_powers(
    meters: Meters,
    samples: Samples,
    out: Absorbed,
) -> None:
    """Append the new samples to the curves of channels that have power and no counter."""
    layout = meters.layout
    for channel in np.flatnonzero(layout.by_power):
        rows = (samples.meter == layout.meter[channel]) & samples.fresh
        if not rows.any():
            continue

        running = samples.reverse if layout.reverse[channel] else samples.forward
        mine = meters.points.of(int(channel))
        is_new = mine.start == mine.stop
        before_ts = samples.ts[rows][0] if is_new else meters.points.ts[mine][-1]
        seen_before = 0.0 if is_new else meters.points.seen[mine][-1]
        ts = samples.ts[rows]
        elapsed = np.diff(ts, prepend=before_ts)
        # As for counters: what lies between two samples that are too far apart was not seen.
        seen_ns = np.where(elapsed <= layout.gap_ns[channel], elapsed, 0)
        added = _points(int(channel), ts, running[rows])
        added.seen = seen_before + np.cumsum(seen_ns) * S_PER_NS
        meters.points = meters.points.with_rows(added)
        if not is_new and ts[0] <= out.closed:
            out.changed.append(Span(int(channel), int(before_ts), ONWARD))


def _points(
    channel: int,
    ts: Ints,
    total: Floats,
) -> Points:
    """Points of a channel whose total is an integral: each sizes energy, none is estimated."""
    count = len(ts)
    return Points(
        channel=np.full(count, channel),
        ts=ts,
        total=total,
        integral=np.full(count, np.nan),
        seen=np.zeros(count),
        estimated=np.zeros(count),
        anchor=np.ones(count, bool),
        mark=read_in_time(count),
    )
