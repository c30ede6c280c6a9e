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
) -> None:
    """Judge the readings of one channel, one after the other, and append what is believed."""
    track = meters.tracks[channel]
    late = np.full(len(readings), track.known) & (readings.ts <= track.ts)
    if late.any():
        meters.late += int(late.sum())
        out.late.append(
            Late(
                channel=channel,
                ts=readings.ts[late],
                value=readings.value[late],
                integral=readings.integral[late],
            )
        )

    accepted = _judged(
        meters,
        channel,
        readings.pick(~late),
        out,
    )
    if accepted:
        _extend(
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
    rows = points.of(channel)
    if rows.start == rows.stop:
        return None

    row = rows.stop - 1
    anchored = NO_ANCHOR
    anchor_rows = np.flatnonzero(points.anchor[rows])
    if len(anchor_rows):
        last = rows.start + int(anchor_rows[-1])
        anchored = Anchored(int(points.ts[last]), float(points.total[last]))

    return _Standing(
        row=row,
        ts=int(points.ts[row]),
        total=float(points.total[row]),
        seen=float(points.seen[row]),
        estimated=float(points.estimated[row]),
        anchored=anchored,
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
        return self.doubted | self.gap


def _steps(
    accepted: list[_Accepted],
    standing: _Standing | None,
    gap_ns: int,
) -> _Steps:
    first = accepted[0].judged
    before_ts = first.ts if standing is None else standing.ts
    before_total = first.total if standing is None else standing.total
    ts = np.array([each.judged.ts for each in accepted], np.int64)
    total = np.array([each.judged.total for each in accepted])
    elapsed = np.diff(ts, prepend=before_ts)
    return _Steps(
        ts=ts,
        total=total,
        integral=np.array([each.integral for each in accepted]),
        elapsed=elapsed,
        counted=np.diff(total, prepend=before_total),
        gap=elapsed > gap_ns,
        doubted=np.array([each.judged.verdict not in RUNNING_ON for each in accepted]),
    )


def _extend(
    meters: Meters,
    channel: int,
    accepted: list[_Accepted],
    out: Absorbed,
) -> None:
    """Append accepted readings to the curve of a channel."""
    standing = _standing(meters.points, channel)
    steps = _steps(
        accepted,
        standing,
        int(meters.layout.gap_ns[channel]),
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
    meters.points = meters.points.with_rows(added)
    for row in np.flatnonzero(steps.gap):
        out.unusual.append(
            _gap(
                meters,
                channel,
                steps,
                int(row),
            )
        )

    changed = np.flatnonzero(steps.odd | (steps.ts <= out.closed))
    if standing is not None and len(changed):
        since = steps.ts[changed[0]] - steps.elapsed[changed[0]]
        out.changed.append(Span(channel, int(since), ONWARD))


def _points(
    meters: Meters,
    channel: int,
    steps: _Steps,
    standing: _Standing | None,
) -> Points:
    """The points of accepted readings; a gap is not seen, and
    what an odd step counts is estimated.
    """
    count = len(steps.ts)
    anchored = NO_ANCHOR if standing is None else standing.anchored
    seen_before = 0.0 if standing is None else standing.seen
    estimated_before = 0.0 if standing is None else standing.estimated
    seen_ns = np.where(steps.gap, 0, steps.elapsed)
    estimated = np.where(steps.odd, np.abs(steps.counted), 0.0)
    # Both ends of an odd step size energy.
    before_odd = np.roll(steps.odd, -1)
    forced = steps.odd | before_odd | meters.layout.stepped[channel]
    mark = np.where(steps.doubted, Mark.DOUBTED, Mark.READ)
    return Points(
        channel=np.full(count, channel),
        ts=steps.ts,
        total=steps.total,
        integral=steps.integral,
        seen=seen_before + np.cumsum(seen_ns) * S_PER_NS,
        estimated=estimated_before + np.cumsum(estimated),
        anchor=anchors(
            steps.total,
            steps.ts,
            anchored,
            step=meters.limits(channel).step,
            forced=forced,
        ),
        mark=mark.astype(np.int8),
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
