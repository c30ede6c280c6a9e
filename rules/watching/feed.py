"""From the books of one plant to the windows that rules step over, and the rules made ready for that plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plant.site import Site
from rules.language.config import Rule
from rules.language.cross_check import NOW_WINDOW_S
from rules.watching.measures import BOUGHT, UNUSUAL, WRAPPED, BookMeasures, Measures, PlainMeasures
from rules.watching.ring import RECENT_NOW_NS, Ring
from rules.watching.ruleset import Calendar, build, looked_at
from rules.watching.special import special_of
from rules.watching.step import RuleState, Window, start
from rules.watching.subjects import (
    DEMAND,
    HELD,
    KINDS,
    PLAN,
    STATE_COLUMNS,
    Odd,
    Rows,
    Tables,
    carriers,
    subjects,
)
from rules.watching.view import View

_MORE = {
    "line": STATE_COLUMNS,
    "site": ("bought_kwh", "held_kg"),
    "meter": ("unusual", "wrapped", "through"),
    "bus": (),
    "group": (),
}


def _carriers(site: Site) -> dict[str, tuple[str, ...]]:
    return {per: carriers(site, per) for per in KINDS}


class Feed:
    """Rules on books: `start` makes the state before the first window, `window` cuts one out of tables of books, in which `code` stands for a name."""

    def __init__(self, site: Site, rules: Sequence[Rule], code: Callable[[str], int]) -> None:
        self.site = site
        self.rules = [r for r in rules if r.on.clock == "books"]
        self.rows = Rows(site, code)
        self.window_ns = round(site.window_s * 1e9)

    def start(self) -> RuleState:
        ids = {per: subjects(self.site, per) for per in KINDS}
        wanted = [per for per in KINDS if self._watched(per)]
        views: dict[str, View] = {}
        for per in sorted(
            wanted, key=lambda p: p != "meter"
        ):  # a bus needs what went through its meters
            figures, long = looked_at(self.rules, per, self.site.window_s)
            measures = BookMeasures(
                sorted(figures - {"uncertainty", UNUSUAL, WRAPPED, BOUGHT, HELD, *DEMAND, *PLAN}),
                _MORE[per],
            )
            ring = Ring(self.window_ns, len(measures.columns), len(ids[per]), long)
            views[per] = View(
                ids[per], measures, ring, self.site.timezone, special_of(per, self.site, views)
            )
        rules = build(
            self.rules,
            ids,
            Calendar(self.site.timezone, self.site.shifts),
            self.site.window_s,
            _carriers(self.site),
        )
        return start(rules, views, self.window_ns)

    def _watched(self, per: str) -> bool:
        kinds = {r.on.per for r in self.rules if r.enabled}
        return per in kinds or (per == "meter" and "bus" in kinds)

    def window(self, state: RuleState, tables: Tables, row: int, unusual: Odd) -> Window:
        """Book `row` of tables. `unusual`: odd counter steps by kind and meter."""
        start_ns = int(tables["closed"]["start"][row])
        rows = {
            per: self.rows.of(per, v.measures.columns, tables, row, unusual)
            for per, v in state.views.items()
        }
        return Window(start_ns, rows)


class NowFeed:
    """Rules on newest values, judged each ten seconds of event time. Not journalled: what was missed while not running is not made up."""

    window_ns = round(NOW_WINDOW_S * 1e9)

    def __init__(self, site: Site, rules: Sequence[Rule]) -> None:
        self.site = site
        self.rules = [r for r in rules if r.on.clock == "now"]

    def start(self) -> RuleState:
        ids = {per: subjects(self.site, per) for per in KINDS}
        views: dict[str, View] = {}
        for per in {r.on.per for r in self.rules if r.enabled}:
            figures, long = looked_at(self.rules, per, NOW_WINDOW_S)
            measures: Measures = PlainMeasures(sorted(figures))
            views[per] = View(
                ids[per],
                measures,
                Ring(self.window_ns, len(measures.columns), len(ids[per]), long, RECENT_NOW_NS),
            )
        rules = build(
            self.rules,
            ids,
            Calendar(self.site.timezone, self.site.shifts),
            NOW_WINDOW_S,
            _carriers(self.site),
        )
        state = start(rules, views, self.window_ns)
        state.corrects = False
        return state

    def window(
        self, state: RuleState, at_ns: int, values: Mapping[str, Mapping[str, Any]]
    ) -> Window:
        """Values by kind of subject and figure at event time `at_ns`."""
        rows = {}
        for per, view in state.views.items():
            assert isinstance(view.measures, PlainMeasures)
            rows[per] = view.measures.rows(values.get(per, {}), len(view.subjects))
        return Window(at_ns - at_ns % self.window_ns - self.window_ns, rows)
