"""The shape: running integrals of every meter's power, forward and reverse.

Counters size the energy, this spreads it in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.along import Floats, Ints, Mask, bracket, group_cumsum, group_starts

CARRY_ON_NS = 30_000_000_000


@dataclass(slots=True)
class Samples:
    """Samples since the last look, each meter's last one before
    included, sorted by (meter, ts), with running integrals.
    """

    meter: Ints
    ts: Ints
    value: Floats
    forward: Floats
    reverse: Floats
    fresh: Mask

    def at(self, meter: Ints, ts: Ints) -> tuple[Floats, Floats]:
        """Integrals at moments; NaN where power is not known, but for
        30 s after a last sample, where it goes on.
        """
        nan = np.full(len(ts), np.nan)
        if not len(self.ts):
            return nan, nan

        at, left, right = bracket(
            self.meter,
            self.ts,
            meter,
            ts,
        )
        lower = np.clip(at, 0, None)
        upper = np.clip(at + 1, 0, len(self.ts) - 1)
        width = np.where(right & left, self.ts[upper] - self.ts[lower], 1)
        part = np.where(
            right & left,
            (ts - self.ts[lower]) / np.maximum(width, 1),
            0.0,
        )
        ahead = np.where(left & ~right, ts - self.ts[lower], 0)
        known = left & (ahead <= CARRY_ON_NS)
        out = []
        for running, sign in ((self.forward, 1.0), (self.reverse, -1.0)):
            inside = running[lower] + part * (running[upper] - running[lower])
            beyond = running[lower] + np.maximum(sign * self.value[lower], 0.0) * ahead / 3.6e12
            out.append(np.where(known, np.where(right, inside, beyond), np.nan))

        return out[0], out[1]


@dataclass(slots=True)
class Powers:
    """Each meter's last sample and integrals."""

    ts: Ints
    value: Floats
    forward: Floats
    reverse: Floats

    @classmethod
    def empty(cls, meters: int) -> Powers:
        return cls(
            np.zeros(meters, np.int64),
            np.zeros(meters),
            np.zeros(meters),
            np.zeros(meters),
        )

    def take(
        self,
        meter: Ints,
        ts: Ints,
        value: Floats,
    ) -> Samples:
        """Add samples; those older than a meter's last are left
        out (the shape is not worth a revision).
        """
        fresh = ts > self.ts[meter]
        meter = meter[fresh]
        ts = ts[fresh]
        value = value[fresh]
        known = np.flatnonzero(self.ts > 0)
        all_meter = np.concatenate((known, meter))
        all_ts = np.concatenate((self.ts[known], ts))
        all_value = np.concatenate((self.value[known], value))
        is_fresh = np.concatenate((np.zeros(len(known), bool), np.ones(len(meter), bool)))
        order = np.lexsort((all_ts, all_meter))
        all_meter = all_meter[order]
        all_ts = all_ts[order]
        all_value = all_value[order]
        is_fresh = is_fresh[order]
        start = group_starts(all_meter)
        hours = np.zeros(len(all_ts))
        hours[1:] = np.where(start[1:], 0.0, np.diff(all_ts) / 3.6e12)
        integrals = []
        for base, powers in (
            (self.forward, np.maximum(all_value, 0.0)),
            (self.reverse, np.maximum(-all_value, 0.0)),
        ):
            step = np.zeros(len(powers))
            step[1:] = hours[1:] * (powers[1:] + powers[:-1]) / 2
            integrals.append(group_cumsum(step, all_meter) + base[all_meter])

        last = np.flatnonzero(np.append(start[1:], True)) if len(start) else np.empty(0, np.intp)
        at = all_meter[last]
        self.ts[at] = all_ts[last]
        self.value[at] = all_value[last]
        self.forward[at] = integrals[0][last]
        self.reverse[at] = integrals[1][last]
        return Samples(
            all_meter,
            all_ts,
            all_value,
            integrals[0],
            integrals[1],
            is_fresh,
        )
