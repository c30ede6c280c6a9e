"""Readings that arrive after newer ones of their counter.

They go between the real readings around them, and what was drawn there gives way. What is then
within a channel's bound counts as seen and is not estimated; what is still longer stays a gap and
is shaped anew by who calls. The totals at both ends stay, so no energy is gained or lost. A reading
that does not fit between its neighbours is refused, and so is one of a time that is no longer held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.counting.absorbed import Late, Span, Unusual
from engine.counting.counters import SLACK_STEPS
from engine.counting.curves import S_PER_NS, Anchored, Mark, Points, anchors
from engine.counting.meters import Meters
from engine.counting.recent import History
from plant.arrays import Floats, Ints, Mask
from plant.names import Verdict

ROUNDING = 1e-12
"""What binary fractions may add to a total, as a part of it."""


@dataclass(slots=True)
class Taken:
    """What late readings led to: where curves have changed, and the gaps that are left there."""

    changed: list[Span]
    gaps: list[Unusual]


def take_late(
    meters: Meters,
    history: History,
    late: list[Late],
    whole_from: int,
) -> Taken:
    """Put late readings into the curves.

    From `whole_from`, ns UTC, on all points are held, before it those around gaps.
    """
    taken = Taken([], [])
    added = []
    replaced = np.zeros(len(meters.points.ts), bool)
    for readings in late:
        for run in _runs(
            meters,
            history,
            readings,
            whole_from,
        ):
            fitting = _fitting(meters, history, run)
            if not len(fitting.ts):
                continue

            replaced[run.before + 1 : run.after] = True
            filled = _fill(meters, run, fitting)
            added.append(filled.points)
            taken.gaps += filled.gaps
            taken.changed.append(filled.span)
            meters.filled[run.channel] = history.end

    if added:
        meters.points = meters.points.pick(~replaced).with_rows(Points.joined(added))

    return taken


@dataclass(frozen=True, slots=True)
class _Run:
    """Late readings that lie between the same two real readings, given by the rows of these."""

    before: int
    after: int
    readings: Late

    @property
    def channel(self) -> int:
        """The channel of all its readings."""
        return self.readings.channel


def _runs(
    meters: Meters,
    history: History,
    readings: Late,
    whole_from: int,
) -> Iterator[_Run]:
    """Late readings by the two real readings that they lie between. Twice the same is none."""
    points = meters.points
    of_channel = points.of(readings.channel)
    real = np.flatnonzero(points.real()[of_channel]) + of_channel.start
    following = np.searchsorted(points.ts[real], readings.ts)
    has_both = (following > 0) & (following < len(real))
    first_of_its_time = np.diff(readings.ts, prepend=0) > 0
    correctable = readings.ts > history.first
    rows = np.flatnonzero(has_both & first_of_its_time & correctable)
    is_new = points.ts[real[following[rows]]] != readings.ts[rows]
    rows = rows[is_new]
    before = real[following[rows] - 1]
    after = real[following[rows]]
    # Where points were trimmed, only a gap can still be measured anew.
    bound = np.full(len(rows), meters.layout.gap_ns[readings.channel])
    is_whole = (points.mark[after] & Mark.CUT == 0) | (readings.ts[rows] >= whole_from)
    measurable = points.silent(before, after, bound) | is_whole
    rows = rows[measurable]
    before = before[measurable]
    after = after[measurable]
    for start in np.unique(before):
        run = before == start
        yield _Run(
            before=int(start),
            after=int(after[run][0]),
            readings=_picked(readings, rows[run]),
        )


def _picked(readings: Late, rows: Ints) -> Late:
    """Some of the readings."""
    return Late(
        channel=readings.channel,
        ts=readings.ts[rows],
        value=readings.value[rows],
        integral=readings.integral[rows],
    )


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Late readings that fit between their neighbours: time, total, and integral of power then."""

    ts: Ints
    total: Floats
    integral: Floats


