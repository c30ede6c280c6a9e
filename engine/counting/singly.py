"""One channel in full: gaps, verdicts, coarse counters.

Late readings are set aside here; they go into the curves where windows are corrected
(`engine.counting.late`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.absorbed import ONWARD, Absorbed, Late, Span, Unusual
from engine.counting.counters import Judged, judge
from engine.counting.curves import NO_ANCHOR, S_PER_NS, Anchored, Mark, Points, anchors
from engine.counting.meters import Meters
from engine.counting.readings import Readings
from engine.counting.thinning import thinned
from plant.arrays import Floats, Ints, Mask
from plant.names import Verdict

RUNNING_ON = (Verdict.NORMAL, Verdict.WRAP)
"""Steps of a running counter: what they count is certain."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A reading that was believed, and the integral of power then, NaN where it is not known."""

    judged: Judged
    integral: float


def count_singly(
    meters: Meters,
    channel: int,
    readings: Readings,
    out: Absorbed,
) -> Points | None:
    """Judge the readings of one channel, one after the other; the points of what is believed, if
    there are any.
    """
    track = meters.tracks[channel]
    is_late = np.zeros(len(readings), bool)
    if track.known:
        is_late = readings.ts <= track.ts

    if is_late.any():
        late = readings.pick(is_late)
        meters.late += len(late)
        out.late.append(
            Late(
                channel=channel,
                ts=late.ts,
                value=late.value,
                integral=late.integral,
            )
        )

    accepted = _judged(
        meters,
        channel,
        readings.pick(~is_late),
        out,
    )
    if not accepted:
        return None

    return _extension(
        meters,
        channel,
        accepted,
        out,
    )


def _judged(
    meters: Meters,
    channel: int,
    readings: Readings,
    out: Absorbed,
) -> list[_Accepted]:
    """What is believed of readings that came in their time; what is unusual is told in `out`."""
    track = meters.tracks[channel]
    limits = meters.limits(channel)
    accepted = []
    for row in range(len(readings)):
        ts = int(readings.ts[row])
        if track.known and ts <= track.ts:  # twice in one frame
            meters.late += 1
            continue

        for judged in judge(
            track,
            limits,
            ts,
            float(readings.value[row]),
        ):
            if judged.verdict is not Verdict.NORMAL:
                out.unusual.append(_unusual(channel, judged))

            if judged.verdict is Verdict.GLITCH:
                meters.refused += 1
                continue

            # A reading that was held until now has a time for which no integral was asked.
            integral = float(readings.integral[row]) if judged.ts == ts else float("nan")
            accepted.append(_Accepted(judged, integral))

    return accepted


