"""Readings that arrive after newer ones of their counter. They go between the real readings around
them, and what was drawn there gives way.

What is then within a channel's bound counts as seen and is not estimated; what is
still longer stays a gap and is shaped anew by who calls. The totals at both ends
stay, so no energy is gained or lost. A reading that does not fit between its
neighbours is refused, and so is one of a time that is no longer held.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.counting.along import Floats, Ints
from engine.counting.counters import SLACK_STEPS
from engine.counting.curves import Mark, Points, anchors
from engine.counting.meters import Late, Meters, Span, Unusual
from engine.counting.recent import History
from plant.names import Verdict


def take_late(
    meters: Meters,
    history: History,
    late: dict[int, Late],
    whole_from: int,
) -> tuple[list[Span], list[Unusual]]:
    """Put late readings into the curves.

    Returns what changed and the gaps that are left there. From
    `whole_from` on all points are held, before it those around gaps.
    """
    spans: list[Span] = []
    gaps: list[Unusual] = []
    new: list[Points] = []
    gone = np.zeros(len(meters.points.ts), bool)
    for counter, readings in late.items():
        for before, after, rows in _runs(
            meters,
            history,
            counter,
            readings.ts,
            whole_from,
        ):
            total = _agreeing(
                meters,
                history,
                counter,
                before,
                after,
                readings.ts[rows],
                readings.value[rows],
            )
            fits = np.isfinite(total)
            meters.refused += int((~fits).sum())
            if not fits.any():
                continue

            times = readings.ts[rows][fits]
            total = total[fits]
            shape = readings.x[rows][fits]
            gone[before + 1 : after] = True
            shape = np.where(
                np.isfinite(shape),
                shape,
                _shape_then(
                    meters,
                    history,
                    counter,
                    times,
                ),
            )
            added, left = _between(
                meters,
                counter,
                before,
                after,
                times,
                total,
                shape,
            )
            new.append(added)
            gaps += left
            meters.filled[counter] = history.end
            spans.append(
                Span(
                    counter,
                    int(meters.points.ts[before]),
                    int(meters.points.ts[after]),
                )
            )

    if new:
        meters.points = meters.points.pick(~gone).with_rows(Points.joined(new))

    return spans, gaps


def _runs(
    meters: Meters,
    history: History,
    counter: int,
    times: Ints,
    whole_from: int,
) -> Iterator[tuple[int, int, Ints]]:
    """Late readings by the two real readings that they lie between: rows of these two, and which
    readings. Twice the same is none.
    """
    points = meters.points
    span = meters.points.of(counter)
    real = np.flatnonzero(points.mark[span] & Mark.DRAWN == 0) + span.start
    at = np.searchsorted(points.ts[real], times)
    rows = np.flatnonzero(
        (at > 0) & (at < len(real)) & (times > history.first) & (np.diff(times, prepend=0) > 0)
    )
    rows = rows[points.ts[real[at[rows]]] != times[rows]]
    before = real[at[rows] - 1]
    after = real[at[rows]]
    bound = np.full(len(rows), meters.layout.gap_ns[counter])
    whole = (points.mark[after] & Mark.CUT == 0) | (times[rows] >= whole_from)
    use = points.silent(before, after, bound) | whole
    rows = rows[use]
    before = before[use]
    after = after[use]
    for run in np.split(
        np.arange(len(rows)),
        np.flatnonzero(np.diff(before)) + 1,
    ):
        if len(run):
            yield int(before[run[0]]), int(after[run[0]]), rows[run]


def _agreeing(
    meters: Meters,
    history: History,
    counter: int,
    before: int,
    after: int,
    times: Ints,
    value: Floats,
) -> Floats:
    """Totals of late readings; NaN where one does not go on from
    those before it, or is more than what came after.
    """
    points = meters.points
    limits = meters.limits(counter)
    offset = meters.tracks[counter].offset
    at = int(points.ts[before])
    low = float(points.total[before])
    high = float(points.total[after])
    if at < history.first and np.isfinite(
        history.total[0, counter]
    ):  # what is booked for good is not taken back
        low = max(low, float(history.total[0, counter]))

    slack = SLACK_STEPS * limits.step + 1e-12 * abs(high)
    out = np.full(len(times), np.nan)
    for place, (moment, counted) in enumerate(
        zip(
            times.tolist(),
            value.tolist(),
            strict=True,
        )
    ):
        total = counted + offset
        if limits.wraps_at is not None:  # the counter may have wrapped since
            total -= max((total - low + slack) // limits.wraps_at, 0.0) * limits.wraps_at

        if low - slack <= total <= min(high, low + limits.most(moment - at)) + slack:
            out[place] = low = min(max(total, low), high)
            at = moment

    return out


def _shape_then(
    meters: Meters,
    history: History,
    counter: int,
    times: Ints,
) -> Floats:
    """The integral of power at moments of the past, from what is kept at the ends of windows."""
    meter = int(meters.layout.meter[counter])
    row = np.clip(
        (times - history.first) // history.window,
        0,
        len(history.revisions),
    )
    following = np.minimum(row + 1, len(history.revisions))
    shape = history.x[:, meter, int(meters.layout.reverse[counter])]
    part = (times - history.first - row * history.window) / history.window
    then = np.where(
        part > 0.0,
        shape[row] + part * (shape[following] - shape[row]),
        shape[row],
    )
    return np.where((meter >= 0) & (times <= history.end), then, np.nan)


def _between(
    meters: Meters,
    counter: int,
    before: int,
    after: int,
    ts: Ints,
    total: Floats,
    shape: Floats,
) -> tuple[Points, list[Unusual]]:
    """Points of accepted late readings between two real ones, and the gaps left.

    What follows is shifted by what is now seen and no longer estimated.
    """
    points = meters.points
    bound = meters.layout.gap_ns[counter]
    count = len(ts)
    times = np.concatenate((points.ts[[before]], ts, points.ts[[after]]))
    totals = np.concatenate((points.total[[before]], total, points.total[[after]]))
    elapsed = np.diff(times)
    steps = np.diff(totals)
    was_silent = bool(
        points.silent(
            np.array([before]),
            np.array([after]),
            np.array([bound]),
        )[0]
    )
    silent = (elapsed > bound) & was_silent
    odd = silent.copy()
    filling = was_silent or bool((points.mark[before] | points.mark[after]) & Mark.LATE)
    mark = np.full(count, Mark.LATE if filling else Mark.READ, np.int8)
    mark[0] |= points.mark[after] & (Mark.CUT | Mark.DOUBTED)
    if (
        points.mark[after] & Mark.DOUBTED
    ):  # what fits goes on as the counter does since, so the doubt lies before it
        odd[0] = True
        points.mark[after] &= ~Mark.DOUBTED

    seen = points.seen[before] + np.cumsum(np.where(silent, 0, elapsed)) * 1e-9
    estimated = points.estimated[before] + np.cumsum(np.where(odd, np.abs(steps), 0.0))
    anchor = _sizing(
        meters,
        counter,
        before,
        after,
        ts,
        total,
        odd,
    )
    if was_silent:
        _shift(points.seen[after : points.of(counter).stop], seen[-1])

    _shift(
        points.estimated[after : points.of(counter).stop],
        estimated[-1],
    )
    left = [
        Unusual(
            counter,
            int(times[place + 1]),
            Verdict.GAP,
            float(steps[place]),
            0.0,
            int(times[place]),
        )
        for place in np.flatnonzero(silent)
    ]
    return Points(
        np.full(count, counter),
        ts,
        total,
        shape,
        seen[:-1],
        estimated[:-1],
        anchor,
        mark,
    ), left


def _sizing(
    meters: Meters,
    counter: int,
    before: int,
    after: int,
    times: Ints,
    total: Floats,
    odd: np.ndarray,
) -> np.ndarray:
    """Which late readings size the energy: as if they had come
    in time, from the last anchor before them.
    """
    points = meters.points
    points.anchor[before] |= odd[0]
    points.anchor[after] |= odd[-1]
    rows = np.flatnonzero(points.anchor[points.of(counter).start : before + 1])
    start = points.of(counter).start + int(rows[-1]) if len(rows) else before
    forced = odd[:-1] | odd[1:] | meters.layout.stepped[counter]
    return anchors(
        total,
        times,
        meters.limits(counter).step,
        float(points.total[start]),
        int(points.ts[start]),
        forced,
    )


def _shift(running: Floats, to: float) -> None:
    """Move a running sum in place so that it starts with `to`; what was equal stays equal."""
    if running[0] != to:
        running -= float(running[0])
        running += to
