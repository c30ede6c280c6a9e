"""Readings that arrive after newer ones of their counter.

They go between the real readings around them, and what was drawn there gives way. What is then
within a channel's bound counts as seen and is not estimated; what is still longer stays a gap and
is shaped anew by who calls. The totals at both ends stay, so no energy is gained or lost. A reading
that does not fit between its neighbours is refused, and so is one of a time that is no longer held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.counting.absorbed import Late, Span, Unusual
from engine.counting.counters import SLACK_STEPS
from engine.counting.curves import S_PER_NS, Mark, Marks, Points, anchors
from engine.counting.meters import Meters
from engine.counting.recent import History
from plant.arrays import Floats, Index, Ints, Mask
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

            # What was drawn between the two real readings gives way.
            first_between = run.before + 1
            replaced[first_between : run.after] = True
            filled = _fill(meters, run, fitting)
            added.append(filled.points)
            taken.gaps += filled.gaps
            taken.changed.append(filled.span)
            meters.filled[run.channel] = history.end

    if added:
        kept = meters.points.pick(~replaced)
        filling = Points.joined(added)
        meters.points = kept.with_rows(filling)

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
    placed = _placed(meters.points, readings)
    correctable = readings.ts[placed.reading] > history.first
    placed = placed.pick(correctable)
    measurable = _are_measurable(
        meters,
        readings,
        placed,
        whole_from,
    )
    placed = placed.pick(measurable)
    for before in np.unique(placed.before):
        run = placed.pick(placed.before == before)
        yield _Run(
            before=int(before),
            after=int(run.after[0]),
            readings=_picked(readings, run.reading),
        )


class _Placed(NamedTuple):
    """Late readings, by row, each with the rows of the real points around it."""

    reading: Index
    before: Index
    after: Index

    def pick(self, which: Mask) -> _Placed:
        """Some of them."""
        return _Placed(
            reading=self.reading[which],
            before=self.before[which],
            after=self.after[which],
        )


def _placed(points: Points, readings: Late) -> _Placed:
    """Readings that have a real point on both sides, and say what none of the points says."""
    of_channel = points.of(readings.channel)
    is_real = points.real()[of_channel]
    real = np.flatnonzero(is_real) + of_channel.start
    following = np.searchsorted(points.ts[real], readings.ts)
    has_both = (following > 0) & (following < len(real))
    first_of_its_time = np.diff(readings.ts, prepend=0) > 0

    reading = np.flatnonzero(has_both & first_of_its_time)
    place = following[reading]
    placed = _Placed(
        reading=reading,
        before=real[place - 1],
        after=real[place],
    )
    is_new = points.ts[placed.after] != readings.ts[reading]
    return placed.pick(is_new)


def _are_measurable(
    meters: Meters,
    readings: Late,
    placed: _Placed,
    whole_from: int,
) -> Mask:
    """Which late readings can change what was measured.

    Where points were trimmed, only a gap can still be measured anew.
    """
    points = meters.points
    gap_ns = meters.layout.gap_ns[readings.channel]
    in_gap = points.silent(
        before=placed.before,
        after=placed.after,
        bound=np.full(len(placed.reading), gap_ns),
    )
    is_uncut: Mask = points.mark[placed.after] & Mark.CUT == 0
    is_held: Mask = readings.ts[placed.reading] >= whole_from
    return in_gap | is_uncut | is_held


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
    refused = ~fits
    meters.refused += int(refused.sum())

    ts = run.readings.ts[fits]
    integral = run.readings.integral[fits]
    integral_then = _integral_then(
        meters,
        history,
        run.channel,
        ts,
    )
    is_known = np.isfinite(integral)
    return _Fitting(
        ts=ts,
        total=total[fits],
        integral=np.where(is_known, integral, integral_then),
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

    # The register rounds what it shows, and so do sums of binary fractions.
    slack = SLACK_STEPS * limits.step + ROUNDING * abs(high)
    totals = np.full(len(run.readings.ts), np.nan)
    for row in range(len(totals)):
        ts = int(run.readings.ts[row])
        total = float(run.readings.value[row]) + offset
        if limits.wraps_at is not None:
            # The counter may have wrapped since, which has moved the offset.
            wraps = (total - low + slack) // limits.wraps_at
            total -= max(wraps, 0.0) * limits.wraps_at

        elapsed = ts - last_ts
        most = min(high, low + limits.most(elapsed))
        if low - slack <= total <= most + slack:
            not_below = max(total, low)
            low = min(not_below, high)
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
    layout = meters.layout
    meter = int(layout.meter[channel])
    reverse = bool(layout.reverse[channel])
    integral = history.integral_of(meter, reverse=reverse)

    # At which boundary each moment's window begins, and which part of the window had passed.
    newest = len(history)
    elapsed = ts - history.first
    boundary = np.clip(elapsed // history.window, 0, newest)
    following = np.minimum(boundary + 1, newest)
    passed = elapsed - boundary * history.window
    part = passed / history.window

    at_boundary = integral[boundary]
    grown = integral[following] - at_boundary
    inside = at_boundary + part * grown
    # On a boundary the next one is not asked: what it stood at may not be known.
    then = np.where(part > 0.0, inside, at_boundary)
    is_known = (meter >= 0) & (ts <= history.end)
    return np.where(is_known, then, np.nan)


@dataclass(frozen=True, slots=True)
class _Filled:
    """Points that fill the time between two real readings.

    With the `gaps` that are left, and the `span` in which the curve has changed.
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
    count = len(fitting.ts)
    was_silent = _was_silent(meters, run)
    mark = _marks(
        points,
        run,
        count,
        was_silent,
    )
    steps = _steps(
        meters,
        run,
        fitting,
        was_silent,
    )
    if points.mark[run.after] & Mark.DOUBTED:
        # What fits goes on as the counter does since, so the doubt lies before it.
        steps.odd[0] = True
        points.mark[run.after] &= ~Mark.DOUBTED

    seen_ns = np.where(steps.silent, 0, steps.elapsed)
    seen_s = np.cumsum(seen_ns) * S_PER_NS
    seen = points.seen[run.before] + seen_s
    amount = np.abs(steps.counted)
    estimated_of_steps = np.where(steps.odd, amount, 0.0)
    estimated = points.estimated[run.before] + np.cumsum(estimated_of_steps)
    # The last step of each leads to the real reading behind the run.
    filling = Points(
        channel=np.full(count, run.channel),
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
    end_of_channel = points.of(run.channel).stop
    onward = slice(run.after, end_of_channel)
    if was_silent:
        _shift(points.seen[onward], seen[-1])

    _shift(points.estimated[onward], estimated[-1])
    return _Filled(
        points=filling,
        gaps=_gaps(run.channel, steps),
        span=Span(
            channel=run.channel,
            since=int(points.ts[run.before]),
            until=int(points.ts[run.after]),
        ),
    )


def _was_silent(meters: Meters, run: _Run) -> bool:
    """Whether a gap lay between the two readings around a run."""
    gap_ns = meters.layout.gap_ns[run.channel]
    silent = meters.points.silent(
        before=np.array([run.before]),
        after=np.array([run.after]),
        bound=np.array([gap_ns]),
    )
    return bool(silent[0])


def _marks(
    points: Points,
    run: _Run,
    count: int,
    was_silent: bool,
) -> Marks:
    """Marks of late readings.

    They fill a gap, or one that was begun to be filled; or they just came late. The first takes
    over what was true of the step to the reading after them.
    """
    mark_before = points.mark[run.before]
    mark_after = points.mark[run.after]
    around = mark_before | mark_after
    fills = was_silent or bool(around & Mark.LATE)
    mark = np.full(count, Mark.LATE if fills else Mark.READ, np.int8)
    mark[0] |= mark_after & (Mark.CUT | Mark.DOUBTED)
    return mark


def _steps(
    meters: Meters,
    run: _Run,
    fitting: _Fitting,
    was_silent: bool,
) -> _Steps:
    """The steps between the readings of a run, with those from and to the real ones around it.

    Only where a gap was can one be left: elsewhere the time was seen, if its readings are still
    held or not.
    """
    points = meters.points
    around = [run.before, run.after]
    ts = np.insert(points.ts[around], 1, fitting.ts)
    total = np.insert(points.total[around], 1, fitting.total)
    elapsed = np.diff(ts)
    is_long = elapsed > meters.layout.gap_ns[run.channel]
    silent = is_long & was_silent
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
    """Which late readings size the energy: as if in time, from the last anchor before them."""
    points = meters.points
    # Both ends of an odd step size energy.
    points.anchor[run.before] |= odd[0]
    points.anchor[run.after] |= odd[-1]
    step_to = odd[:-1]
    step_from = odd[1:]
    forced = step_to | step_from | meters.layout.stepped[run.channel]

    first = points.of(run.channel).start
    up_to_run = slice(first, run.before + 1)
    last = points.last_anchor(up_to_run)
    if last is None:
        last = points.anchored_at(run.before)

    return anchors(
        fitting.total,
        fitting.ts,
        last,
        step=meters.limits(run.channel).step,
        forced=forced,
    )


def _shift(running: Floats, to: float) -> None:
    """Move a running sum in place so that it starts with `to`; what was equal stays equal."""
    stands_at = float(running[0])
    if stands_at == to:
        return

    running -= stands_at
    running += to
