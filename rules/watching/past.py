"""Windows of the past for the rules: what the books hold of them, in the shape in which live windows come."""

from __future__ import annotations

from collections.abc import Iterator

from books.windows import Known, Span, Wanted, chunks
from plant.ports import Store
from plant.site import Site
from rules.watching.feed import Feed
from rules.watching.measures import TRACED
from rules.watching.step import RuleState, Window
from rules.watching.subjects import ODD_KINDS

METER_COLUMNS = ("forward", "reverse", "seen_s", "estimated")
MADE = frozenset({"hours", "bought_kwh", "unusual", "wrapped", "through", "held_kg"})
"""Columns that the feed makes itself, so that no table has them."""


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
    wanted = _wanted(site, state)
    is_traced = any(
        column.startswith(TRACED)
        for view in state.views.values()
        for column in view.measures.columns
    )
    for chunk in chunks(store, site, Span(start_ns, end_ns), wanted, known, traced=is_traced):
        for row, start in enumerate(chunk.start.tolist()):
            steps = {
                (ODD_KINDS[verdict], meter): count
                for (verdict, meter), count in chunk.unusual.get(start, {}).items()
            }
            yield feed.window(state, chunk.tables, row, steps)


def _wanted(site: Site, state: RuleState) -> list[Wanted]:
    """The tables and columns that the rules of this state look at."""
    lines = [line.id for line in site.lines] + [f"unmetered.{bus.id}" for bus in site.buses]
    columns = {
        column
        for per, view in state.views.items()
        if per != "meter"
        for column in view.measures.columns
        if column not in MADE and not column.startswith(TRACED)
    }
    wanted = [Wanted("line", lines, sorted(columns))]
    if "meter" in state.views or "bus" in state.views:
        wanted.append(Wanted("meter", [meter.id for meter in site.meters], METER_COLUMNS))
    if "site" in state.views:
        given = [source.id for source in site.sources] + [store.id for store in site.storages]
        wanted.append(Wanted("source", given, ("given", "held_kg")))
    return wanted
