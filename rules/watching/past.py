"""Windows of the past for the rules: what the books hold of
them, in the shape in which live windows come.
"""

from __future__ import annotations

from collections.abc import Iterator

from books.windows import Known, Span, Wanted, chunks
from plant.ports import Store
from plant.site import Site
from rules.variables.columns import ODD_KINDS, takes
from rules.watching.feed import BookFeed
from rules.watching.step import RuleState, RuleWindow


def windows(
    store: Store,
    site: Site,
    feed: BookFeed,
    state: RuleState,
    start_ns: int,
    end_ns: int,
    known: Known,
) -> Iterator[RuleWindow]:
    """All windows of a span in order, each once."""
    wanted = _wanted(site, feed)
    is_traced = len(_columns_of(feed, "flow")) > 0
    for chunk in chunks(
        store,
        site,
        Span(start_ns, end_ns),
        wanted,
        known,
        traced=is_traced,
    ):
        for row, start in enumerate(chunk.start.tolist()):
            steps = {}
            for (verdict, meter), count in chunk.unusual.get(start, {}).items():
                steps[ODD_KINDS[verdict], meter] = count

            yield feed.window(
                state,
                chunk.tables,
                row,
                steps,
            )


def _columns_of(feed: BookFeed, table: str) -> set[str]:
    """Columns of a table of books that the rules look at."""
    found: set[str] = set()
    for per, columns in feed.kept.items():
        for column in columns:
            for taken in takes(column, per):
                of_table, _, name = taken.partition(".")
                if of_table == table:
                    found.add(name)

    return found


def _wanted(site: Site, feed: BookFeed) -> list[Wanted]:
    """The tables and columns that the rules look at."""
    names = {
        "line": [line.id for line in site.lines],
        "meter": [meter.id for meter in site.meters],
        "source": [source.id for source in site.sources],
    }
    # What is left on each bus stands behind the lines, storages stand behind the sources.
    names["line"] += [f"unmetered.{bus.id}" for bus in site.buses]
    names["source"] += [storage.id for storage in site.storages]
    wanted = []
    for table, of_table in names.items():
        columns = sorted(_columns_of(feed, table))
        # Lines are always read: they say which windows there are.
        if columns or table == "line":
            wanted.append(Wanted(table, of_table, columns))

    return wanted
