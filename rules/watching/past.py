"""Windows of the past for the rules: what the books hold of
them, in the shape in which live windows come.
"""

from __future__ import annotations

from collections.abc import Iterator

from books.windows import Known, Span, Wanted, chunks
from plant.ports import Store
from plant.site import Site
from rules.variables.columns import ODD_KINDS, takes
from rules.watching.feed import Feed
from rules.watching.step import RuleState, Window


def windows(
    store: Store,
    site: Site,
    feed: Feed,
    state: RuleState,
    start_ns: int,
    end_ns: int,
    known: Known,
) -> Iterator[Window]:
    """All windows of a span in order, each once."""
    wanted = _wanted(site, feed)
    is_traced = bool(_columns_of(feed, "flow"))
    for chunk in chunks(
        store,
        site,
        Span(start_ns, end_ns),
        wanted,
        known,
        traced=is_traced,
    ):
        for row, start in enumerate(chunk.start.tolist()):
            steps = {
                (ODD_KINDS[verdict], meter): count
                for (verdict, meter), count in chunk.unusual.get(start, {}).items()
            }
            yield feed.window(
                state,
                chunk.tables,
                row,
                steps,
            )


def _columns_of(feed: Feed, table: str) -> set[str]:
    """Columns of a table of books that the rules look at."""
    found: set[str] = set()
    for per, columns in feed.kept.items():
        for column in columns:
            for taken in takes(column, per):
                of_table, _, name = taken.partition(".")
                if of_table == table:
                    found.add(name)

    return found


def _wanted(site: Site, feed: Feed) -> list[Wanted]:
    """The tables and columns that the rules look at."""
    lines = [line.id for line in site.lines] + [f"unmetered.{bus.id}" for bus in site.buses]
    sources = [source.id for source in site.sources] + [storage.id for storage in site.storages]
    meters = [meter.id for meter in site.meters]
    # Lines are always read: they say which windows there are.
    wanted = [Wanted("line", lines, sorted(_columns_of(feed, "line")))]
    for table, names in (("meter", meters), ("source", sources)):
        columns = sorted(_columns_of(feed, table))
        if columns:
            wanted.append(Wanted(table, names, columns))

    return wanted
