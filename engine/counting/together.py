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
from engine.counting.thinning import thinned
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

    steps = _steps(meters.tracks, readings)
    normal = _normal(meters.layout, readings, steps)
    odd_channels = np.unique(readings.channel[~normal])
    done = ~np.isin(readings.channel, odd_channels)

    # A first step into a window that was given out changes it and all that follow.
    is_closed = readings.ts <= out.closed
    changes_closed = done & steps.is_first & is_closed
    for row in np.flatnonzero(changes_closed):
        changed = Span(
            channel=int(readings.channel[row]),
            since=int(steps.since[row]),
            until=ONWARD,
        )
        out.changed.append(changed)

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

    # The first reading of a channel goes on from the one that is remembered, each other one from
    # the row above it.
    since = last_ts[channel]
    value_before = last_value[channel]
    is_first = group_starts(channel)
    follows = np.flatnonzero(~is_first)
    above = follows - 1
    since[follows] = readings.ts[above]
    value_before[follows] = readings.value[above]
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
    # A value may have stood repeated before it moves on, so even a short step may count as much
    # as this time allows.
    at_least = np.maximum(steps.elapsed, LEAST_NS)
    most_rate = layout.most_rate[channel] * RATE_MARGIN
    counted_at_most = most_rate * at_least / HOUR_NS
    rounding = SLACK_STEPS * layout.step[channel]
    is_plausible = (steps.delta >= 0) & (steps.delta <= counted_at_most + rounding)

    within_bound = steps.elapsed <= layout.gap_ns[channel]
    is_seen = (steps.elapsed > 0) & within_bound
    is_swapped = layout.swapped(
        channel=channel,
        since=steps.since,
        until=readings.ts,
    )
    return is_plausible & is_seen & steps.trusted & ~is_swapped


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
    # One running sum over all rows; taking off what it stood at before each channel makes one of
    # each channel out of it.
    running_s = np.cumsum(elapsed * S_PER_NS, dtype=np.float64)
    starts = np.flatnonzero(group_starts(channel))
    before_channel_s = before_group(running_s, starts)
    anchor = _anchored(
        meters,
        readings,
        total,
        delta,
    )
    added = Points(
        channel=channel,
        ts=readings.ts,
        total=total,
        integral=readings.integral,
        seen=so_far.seen[channel] + running_s - before_channel_s,
        estimated=so_far.estimated[channel],
        anchor=anchor,
        mark=read_in_time(len(readings)),
    )
    kept = thinned(added, meters.layout.window_ns)
    meters.points = meters.points.with_rows(kept)
    _remember(meters.tracks, readings)


def _remember(tracks: list[Track], readings: Readings) -> None:
    """Keep the newest reading of each channel."""
    is_newest = group_ends(readings.channel)
    for row in np.flatnonzero(is_newest):
        track = tracks[readings.channel[row]]
        track.ts = int(readings.ts[row])
        track.value = float(readings.value[row])


@dataclass(frozen=True, slots=True)
class _SoFar:
    """What each channel's newest point stands at, 0 where there is none.

    Seconds `seen`, and the amount `estimated` in the canonical unit of the counter.
    """

    seen: Floats
    estimated: Floats


def _so_far(meters: Meters) -> _SoFar:
    """As far as the newest point of each channel goes."""
    points = meters.points
    channels = len(meters.tracks)
    seen = np.zeros(channels)
    estimated = np.zeros(channels)
    newest = np.flatnonzero(points.newest())
    channel = points.channel[newest]
    seen[channel] = points.seen[newest]
    estimated[channel] = points.estimated[newest]
    return _SoFar(seen=seen, estimated=estimated)


def _anchored(
    meters: Meters,
    readings: Readings,
    total: Floats,
    delta: Floats,
) -> Mask:
    """Which readings size the energy: all of fine counters, of coarse ones those that are due.

    A counter is coarse where it moves by so few of its steps that rounding would show.
    """
    channel = readings.channel
    span = ANCHOR_STEPS * _register_step(meters.layout, readings)
    moves_little = delta < span
    is_coarse = moves_little & ~meters.layout.stepped[channel]
    anchor = np.ones(len(readings), bool)
    if not is_coarse.any():
        return anchor

    last = _last_anchors(meters.points)
    of_coarse = np.isin(channel, channel[is_coarse])
    for row in np.flatnonzero(of_coarse):
        place = int(channel[row])
        ts = int(readings.ts[row])
        counted = float(total[row])
        before = last.get(place, NO_ANCHOR)
        anchor[row] = before.is_due(ts, counted, float(span[row]))
        if anchor[row]:
            last[place] = Anchored(ts, counted)

    return anchor


def _register_step(layout: Layout, readings: Readings) -> Floats:
    """The least by which each counter can move, in its canonical unit.

    That of a float32 grows with what it shows.
    """
    channel = readings.channel
    least_step = layout.step[channel]
    digits = np.abs(readings.value) * FLOAT32_STEP
    step_of_float32 = np.maximum(digits, least_step)
    is_float32 = layout.float32[channel]
    return np.where(is_float32, step_of_float32, least_step)


def _last_anchors(points: Points) -> dict[int, Anchored]:
    """Each channel's last anchor, for channels that have one."""
    rows = np.flatnonzero(points.anchor)
    is_last = group_ends(points.channel[rows])
    last = rows[is_last]
    # Whole columns are turned into Python numbers at once: one by one takes several times as long.
    channels = points.channel[last].tolist()
    times = points.ts[last].tolist()
    totals = points.total[last].tolist()
    anchored = map(Anchored, times, totals)
    return dict(zip(channels, anchored, strict=True))
