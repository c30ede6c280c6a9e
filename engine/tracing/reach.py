"""Which sources can stand behind what leaves each bus, directly or through a storage: by the
plant's graph, whatever flowed.

A corrected window is written with all of them, zeros too, so that a store that keeps every revision
(InfluxDB) never shows what a correction removed.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from engine.tracing.graph import Graph

DIRECTLY: Final = -1


class Way(NamedTuple):
    """A source, as `Graph.source_names` numbers it, and the storage that it came through, or -1."""

    source: int
    via: int


Ways: TypeAlias = set[Way]


def reach(graph: Graph) -> list[Ways]:
    """For each bus what can be traced there."""
    ambient = graph.source_count
    unknown = ambient + 1
    opening_stock = ambient + 2
    found: list[Ways] = []
    for _ in range(graph.bus_count):
        found.append({Way(unknown, DIRECTLY)})

    for index, source in enumerate(graph.site.sources):
        found[source.bus].add(Way(index, DIRECTLY))

    def spread() -> None:
        """One step further along every edge."""
        for index, storage in enumerate(graph.site.storages):
            here = found[storage.bus]
            through = {Way(way.source, index) for way in here}
            here |= through
            here.add(Way(opening_stock, index))

        for directed in graph.converters:
            for feed in directed.feeds:
                if feed.kind == "bus":
                    brings = found[feed.index]
                else:
                    column = ambient if feed.kind == "ambient" else feed.index
                    brings = {Way(column, DIRECTLY)}

                for outlet in directed.outlets:
                    found[outlet.bus] |= brings

    # Loops are possible, so this goes on until nothing new turns up.
    known = -1
    while known != sum(map(len, found)):
        known = sum(map(len, found))
        spread()

    return found
