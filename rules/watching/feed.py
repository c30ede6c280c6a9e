"""From the books of one plant, or from newest values, to the windows that rules step over, and the
rules made ready for that plant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from engine.figures.figure import Clock
from plant.site import Site
from rules.language.config import Rule
from rules.language.cross_check import NOW_WINDOW_S
from rules.variables.book_row import BookRow, Odd, Seats, Tables
from rules.variables.columns import read
from rules.variables.newest import Values
from rules.variables.past import OverTime
from rules.variables.subjects import carriers, subjects
from rules.variables.table import KEPT, STATE, place
from rules.variables.variable import KINDS, RuleColumn, Variable
from rules.watching.measures import BookMeasures, PlainMeasures
from rules.watching.ring import RECENT_NOW_NS, Ring
from rules.watching.ruleset import Calendar, RuleSet, Subjects, build, looked_at
from rules.watching.step import RuleState, RuleWindow, start
from rules.watching.view import View

Views: TypeAlias = dict[str, View]
"""By kind of subject."""


def _rules_of(rules: Sequence[Rule], clock: Clock) -> list[Rule]:
    return [rule for rule in rules if rule.on.clock == clock]


def _ready(
    site: Site,
    rules: Sequence[Rule],
    window_s: float,
) -> RuleSet:
    """The rules on the subjects of a plant."""
    of_kind = {
        per: Subjects(
            ids=subjects(site, per),
            carriers=carriers(site, per),
        )
        for per in KINDS
    }
    return build(
        rules,
        of_kind,
        Calendar(site.timezone, site.shifts),
        window_s,
    )


class BookFeed:
    """Rules on books:

    `start` makes the state before the first window, `window` cuts one out
    of tables of books, in which `code` stands for a name.
    """

    def __init__(
        self,
        site: Site,
        rules: Sequence[Rule],
        code: Callable[[str], int],
    ) -> None:
        self.site = site
        self.rules = _rules_of(rules, "books")
        self.seats = Seats(site, code)
        self.window_ns = round(site.window_s * 1e9)
        self.kept: dict[str, tuple[RuleColumn, ...]] = {}
        """What is kept of each kind that is watched, once `start` was called."""

    def start(self) -> RuleState:
        """Before the first window."""
        views: Views = {}
        for per in self._watched():
            views[per] = self._view(per, views)

        rules = _ready(self.site, self.rules, self.site.window_s)
        return start(rules, views, self.window_ns)

    def _watched(self) -> list[str]:
        """Kinds of subject that rules are about.

        Meters come first: a bus needs what went through its own.
        """
        kinds = {rule.on.per for rule in self.rules if rule.enabled}
        watched: list[str] = [per for per in KINDS if per in kinds and per != "meter"]
        if "meter" in kinds or "bus" in kinds:
            watched.insert(0, "meter")

        return watched

    def _view(self, per: str, others: Views) -> View:
        """What the rules of one kind see."""
        looked = looked_at(self.rules, per, self.site.window_s)
        here = place(per)
        found = [here.find(name) for name in sorted(looked.names)]
        variables = [variable for variable in found if variable is not None]
        measures = BookMeasures(variables, KEPT.get(per, ()))
        self.kept[per] = measures.kept
        over_time = {}
        for variable in (*variables, STATE) if here.has_state else variables:
            made = self._over_time(variable, others)
            if made is not None:
                over_time[variable.name] = made

        ids = subjects(self.site, per)
        ring = Ring(
            self.window_ns,
            len(measures.columns),
            len(ids),
            looked.long,
        )
        return View(
            ids,
            measures,
            ring,
            timezone=self.site.timezone,
            over_time=over_time,
        )

    def _over_time(self, variable: Variable, others: Views) -> OverTime | None:
        return None if variable.over_time is None else variable.over_time(self.site, others)

    def window(
        self,
        state: RuleState,
        tables: Tables,
        row: int,
        odd: Odd,
    ) -> RuleWindow:
        """Book `row` of tables. `odd`: counter steps that were no plain ones."""
        book = BookRow(
            self.seats,
            tables,
            row,
            odd,
        )
        rows = {per: read(self.kept[per], per, book) for per in state.views}
        return RuleWindow(int(tables["closed"]["start"][row]), rows)


class NowFeed:
    """Rules on newest values, judged each ten seconds of event time.

    Not journalled: what was missed while not running is not made up.
    """

    window_ns = round(NOW_WINDOW_S * 1e9)

    def __init__(self, site: Site, rules: Sequence[Rule]) -> None:
        self.site = site
        self.rules = _rules_of(rules, "now")

    def start(self) -> RuleState:
        """Before the first window."""
        kinds = {rule.on.per for rule in self.rules if rule.enabled}
        views: Views = {per: self._view(per) for per in KINDS if per in kinds}
        rules = _ready(self.site, self.rules, NOW_WINDOW_S)
        state = start(rules, views, self.window_ns)
        state.corrects = False
        return state

    def _view(self, per: str) -> View:
        looked = looked_at(self.rules, per, NOW_WINDOW_S)
        measures = PlainMeasures(looked.names)
        ids = subjects(self.site, per)
        ring = Ring(
            self.window_ns,
            len(measures.columns),
            len(ids),
            looked.long,
            keeps_ns=RECENT_NOW_NS,
        )
        return View(ids, measures, ring)

    def window(
        self,
        state: RuleState,
        at_ns: int,
        values: Values,
    ) -> RuleWindow:
        """Values by kind of subject and variable at event time `at_ns`."""
        rows = {}
        for per, view in state.views.items():
            assert isinstance(view.measures, PlainMeasures)
            rows[per] = view.measures.rows(values.get(per, {}), len(view.subjects))

        last_start_ns = at_ns - at_ns % self.window_ns - self.window_ns
        return RuleWindow(last_start_ns, rows)
