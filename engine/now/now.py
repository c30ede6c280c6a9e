"""`now` figures: what the newest powers say, each second, for watching. Same tracing as the books,
never journalled.

Powers stand in for energies of one hour. A meter that was not heard of for a while is unseen, and
the line that hangs on it says since when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.figures.weights import Weights
from engine.now.apart import Apart, taken_apart
from engine.now.flows import Shown
from engine.now.picture import Picture
from engine.state import nothing_held
from engine.tracing.graph import Graph, edges
from engine.tracing.storage import KeptLayers
from engine.tracing.tracing import trace
from plant.arrays import Floats, Ints, Mask
from plant.frame import Batch, Event, Quality, join
from plant.silence import is_current
from plant.site import Site
from plant.units import HOUR_NS, SECOND_NS

UNLOADED_SHARE: Final = 0.01
"""Of a meter's largest reading: less counts as nothing."""

COUNTED_OVER_NS: Final = 20 * SECOND_NS
"""The power of a meter that only counts is taken over at least this, or a coarse counter jumps."""

LEAST_KWH: Final = 1e-9
"""A layer of a storage that holds less gives nothing."""

NO_ONE: Final = -1
"""In place of a meter or channel, for tags that are of none."""


class Now:
    """Newest values of one site.

    `latency_s`: event seconds by which readings may lag; it grows with a scaled clock. By meter:
    `power` (kW or unit an hour), `at` when it was heard of (ns, 0: never), `ahead_s` by how much
    the time of its newest reading was ahead of its arrival. By tag: the `newest` value, when it was
    `heard_at` and when it last `moved_at` (ns, 0: never), and its `power_factor`. `picture` is that
    of the newest tick.
    """

    def __init__(self, site: Site, latency_s: float = 0.0) -> None:
        self.site = site
        self.latency_s = latency_s
        self.graph = Graph(site)
        self.picture: Picture | None = None
        self.fresh: list[Batch] = []
        self.states: dict[int, tuple[str, int]] = {}
        self.orders: dict[int, str] = {}
        self.unloaded: dict[int, int] = {}
        self.storage_mix: list[dict[int, float]] = [{} for _ in site.storages]
        self.by_source = Weights.of_site(site).table[-1]

        meters = len(site.meters)
        self.power = np.zeros(meters)
        self.at = np.zeros(meters, np.int64)
        self.ahead_s = np.full(meters, np.nan)
        self.power_factor: dict[int, float] = {}
        channels = site.channels
        self._meter_of_channel = np.array([channel.meter for channel in channels], np.int64)
        self._channel_scale = np.array([channel.scale for channel in channels], float)
        self._forward = np.array([not channel.reverse for channel in channels], bool)
        # Where the power of a meter that only counts is reckoned from, by channel.
        self._counted_at = np.zeros(len(channels), np.int64)
        self._counted = np.full(len(channels), np.nan)
        self._has_power = np.zeros(meters, bool)
        self._scale = np.array([meter.power_scale for meter in site.meters])
        self._period_s = np.array(
            [_period_s(site, meter) for meter in range(meters)],
            float,
        )
        self._of_lines = np.zeros(meters, bool)
        for tap in self.graph.taps:
            self._of_lines[list(tap.meters)] = True

        self._find_tags()
        tags = len(self._meter_of)
        self.newest = np.full(tags, np.nan)
        self.heard_at = np.zeros(tags, np.int64)
        self.moved_at = np.zeros(tags, np.int64)

    def _find_tags(self) -> None:
        """Which tag is a meter's power, its power factor, or the counter of a meter that has no
        power to read."""
        site = self.site
        factor_tags = [tag for meter in site.meters for tag in meter.power_factor_tags]
        power_tags = [meter.power_tag for meter in site.meters if meter.power_tag is not None]
        counter_tags = [channel.tag for channel in site.channels]
        known_tags = [
            0,
            *power_tags,
            *factor_tags,
            *counter_tags,
        ]
        tags = 1 + max(known_tags)
        self._factor_tags = np.array(sorted(factor_tags), np.int64)
        self._meter_of = np.full(tags, NO_ONE)
        self._channel_of = np.full(tags, NO_ONE)
        for index, meter in enumerate(site.meters):
            if meter.power_tag is not None:
                self._meter_of[meter.power_tag] = index

        for index, channel in enumerate(site.channels):
            if channel.meter >= 0 and site.meters[channel.meter].power_tag is None:
                self._channel_of[channel.tag] = index

    def take(self, rows: Batch) -> None:
        """Keep a poll batch until the next tick."""
        self.fresh.append(rows)

    def _absorb(self) -> None:
        """Newest values of what came since the last tick."""
        rows = join(self.fresh)
        self.fresh = []
        good = (rows.quality != Quality.BAD) & (rows.tag < len(self._meter_of))
        tag = rows.tag[good]
        value = rows.value[good]
        at_ns = rows.ts[good]

        # Of rows of one tag the last one stands, since they come in the order of time.
        meter = self._meter_of[tag]
        is_power = meter >= 0
        metered = meter[is_power]
        ahead_ns = at_ns - rows.received[good]
        self.power[metered] = value[is_power] * self._scale[metered]
        self.at[metered] = at_ns[is_power]
        self.ahead_s[metered] = ahead_ns[is_power] / SECOND_NS

        is_factor = np.isin(tag, self._factor_tags)
        factors = np.abs(value[is_factor]).tolist()
        self.power_factor.update(
            zip(
                tag[is_factor].tolist(),
                factors,
                strict=True,
            )
        )

        moved = value != self.newest[tag]
        self.moved_at[tag[moved]] = at_ns[moved]
        self.newest[tag] = value
        self.heard_at[tag] = at_ns

        channel = self._channel_of[tag]
        counts = np.flatnonzero(channel >= 0)
        if len(counts):
            self._count(channel[counts], at_ns[counts], value[counts])

        for event in rows.events:
            self._hear(event)

    def _hear(self, event: Event) -> None:
        """The state or the order of a line."""
        for index, line in enumerate(self.site.lines):
            if line.state_tag == event.tag:
                state, _ = self.states.get(index, ("", 0))
                if state != event.text:
                    self.states[index] = (event.text, event.ts)

            if line.order_tag == event.tag:
                self.orders[index] = event.text

    def _count(
        self,
        channel: Ints,
        at_ns: Ints,
        reading: Floats,
    ) -> None:
        """Powers of meters that only count: what they counted over at least some seconds.

        Of readings of one channel the last one says it.
        """
        newest = np.full(len(self._counted_at), NO_ONE)
        newest[channel] = np.arange(len(channel))
        channel = np.flatnonzero(newest >= 0)
        at_ns = at_ns[newest[channel]]
        reading = reading[newest[channel]]
        meter = self._meter_of_channel[channel]

        lasted_ns = at_ns - self._counted_at[channel]
        moved = reading - self._counted[channel]
        begins = np.isnan(moved) | (moved < 0.0)
        enough = ~begins & (lasted_ns >= COUNTED_OVER_NS)
        anchor = begins | enough
        self._counted_at[channel[anchor]] = at_ns[anchor]
        self._counted[channel[anchor]] = reading[anchor]

        gives = enough & self._forward[channel]
        scaled = moved[gives] * self._channel_scale[channel[gives]]
        self.power[meter[gives]] = scaled / (lasted_ns[gives] / HOUR_NS)
        self._has_power[meter[gives]] = True
        said = ~begins & self._has_power[meter]
        self.at[meter[said]] = at_ns[said]

    def set_storages(self, layers: Sequence[KeptLayers]) -> None:
        """What the next kilowatt-hour out of each storage is made of, from the layers of the newest
        book: its oldest layer leaves first."""
        for index, storage in enumerate(self.site.storages):
            mix: dict[int, float] = {}
            if index < len(layers) and layers[index]:
                _, energy_kwh, amounts = layers[index][0]
                delivered_kwh = energy_kwh * storage.discharge_efficiency
                if delivered_kwh > LEAST_KWH:
                    mix = _per_kwh(amounts, delivered_kwh)

            self.storage_mix[index] = mix

    def tick(self, now_ns: int) -> Shown:
        """The NOW of docs/api.md at event time `now_ns`."""
        self._absorb()
        seen = is_current(
            self.at,
            self._period_s,
            now_ns,
            self.latency_s,
        )
        # A silent meter of a line stands at its last value, so that its flow does not move into
        # what is unmetered.
        stands = seen | ((self.at > 0) & self._of_lines)
        power = np.where(stands, self.power, 0.0)
        forward = np.maximum(power, 0.0)
        reverse = np.maximum(-power, 0.0)
        energy = np.stack((forward, reverse), 1)
        used = edges(self.graph, energy[None], seen[None])
        traced = trace(
            self.graph,
            used,
            nothing_held(self.graph),
            [now_ns],
        )
        for converter in range(len(self.site.converters)):
            if self._runs_unloaded(converter, power, seen):
                self.unloaded.setdefault(converter, now_ns)
            else:
                self.unloaded.pop(converter, None)

        self.picture = Picture(
            self,
            used,
            traced,
            seen,
            now_ns,
        )
        return self.picture.build()

    def apart(self, figure: str, of: str) -> Apart | None:
        """A figure of the newest tick taken apart; None before the first, or where `now` has no
        such figure."""
        return None if self.picture is None else taken_apart(self.picture, figure, of)

    def _runs_unloaded(
        self,
        converter: int,
        power: Floats,
        seen: Mask,
    ) -> bool:
        """Whether a converter takes power and gives nothing, as far as its meters say: a compressor
        that blows off, a boiler on stand-by."""
        node = self.site.converters[converter]
        given = [outlet.meter for outlet in node.outputs if outlet.meter is not None]
        taken: list[int] = []
        for feed in node.inputs:
            taken += feed.meters

        all_metered = len(given) == len(node.outputs)
        if node.two_way or not taken or not all_metered:
            return False

        all_seen = seen[[*given, *taken]].all()
        if not all_seen:
            return False

        for meter in given:
            if abs(power[meter]) > self._nothing(meter):
                return False

        takes_kw = power[taken].sum()
        nothing_kw = max(self._nothing(meter) for meter in taken)
        return bool(takes_kw > nothing_kw)

    def _nothing(self, meter: int) -> float:
        """Power up to which a meter counts as standing."""
        return UNLOADED_SHARE * (self.site.meters[meter].max_per_hour or 1.0)


def _per_kwh(amounts: Sequence[tuple[int, int, float]], kwh: float) -> dict[int, float]:
    """Amounts of (source, hour of origin, amount) by source, behind each of so many kWh."""
    mix: dict[int, float] = {}
    for source, _, amount in amounts:
        before = mix.get(source, 0.0)
        mix[source] = before + amount / kwh

    return mix


def _period_s(site: Site, meter: int) -> float:
    """How often a meter's power is due; one that only counts is due when it counts."""
    node = site.meters[meter]
    if node.power_tag is not None:
        return node.power_every_s

    return max(node.power_every_s, node.energy_every_s)
