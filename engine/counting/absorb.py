"""Taking readings in: powers are integrated, counters judged and appended to their curves.

Nearly all readings are of counters that run on as they should; these are taken for all channels at
once (`engine.counting.together`). A channel where anything is odd is taken by itself
(`engine.counting.singly`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.absorbed import Absorbed
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
    for channel in np.unique(readings.channel[~done]):
        of_channel = (readings.channel == channel) & ~done
        count_singly(
            meters,
            int(channel),
            readings.pick(of_channel),
            out,
        )

    integrate_powers(meters, samples, out)
    out.integrals = _integrals_at(
        samples,
        boundaries,
        len(meters.layout.site.meters),
    )
    return out


@dataclass(frozen=True, slots=True)
class _Good:
    """Readings that have a value, of tags that the site may know."""

    ts: Ints
    tag: Tags
    value: Floats


def _good(layout: Layout, rows: Batch) -> _Good:
    has_value = (rows.quality != Quality.BAD) & np.isfinite(rows.value)
    good = has_value & (rows.tag < len(layout.channel_of))
    return _Good(
        ts=rows.ts[good],
        tag=rows.tag[good],
        value=rows.value[good],
    )


def _take_powers(meters: Meters, good: _Good) -> Samples:
    """Hand the readings of power to the integrals, in edge unit per hour."""
    layout = meters.layout
    meter = layout.power_of[good.tag]
    of_power = meter >= 0
    meter = meter[of_power]
    value = good.value[of_power] * layout.power_scale[meter]
    return meters.powers.take(meter, good.ts[of_power], value)


def _of_counters(
    layout: Layout,
    good: _Good,
    samples: Samples,
) -> Readings:
    """The readings of counters, sorted, each with the integral of its meter's power."""
    channel = layout.channel_of[good.tag]
    of_counters = channel >= 0
    channel = channel[of_counters]
    ts = good.ts[of_counters]
    value = good.value[of_counters]
    order = np.lexsort((ts, channel))
    channel = channel[order]
    ts = ts[order]
    return Readings(
        channel=channel,
        ts=ts,
        value=value[order],
        integral=_integral(
            layout,
            samples,
            channel,
            ts,
        ),
    )


def _integral(
    layout: Layout,
    samples: Samples,
    channel: Ints,
    ts: Ints,
) -> Floats:
    """The integral of power in the direction of each channel;
    NaN for pieces, which have no power.
    """
    meter = layout.meter[channel]
    of_meter = samples.at(np.maximum(meter, 0), ts)
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
    every_meter = np.tile(np.arange(meters), len(boundaries))
    moments = np.repeat(boundaries, meters)
    integrals = samples.at(every_meter, moments)
    return np.stack(integrals, 1).reshape(len(boundaries), meters, 2)
