"""A rule tried on stored books: when it would have fired, for how long, how often in a week, and
how other thresholds would have done. The same step as live.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from books.windows import Known
from engine.figures.figures import nulls
from plant.arrays import Floats
from plant.errors import QueryError
from plant.ports import Store
from plant.site import Site
from plant.units import HOUR_NS
from rules.alert import AlertState
from rules.language.check_condition import LONGEST_S
from rules.language.config import Rule
from rules.language.variants import MARK, with_level
from rules.watching.condition import Numbers
from rules.watching.feed import BookFeed
from rules.watching.past import windows
from rules.watching.ruleset import Watch, looked_at
from rules.watching.step import Noted, RuleState, RuleWindow, step
from rules.watching.view import View

FACTORS = (0.8, 0.9, 1.1, 1.25)
WEEK_NS = 7 * 24 * HOUR_NS
SHORT_NS = 26 * HOUR_NS
"""How far back rules look that do not compare with other days."""
LONGEST_NS = 13 * WEEK_NS
POINTS_MOST = 2000


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert that would have been.

    `end_ns` is None where it still fires at the end. `value` and `limit` as it fired.
    """

    subject: str
    start_ns: int
    end_ns: int | None
    value: float | None
    limit: float | None


@dataclass(slots=True)
class Outcome:
    """What one threshold led to."""

    factor: float
    spans: list[Fired] = field(default_factory=list)

    def seconds(self, until_ns: int) -> float:
        """For how long it would have fired."""
        total_ns = 0
        for span in self.spans:
            end_ns = span.end_ns or until_ns
            total_ns += end_ns - span.start_ns

        return total_ns * 1e-9


@dataclass(slots=True)
class Backtest:
    """The rule as it is and with other thresholds; value and
    limit over time of the subject that fired most.
    """

    rule: Rule
    known: Known
    start_ns: int
    end_ns: int
    unit: str
    trials: list[Outcome]
    subject: str = ""
    at_ns: list[int] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    limit: list[float | None] = field(default_factory=list)

    @property
    def own(self) -> Outcome:
        return next(trial for trial in self.trials if trial.factor == 1.0)

    def per_week(self, trial: Outcome) -> float:
        return len(trial.spans) * WEEK_NS / (self.end_ns - self.start_ns)


