"""The plant as a graph of edges, and the energies on them, window by window.

`Graph` turns the names of a `Site` into index arrays once; `edges` turns metered energies into edge
energies. Shapes: nw windows, nb buses, ns sources, nt storages, K columns of the tracing (below).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plant.names import AS_ELECTRICITY, ON_SITE, Carrier
from plant.site import Site
from plant.units import SECOND_NS

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Feed:
    """An input of a directed converter: column of a bus or
    source and the meters that measure it.
    """

    kind: str
    index: int
    meters: tuple[int, ...]
    direction: int = 0


@dataclass(frozen=True, slots=True)
class Outlet:
    """An output of a directed converter."""

    bus: int
    meter: int | None
    direction: int
    per_input: float | None
    efficiency: float


@dataclass(frozen=True, slots=True)
class Directed:
    """A converter in one direction; a two-way one appears twice
    and carries the net of a window one way.
    """

    converter: int
    feeds: tuple[Feed, ...]
    outlets: tuple[Outlet, ...]
    split: str
    net: bool = False
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class Tap:
    """A line's draw from a bus."""

    line: int
    bus: int
    meters: tuple[int, ...]


@dataclass(slots=True)
class Edges:
    """Energies on the edges, [nw, ...], each in the unit of its bus.

    NaN never occurs: unseen is zero here and told by `unknown`.
    """

    source: Array
    export: Array
    charge: Array
    discharge: Array
    feeds: list[Array]
    outlets: list[Array]
    taps: Array
    unknown: npt.NDArray[np.bool_]


@dataclass(slots=True)
class Graph:
    """Index arrays of a site. Columns of the tracing: sources, storages (one
    kWh discharged each), ambient, unknown; then one more right-hand column,
    the electricity behind compressed air and chilled water.
    """

    site: Site
    nb: int = field(init=False)
    ns: int = field(init=False)
    nt: int = field(init=False)
    ambient: int = field(init=False)
    unknown: int = field(init=False)
    columns: int = field(init=False)
    electric: int = field(init=False)
    converters: list[Directed] = field(init=False)
    taps: list[Tap] = field(init=False)
    slow: npt.NDArray[np.bool_] = field(init=False)
    on_site: npt.NDArray[np.bool_] = field(init=False)
    carriers: list[Carrier] = field(init=False)
    block_s: float = field(init=False)
    window_ns: int = field(init=False)
    holds_ns: npt.NDArray[np.int64] = field(init=False)
    tap_of_store: list[int] = field(init=False)

    def __post_init__(self) -> None:
        site = self.site
        self.nb = len(site.buses)
        self.ns = len(site.sources)
        self.nt = len(site.storages)
        self.ambient = self.ns + self.nt
        self.unknown = self.ns + self.nt + 1
        self.columns = self.electric = self.ns + self.nt + 2
        self.carriers = [Carrier(bus.carrier) for bus in site.buses]
        self.slow = np.array(
            [bus.mix_over_s > site.window_s for bus in site.buses],
            bool,
        )
        self.window_ns = round(site.window_s * SECOND_NS)
        self.holds_ns = np.array(
            [round(bus.holds_s * SECOND_NS) for bus in site.buses],
            np.int64,
        )
        self.block_s = max(
            [
                900.0,
                site.window_s,
                *(bus.mix_over_s for bus in site.buses),
            ]
        )
        on_site = (
            [s.kind in ON_SITE and s.own for s in site.sources] + [True] * self.nt + [False, False]
        )
        self.on_site = np.array(on_site, bool)
        self.converters = [
            d for index in range(len(site.converters)) for d in _directed(site, index)
        ]
        self.tap_of_store = [-1] * self.nt
        self.taps = [
            Tap(i, draw.bus, draw.meters)
            for i, line in enumerate(site.lines)
            for draw in line.draws
        ]

        for t, store in enumerate(site.storages):
            if store.line is not None:
                same = (tap.line == store.line and tap.bus == store.bus for tap in self.taps)
                self.tap_of_store[t] = list(same).index(True)

    def source_names(self) -> list[str]:
        """Names of original sources by index: sources, then ambient, unknown, opening stock."""
        return [s.id for s in self.site.sources] + ["ambient", "unknown", "opening_stock"]

    def returned(self, discharge: Array) -> Array:
        """What each tap gave back [taps], from the discharge of the storages in one window."""
        out = np.zeros(len(self.taps))
        for t, at in enumerate(self.tap_of_store):
            if at >= 0:
                out[at] += discharge[t]

        return out

    def counts_as_electricity(self, bus: int) -> bool:
        return self.carriers[bus] in AS_ELECTRICITY