def _fitting(
    meters: Meters,
    history: History,
    run: _Run,
) -> _Fitting:
    """Those readings of a run that fit; the others are refused and counted."""
    total = _totals(meters, history, run)
    fits = np.isfinite(total)
    meters.refused += int((~fits).sum())
    ts = run.readings.ts[fits]
    integral = run.readings.integral[fits]
    then = _integral_then(
        meters,
        history,
        run.channel,
        ts,
    )
    return _Fitting(
        ts=ts,
        total=total[fits],
        integral=np.where(np.isfinite(integral), integral, then),
    )


def _totals(
    meters: Meters,
    history: History,
    run: _Run,
) -> Floats:
    """Totals of late readings.

    NaN where one does not go on from those before it, or is more than what came after.
    """
    points = meters.points
    limits = meters.limits(run.channel)
    offset = meters.tracks[run.channel].offset
    last_ts = int(points.ts[run.before])
    low = float(points.total[run.before])
    high = float(points.total[run.after])
    booked = float(history.total[0, run.channel])
    if last_ts < history.first and np.isfinite(booked):
        # What is booked for good is not taken back.
        low = max(low, booked)

    slack = SLACK_STEPS * limits.step + ROUNDING * abs(high)
    totals = np.full(len(run.readings.ts), np.nan)
    for row in range(len(totals)):
        ts = int(run.readings.ts[row])
        total = float(run.readings.value[row]) + offset
        if limits.wraps_at is not None:
            # The counter may have wrapped since, which has moved the offset.
            wraps = (total - low + slack) // limits.wraps_at
            total -= max(wraps, 0.0) * limits.wraps_at

        most = min(high, low + limits.most(ts - last_ts))
        if low - slack <= total <= most + slack:
            low = min(max(total, low), high)
            last_ts = ts
            totals[row] = low

    return totals


