"""The plant as a graph of edges, and the energies on them, window by window.

`Graph` turns the names of a `Site` into index arrays once; `edges` turns metered energies into edge
energies. Shapes: nw windows, nb buses, ns sources, nt storages, K columns of the tracing (below).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.tracing.converter import Directed, directed
from plant.arrays import Floats, Mask
from plant.names import AS_ELECTRICITY, ON_SITE, PSEUDO_SOURCES, Carrier
from plant.site import Site, StorageNode
from plant.units import SECOND_NS

BLOCK_LEAST_S: Final = 900.0
"""Windows are traced by the quarter of an hour at least."""

NO_TAP: Final = -1
"""In place of a tap, for a storage of the site."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A line's draw from a bus."""

    line: int
    bus: int
    meters: tuple[int, ...]


@dataclass(slots=True)
class Edges:
    """Energies on the edges, [nw, ...], each in the unit of its bus.

    NaN never occurs: what was not seen is zero here, and `unknown` [nw, nb] says so.
    """

    source: Floats
    export: Floats
    charge: Floats
    discharge: Floats
    feeds: list[Floats]
    outlets: list[Floats]
    taps: Floats
    unknown: Mask


class Graph:
    """Index arrays of a site.

    Columns of the tracing: sources, storages (one kWh discharged each), ambient, unknown. After
    these `columns`, at `electric`, the tracing has one more right-hand side: the electricity behind
    compressed air and chilled water.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.bus_count = len(site.buses)
        self.source_count = len(site.sources)
        self.storage_count = len(site.storages)
        self.ambient = self.source_count + self.storage_count
        self.unknown = self.ambient + 1
        self.columns = self.unknown + 1
        self.electric = self.columns
        self.carriers = [Carrier(bus.carrier) for bus in site.buses]
        self.electric_buses = np.array(
            [carrier is Carrier.ELECTRICITY for carrier in self.carriers],
            bool,
        )

        # A slow bus, such as a steam net, mixes what came in over a block of windows.
        self.slow = np.array(
            [bus.mix_over_s > site.window_s for bus in site.buses],
            bool,
        )
        self.block_s = max(
            BLOCK_LEAST_S,
            site.window_s,
            *(bus.mix_over_s for bus in site.buses),
        )
        self.window_ns = round(site.window_s * SECOND_NS)
        self.holds_ns = np.array(
            [round(bus.holds_s * SECOND_NS) for bus in site.buses],
            np.int64,
        )
        self.on_site = self._on_site()
        self.converters: list[Directed] = []
        for index in range(len(site.converters)):
            self.converters += directed(site, index)

        self.taps: list[Tap] = []
        for index, line in enumerate(site.lines):
            self.taps += [Tap(index, draw.bus, draw.meters) for draw in line.draws]

        # Each meter of each tap: which tap, which meter.
        self.metered_tap = np.array(
            [index for index, tap in enumerate(self.taps) for _ in tap.meters],
            np.int64,
        )
        self.tap_meter = np.array(
            [meter for tap in self.taps for meter in tap.meters],
            np.int64,
        )
        self.draws_of_bus: list[list[int]] = [[] for _ in site.buses]
        self.tap_of_meter: dict[int, Tap] = {}
        for tap in self.taps:
            self.draws_of_bus[tap.bus] += tap.meters
            if len(tap.meters) == 1:
                # The first one, should a meter stand for two draws.
                self.tap_of_meter.setdefault(tap.meters[0], tap)

        self.tap_of_storage = [self._tap_of(storage) for storage in site.storages]

    def _on_site(self) -> Mask:
        """Which columns of the tracing are made on the site; what comes out of a storage is."""
        made = [source.kind in ON_SITE and source.own for source in self.site.sources]
        made += [True] * self.storage_count
        ambient = False
        unknown = False
        made += [ambient, unknown]
        return np.array(made, bool)

    def _tap_of(self, storage: StorageNode) -> int:
        """The tap of the line that a storage belongs to; -1 for a storage of the site."""
        if storage.line is None:
            return NO_TAP

        for index, tap in enumerate(self.taps):
            if tap.line == storage.line and tap.bus == storage.bus:
                return index

        raise ValueError(f"storage {storage.id} stands on a bus that its line does not draw from")

    def source_names(self) -> list[str]:
        """Names of original sources by index: sources, then ambient, unknown, opening stock."""
        names = [source.id for source in self.site.sources]
        return [*names, *PSEUDO_SOURCES]

    def returned(self, discharge: Floats) -> Floats:
        """What each tap gave back [taps], from the discharge of the storages in one window."""
        given = np.zeros(len(self.taps))
        for storage, tap in enumerate(self.tap_of_storage):
            if tap != NO_TAP:
                given[tap] += discharge[storage]

        return given

    def counts_as_electricity(self, bus: int) -> bool:
        """Whether what a bus carries is counted as the electricity behind it."""
        return self.carriers[bus] in AS_ELECTRICITY


def edges(
    graph: Graph,
    energy: Floats,
    seen: Mask,
) -> Edges:
    """Edge energies from meters' energies [nw, nm, 2] (forward, reverse) in edge units, and whether
    each was seen [nw, nm]."""
    site = graph.site
    windows = len(energy)
    forward = np.maximum(energy[:, :, 0], 0.0)
    reverse = np.maximum(energy[:, :, 1], 0.0)
    export = np.zeros((windows, graph.bus_count))
    unknown = np.zeros((windows, graph.bus_count), bool)
    for source in site.sources:
        bus = source.bus
        meter = source.meter
        unknown[:, bus] |= ~seen[:, meter]
        if source.exports:
            export[:, bus] += reverse[:, meter]

    taps = np.zeros((windows, len(graph.taps)))
    for index, tap in enumerate(graph.taps):
        drawn = _drawn(energy, tap)
        taps[:, index] = np.maximum(drawn, 0.0)

    of_storages = [storage.meter for storage in site.storages]
    charge = forward[:, of_storages]
    discharge = reverse[:, of_storages]
    for storage, tap_index in enumerate(graph.tap_of_storage):
        if tap_index != NO_TAP:
            # The account of a line: what the line returns comes out of it, and nothing goes in at
            # the bus but what the line draws.
            other_way = energy[:, :, ::-1]
            returned = _drawn(other_way, graph.taps[tap_index])
            charge[:, storage] = 0.0
            discharge[:, storage] = np.maximum(returned, 0.0)

    of_sources = [source.meter for source in site.sources]
    through = []
    for converter in graph.converters:
        through.append(_through(converter, forward, reverse))

    return Edges(
        source=forward[:, of_sources],
        export=export,
        charge=charge,
        discharge=discharge,
        feeds=[both.taken for both in through],
        outlets=[both.given for both in through],
        taps=taps,
        unknown=unknown,
    )


def _drawn(energy: Floats, tap: Tap) -> Floats:
    """Net energy [nw] of the meters of a tap, the first direction less the second."""
    total = np.zeros(len(energy))
    for meter in tap.meters:
        ahead = energy[:, meter, 0]
        back = energy[:, meter, 1]
        total = total + (ahead - back)

    return total


def _sum(energy: Floats, meters: tuple[int, ...]) -> Floats:
    """Energy [nw] of some meters together."""
    of_meters = energy[:, list(meters)]
    return np.asarray(of_meters.sum(1), np.float64)


@dataclass(frozen=True, slots=True)
class Through:
    """What a converter takes [nw, inputs] and gives [nw, outputs]."""

    taken: Floats
    given: Floats


def _through(
    converter: Directed,
    forward: Floats,
    reverse: Floats,
) -> Through:
    """What is metered of a converter; what is not follows from the other side."""

    def metered(meters: tuple[int, ...], direction: int) -> Floats:
        """What passed some meters [nw], one way or net."""
        ahead = reverse if direction else forward
        total = _sum(ahead, meters)
        if converter.net:
            back = forward if direction else reverse
            total = np.maximum(total - _sum(back, meters), 0.0)

        return total

    windows = len(forward)
    taken = np.zeros((windows, len(converter.feeds)))
    for index, feed in enumerate(converter.feeds):
        if feed.meters:
            taken[:, index] = metered(feed.meters, feed.direction)

    given = np.zeros((windows, len(converter.outlets)))
    for index, outlet in enumerate(converter.outlets):
        if outlet.meter is not None:
            given[:, index] = metered((outlet.meter,), outlet.direction)
        else:
            given[:, index] = taken.sum(1) * (outlet.per_input or 0.0)

    # A feed without a meter, such as the heat of the outside air, brings what is given and not
    # taken elsewhere.
    for index, feed in enumerate(converter.feeds):
        if not feed.meters:
            taken[:, index] = np.maximum(given.sum(1) - taken.sum(1), 0.0)

    return Through(taken, given)
