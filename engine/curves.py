"""Counter curves: how much each channel has counted up to any moment, for all channels in one table.

A point is (channel, ts, total, x, seen, estimated): the running total of the counter, the integral of power at that moment (the shape),
the seconds seen and the amount estimated so far. The energy of a window is the difference of the total at its ends, so parts always add
up to the counter. Between two anchors the total follows power where there is one, else a straight line (method, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.along import Floats, Index, Ints, Mask, bracket, group_starts

ANCHOR_STEPS = 200.0
ANCHOR_NS = 900_000_000_000


@dataclass(slots=True)
class Points:
    """Rows sorted by (channel, ts)."""

    channel: Ints
    ts: Ints
    total: Floats
    x: Floats
    seen: Floats
    estimated: Floats
    anchor: Mask

    @classmethod
    def empty(cls) -> Points:
        none, zero = np.empty(0, np.int64), np.empty(0)
        return cls(none, none, zero, zero, zero, zero, np.empty(0, bool))

    def columns(self) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats, Mask]:
        return self.channel, self.ts, self.total, self.x, self.seen, self.estimated, self.anchor

    def pick(self, rows: Mask | Index) -> Points:
        picked: list[Any] = [column[rows] for column in self.columns()]
        return Points(*picked)

    def with_rows(self, other: Points) -> Points:
        """Both tables in one, sorted."""
        if not len(other.ts):
            return self
        merged: list[Any] = [np.concatenate(pair) for pair in zip(self.columns(), other.columns(), strict=True)]
        order = np.lexsort((merged[1], merged[0]))
        return Points(*(column[order] for column in merged))

    def trimmed(self, before: int) -> Points:
        """Without what is older than `before`, but each channel's last anchor there."""
        old = self.ts < before
        held = old & self.anchor
        rows = np.flatnonzero(held)
        last = rows[np.append(group_starts(self.channel[rows])[1:], True)] if len(rows) else rows
        keep = ~old
        keep[last] = True
        return self.pick(keep)

    def sizing(self) -> Points:
        """Anchors, and each channel's newest point as a tentative one."""
        newest = np.append(group_starts(self.channel)[1:], True) if len(self.ts) else np.empty(0, bool)
        return self.pick(self.anchor | newest)


@dataclass(slots=True)
class Reading:
    """Totals at moments: [moments, channels] each."""

    total: Floats
    seen: Floats
    estimated: Floats


def read(points: Points, channels: int, times: Ints, x_at: Floats, stepped: Mask) -> Reading:
    """Total, seconds seen and estimated amount of every channel at `times`; `x_at` [moments, channels]; `stepped` channels do not interpolate."""
    m = len(times)
    sizing = points.sizing()
    if not len(sizing.ts):
        zero = np.zeros((m, channels))
        return Reading(np.full((m, channels), np.nan), zero, zero.copy())
    q_channel, q_ts = np.tile(np.arange(channels), m), np.repeat(times, channels)
    at, left, right = bracket(sizing.channel, sizing.ts, q_channel, q_ts)
    lo = np.where(left, at, np.clip(at + 1, 0, len(sizing.ts) - 1))  # before the first point: the first point
    hi = np.where(left & right, at + 1, lo)
    known = left | right
    width = np.maximum(sizing.ts[hi] - sizing.ts[lo], 1)
    part = np.where(hi > lo, (q_ts - sizing.ts[lo]) / width, 0.0)
    in_time = part
    span_x = sizing.x[hi] - sizing.x[lo]
    with np.errstate(invalid="ignore"):
        shaped = (x_at.reshape(-1) - sizing.x[lo]) / np.where(span_x > 1e-12, span_x, 1.0)
        follows = (span_x > 1e-12) & np.isfinite(shaped) & (part > 0.0)
    part = np.where(follows, np.clip(shaped, 0.0, 1.0), part)
    part = np.where(np.tile(stepped, m), 0.0, part)

    def value(column: Floats, share: Floats) -> Floats:
        low = column[lo]
        return np.where(known, low + share * (column[hi] - low), 0.0).reshape(m, channels)

    total = np.where(known.reshape(m, channels), value(sizing.total, part), np.nan)
    return Reading(total, value(sizing.seen, in_time), value(sizing.estimated, part))


def anchors(total: Floats, ts: Ints, step: float, from_total: float, from_ts: int, forced: Mask) -> Mask:
    """Which new points of one channel size the energy, given the last anchor before them."""
    chosen = np.zeros(len(ts), bool)
    for i in range(len(ts)):
        if forced[i] or total[i] - from_total >= ANCHOR_STEPS * step or ts[i] - from_ts >= ANCHOR_NS:
            chosen[i], from_total, from_ts = True, float(total[i]), int(ts[i])
    return chosen
