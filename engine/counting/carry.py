"""A plant file with other meters: what is the same measuring point in both goes on counting, so the
energy over the change is booked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.counting.along import Ints
from engine.counting.counters import Track
from engine.counting.curves import Points
from engine.counting.meters import Meters, Unusual
from engine.counting.power import Powers
from engine.counting.recent import History
from plant.site import Channel, MeterPoint, Site


def same_points(before: Site, after: Site) -> tuple[Ints, Ints]:
    """For each channel, and each meter's power, of the new plant
    its index in the old one; -1 where it is new.
    """
    channels = _found(
        [_channel(before, channel) for channel in before.channels],
        [_channel(after, channel) for channel in after.channels],
    )
    return channels, _found(
        [_power(meter) for meter in before.meters],
        [_power(meter) for meter in after.meters],
    )


def _channel(site: Site, channel: Channel) -> Any:
    meter = site.meters[channel.meter] if channel.meter >= 0 else None
    shape = _power(meter) if meter is not None and channel.kind == "power" else None
    return (
        meter.id if meter is not None else None,
        channel.tag,
        channel.reverse,
        channel.kind,
        channel.scale,
        shape,
    )


def _power(meter: MeterPoint) -> Any:
    return (meter.id, meter.power_tag, meter.power_scale, meter.power_signed)


def _found(old: list[Any], new: list[Any]) -> Ints:
    at = {key: place for place, key in enumerate(old)}
    return np.array([at.get(key, -1) for key in new], np.int64)


def carry_meters(
    meters: Meters,
    site: Site,
    channels: Ints,
    powers: Ints,
) -> Meters:
    """Meters of the new plant with what the old ones had counted."""
    new = Meters.start(site)
    new.tracks = [meters.tracks[channel] if channel >= 0 else Track() for channel in channels]
    new.filled = _columns(meters.filled, channels, 0)
    new.powers = Powers(
        *(
            _columns(getattr(meters.powers, name), powers, 0)
            for name in ("ts", "value", "forward", "reverse")
        )
    )
    new.late = meters.late
    new.refused = meters.refused
    kept = []
    for now, then in enumerate(channels):
        if then >= 0:
            rows = meters.points.pick(meters.points.of(int(then)))
            rows.channel = np.full(len(rows.ts), now)
            kept.append(rows)

    new.points = Points.joined(kept) if kept else Points.empty()
    return new


def carry_history(
    history: History,
    channels: Ints,
    powers: Ints,
) -> History:
    """What was booked lately, by the channels and meters of the new plant."""
    amount, seen, estimated = (
        _columns(table, channels, 0.0)
        for table in (history.amount, history.seen, history.estimated)
    )
    x = _columns(history.x, powers, np.nan)
    total = _columns(history.total, channels, np.nan)
    past = history.digests, history.revisions
    return History(
        history.first,
        history.window,
        amount,
        seen,
        estimated,
        x,
        total,
        *past,
    )


def carry_gaps(gaps: list[Unusual], channels: Ints) -> list[Unusual]:
    """Gaps that still wait to be shaped, by the channels of the new plant."""
    now = {int(then): place for place, then in enumerate(channels) if then >= 0}
    return [
        Unusual(
            now[gap.channel],
            gap.ts,
            gap.verdict,
            gap.amount,
            gap.bound,
            gap.since,
        )
        for gap in gaps
        if gap.channel in now
    ]


def _columns(
    table: np.ndarray,
    which: Ints,
    blank: float,
) -> np.ndarray:
    """Columns (rows of a one-dimensional table) of the old plant in the order of the new one."""
    axis = min(table.ndim - 1, 1)
    shape = [
        *table.shape[:axis],
        len(which),
        *table.shape[axis + 1 :],
    ]
    new = np.full(shape, blank, table.dtype)
    kept = which >= 0
    if axis:
        new[:, kept] = table[:, which[kept]]
    else:
        new[kept] = table[which[kept]]

    return new
