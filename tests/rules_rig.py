"""Rules without a plant: one kind of subject, plain values in, and what history gets to know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rules.language.load import load_rules_text
from rules.watching.measures import PlainMeasures, plain_state
from rules.watching.ring import Ring
from rules.watching.ruleset import Calendar, Subjects, build, looked_at
from rules.watching.step import Noted, RuleState, RuleWindow, start, step
from rules.watching.view import View

MINUTE = 60_000_000_000
START = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC, a Thursday


def rule_text(
    when: str, *, figure: str = "power.electricity", per: str = "line", **more: str
) -> str:
    """A file with one rule `r`."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f'rules:\n  - {{id: r, on: {{figure: {figure}, per: {per}}}, when: "{when}", severity: warning{extra}}}\n'


class RulesRig:
    """Rules of a text on `subjects`; `feed` gives one minute of values of the watched figure."""

    def __init__(self, text: str, subjects: Sequence[str] = ("a",)) -> None:
        self.rules = load_rules_text("rules.yaml", text).file.rules
        self.subjects = tuple(subjects)
        self.figure = self.rules[0].on.figure
        self.state = self.fresh()
        self.minute = 0
        self.noted: list[Noted] = []

    def fresh(self) -> RuleState:
        """A state before the first window."""
        per = self.rules[0].on.per
        looked = looked_at(self.rules, per, 60.0)
        measures = PlainMeasures([*looked.names, "state"])
        ring = Ring(MINUTE, len(measures.columns), len(self.subjects), looked.long)
        view = View(self.subjects, measures, ring, over_time={"state": plain_state(measures)})
        rules = build(
            self.rules,
            {per: Subjects(self.subjects)},
            Calendar("UTC", {"early": "06:00-14:00"}),
            60.0,
        )
        return start(rules, {per: view}, MINUTE)

    def window(self, minute: int, *values: float, **figures: float) -> RuleWindow:
        """The window that ends at `minute`; NaN is unknown."""
        (per, view), *_ = self.state.views.items()
        assert isinstance(view.measures, PlainMeasures)
        given = {self.figure: np.array(values or [np.nan])} | {
            k: np.array([v]) for k, v in figures.items()
        }
        return RuleWindow(
            START + (minute - 1) * MINUTE, {per: view.measures.rows(given, len(self.subjects))}
        )

    def feed(self, *values: float, times: int = 1) -> list[Noted]:
        """`times` minutes of these values, one for each subject."""
        found: list[Noted] = []
        for _ in range(times):
            self.minute += 1
            found += step(self.state, self.window(self.minute, *values))
        self.noted += found
        return found

    def correct(self, minute: int, *values: float) -> None:
        """A window that was there before, in another revision."""
        self.noted += step(self.state, self.window(minute, *values))

    def shown(self, noted: Sequence[Noted] | None = None) -> list[tuple[float, str]]:
        """(minute, state) of changes; late ones with a mark, withdrawn ones with another."""
        found = self.noted if noted is None else noted
        marks = [("!" if n.withdrawn else "~" if n.late else "") for n in found]
        return [
            ((n.change.at - START) / MINUTE, mark + n.change.state.value)
            for n, mark in zip(found, marks, strict=True)
        ]
