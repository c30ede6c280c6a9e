"""Site electricity: what enters the site and is made on it, less export and what goes into
storages.

It is used by lines, kept by converters, or unmetered, and these three add up to it (method,
section 5). What a line's own storage takes and gives back stays within the line, so it is in
neither sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.tracing.graph import Array, Directed, Edges, Feed, Graph, Mask
from plant.names import Carrier


@dataclass(slots=True)
class SiteElectricity:
    """Electricity of windows in kWh, zero where an edge carries something else.

    Came in: `source` [nw, ns], `generated` [nw, converters of the site], `discharged` [nw, nt].
    Went out: `exported` [nw, nb], `charged` [nw, nt]. Was used on the way: `converters` [nw, nb],
    what the converters on a bus took and did not give back as electricity.
    """

    source: Array
    generated: Array
    discharged: Array
    exported: Array
    charged: Array
    converters: Array

    def total(self) -> Array:
        """Site electricity of each window [nw]."""
        entered = self.source.sum(1)
        generated = self.generated.sum(1)
        discharged = self.discharged.sum(1)
        exported = self.exported.sum(1)
        charged = self.charged.sum(1)
        came = entered + generated + discharged
        went = exported + charged
        return np.asarray(came - went, np.float64)


def site_electricity(graph: Graph, used: Edges) -> SiteElectricity:
    """Of the energies on the edges of windows."""
    site = graph.site
    is_electric = _mask(carrier is Carrier.ELECTRICITY for carrier in graph.carriers)
    sources = _mask(source.carrier == Carrier.ELECTRICITY for source in site.sources)
    storages = _mask(is_electric[storage.bus] and storage.line is None for storage in site.storages)
    windows = len(used.source)
    found = SiteElectricity(
        source=used.source * sources,
        generated=np.zeros((windows, len(site.converters))),
        discharged=used.discharge * storages,
        exported=used.export * is_electric,
        charged=used.charge * storages,
        converters=np.zeros((windows, graph.bus_count)),
    )
    for directed, taken, given in zip(
        graph.converters,
        used.feeds,
        used.outlets,
        strict=True,
    ):
        fed = _mask(_is_electric(graph, feed) for feed in directed.feeds)
        gives = _mask(is_electric[outlet.bus] for outlet in directed.outlets)
        electricity_in = taken @ fed
        electricity_out = given @ gives
        if generates(graph, directed):
            found.generated[:, directed.converter] += electricity_out
            kept = electricity_in
        else:
            kept = electricity_in - electricity_out

        if fed.any():
            bus = _counted_at(graph, directed, fed)
            found.converters[:, bus] += kept

    return found


def _mask(answers: Iterable[bool]) -> Mask:
    """Yes or no, one for each of some buses or edges."""
    return np.array(list(answers), bool)


def generates(graph: Graph, directed: Directed) -> bool:
    """Whether a converter makes electricity of something else: a gas engine, not a transformer."""
    given = [graph.carriers[outlet.bus] for outlet in directed.outlets]
    if Carrier.ELECTRICITY not in given:
        return False

    for feed in directed.feeds:
        is_burnt = not _is_electric(graph, feed)
        # Heat of the surroundings comes along with electricity, in a heat pump.
        if is_burnt and feed.kind != "ambient":
            return True

    return False


def _is_electric(graph: Graph, feed: Feed) -> bool:
    """Whether what comes in here is electricity."""
    if feed.kind == "bus":
        return graph.carriers[feed.index] is Carrier.ELECTRICITY

    if feed.kind == "source":
        source = graph.site.sources[feed.index]
        return bool(source.carrier == Carrier.ELECTRICITY)

    return False


def _counted_at(
    graph: Graph,
    directed: Directed,
    fed: Mask,
) -> int:
    """The bus that a converter's own use is booked at: the first that gives it electricity."""
    place = int(np.argmax(fed))
    first = directed.feeds[place]
    if first.kind == "bus":
        return first.index

    source = graph.site.sources[first.index]
    return source.bus