def _unusual(channel: int, judged: Judged) -> Unusual:
    """A step that was not normal, as it is told to who gives out windows."""
    return Unusual(
        channel=channel,
        ts=judged.ts,
        verdict=judged.verdict,
        amount=judged.amount,
        bound=judged.bound,
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the curve of a channel ends: its newest point, by row, and its last anchor."""

    row: int
    ts: int
    total: float
    seen: float
    estimated: float
    anchored: Anchored


def _standing(points: Points, channel: int) -> _Standing | None:
    """None for a channel that has no point yet."""
    row = points.last_row(channel)
    if row is None:
        return None

    last_anchor = points.last_anchor(points.of(channel))
    return _Standing(
        row=row,
        ts=int(points.ts[row]),
        total=float(points.total[row]),
        seen=float(points.seen[row]),
        estimated=float(points.estimated[row]),
        anchored=NO_ANCHOR if last_anchor is None else last_anchor,
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """Accepted readings and the steps to them: how long, ns, how much, and what is odd of them.

    A `gap` was not seen; a step that is `doubted` is none of a running counter. Both are `odd`.
    """

    ts: Ints
    total: Floats
    integral: Floats
    elapsed: Ints
    counted: Floats
    gap: Mask
    doubted: Mask

    @property
    def odd(self) -> Mask:
        """Steps of which not all is certain, so that what they count is estimated."""
        return self.doubted | self.gap


def _steps(
    accepted: list[_Accepted],
    standing: _Standing | None,
    gap_ns: int,
) -> _Steps:
    """The step to each accepted reading, the first one from where the curve stands.

    The first reading of all begins the curve: no time passed to it, and it counts nothing.
    """
    first = accepted[0].judged
    before_ts = first.ts
    before_total = first.total
    if standing is not None:
        before_ts = standing.ts
        before_total = standing.total

    ts = np.array([each.judged.ts for each in accepted], np.int64)
    total = np.array([each.judged.total for each in accepted])
    integral = np.array([each.integral for each in accepted])
    doubted = np.array([each.judged.verdict not in RUNNING_ON for each in accepted])
    elapsed = np.diff(ts, prepend=before_ts)
    return _Steps(
        ts=ts,
        total=total,
        integral=integral,
        elapsed=elapsed,
        counted=np.diff(total, prepend=before_total),
        gap=elapsed > gap_ns,
        doubted=doubted,
    )


def _extension(
    meters: Meters,
    channel: int,
    accepted: list[_Accepted],
    out: Absorbed,
) -> Points:
    """How the curve of a channel goes on with accepted readings."""
    standing = _standing(meters.points, channel)
    steps = _steps(
        accepted,
        standing,
        gap_ns=int(meters.layout.gap_ns[channel]),
    )
    if standing is not None and steps.odd.any():
        # An odd step begins at a point that sizes energy, so nothing before it is smeared into it.
        meters.points.anchor[standing.row] = True

    added = _points(
        meters,
        channel,
        steps,
        standing,
    )
    for row in np.flatnonzero(steps.gap):
        gap = _gap(
            meters,
            channel,
            steps,
            int(row),
        )
        out.unusual.append(gap)

    is_closed = steps.ts <= out.closed
    changing = np.flatnonzero(steps.odd | is_closed)
    if standing is not None and len(changing):
        first = changing[0]
        changed = Span(
            channel=channel,
            since=int(steps.ts[first] - steps.elapsed[first]),
            until=ONWARD,
        )
        out.changed.append(changed)

    return added


def _points(
    meters: Meters,
    channel: int,
    steps: _Steps,
    standing: _Standing | None,
) -> Points:
    """The points of accepted readings.

    A gap is not seen, and what an odd step counts is estimated.
    """
    count = len(steps.ts)
    anchored = NO_ANCHOR
    seen_before = 0.0
    estimated_before = 0.0
    if standing is not None:
        anchored = standing.anchored
        seen_before = standing.seen
        estimated_before = standing.estimated

    seen_ns = np.where(steps.gap, 0, steps.elapsed)
    seen_s = np.cumsum(seen_ns) * S_PER_NS
    amount = np.abs(steps.counted)
    estimated = np.where(steps.odd, amount, 0.0)
    # Both ends of an odd step size energy.
    before_odd = np.roll(steps.odd, -1)
    forced = steps.odd | before_odd | meters.layout.stepped[channel]
    anchor = anchors(
        steps.total,
        steps.ts,
        anchored,
        step=meters.limits(channel).step,
        forced=forced,
    )
    mark = np.where(steps.doubted, Mark.DOUBTED, Mark.READ)
    points = Points(
        channel=np.full(count, channel),
        ts=steps.ts,
        total=steps.total,
        integral=steps.integral,
        seen=seen_before + seen_s,
        estimated=estimated_before + np.cumsum(estimated),
        anchor=anchor,
        mark=mark.astype(np.int8),
    )
    return thinned(
        points,
        meters.layout.window_ns,
        needed=steps.odd | before_odd,
    )


def _gap(
    meters: Meters,
    channel: int,
    steps: _Steps,
    row: int,
) -> Unusual:
    """The gap that one of these readings ended; what it counted is certain, when is not."""
    ts = int(steps.ts[row])
    elapsed = int(steps.elapsed[row])
    return Unusual(
        channel=channel,
        ts=ts,
        verdict=Verdict.GAP,
        amount=float(steps.counted[row]),
        bound=meters.limits(channel).most(elapsed),
        since=ts - elapsed,
    )
