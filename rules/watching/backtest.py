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
from plant.errors import QueryError
from plant.ports import Store
from plant.site import Site
from plant.units import HOUR_NS
from rules.alert import AlertState
from rules.language.check_condition import LONGEST_S
from rules.language.config import Rule
from rules.language.variants import MARK, with_level
from rules.variables.past import Floats
from rules.watching.condition import Numbers
from rules.watching.feed import Feed
from rules.watching.past import windows
from rules.watching.ruleset import looked_at
from rules.watching.step import Noted, RuleState, Window, step
from rules.watching.view import View

FACTORS = (0.8, 0.9, 1.1, 1.25)
WEEK_NS = 7 * 24 * HOUR_NS
LONGEST_NS = 13 * WEEK_NS
POINTS_MOST = 2000


@dataclass(frozen=True, slots=True)
class Span:
    """One alert that would have been.

    `end_ns` is None where it still fires at the end. `value` and `limit` as it fired.
    """

    subject: str
    start_ns: int
    end_ns: int | None
    value: float | None
    limit: float | None


@dataclass(slots=True)
class Trial:
    """What one threshold led to."""

    factor: float
    spans: list[Span] = field(default_factory=list)

    def seconds(self, until_ns: int) -> float:
        return sum(((span.end_ns or until_ns) - span.start_ns) * 1e-9 for span in self.spans)


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
    trials: list[Trial]
    subject: str = ""
    at_ns: list[int] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    limit: list[float | None] = field(default_factory=list)

    @property
    def own(self) -> Trial:
        return next(trial for trial in self.trials if trial.factor == 1.0)

    def per_week(self, trial: Trial) -> float:
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
    own = rule if level == 1.0 else with_level(rule, level).model_copy(update={"id": rule.id})
    feed = Feed(
        site,
        [own, *(with_level(own, factor) for factor in FACTORS)],
        lambda name: store.codes.get(name, -1),
    )
    state = feed.start()
    looks_long = looked_at([own], rule.on.per, site.window_s).long
    before = round(LONGEST_S * 1e9) if looks_long else 26 * HOUR_NS
    each = max((end_ns - start_ns) // window // POINTS_MOST, 1)
    found, curves = _run(
        state,
        windows(
            store,
            site,
            feed,
            state,
            start_ns - before,
            end_ns,
            known,
        ),
        start_ns,
        each,
    )
    trials = [
        Trial(
            factor,
            _spans(
                state,
                found,
                factor,
                start_ns,
            ),
        )
        for factor in sorted((1.0, *FACTORS))
    ]
    unit = state.rules.watches[0].unit if state.rules.watches else ""
    result = Backtest(
        own,
        known,
        start_ns,
        end_ns,
        unit,
        trials,
    )
    _chart(result, state, curves)
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


Curves = list[tuple[int, Floats, Floats]]
"""Of each window: its end, and value and limit of every subject."""


def _run(
    state: RuleState,
    past: Iterable[Window],
    since_ns: int,
    each: int,
) -> tuple[list[Noted], Curves]:
    """`each`: every how many windows a point of the curve is kept."""
    found: list[Noted] = []
    curves: Curves = []
    watch = state.rules.watches[0] if state.rules.watches else None
    for window in past:
        found += step(state, window)
        if (
            watch is not None
            and window.start >= since_ns
            and not (window.start - since_ns) // state.window % each
        ):
            view = state.views[watch.rule.on.per]
            value, limit = (_all(part, view)[watch.subjects] for part in (watch.value, watch.limit))
            curves.append((window.start + state.window, value, limit))

    return found, curves


def _all(part: Numbers | None, view: View) -> Floats:
    """A number of a condition for every subject; NaN where there is none."""
    return np.broadcast_to(
        np.asarray(np.nan if part is None else part(view), float),
        (len(view.subjects),),
    )


def _spans(
    state: RuleState,
    found: list[Noted],
    factor: float,
    since_ns: int,
) -> list[Span]:
    out: list[Span] = []
    at: dict[str, Noted] = {}
    for seen in found:
        watch, subject = state.rules.subject(seen.change.instance, state.views)
        if (float(watch.rule.id.partition(MARK)[2] or 1.0)) != factor:
            continue

        if seen.change.state in (AlertState.FIRING, AlertState.NO_DATA):
            at.setdefault(subject, seen)
        elif seen.change.state is AlertState.RESOLVED and subject in at:
            out.append(_span(subject, at.pop(subject), seen.change.at))

    out += [_span(subject, seen, None) for subject, seen in at.items()]
    return sorted(
        (span for span in out if span.end_ns is None or span.end_ns > since_ns),
        key=lambda span: span.start_ns,
    )


def _span(
    subject: str,
    seen: Noted,
    end_ns: int | None,
) -> Span:
    return Span(
        subject,
        seen.change.at,
        end_ns,
        seen.value,
        seen.limit,
    )


def _chart(
    result: Backtest,
    state: RuleState,
    curves: Curves,
) -> None:
    """The curve of the subject that fired most, thinned to what a picture can show."""
    if not state.rules.watches or not curves:
        return

    watch = state.rules.watches[0]
    ids = [state.views[watch.rule.on.per].subjects[row] for row in watch.subjects.tolist()]
    if not ids:
        return

    counts = Counter(span.subject for span in result.own.spans)
    row = max(range(len(ids)), key=lambda index: counts[ids[index]])
    result.subject = ids[row]
    result.at_ns = [at for at, _, _ in curves]
    result.value = nulls(np.array([values[row] for _, values, _ in curves]))
    result.limit = nulls(np.array([limits[row] for _, _, limits in curves]))
