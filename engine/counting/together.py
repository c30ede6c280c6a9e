"""The common case, for all channels at once: counters that run on as they should."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.absorbed import ONWARD, Absorbed, Span
from engine.counting.along import before_group, group_ends, group_starts
from engine.counting.counters import LEAST_NS, RATE_MARGIN, SLACK_STEPS, Track
from engine.counting.curves import ANCHOR_STEPS, NO_ANCHOR, S_PER_NS, Anchored, Points, read_in_time
from engine.counting.layout import Layout
from engine.counting.meters import FLOAT32_STEP, Meters
from engine.counting.readings import Readings
from plant.arrays import Floats, Ints, Mask
from plant.units import HOUR_NS


def count_together(
    meters: Meters,
    readings: Readings,
    out: Absorbed,
) -> Mask:
    """Take the readings of all channels where every step is normal. Returns which rows these are.

    Normal is a step of a known counter that does not stand still for too long, and counts no more
    than its meter can. A channel with any other step is left to `engine.counting.singly`.
    """
    if not len(readings):
        return np.zeros(0, bool)

    layout = meters.layout
    steps = _steps(meters.tracks, readings)
    normal = _normal(layout, readings, steps)
    odd_channels = np.unique(readings.channel[~normal])
    done = ~np.isin(readings.channel, odd_channels)
    in_closed_window = done & steps.is_first & (readings.ts <= out.closed)
    for row in np.flatnonzero(in_closed_window):
        out.changed.append(
            Span(
                int(readings.channel[row]),
                int(steps.since[row]),
                ONWARD,
            )
        )

    _append(
        meters,
        readings.pick(done),
        elapsed=steps.elapsed[done],
        delta=steps.delta[done],
    )
    return done


@dataclass(frozen=True, slots=True)
class _Steps:
    """The step to each reading from the one before it of its channel.

    `since` is the time of that one, `elapsed` the time from it, ns; `delta` what was counted.
    `is_first` says that the one before was remembered from earlier, `trusted` that the channel is
    known and no reading of it is in doubt.
    """

    since: Ints
    elapsed: Ints
    delta: Floats
    is_first: Mask
    trusted: Mask


def _steps(tracks: list[Track], readings: Readings) -> _Steps:
    """From each reading to the one before it of the same channel."""
    channel = readings.channel
    last_ts = np.array([track.ts for track in tracks], np.int64)
    last_value = np.array([track.value for track in tracks])
    trusted = np.array(
        [track.known and not track.holding for track in tracks],
        bool,
    )
    since = last_ts[channel]
    value_before = last_value[channel]
    is_first = group_starts(channel)
    follows = np.flatnonzero(~is_first)
    since[follows] = readings.ts[follows - 1]
    value_before[follows] = readings.value[follows - 1]
    return _Steps(
        since=since,
        elapsed=readings.ts - since,
        delta=readings.value - value_before,
        is_first=is_first,
        trusted=trusted[channel],
    )


def _normal(
    layout: Layout,
    readings: Readings,
    steps: _Steps,
) -> Mask:
    """Which steps are those of a running counter; the same limits as `counters.Limits.most`."""
    channel = readings.channel
    elapsed_at_least = np.maximum(steps.elapsed, LEAST_NS)
    counted_at_most = layout.most_rate[channel] * RATE_MARGIN * elapsed_at_least / HOUR_NS
    most = counted_at_most + SLACK_STEPS * layout.step[channel]
    plausible = (steps.delta >= 0) & (steps.delta <= most)
    seen = (steps.elapsed > 0) & (steps.elapsed <= layout.gap_ns[channel])
    swapped = layout.swapped(channel, steps.since, readings.ts)
    return plausible & seen & steps.trusted & ~swapped


def _append(
    meters: Meters,
    readings: Readings,
    elapsed: Ints,
    delta: Floats,
) -> None:
    """Append readings to the curves of their channels, all of whose steps are normal.

    `elapsed`, ns, and `delta` are the time and the amount since the reading before.
    """
    if not len(readings):
        return

    channel = readings.channel
    offset = np.array([track.offset for track in meters.tracks])
    total = readings.value + offset[channel]
    so_far = _so_far(meters)
    running_s = np.cumsum(elapsed * S_PER_NS, dtype=np.float64)
    starts = np.flatnonzero(group_starts(channel))
    added = Points(
        channel=channel,
        ts=readings.ts,
        total=total,
        integral=readings.integral,
        seen=so_far.seen[channel] + running_s - before_group(running_s, starts),
        estimated=so_far.estimated[channel],
        anchor=_anchored(
            meters,
            readings,
            total,
            delta,
        ),
        mark=read_in_time(len(readings)),
    )
    meters.points = meters.points.with_rows(added)
    for row in np.flatnonzero(group_ends(channel)):
        track = meters.tracks[channel[row]]
        track.ts = int(readings.ts[row])
        track.value = float(readings.value[row])


@dataclass(frozen=True, slots=True)
class _SoFar:
    """Seconds seen and amount estimated up to each channel's
    newest point; 0 where there is none.
    """

    seen: Floats
    estimated: Floats


def _so_far(meters: Meters) -> _SoFar:
    """As far as the newest point of each channel goes."""
    channels = len(meters.tracks)
    so_far = _SoFar(np.zeros(channels), np.zeros(channels))
    newest = np.flatnonzero(meters.points.newest())
    channel = meters.points.channel[newest]
    so_far.seen[channel] = meters.points.seen[newest]
    so_far.estimated[channel] = meters.points.estimated[newest]
    return so_far


def _anchored(
    meters: Meters,
    readings: Readings,
    total: Floats,
    delta: Floats,
) -> Mask:
    """Which readings size the energy: all those of fine counters, of coarse ones those that are due.

    A counter is coarse where it moves by so few of its steps that rounding would show.
    """
    layout = meters.layout
    channel = readings.channel
    digits = np.abs(readings.value) * FLOAT32_STEP
    least_step = layout.step[channel]
    register_step = np.where(
        layout.float32[channel],
        np.maximum(digits, least_step),
        least_step,
    )
    span = ANCHOR_STEPS * register_step
    coarse = (delta < span) & ~layout.stepped[channel]
    anchor = np.ones(len(readings), bool)
    if not coarse.any():
        return anchor

    rows = np.flatnonzero(np.isin(channel, channel[coarse]))
    last = _last_anchors(meters.points)
    due = []
    for of_channel, ts, counted, span_of_one in zip(
        channel[rows].tolist(),
        readings.ts[rows].tolist(),
        total[rows].tolist(),
        span[rows].tolist(),
        strict=True,
    ):
        before = last.get(of_channel, NO_ANCHOR)
        is_due = before.is_due(ts, counted, span_of_one)
        due.append(is_due)
        if is_due:
            last[of_channel] = Anchored(ts, counted)

    anchor[rows] = due
    return anchor


def _last_anchors(points: Points) -> dict[int, Anchored]:
    """Each channel's last anchor, for channels that have one."""
    rows = np.flatnonzero(points.anchor)
    last = rows[group_ends(points.channel[rows])]
    channels = points.channel[last].tolist()
    times = points.ts[last].tolist()
    totals = points.total[last].tolist()
    return {
        channel: Anchored(ts, total)
        for channel, ts, total in zip(
            channels,
            times,
            totals,
            strict=True,
        )
    }
