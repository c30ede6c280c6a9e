"""What counters stand at, at any moments: the curves read off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.along import bracket
from engine.counting.curves import Points
from plant.arrays import Floats, Index, Ints, Mask

NO_POWER = 1e-12
"""An integral of power that grows by less than this between two anchors gives no shape."""


@dataclass(slots=True)
class Totals:
    """What some channels stand at, at some moments: [moments, channels] each.

    `total` is NaN where nothing is known; `seen` in seconds, `estimated` like the total.
    """

    total: Floats
    seen: Floats
    estimated: Floats


@dataclass(frozen=True, slots=True)
class Asked:
    """Channels and the moments at which their totals are asked.

    `integral` [moments, channels] are the integrals of power then. `stepped` channels move by whole
    pieces, so nothing is read off between two of their points.
    """

    channels: Ints
    times: Ints
    integral: Floats
    stepped: Mask


def totals_at(points: Points, asked: Asked) -> Totals:
    """Totals, seconds seen and estimated amounts of channels at moments."""
    shape = (len(asked.times), len(asked.channels))
    sizes_energy = points.anchor | points.newest()
    sizing = points.pick(sizes_energy)
    if not len(sizing.ts):
        return Totals(
            total=np.full(shape, np.nan),
            seen=np.zeros(shape),
            estimated=np.zeros(shape),
        )

    between = _between(sizing, asked)
    # What is seen goes on with time, what is estimated was counted and goes with the total.
    by_time = between.part
    by_counter = _following_power(sizing, between, asked)
    counted = between.value(sizing.total, by_counter)
    seen = between.value(sizing.seen, by_time)
    estimated = between.value(sizing.estimated, by_counter)
    total = np.where(between.known, counted, np.nan)
    return Totals(
        total=total.reshape(shape),
        seen=seen.reshape(shape),
        estimated=estimated.reshape(shape),
    )


@dataclass(frozen=True, slots=True)
class _Between:
    """For each question the two points around it and which part of the time between has passed.

    Before the first point both are the first, after the last both are the last.
    """

    lower: Index
    upper: Index
    part: Floats
    known: Mask

    def value(self, column: Floats, part: Floats) -> Floats:
        """A column read off at a part of the way between the points; 0 where nothing is known."""
        at_lower = column[self.lower]
        at_upper = column[self.upper]
        grown = at_upper - at_lower
        read_off = at_lower + part * grown
        return np.where(self.known, read_off, 0.0)


def _between(sizing: Points, asked: Asked) -> _Between:
    """Where each question lies on the curve of its channel, all channels of a moment in a row."""
    channel = np.tile(asked.channels, len(asked.times))
    ts = np.repeat(asked.times, len(asked.channels))
    found = bracket(
        group=sizing.channel,
        ts=sizing.ts,
        asked_group=channel,
        asked_ts=ts,
    )

    # A channel that is not known here gets any row: what is read off there is not taken.
    last_row = len(sizing.ts) - 1
    following = np.clip(found.row + 1, 0, last_row)
    lower = np.where(found.has_before, found.row, following)
    is_inside = found.has_before & found.has_after
    upper = np.where(is_inside, found.row + 1, lower)

    at_lower = sizing.ts[lower]
    width = sizing.ts[upper] - at_lower
    passed = (ts - at_lower) / np.maximum(width, 1)
    return _Between(
        lower=lower,
        upper=upper,
        part=np.where(upper > lower, passed, 0.0),
        known=found.has_before | found.has_after,
    )


def _following_power(
    sizing: Points,
    between: _Between,
    asked: Asked,
) -> Floats:
    """Which part of what was counted between two points was counted up to each moment.

    As much as of the integral of power, where power is known and did flow; else as much as of the
    time.
    """
    at_lower = sizing.integral[between.lower]
    flowed = sizing.integral[between.upper] - at_lower
    has_power = flowed > NO_POWER
    # Where none flowed nothing is divided: that part is not taken.
    divisor = np.where(has_power, flowed, 1.0)
    with np.errstate(invalid="ignore"):
        so_far = asked.integral.reshape(-1) - at_lower
        by_power = so_far / divisor

    is_inside = between.part > 0.0
    follows = has_power & is_inside & np.isfinite(by_power)
    within = np.clip(by_power, 0.0, 1.0)
    part = np.where(follows, within, between.part)
    # Whole pieces are counted when they come: until the next point it is none of them.
    stepped = np.tile(asked.stepped, len(asked.times))
    return np.where(stepped, 0.0, part)
