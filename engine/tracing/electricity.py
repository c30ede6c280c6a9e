"""Site electricity: what enters the site and is made on it, less export and what goes into
storages.

It is used by lines, kept by converters, or unmetered, and these three add up to it (method,
section 5). What a line's own storage takes and gives back stays within the line, so it is in
neither sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.tracing.converter import Directed
from engine.tracing.graph import Edges, Graph
from plant.arrays import Floats
from plant.names import Carrier


@dataclass(slots=True)
class SiteElectricity:
    """Electricity of windows in kWh, zero where an edge carries something else.

    Came in: `source` [nw, ns], `generated` [nw, converters of the site], `discharged` [nw, nt].
    Went out: `exported` [nw, nb], `charged` [nw, nt]. Was used on the way: `converters` [nw, nb],
    what the converters on a bus took and did not give back as electricity.
    """

    source: Floats
    generated: Floats
    discharged: Floats
    exported: Floats
    charged: Floats
    converters: Floats

    def total(self) -> Floats:
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
    is_electric = graph.electric_buses
    sources = [source.carrier == Carrier.ELECTRICITY for source in site.sources]
    storages = [is_electric[storage.bus] and storage.line is None for storage in site.storages]
    windows = len(used.source)
    found = SiteElectricity(
        source=used.source * np.array(sources, bool),
        generated=np.zeros((windows, len(site.converters))),
        discharged=used.discharge * np.array(storages, bool),
        exported=used.export * is_electric,
        charged=used.charge * np.array(storages, bool),
        converters=np.zeros((windows, graph.bus_count)),
    )
    for converter, taken, given in zip(
        graph.converters,
        used.feeds,
        used.outlets,
        strict=True,
    ):
        _add_converter(
            found,
            converter,
            taken,
            given,
        )

    return found


def _add_converter(
    found: SiteElectricity,
    converter: Directed,
    taken: Floats,
    given: Floats,
) -> None:
    """What a converter makes, and what it keeps of the electricity that comes in."""
    ends = converter.electric
    if ends.makes_it:
        found.generated[:, converter.converter] += given @ ends.outlets

    if ends.booked_at is None:
        return

    kept = taken @ ends.feeds
    if not ends.makes_it:
        kept -= given @ ends.outlets

    found.converters[:, ends.booked_at] += kept
