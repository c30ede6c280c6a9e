"""A plant file with other meters: what is the same measuring point in both goes on counting.

So the energy over the change is booked. A measuring point is the same if its readings mean the
same: same meter, register, direction and scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from engine.counting.absorbed import Unusual
from engine.counting.curves import Points
from engine.counting.layout import POWER
from engine.counting.meters import Meters
from engine.counting.power import Powers
from engine.counting.recent import History
from plant.arrays import Ints
from plant.site import Channel, MeterPoint, Site

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where what is in the new plant was in the old one: an index there, -1 for what is new.

    By channel of the new plant, and for the `powers` by meter.
    """

    channels: Ints
    powers: Ints


class _Power(NamedTuple):
    """What makes the power of a meter the same in two plants."""

    meter: str
    tag: int | None
    scale: float
    signed: bool


class _Counter(NamedTuple):
    """What makes a channel the same in two plants; of one without a counter also its power."""

    meter: str | None
    tag: int
    reverse: bool
    kind: str
    scale: float
    integrates: _Power | None


def same_points(before: Site, after: Site) -> Kept:
    """Which measuring points of the old plant are in the new one."""
    channels = _found(
        before=_counters(before),
        after=_counters(after),
    )
    powers = _found(
        before=_powers(before),
        after=_powers(after),
    )
    return Kept(channels=channels, powers=powers)


def _counters(site: Site) -> list[_Counter]:
    """What makes each channel of a plant the same in another."""
    return [_counter(site, channel) for channel in site.channels]


def _powers(site: Site) -> list[_Power]:
    """What makes the power of each meter of a plant the same in another."""
    return [_power(point) for point in site.meters]


def _counter(site: Site, channel: Channel) -> _Counter:
    """What makes a channel the same in another plant.

    One without a counter integrates the power of its meter, so that must be the same too.
    """
    meter = None
    integrates = None
    if channel.meter >= 0:
        point = site.meters[channel.meter]
        meter = point.id
        if channel.kind == POWER:
            integrates = _power(point)

    return _Counter(
        meter=meter,
        tag=channel.tag,
        reverse=channel.reverse,
        kind=channel.kind,
        scale=channel.scale,
        integrates=integrates,
    )


def _power(point: MeterPoint) -> _Power:
    """What makes the power of a meter the same in another plant."""
    return _Power(
        meter=point.id,
        tag=point.power_tag,
        scale=point.power_scale,
        signed=point.power_signed,
    )


_Same = TypeVar("_Same", _Counter, _Power)


def _found(before: list[_Same], after: list[_Same]) -> Ints:
    """At which place among those `before` each of those `after` was; -1 for what is new."""
    place_before = {each: place for place, each in enumerate(before)}
    found = np.full(len(after), -1, np.int64)
    for place, wanted in enumerate(after):
        found[place] = place_before.get(wanted, -1)

    return found


def carry_meters(
    meters: Meters,
    site: Site,
    kept: Kept,
) -> Meters:
    """Meters of the new plant with what the old ones had counted."""
    new = Meters.start(site)
    for place, before in enumerate(kept.channels):
        if before >= 0:
            new.tracks[place] = meters.tracks[before]

    new.points = _carried_points(meters.points, kept.channels)
    new.filled = _columns(meters.filled, kept.channels, 0)
    new.powers = _carried_powers(meters.powers, kept.powers)
    new.late = meters.late
    new.refused = meters.refused
    return new


def _carried_powers(powers: Powers, meters: Ints) -> Powers:
    """The last samples of kept meters, in the order of the new plant."""
    return Powers(
        ts=_columns(powers.ts, meters, 0),
        value=_columns(powers.value, meters, 0),
        forward=_columns(powers.forward, meters, 0),
        reverse=_columns(powers.reverse, meters, 0),
    )


def _carried_points(points: Points, channels: Ints) -> Points:
    """The curves of kept channels, in the order of the new plant."""
    tables = [Points.empty()]
    for place, before in enumerate(channels):
        if before < 0:
            continue

        rows = points.of(int(before))
        curve = points.pick(rows)
        curve.channel = np.full(len(curve.ts), place)
        tables.append(curve)

    return Points.joined(tables)


def carry_history(history: History, kept: Kept) -> History:
    """What was booked lately, by the channels and meters of the new plant.

    Of a new channel nothing was booked, and what it stood at is not known.
    """
    return replace(
        history,
        amount=_columns(history.amount, kept.channels, 0.0),
        seen=_columns(history.seen, kept.channels, 0.0),
        estimated=_columns(history.estimated, kept.channels, 0.0),
        integrals=_columns(history.integrals, kept.powers, np.nan),
        total=_columns(history.total, kept.channels, np.nan),
    )


def carry_gaps(gaps: list[Unusual], kept: Kept) -> list[Unusual]:
    """Gaps that still wait to be shaped, by the channels of the new plant."""
    place_now = {int(before): place for place, before in enumerate(kept.channels)}
    carried = []
    for gap in gaps:
        if gap.channel in place_now:
            moved = replace(gap, channel=place_now[gap.channel])
            carried.append(moved)

    return carried


def _columns(
    table: npt.NDArray[Number],
    which: Ints,
    blank: float,
) -> npt.NDArray[Number]:
    """Columns of the old plant in the order of the new one, `blank` where there was none.

    Of a table of one dimension these are its rows.
    """
    is_old = which >= 0
    place_before = which[is_old]
    if table.ndim == 1:
        row = np.full(len(which), blank, table.dtype)
        row[is_old] = table[place_before]
        return row

    shape = (len(table), len(which), *table.shape[2:])
    new = np.full(shape, blank, table.dtype)
    new[:, is_old] = table[:, place_before]
    return new
