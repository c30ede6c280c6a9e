"""Taking readings in: powers are integrated, counters judged and appended to their curves.

Nearly all readings are of counters that run on as they should; these are taken for all channels at
once (`engine.counting.together`). A channel where anything is odd is taken by itself
(`engine.counting.singly`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.absorbed import Absorbed
from engine.counting.along import group_starts
from engine.counting.curves import Points
from engine.counting.integrating import integrate_powers
from engine.counting.layout import Layout
from engine.counting.meters import Meters
from engine.counting.power import Samples
from engine.counting.readings import Readings
from engine.counting.singly import count_singly
from engine.counting.together import count_together
from plant.arrays import Floats, Ints
from plant.frame import Batch, Quality, Tags


def absorb(
    meters: Meters,
    rows: Batch,
    boundaries: Ints,
    closed: int,
) -> Absorbed:
    """Take readings up to a moment into `meters`.

    `boundaries` are the ends of the windows that close now; windows up to `closed` were given out
    before. Both in ns UTC.
    """
    good = _good(meters.layout, rows)
    samples = _take_powers(meters, good)
    readings = _of_counters(meters.layout, good, samples)
    out = Absorbed(closed)
    done = count_together(meters, readings, out)
    _count_the_rest(
        meters,
        readings.pick(~done),
        out,
    )
    integrate_powers(meters, samples, out)
    out.integrals = _integrals_at(
        samples,
        boundaries,
        meters=len(meters.layout.site.meters),
    )
    return out


def _count_the_rest(
    meters: Meters,
    readings: Readings,
    out: Absorbed,
) -> None:
    """Count the readings of channels where anything is odd, one channel after the other.

    After an outage these are all of them, so their points are put into the curves at once.
    """
    curves = []
    begins = np.flatnonzero(group_starts(readings.channel))
    ends = np.append(begins[1:], len(readings))
    for begin, end in zip(
        begins.tolist(),
        ends[: len(begins)].tolist(),
        strict=True,
    ):
        points = count_singly(
            meters,
            int(readings.channel[begin]),
            readings.pick(slice(begin, end)),
            out,
        )
        if points is not None:
            curves.append(points)

    if curves:
        added = Points.joined(curves)
        meters.points = meters.points.with_rows(added)


@dataclass(frozen=True, slots=True)
class _Good:
    """Readings that have a value, of tags that the site may know."""

    ts: Ints
    tag: Tags
    value: Floats


def _good(layout: Layout, rows: Batch) -> _Good:
    """Leave out what cannot be counted: failed readings, and tags above all those of the site."""
    is_read = rows.quality != Quality.BAD
    has_value = is_read & np.isfinite(rows.value)
    tags = len(layout.channel_of)
    is_known = rows.tag < tags
    good = has_value & is_known
    return _Good(
        ts=rows.ts[good],
        tag=rows.tag[good],
        value=rows.value[good],
    )


def _take_powers(meters: Meters, good: _Good) -> Samples:
    """Hand the readings of power to the integrals, in edge unit per hour."""
    layout = meters.layout
    meter_of_row = layout.power_of[good.tag]
    is_power = meter_of_row >= 0
    meter = meter_of_row[is_power]
    canonical = good.value[is_power]
    return meters.powers.take(
        meter=meter,
        ts=good.ts[is_power],
        value=canonical * layout.power_scale[meter],
    )


def _of_counters(
    layout: Layout,
    good: _Good,
    samples: Samples,
) -> Readings:
    """The readings of counters, sorted, each with the integral of its meter's power."""
    channel_of_row = layout.channel_of[good.tag]
    rows = np.flatnonzero(channel_of_row >= 0)
    by_channel_and_time = np.lexsort((good.ts[rows], channel_of_row[rows]))
    ordered = rows[by_channel_and_time]
    channel = channel_of_row[ordered]
    ts = good.ts[ordered]
    integral = _integral(
        layout,
        samples,
        channel,
        ts,
    )
    return Readings(
        channel=channel,
        ts=ts,
        value=good.value[ordered],
        integral=integral,
    )


def _integral(
    layout: Layout,
    samples: Samples,
    channel: Ints,
    ts: Ints,
) -> Floats:
    """The integral of power in the direction of each channel; NaN for pieces, which have none."""
    meter = layout.meter[channel]
    # Pieces belong to no meter: any meter may be asked for them, as the answer is not taken.
    any_meter = np.maximum(meter, 0)
    of_meter = samples.at(any_meter, ts)
    of_channel = np.where(
        layout.reverse[channel],
        of_meter.reverse,
        of_meter.forward,
    )
    return np.where(meter < 0, np.nan, of_channel)


def _integrals_at(
    samples: Samples,
    boundaries: Ints,
    meters: int,
) -> Floats:
    """Integrals of every meter's power at the boundaries [boundaries, meters, 2]."""
    every_meter = np.arange(meters)
    integrals = samples.at(
        meter=np.tile(every_meter, len(boundaries)),
        ts=np.repeat(boundaries, meters),
    )
    both_directions = np.stack(integrals, 1)
    return both_directions.reshape(len(boundaries), meters, 2)
