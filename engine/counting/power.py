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
            self.meter,
            self.ts,
            meter,
            ts,
        )
        place = _Place.between(self.ts, ts, found)
        positive = np.maximum(self.value, 0.0)
        negative = np.maximum(-self.value, 0.0)
        return Integrals(
            forward=place.integral(self.forward, positive),
            reverse=place.integral(self.reverse, negative),
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
        """Where moments `asked` lie between the moments `sampled` of one meter."""
        lower = np.clip(found.row, 0, None)
        upper = np.clip(found.row + 1, 0, len(sampled) - 1)
        inside = found.has_before & found.has_after
        since = asked - sampled[lower]
        width = np.where(inside, sampled[upper] - sampled[lower], 1)
        ahead = np.where(found.has_before & ~found.has_after, since, 0)
        return cls(
            lower=lower,
            upper=upper,
            part=np.where(inside, since / np.maximum(width, 1), 0.0),
            ahead=ahead,
            has_after=found.has_after,
            known=found.has_before & (ahead <= CARRY_ON_NS),
        )

    def integral(self, running: Floats, power: Floats) -> Floats:
        """The running integral at these moments; after a last sample its `power` goes on."""
        low = running[self.lower]
        inside = low + self.part * (running[self.upper] - low)
        beyond = low + power[self.lower] * self.ahead / HOUR_NS
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
        """Add samples.

        Those older than a meter's last are left out: the shape is not worth a revision.
        """
        newer = ts > self.ts[meter]
        samples = self._with_the_last(meter[newer], ts[newer], value[newer])
        starts = group_starts(samples.meter)
        # Hours from each sample to the one before it of the same meter; none at a first sample.
        hours = np.zeros(len(samples.ts))
        hours[1:] = np.where(starts[1:], 0.0, np.diff(samples.ts) / HOUR_NS)
        positive = np.maximum(samples.value, 0.0)
        negative = np.maximum(-samples.value, 0.0)
        samples.forward = self.forward[samples.meter] + _integrated(samples.meter, hours, positive)
        samples.reverse = self.reverse[samples.meter] + _integrated(samples.meter, hours, negative)
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
        fresh = np.ones(len(all_ts), bool)
        fresh[: len(known)] = False
        order = np.lexsort((all_ts, all_meter))
        nothing = np.empty(0)
        return Samples(
            meter=all_meter[order],
            ts=all_ts[order],
            value=all_value[order],
            forward=nothing,
            reverse=nothing,
            fresh=fresh[order],
        )

    def _remember(self, samples: Samples) -> None:
        """Keep each meter's newest sample and its integrals."""
        last = np.flatnonzero(group_ends(samples.meter))
        meter = samples.meter[last]
        self.ts[meter] = samples.ts[last]
        self.value[meter] = samples.value[last]
        self.forward[meter] = samples.forward[last]
        self.reverse[meter] = samples.reverse[last]


def _integrated(
    meter: Ints,
    hours: Floats,
    power: Floats,
) -> Floats:
    """Integral of each meter's power since its first sample here, by trapezoids."""
    trapezoid = np.zeros(len(power))
    trapezoid[1:] = hours[1:] * (power[1:] + power[:-1]) / 2
    return group_cumsum(trapezoid, meter)
