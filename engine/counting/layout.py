"""What counting asks about a site, as arrays: which channel a tag is, and what bounds each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.counters import Limits
from plant.arrays import Floats, Index, Ints, Mask
from plant.silence import gap_after_s
from plant.site import Channel, Site, Swap
from plant.units import SECOND_NS

PERIOD_OF_PIECES_S = 3600.0
"""Pieces come when they come: an hour without one is no gap."""

COUNTER = "counter"
POWER = "power"
COUNT = "count"


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared swap of the counter of a channel."""

    channel: int
    swap: Swap


@dataclass(frozen=True, slots=True)
class Summing:
    """How channels add up to meters.

    `channel` are those of meters, sorted by meter and direction; each meter and direction that has
    any is a `column`, and its channels begin at `begins`.
    """

    channel: Index
    column: Ints
    begins: Index
    meters: int

    @classmethod
    def of(
        cls,
        meter: Ints,
        reverse: Mask,
        meters: int,
    ) -> Summing:
        """Of the channels with these meters (-1 for none) and directions."""
        of_meters = np.flatnonzero(meter >= 0)
        # Forward is in even, reverse in odd columns.
        columns = meter[of_meters] * 2 + reverse[of_meters]
        order = np.argsort(columns, kind="stable")
        column, begins = np.unique(columns[order], return_index=True)
        return cls(
            channel=of_meters[order],
            column=column,
            begins=begins,
            meters=meters,
        )

    def by_meter(self, amount: Floats) -> Floats:
        """Sums [windows, meters, 2], forward and reverse, of amounts [windows, channels]."""
        windows = len(amount)
        sums = np.zeros((windows, self.meters * 2))
        if len(self.channel):
            sums[:, self.column] = np.add.reduceat(
                amount[:, self.channel],
                self.begins,
                axis=1,
            )

        return sums.reshape(windows, self.meters, 2)


@dataclass(frozen=True, slots=True)
class Layout:
    """Look-up arrays of a site.

    By tag, one row longer than the highest tag: `channel_of` and `power_of` are the counter and the
    meter whose power it is, -1 where it is none; `used` says whether it is either.

    By channel: its `meter` (-1 for pieces) and whether it is its `reverse` direction; `scale` from
    its canonical unit to the edge unit; how long it may be silent, `gap_ns`; whether it moves by
    whole pieces (`stepped`) or has no counter (`by_power`); its `limits`, and of these the most in
    an hour, `most_rate`, and the `step` of the register, which grows with `float32` counters.

    By meter: `power_scale` from canonical power to edge unit per hour, the `first_channel`, and
    whether any channel is its (`measured`). Windows are `window_ns` long.
    """

    site: Site
    channel_of: Ints
    power_of: Ints
    used: Mask
    meter: Ints
    reverse: Mask
    scale: Floats
    gap_ns: Ints
    stepped: Mask
    by_power: Mask
    limits: tuple[Limits, ...]
    most_rate: Floats
    step: Floats
    float32: Mask
    swaps: tuple[Declared, ...]
    power_scale: Floats
    first_channel: Ints
    measured: Mask
    summing: Summing
    window_ns: int

    @classmethod
    def of(cls, site: Site) -> Layout:
        """Of one site."""
        channels = site.channels
        channel_of = _channel_of(site)
        power_of = _power_of(site)
        meter = np.array([channel.meter for channel in channels], np.int64)
        reverse = np.array([channel.reverse for channel in channels], bool)
        limits = tuple(_limits(site, channel) for channel in channels)
        return cls(
            site=site,
            channel_of=channel_of,
            power_of=power_of,
            used=(channel_of >= 0) | (power_of >= 0),
            meter=meter,
            reverse=reverse,
            scale=np.array([channel.scale for channel in channels]),
            gap_ns=_gap_ns(site),
            stepped=_are(channels, COUNT),
            by_power=_are(channels, POWER),
            limits=limits,
            most_rate=np.array([_most_rate(known) for known in limits]),
            step=np.array([channel.step for channel in channels]),
            float32=np.array([channel.float32 for channel in channels], bool),
            swaps=_declared(channels),
            power_scale=np.array([point.power_scale for point in site.meters]),
            first_channel=_first_channel(meter, len(site.meters)),
            measured=np.isin(np.arange(len(site.meters)), meter),
            summing=Summing.of(meter, reverse, len(site.meters)),
            window_ns=round(site.window_s * SECOND_NS),
        )

    def swapped(
        self,
        channel: Ints,
        since: Ints,
        until: Ints,
    ) -> Mask:
        """Which steps of counters have a declared swap in them.

        Each goes from a reading at `since` to the next, at `until`, ns UTC.
        """
        found = np.zeros(len(channel), bool)
        for declared in self.swaps:
            swapped_at = declared.swap.at
            within = (since < swapped_at) & (swapped_at <= until)
            found |= within & (channel == declared.channel)

        return found