def backtest(
    store: Store,
    site: Site,
    rule: Rule,
    start_ns: int,
    end_ns: int,
    known: Known,
    level: float = 1.0,
) -> Backtest:
    """Try `rule` on the windows of a span, its level times
    `level`; QueryError where that cannot be done.
    """
    _possible(rule, start_ns, end_ns)
    window = round(site.window_s * 1e9)
    start_ns = start_ns - start_ns % window
    end_ns = end_ns - end_ns % window
    own = rule
    if level != 1.0:
        own = with_level(rule, level).model_copy(update={"id": rule.id})

    others = [with_level(own, factor) for factor in FACTORS]
    feed = BookFeed(
        site,
        [own, *others],
        lambda name: store.codes.get(name, -1),
    )
    state = feed.start()
    # What a rule looks back on must be there before the first window that counts.
    looks_long = looked_at([own], rule.on.per, site.window_s).long
    before = round(LONGEST_S * 1e9) if looks_long else SHORT_NS
    past = windows(
        store,
        site,
        feed,
        state,
        start_ns - before,
        end_ns,
        known,
    )
    thinned_by = max((end_ns - start_ns) // window // POINTS_MOST, 1)
    found, curve = _run(
        state,
        past,
        start_ns,
        thinned_by,
    )
    trials = []
    for factor in sorted((1.0, *FACTORS)):
        spans = _spans(
            state,
            found,
            factor,
            start_ns,
        )
        trials.append(Outcome(factor, spans))

    result = Backtest(
        rule=own,
        known=known,
        start_ns=start_ns,
        end_ns=end_ns,
        unit=state.rules.watches[0].unit if state.rules.watches else "",
        trials=trials,
    )
    _chart(result, state, curve)
    return result


def _possible(
    rule: Rule,
    start_ns: int,
    end_ns: int,
) -> None:
    if rule.on.clock == "now":
        raise QueryError(
            f"'{rule.id}' watches newest values, which are not stored; "
            "only rules on books can be tried on the past"
        )

    if end_ns <= start_ns:
        raise QueryError("the span ends before it begins")

    if end_ns - start_ns > LONGEST_NS:
        raise QueryError("a back-test goes over 13 weeks at most; ask for a shorter span")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Value and limit of every subject of the rule at the end of a window."""

    at_ns: int
    value: Floats
    limit: Floats


def _run(
    state: RuleState,
    past: Iterable[RuleWindow],
    since_ns: int,
    thinned_by: int,
) -> tuple[list[Noted], list[CurvePoint]]:
    """What happened in all windows, and a point of the curve for one window in `thinned_by`."""
    found: list[Noted] = []
    curve: list[CurvePoint] = []
    watch = state.rules.watches[0] if state.rules.watches else None
    for window in past:
        found += step(state, window)
        if watch is None or window.start < since_ns:
            continue

        nth = (window.start - since_ns) // state.window
        if nth % thinned_by == 0:
            curve.append(
                _point(
                    watch,
                    state.views[watch.per],
                    window.start + state.window,
                )
            )

    return found, curve


def _point(
    watch: Watch,
    view: View,
    at_ns: int,
) -> CurvePoint:
    value = _all(watch.value, view)
    limit = _all(watch.limit, view)
    return CurvePoint(
        at_ns=at_ns,
        value=value[watch.subjects],
        limit=limit[watch.subjects],
    )


def _all(part: Numbers | None, view: View) -> Floats:
    """A number of a condition for every subject; NaN where there is none."""
    found = np.nan if part is None else part(view)
    return np.broadcast_to(
        np.asarray(found, float),
        (len(view.subjects),),
    )


def _spans(
    state: RuleState,
    found: list[Noted],
    factor: float,
    since_ns: int,
) -> list[Fired]:
    """Alerts of the rule with this factor that were not over before `since_ns`, by their start."""
    spans: list[Fired] = []
    open_: dict[str, Noted] = {}
    for seen in found:
        change = seen.change
        watch, subject = state.rules.subject(change.instance, state.views)
        if _factor_of(watch.rule) != factor:
            continue

        if change.state in (AlertState.FIRING, AlertState.NO_DATA):
            open_.setdefault(subject, seen)
        elif change.state is AlertState.RESOLVED and subject in open_:
            began = open_.pop(subject)
            spans.append(_span(subject, began, change.at))

    for subject, began in open_.items():
        spans.append(_span(subject, began, None))

    reaching = [span for span in spans if span.end_ns is None or span.end_ns > since_ns]
    return sorted(reaching, key=lambda span: span.start_ns)


def _factor_of(rule: Rule) -> float:
    """What the levels of a rule were multiplied by; its id says it."""
    _, _, factor = rule.id.partition(MARK)
    return float(factor) if factor else 1.0


def _span(
    subject: str,
    began: Noted,
    end_ns: int | None,
) -> Fired:
    return Fired(
        subject=subject,
        start_ns=began.change.at,
        end_ns=end_ns,
        value=began.value,
        limit=began.limit,
    )


def _chart(
    result: Backtest,
    state: RuleState,
    curve: list[CurvePoint],
) -> None:
    """The curve of the subject that fired most, thinned to what a picture can show."""
    if not state.rules.watches or not curve:
        return

    watch = state.rules.watches[0]
    every = state.views[watch.per].subjects
    watched = [every[row] for row in watch.subjects.tolist()]
    if not watched:
        return

    counts = Counter(span.subject for span in result.own.spans)
    result.subject = max(watched, key=lambda subject: counts[subject])
    row = watched.index(result.subject)
    values = [point.value[row] for point in curve]
    limits = [point.limit[row] for point in curve]
    result.at_ns = [point.at_ns for point in curve]
    result.value = nulls(np.array(values))
    result.limit = nulls(np.array(limits))
