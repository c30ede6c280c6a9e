"""Channels without a counter: their total is the integral of power itself."""

from __future__ import annotations

from typing import NamedTuple

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
    for place in np.flatnonzero(layout.by_power):
        channel = int(place)
        of_meter = samples.meter == layout.meter[channel]
        rows = of_meter & samples.fresh
        if not rows.any():
            continue

        ts = samples.ts[rows]
        standing = _standing(meters.points, channel)
        before_ts = ts[0] if standing is None else standing.ts
        seen_before_s = 0.0 if standing is None else standing.seen_s
        elapsed = np.diff(ts, prepend=before_ts)
        # As for counters: what lies between two samples that are too far apart was not seen.
        is_seen = elapsed <= layout.gap_ns[channel]
        seen_ns = np.where(is_seen, elapsed, 0)

        running = samples.reverse if layout.reverse[channel] else samples.forward
        added = _points(channel, ts, running[rows])
        added.seen = seen_before_s + np.cumsum(seen_ns) * S_PER_NS
        meters.points = meters.points.with_rows(added)
        if standing is not None and ts[0] <= out.closed:
            changed = Span(
                channel=channel,
                since=standing.ts,
                until=ONWARD,
            )
            out.changed.append(changed)


class _Standing(NamedTuple):
    """The newest point of a curve: its time, ns UTC, and the seconds seen up to it."""

    ts: int
    seen_s: float


def _standing(points: Points, channel: int) -> _Standing | None:
    """Where the curve of a channel ends; None if it has no point yet."""
    row = points.last_row(channel)
    if row is None:
        return None

    return _Standing(
        ts=int(points.ts[row]),
        seen_s=float(points.seen[row]),
    )


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