def _are(channels: tuple[Channel, ...], kind: str) -> Mask:
    """Which channels are of a kind, such as `POWER`."""
    return np.array([channel.kind == kind for channel in channels], bool)


def _tags(site: Site) -> int:
    """One more than the highest tag, and one row more for all that is no tag of the site."""
    highest = 0
    for channel in site.channels:
        highest = max(highest, channel.tag)

    for point in site.meters:
        highest = max(highest, point.power_tag or 0)

    return highest + 2


def _channel_of(site: Site) -> Ints:
    """The channel of each tag, -1 for tags that count nothing."""
    channel_of = np.full(_tags(site), -1)
    for place, channel in enumerate(site.channels):
        if channel.kind != POWER:
            channel_of[channel.tag] = place

    return channel_of


def _power_of(site: Site) -> Ints:
    """The meter whose power each tag is, -1 for all others."""
    power_of = np.full(_tags(site), -1)
    for place, point in enumerate(site.meters):
        if point.power_tag is not None:
            power_of[point.power_tag] = place

    return power_of


def _gap_ns(site: Site) -> Ints:
    """How long each channel may be silent, by the one rule of `plant.silence`."""
    periods_s = np.array([_period_s(site, channel) for channel in site.channels])
    bounds_s = gap_after_s(periods_s)
    bounds_ns = bounds_s * SECOND_NS
    return bounds_ns.astype(np.int64)


def _period_s(site: Site, channel: Channel) -> float:
    """How often a channel is read: one without a counter as often as the power of its meter."""
    if channel.meter < 0:
        return PERIOD_OF_PIECES_S

    point = site.meters[channel.meter]
    if channel.kind == POWER:
        return point.power_every_s

    return point.energy_every_s


def _limits(site: Site, channel: Channel) -> Limits:
    """Limits of a channel, in its canonical unit."""
    most = None
    if channel.meter >= 0:
        most = site.meters[channel.meter].max_per_hour

    if most is not None:
        # What a meter can count at most is known in edge unit.
        most = most / channel.scale

    return Limits(
        max_per_hour=most,
        step=channel.step,
        wraps_at=channel.wraps_at,
        swaps=channel.swaps,
    )


def _most_rate(limits: Limits) -> float:
    """The most that a channel can count in an hour, in its canonical unit."""
    if limits.max_per_hour is None:
        return float("inf")

    return limits.max_per_hour


def _declared(channels: tuple[Channel, ...]) -> tuple[Declared, ...]:
    """All swaps, each with its channel."""
    declared = []
    for place, channel in enumerate(channels):
        for swap in channel.swaps:
            declared.append(Declared(place, swap))

    return tuple(declared)


def _first_channel(meter: Ints, meters: int) -> Ints:
    """Each meter's first channel; 0 for one without channels, which `measured` tells."""
    first = np.zeros(meters, np.int64)
    # From the last to the first, so that the first is written last and stays.
    for channel in reversed(range(len(meter))):
        if meter[channel] >= 0:
            first[meter[channel]] = channel

    return first
