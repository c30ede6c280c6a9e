"""Channels without a counter: their total is the integral of power itself."""

from __future__ import annotations

import numpy as np

from engine.counting.absorbed import ONWARD, Absorbed, Span
from engine.counting.along import before_group, group_starts
from engine.counting.curves import S_PER_NS, Points, read_in_time
from engine.counting.meters import Meters
from engine.counting.power import Samples
from engine.counting.thinning import thinned
from plant.arrays import Floats, Index, Ints


def integrate_powers(
    meters: Meters,
    samples: Samples,
    out: Absorbed,
) -> None:
    """Append the new samples to the curves of channels that have power and no counter."""
    curves = []
    for reverse in (False, True):
        channel_of_meter = _integrating(meters, reverse=reverse)
        channel = channel_of_meter[samples.meter]
        rows = np.flatnonzero(samples.fresh & (channel >= 0))
        if not len(rows):
            continue

        running = samples.reverse if reverse else samples.forward
        curve = _curve(
            meters,
            channel[rows],
            samples.ts[rows],
            running[rows],
            out,
        )
        curves.append(curve)

    if curves:
        added = Points.joined(curves)
        meters.points = meters.points.with_rows(added)


def _integrating(meters: Meters, *, reverse: bool) -> Ints:
    """For each meter the channel that its power alone makes, in one direction; -1 where none."""
    layout = meters.layout
    is_integral = layout.by_power & (layout.reverse == reverse)
    channels = np.flatnonzero(is_integral)
    channel_of_meter = np.full(len(layout.site.meters), -1)
    channel_of_meter[layout.meter[channels]] = channels
    return channel_of_meter


def _curve(
    meters: Meters,
    channel: Ints,
    ts: Ints,
    total: Floats,
    out: Absorbed,
) -> Points:
    """New points of channels, sorted, whose `total` is an integral: each sizes energy, none is
    estimated.
    """
    starts = np.flatnonzero(group_starts(channel))
    newest = meters.newest_points()
    since, seen_before_s = _standing(
        meters,
        newest,
        channel[starts],
    )
    is_first = since == 0
    elapsed = np.diff(ts, prepend=0)
    elapsed[starts] = np.where(is_first, 0, ts[starts] - since)
    # As for counters: what lies between two samples that are too far apart was not seen.
    is_seen = elapsed <= meters.layout.gap_ns[channel]
    seen_ns = np.where(is_seen, elapsed, 0)
    running_ns = np.cumsum(seen_ns)
    of_channel_ns = running_ns - before_group(running_ns, starts)

    for place in np.flatnonzero(~is_first & (ts[starts] <= out.closed)):
        changed = Span(
            channel=int(channel[starts[place]]),
            since=int(since[place]),
            until=ONWARD,
        )
        out.changed.append(changed)

    count = len(ts)
    rows_a_channel = np.diff(np.append(starts, count))
    points = Points(
        channel=channel,
        ts=ts,
        total=total,
        integral=np.full(count, np.nan),
        seen=np.repeat(seen_before_s, rows_a_channel) + of_channel_ns * S_PER_NS,
        estimated=np.zeros(count),
        anchor=np.ones(count, bool),
        mark=read_in_time(count),
    )
    return thinned(points, meters.layout.window_ns)


def _standing(
    meters: Meters,
    newest: Index,
    channel: Ints,
) -> tuple[Ints, Floats]:
    """Where the curves of channels end: the time, ns UTC, 0 for none, and the seconds seen by then.

    `newest` are the rows of the newest points of all channels.
    """
    points = meters.points
    channels = len(meters.layout.meter)
    ts = np.zeros(channels, np.int64)
    seen_s = np.zeros(channels)
    ts[points.channel[newest]] = points.ts[newest]
    seen_s[points.channel[newest]] = points.seen[newest]
    return ts[channel], seen_s[channel]