def _integral_then(
    meters: Meters,
    history: History,
    channel: int,
    ts: Ints,
) -> Floats:
    """The integral of power at moments of the past, from what is kept at the ends of windows."""
    meter = int(meters.layout.meter[channel])
    direction = int(meters.layout.reverse[channel])
    integral = history.integrals[:, meter, direction]
    since_first = ts - history.first
    row = np.clip(since_first // history.window, 0, len(history))
    following = np.minimum(row + 1, len(history))
    part = (since_first - row * history.window) / history.window
    inside = integral[row] + part * (integral[following] - integral[row])
    then = np.where(part > 0.0, inside, integral[row])
    known = (meter >= 0) & (ts <= history.end)
    return np.where(known, then, np.nan)


@dataclass(frozen=True, slots=True)
class _Filled:
    """Points that fill the time between two real readings,
    the gaps left, and from when until when.
    """

    points: Points
    gaps: list[Unusual]
    span: Span


@dataclass(frozen=True, slots=True)
class _Steps:
    """Steps from the reading before a run to its first, and so on to the one after it.

    A step that is `silent` stays a gap; what an `odd` one counts is estimated.
    """

    ts: Ints
    elapsed: Ints
    counted: Floats
    silent: Mask
    odd: Mask


def _fill(
    meters: Meters,
    run: _Run,
    fitting: _Fitting,
) -> _Filled:
    """Points of accepted late readings between two real ones.

    What follows is shifted by what is now seen and no longer estimated.
    """
    points = meters.points
    was_silent = _was_silent(meters, run)
    doubted = bool(points.mark[run.after] & Mark.DOUBTED)
    mark = _marks(
        points,
        run,
        len(fitting.ts),
        was_silent,
    )
    steps = _steps(
        meters,
        run,
        fitting,
        was_silent,
    )
    if doubted:
        # What fits goes on as the counter does since, so the doubt lies before it.
        steps.odd[0] = True
        points.mark[run.after] &= ~Mark.DOUBTED

    seen_ns = np.where(steps.silent, 0, steps.elapsed)
    estimated_of_steps = np.where(steps.odd, np.abs(steps.counted), 0.0)
    seen = points.seen[run.before] + np.cumsum(seen_ns) * S_PER_NS
    estimated = points.estimated[run.before] + np.cumsum(estimated_of_steps)
    filling = Points(
        channel=np.full(len(fitting.ts), run.channel),
        ts=fitting.ts,
        total=fitting.total,
        integral=fitting.integral,
        seen=seen[:-1],
        estimated=estimated[:-1],
        anchor=_sizing(
            meters,
            run,
            fitting,
            steps.odd,
        ),
        mark=mark,
    )
    onward = slice(run.after, points.of(run.channel).stop)
    if was_silent:
        _shift(points.seen[onward], seen[-1])

    _shift(points.estimated[onward], estimated[-1])
    return _Filled(
        points=filling,
        gaps=_gaps(run.channel, steps),
        span=Span(
            run.channel,
            int(points.ts[run.before]),
            int(points.ts[run.after]),
        ),
    )


def _was_silent(meters: Meters, run: _Run) -> bool:
    """Whether a gap lay between the two readings around a run."""
    silent = meters.points.silent(
        np.array([run.before]),
        np.array([run.after]),
        meters.layout.gap_ns[[run.channel]],
    )
    return bool(silent[0])


def _marks(
    points: Points,
    run: _Run,
    count: int,
    was_silent: bool,
) -> np.ndarray:
    """Marks of late readings: they fill a gap, or one that was
    begun to be filled; or they just came late.

    The first takes over what was true of the step to the reading after them.
    """
    around = points.mark[run.before] | points.mark[run.after]
    fills = was_silent or bool(around & Mark.LATE)
    mark = np.full(count, Mark.LATE if fills else Mark.READ, np.int8)
    mark[0] |= points.mark[run.after] & (Mark.CUT | Mark.DOUBTED)
    return mark


def _steps(
    meters: Meters,
    run: _Run,
    fitting: _Fitting,
    was_silent: bool,
) -> _Steps:
    points = meters.points
    ends = [run.before, run.after]
    ts = np.insert(points.ts[ends], 1, fitting.ts)
    total = np.insert(points.total[ends], 1, fitting.total)
    elapsed = np.diff(ts)
    silent = (elapsed > meters.layout.gap_ns[run.channel]) & was_silent
    return _Steps(
        ts=ts,
        elapsed=elapsed,
        counted=np.diff(total),
        silent=silent,
        odd=silent.copy(),
    )


def _gaps(channel: int, steps: _Steps) -> list[Unusual]:
    """The gaps that late readings left."""
    gaps = []
    for place in np.flatnonzero(steps.silent):
        gap = Unusual(
            channel=channel,
            ts=int(steps.ts[place + 1]),
            verdict=Verdict.GAP,
            amount=float(steps.counted[place]),
            bound=0.0,
            since=int(steps.ts[place]),
        )
        gaps.append(gap)

    return gaps


def _sizing(
    meters: Meters,
    run: _Run,
    fitting: _Fitting,
    odd: Mask,
) -> Mask:
    """Which late readings size the energy: as if they had
    come in time, from the last anchor before.
    """
    points = meters.points
    points.anchor[run.before] |= odd[0]
    points.anchor[run.after] |= odd[-1]
    first = points.of(run.channel).start
    anchor_rows = np.flatnonzero(points.anchor[first : run.before + 1])
    row = first + int(anchor_rows[-1]) if len(anchor_rows) else run.before
    # Both ends of an odd step size energy.
    forced = odd[:-1] | odd[1:] | meters.layout.stepped[run.channel]
    return anchors(
        fitting.total,
        fitting.ts,
        Anchored(int(points.ts[row]), float(points.total[row])),
        step=meters.limits(run.channel).step,
        forced=forced,
    )


def _shift(running: Floats, to: float) -> None:
    """Move a running sum in place so that it starts with `to`; what was equal stays equal."""
    if running[0] != to:
        running -= float(running[0])
        running += to