def _directed(site: Site, index: int) -> list[Directed]:
    node = site.converters[index]
    carnot = 1.0 - (node.ambient_c + 273.15) / (node.supply_c + 273.15)
    feeds = tuple(Feed(i.kind, i.index, i.meters) for i in node.inputs)
    outlets = tuple(
        Outlet(
            o.bus,
            o.meter,
            0,
            None if o.efficiency is None else o.efficiency * o.kwh_per_input_unit,
            o.efficiency or 1.0,
        )
        for o in node.outputs
    )
    forward = Directed(
        index,
        feeds,
        outlets,
        node.split,
        node.two_way,
        carnot,
    )
    if not node.two_way:
        return [forward]

    feed = node.inputs[0]
    outlet = node.outputs[0]
    back_feed = Feed(
        "bus",
        outlet.bus,
        () if outlet.meter is None else (outlet.meter,),
        1,
    )
    back_outlet = Outlet(
        feed.index,
        feed.meters[0] if feed.meters else None,
        1,
        outlet.efficiency,
        outlet.efficiency or 1.0,
    )
    return [
        forward,
        Directed(
            index,
            (back_feed,),
            (back_outlet,),
            node.split,
            True,
            carnot,
        ),
    ]


def edges(
    graph: Graph,
    energy: Array,
    seen: npt.NDArray[np.bool_],
) -> Edges:
    """Edge energies from meters' energies [nw, nm, 2] (forward, reverse)
    in edge units and whether each was seen [nw, nm].
    """
    site = graph.site
    nw = len(energy)
    forward = np.maximum(energy[:, :, 0], 0.0)
    reverse = np.maximum(energy[:, :, 1], 0.0)
    source = (
        np.stack([forward[:, s.meter] for s in site.sources], 1) if graph.ns else np.zeros((nw, 0))
    )
    exports = np.zeros((nw, graph.nb))
    unknown = np.zeros((nw, graph.nb), bool)
    for s in site.sources:
        unknown[:, s.bus] |= ~seen[:, s.meter]
        if s.exports:
            exports[:, s.bus] += reverse[:, s.meter]

    charge = (
        np.stack([forward[:, t.meter] for t in site.storages], 1) if graph.nt else np.zeros((nw, 0))
    )
    discharge = (
        np.stack([reverse[:, t.meter] for t in site.storages], 1) if graph.nt else np.zeros((nw, 0))
    )
    for t, at in enumerate(graph.tap_of_store):
        if (
            at >= 0
            # a line's account: what it returns comes out, and nothing goes in at the bus but its draws
        ):
            charge[:, t] = 0.0
            discharge[:, t] = np.maximum(
                sum(energy[:, m, 1] - energy[:, m, 0] for m in graph.taps[at].meters),
                0.0,
            )

    feeds = []
    outlets = []
    for directed in graph.converters:
        taken, given = _through(directed, forward, reverse)
        feeds.append(taken)
        outlets.append(given)

    taps = (
        np.stack(
            [
                np.maximum(
                    sum(energy[:, m, 0] - energy[:, m, 1] for m in tap.meters),
                    0.0,
                )
                for tap in graph.taps
            ],
            1,
        )
        if graph.taps
        else np.zeros((nw, 0))
    )
    return Edges(
        source,
        exports,
        charge,
        discharge,
        feeds,
        outlets,
        taps,
        unknown,
    )


def _metered(
    meters: tuple[int, ...],
    forward: Array,
    reverse: Array,
    net: bool,
    direction: int,
) -> Array:
    a, b = (reverse, forward) if direction else (forward, reverse)
    total = np.sum(a[:, list(meters)], 1)
    return np.asarray(
        np.maximum(total - np.sum(b[:, list(meters)], 1), 0.0) if net else total,
        np.float64,
    )


def _through(
    directed: Directed,
    forward: Array,
    reverse: Array,
) -> tuple[Array, Array]:
    """What a converter takes [nw, inputs] and gives [nw, outputs]."""
    nw = len(forward)
    taken = np.zeros((nw, len(directed.feeds)))
    for i, feed in enumerate(directed.feeds):
        if feed.meters:
            taken[:, i] = _metered(
                feed.meters,
                forward,
                reverse,
                directed.net,
                feed.direction,
            )

    given = np.zeros((nw, len(directed.outlets)))
    for i, outlet in enumerate(directed.outlets):
        if outlet.meter is not None:
            given[:, i] = _metered(
                (outlet.meter,),
                forward,
                reverse,
                directed.net,
                outlet.direction,
            )
        else:
            given[:, i] = taken.sum(1) * (outlet.per_input or 0.0)

    for i, feed in enumerate(directed.feeds):
        if not feed.meters:
            taken[:, i] = np.maximum(given.sum(1) - taken.sum(1), 0.0)

    return taken, given


def shares(
    directed: Directed,
    given: Array,
    electric: list[bool],
) -> Array:
    """alpha [nw, outputs]: how the inputs of a converter are split
    over its outputs (method, section 1, case 2).
    """
    if given.shape[1] == 1:
        return np.ones_like(given)

    if directed.split == "efficiency":
        weight = given / np.array([o.efficiency for o in directed.outlets])
    elif directed.split == "work_potential":
        weight = given * np.array([1.0 if e else directed.quality for e in electric])
    else:
        weight = given

    total = weight.sum(1, keepdims=True)
    first = np.zeros_like(weight)
    first[:, 0] = 1.0
    return np.asarray(
        np.where(
            total > 0,
            weight / np.where(total > 0, total, 1.0),
            first,
        ),
        np.float64,
    )
