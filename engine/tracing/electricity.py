"""Site electricity: what enters the site and is made on it, less export and what goes into
storages.

It is used by lines, kept by converters, or unmetered, and these three add up to it (method,
section 5). What a line's own storage takes and gives back stays within the line, so it is in
neither sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.tracing.graph import Array, Directed, Edges, Feed, Graph
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
        came = self.source.sum(1) + self.generated.sum(1) + self.discharged.sum(1)
        went = self.exported.sum(1) + self.charged.sum(1)
        return np.asarray(came - went, np.float64)


def site_electricity(graph: Graph, used: Edges) -> SiteElectricity:
    """Of the energies on the edges of windows."""
    site = graph.site
    is_electric = np.array(
        [carrier is Carrier.ELECTRICITY for carrier in graph.carriers],
        bool,
    )
    sources = np.array(
        [source.carrier == Carrier.ELECTRICITY for source in site.sources],
        bool,
    )
    storages = np.array(
        [is_electric[storage.bus] and storage.line is None for storage in site.storages],
        bool,
    )
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
        fed = np.array(
            [_is_electric(graph, feed) for feed in directed.feeds],
            bool,
        )
        gives = np.array(
            [is_electric[outlet.bus] for outlet in directed.outlets],
            bool,
        )
        electricity_in = taken @ fed
        electricity_out = given @ gives
        if generates(graph, directed):
            found.generated[:, directed.converter] += electricity_out
            kept = electricity_in
        else:
            kept = electricity_in - electricity_out

        if fed.any():
            found.converters[:, _counted_at(graph, directed, fed)] += kept

    return found


def generates(graph: Graph, directed: Directed) -> bool:
    """Whether a converter makes electricity of something else: a gas engine, not a transformer."""
    gives = any(graph.carriers[outlet.bus] is Carrier.ELECTRICITY for outlet in directed.outlets)
    burns = any(feed.kind != "ambient" and not _is_electric(graph, feed) for feed in directed.feeds)
    return gives and burns


def _is_electric(graph: Graph, feed: Feed) -> bool:
    """Whether what comes in here is electricity."""
    if feed.kind == "bus":
        return graph.carriers[feed.index] is Carrier.ELECTRICITY

    return feed.kind == "source" and (graph.site.sources[feed.index].carrier == Carrier.ELECTRICITY)


def _counted_at(
    graph: Graph,
    directed: Directed,
    fed: Array,
) -> int:
    """The bus that a converter's own use is booked at: the first that gives it electricity."""
    first = directed.feeds[int(np.flatnonzero(fed)[0])]
    return first.index if first.kind == "bus" else graph.site.sources[first.index].bus
