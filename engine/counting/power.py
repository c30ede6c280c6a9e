"""The shape: running integrals of every meter's power, forward and reverse.

Counters size the energy, this spreads it in time. A sample holds until the next one of its meter,
and the power between two goes from one to the other in a straight line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.counting.along import Neighbours, bracket, group_cumsum, group_ends, group_starts
from plant.arrays import Floats, Index, Ints, Mask
from plant.units import HOUR_NS, SECOND_NS

CARRY_ON_NS = 30 * SECOND_NS
"""So long after its last sample a meter's power is taken to be what it was."""


class Integrals(NamedTuple):
    """Running integrals of power in the two directions, in the unit of the meter's edge.

    NaN where power is not known.
    """

    forward: Floats
    reverse: Floats


@dataclass(slots=True)
class Samples:
    """Samples since the last look and each meter's last one before, sorted by (meter, ts).

    `value` is power in edge unit per hour, `forward` and `reverse` are its running integrals.
    `fresh` says which samples are new.
    """

    meter: Ints
    ts: Ints
    value: Floats
    forward: Floats
    reverse: Floats
    fresh: Mask

    def at(self, meter: Ints, ts: Ints) -> Integrals:
        """Integrals of meters at moments.

        NaN where power is not known, but for 30 s after a last sample, where it goes on.
        """
        if not len(self.ts):
            unknown = np.full(len(ts), np.nan)
            return Integrals(unknown, unknown)

        found = bracket(
            group=self.meter,
            ts=self.ts,
            asked_group=meter,
            asked_ts=ts,
        )
        place = _Place.between(self.ts, ts, found)
        flow = _flow(self.value)
        return Integrals(
            forward=place.integral(self.forward, flow.forward),
            reverse=place.integral(self.reverse, flow.reverse),
        )


class _Flow(NamedTuple):
    """Power in the two directions, in edge unit per hour, neither below zero."""

    forward: Floats
    reverse: Floats


def _flow(power: Floats) -> _Flow:
    """Power by direction: where it flows in one of them, there is none in the other."""
    return _Flow(
        forward=np.maximum(power, 0.0),
        reverse=np.maximum(-power, 0.0),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where moments lie between the samples of their meters.

    `part` of the way from sample `lower` to sample `upper`, or `ahead` ns after a last sample.
    """

    lower: Index
    upper: Index
    part: Floats
    ahead: Ints
    has_after: Mask
    known: Mask

    @classmethod
    def between(
        cls,
        sampled: Ints,
        asked: Ints,
        found: Neighbours,
    ) -> _Place:
        """Where moments `asked` lie between the moments `sampled` of their meters, both in ns UTC.

        `found` are the samples around each.
        """
        lower = np.clip(found.row, 0, None)
        upper = np.clip(found.row + 1, 0, len(sampled) - 1)
        inside = found.has_before & found.has_after
        after_last = found.has_before & ~found.has_after
        since = asked - sampled[lower]
        ahead = np.where(after_last, since, 0)

        # Where there are not two samples the width is 1, so that nothing is divided by zero.
        between_samples = sampled[upper] - sampled[lower]
        width = np.where(inside, between_samples, 1)
        part = since / np.maximum(width, 1)
        return cls(
            lower=lower,
            upper=upper,
            part=np.where(inside, part, 0.0),
            ahead=ahead,
            has_after=found.has_after,
            known=found.has_before & (ahead <= CARRY_ON_NS),
        )

    def integral(self, running: Floats, power: Floats) -> Floats:
        """The running integral at these moments; after a last sample its `power` goes on."""
        at_lower = running[self.lower]
        at_upper = running[self.upper]
        grown = at_upper - at_lower
        inside = at_lower + self.part * grown

        last_power = power[self.lower]
        carried_on = last_power * self.ahead / HOUR_NS
        beyond = at_lower + carried_on

        integral = np.where(self.has_after, inside, beyond)
        return np.where(self.known, integral, np.nan)


@dataclass(slots=True)
class Powers:
    """Each meter's last sample, and the integrals up to it. `ts` is 0 where there was none."""

    ts: Ints
    value: Floats
    forward: Floats
    reverse: Floats

    @classmethod
    def empty(cls, meters: int) -> Powers:
        """Before the first sample of any meter."""
        return cls(
            ts=np.zeros(meters, np.int64),
            value=np.zeros(meters),
            forward=np.zeros(meters),
            reverse=np.zeros(meters),
        )

    def take(
        self,
        meter: Ints,
        ts: Ints,
        value: Floats,
    ) -> Samples:
        """Add samples: their meter, time in ns UTC, and power in edge unit per hour.

        Those older than a meter's last are left out: the shape is not worth a revision.
        """
        newer = ts > self.ts[meter]
        samples = self._with_the_last(
            meter=meter[newer],
            ts=ts[newer],
            value=value[newer],
        )
        hours = _hours_between(samples)
        flow = _flow(samples.value)
        forward = _integrated(samples.meter, hours, flow.forward)
        reverse = _integrated(samples.meter, hours, flow.reverse)
        # The integrals go on from where they stood at each meter's last sample.
        samples.forward = self.forward[samples.meter] + forward
        samples.reverse = self.reverse[samples.meter] + reverse
        self._remember(samples)
        return samples

    def _with_the_last(
        self,
        meter: Ints,
        ts: Ints,
        value: Floats,
    ) -> Samples:
        """New samples and each meter's last one, sorted; not integrated yet."""
        known = np.flatnonzero(self.ts > 0)
        all_meter = np.concatenate((known, meter))
        all_ts = np.concatenate((self.ts[known], ts))
        all_value = np.concatenate((self.value[known], value))
        is_fresh = np.ones(len(all_ts), bool)
        is_fresh[: len(known)] = False

        order = np.lexsort((all_ts, all_meter))
        nothing = np.empty(0)
        return Samples(
            meter=all_meter[order],
            ts=all_ts[order],
            value=all_value[order],
            forward=nothing,
            reverse=nothing,
            fresh=is_fresh[order],
        )

    def _remember(self, samples: Samples) -> None:
        """Keep each meter's newest sample and its integrals."""
        is_newest = group_ends(samples.meter)
        newest = np.flatnonzero(is_newest)
        meter = samples.meter[newest]
        self.ts[meter] = samples.ts[newest]
        self.value[meter] = samples.value[newest]
        self.forward[meter] = samples.forward[newest]
        self.reverse[meter] = samples.reverse[newest]


def _hours_between(samples: Samples) -> Floats:
    """Hours from each sample to the one before it of the same meter; none at a first sample."""
    hours = np.zeros(len(samples.ts))
    elapsed_hours = np.diff(samples.ts) / HOUR_NS
    is_first = group_starts(samples.meter)[1:]
    hours[1:] = np.where(is_first, 0.0, elapsed_hours)
    return hours


def _integrated(
    meter: Ints,
    hours: Floats,
    power: Floats,
) -> Floats:
    """Integral of each meter's power since its first sample here, by trapezoids.

    Between two samples power goes in a straight line, so the area under it is the mean of both
    times the hours between them.
    """
    power_before = power[:-1]
    power_after = power[1:]
    trapezoid = np.zeros(len(power))
    trapezoid[1:] = hours[1:] * (power_after + power_before) / 2
    return group_cumsum(trapezoid, meter)
