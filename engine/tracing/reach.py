"""Which sources can stand behind what leaves each bus, directly or
through a store: by the plant's graph, whatever flowed.

A corrected window is written with all of them, zeros too, so that a store that keeps every revision
(InfluxDB) never shows what a correction removed.
"""

from __future__ import annotations

from engine.tracing.graph import Graph

Pairs = set[tuple[int, int]]


def reach(graph: Graph) -> list[Pairs]:
    """For each bus the (source, store or -1) that can be traced
    there; sources as in `Graph.source_names`.
    """
    ambient = graph.ns
    unknown = graph.ns + 1
    opening = graph.ns + 2
    found: list[Pairs] = [{(unknown, -1)} for _ in range(graph.nb)]
    for s, source in enumerate(graph.site.sources):
        found[source.bus].add((s, -1))

    size = -1
    while size != (size := sum(map(len, found))):
        for t, store in enumerate(graph.site.storages):
            found[store.bus] |= {(s, t) for s, _ in found[store.bus]} | {(opening, t)}

        for directed in graph.converters:
            for feed in directed.feeds:
                brings = (
                    found[feed.index]
                    if feed.kind == "bus"
                    else {(ambient if feed.kind == "ambient" else feed.index, -1)}
                )
                for outlet in directed.outlets:
                    found[outlet.bus] |= brings

    return found
