"""A converter as it is traced: in one direction, with what feeds it, what it gives, how its inputs
are shared out over its outputs, and what of it is electricity.

All of it follows from the plant, so it is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from plant.arrays import Floats
from plant.names import Carrier
from plant.site import ConverterNode, OutputEdge, Site

ZERO_CELSIUS_K: Final = 273.15


@dataclass(frozen=True, slots=True)
class Feed:
    """An input of a directed converter: column of a bus or source, and the meters that measure it.

    `direction` 1 reads them the other way round, for the way back of a two-way converter.
    """

    kind: str
    index: int
    meters: tuple[int, ...]
    direction: int = 0


@dataclass(frozen=True, slots=True)
class Outlet:
    """An output of a directed converter.

    Without a `meter` it gives `per_input` of what the converter takes.
    """

    bus: int
    meter: int | None
    direction: int
    per_input: float | None
    efficiency: float


@dataclass(frozen=True, slots=True)
class Directed:
    """A converter in one direction; a two-way one appears twice and carries the net of a window one
    way.

    `converter` is its place in the site. `split` says how its inputs are shared out over its
    outputs, `quality` is the Carnot factor of its heat.
    """

    converter: int
    feeds: tuple[Feed, ...]
    outlets: tuple[Outlet, ...]
    split: str
    net: bool
    quality: float
    electric: ElectricEnds


@dataclass(frozen=True, slots=True, eq=False)
class ElectricEnds:
    """What of a directed converter is electricity.

    `feeds` and `outlets` are 1 where electricity comes in or goes out and 0 elsewhere. `makes_it`:
    electricity is made of something else here, by a gas engine, not by a transformer. `booked_at`
    is the bus that the electricity it keeps is booked at: the first that gives it electricity; None
    where none comes in.
    """

    feeds: Floats
    outlets: Floats
    makes_it: bool
    booked_at: int | None


def directed(site: Site, index: int) -> list[Directed]:
    """A converter of the site: once, or once for each way."""
    node = site.converters[index]
    feeds = [Feed(feed.kind, feed.index, feed.meters) for feed in node.inputs]
    outlets = [_outlet(outlet) for outlet in node.outputs]
    forward = _one_way(
        site,
        index,
        feeds,
        outlets,
    )
    if not node.two_way:
        return [forward]

    back = _one_way(
        site,
        index,
        [_back_feed(node)],
        [_back_outlet(node)],
    )
    return [forward, back]


def _one_way(
    site: Site,
    index: int,
    feeds: Iterable[Feed],
    outlets: Iterable[Outlet],
) -> Directed:
    """A converter with these ends."""
    node = site.converters[index]
    # Work that heat of the supply temperature could do at most, for a split by work potential
    # (method, section 1, case 2).
    supply_k = node.supply_c + ZERO_CELSIUS_K
    ambient_k = node.ambient_c + ZERO_CELSIUS_K
    carnot = 1.0 - ambient_k / supply_k
    feeds = tuple(feeds)
    outlets = tuple(outlets)
    return Directed(
        converter=index,
        feeds=feeds,
        outlets=outlets,
        split=node.split,
        net=node.two_way,
        quality=carnot,
        electric=_electric_ends(site, feeds, outlets),
    )


def _outlet(edge: OutputEdge) -> Outlet:
    """An output in its own direction."""
    per_input = None
    if edge.efficiency is not None:
        per_input = edge.efficiency * edge.kwh_per_input_unit

    return Outlet(
        bus=edge.bus,
        meter=edge.meter,
        direction=0,
        per_input=per_input,
        efficiency=edge.efficiency or 1.0,
    )


def _back_feed(node: ConverterNode) -> Feed:
    """On the way back the output feeds."""
    edge = node.outputs[0]
    return Feed(
        kind="bus",
        index=edge.bus,
        meters=() if edge.meter is None else (edge.meter,),
        direction=1,
    )


def _back_outlet(node: ConverterNode) -> Outlet:
    """On the way back the input is given to."""
    edge = node.inputs[0]
    efficiency = node.outputs[0].efficiency
    return Outlet(
        bus=edge.index,
        meter=edge.meters[0] if edge.meters else None,
        direction=1,
        per_input=efficiency,
        efficiency=efficiency or 1.0,
    )


def _electric_ends(
    site: Site,
    feeds: tuple[Feed, ...],
    outlets: tuple[Outlet, ...],
) -> ElectricEnds:
    """What of these ends is electricity."""
    booked_at = None
    burns = False
    comes_in = np.zeros(len(feeds))
    for place, feed in enumerate(feeds):
        if _is_electric(site, feed):
            comes_in[place] = 1.0
            if booked_at is None:
                booked_at = _bus_of(site, feed)

        # Heat of the surroundings comes along with electricity, in a heat pump.
        elif feed.kind != "ambient":
            burns = True

    goes_out = np.zeros(len(outlets))
    for place, outlet in enumerate(outlets):
        if site.buses[outlet.bus].carrier == Carrier.ELECTRICITY:
            goes_out[place] = 1.0

    return ElectricEnds(
        feeds=comes_in,
        outlets=goes_out,
        makes_it=burns and bool(goes_out.any()),
        booked_at=booked_at,
    )


def _is_electric(site: Site, feed: Feed) -> bool:
    """Whether what comes in here is electricity."""
    if feed.kind == "bus":
        return bool(site.buses[feed.index].carrier == Carrier.ELECTRICITY)

    if feed.kind == "source":
        return bool(site.sources[feed.index].carrier == Carrier.ELECTRICITY)

    return False


def _bus_of(site: Site, feed: Feed) -> int:
    """The bus that a feed comes from, or the one that its source stands at."""
    if feed.kind == "bus":
        return feed.index

    source = site.sources[feed.index]
    return source.bus


def shares(converter: Directed, given: Floats) -> Floats:
    """alpha [nw, outputs]: how the inputs of a converter are split over its outputs (method,
    section 1, case 2), of what it gives [nw, outputs].

    By efficiency: what each output would have taken if it were made alone. By work potential: heat
    counts with its Carnot factor. Else by energy. Where nothing is given, all goes to the first.
    """
    if given.shape[1] == 1:
        return np.ones_like(given)

    weight = given
    if converter.split == "efficiency":
        efficiencies = [outlet.efficiency for outlet in converter.outlets]
        weight = given / np.array(efficiencies)
    elif converter.split == "work_potential":
        potential = np.where(
            converter.electric.outlets > 0.0,
            1.0,
            converter.quality,
        )
        weight = given * potential

    total = weight.sum(1, keepdims=True)
    gives = total > 0
    divisor = np.where(gives, total, 1.0)
    first = np.zeros_like(weight)
    first[:, 0] = 1.0
    return np.where(
        gives,
        weight / divisor,
        first,
    )
