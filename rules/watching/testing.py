"""Tests that stand beside rules: series in, states expected,
through the same step as the plant's own windows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.states import STATES
from plant.errors import QueryError
from rules.alert import AlertState
from rules.language.config import Expectation, Rule, RuleTest
from rules.language.cross_check import split_quantity
from rules.language.load import Loaded
from rules.watching.machine import NO_DATA, Machine
from rules.watching.measures import PlainMeasures, plain_state
from rules.watching.ring import Ring
from rules.watching.ruleset import Calendar, Subjects, build, looked_at
from rules.watching.step import RuleState, Window, start, step
from rules.watching.view import View

_SAMPLE = re.compile(r"^(?P<value>[^,]+?)(?:\s+x(?P<times>\d{1,5}))?$")
MOST_SAMPLES = 50_000
_STATES = {state.value.lower(): float(code) for code, state in enumerate(STATES)}
_WORDS = (AlertState.INACTIVE, AlertState.PENDING, AlertState.FIRING, AlertState.NO_DATA)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a test expected and did not find."""

    rule: str
    test: str
    at_s: float
    subject: str
    expected: AlertState
    found: AlertState

    def __str__(self) -> str:
        what = f"{self.rule} on {self.subject}" + (f" ({self.test})" if self.test else "")
        return f"{what}: at {self.at_s / 60:g}m expected {self.expected}, found {self.found}"


def run_tests(loaded: Loaded) -> list[Failure]:
    """All failures of the tests of one file. QueryError if a series cannot be read."""
    by_id = {rule.id: rule for rule in loaded.file.rules}
    failures = []
    for test in loaded.file.tests:
        rule = by_id[test.rule] if test.rule else loaded.file.rules[0]
        failures += run_test(rule, test)

    return failures


def run_test(rule: Rule, test: RuleTest) -> list[Failure]:
    """Failures of one test. A rule that is switched off is tested too."""
    rule = rule.model_copy(update={"enabled": True})
    subjects = tuple(test.series)
    samples = {
        subject: {figure: samples_of(text, figure) for figure, text in series.items()}
        for subject, series in test.series.items()
    }
    length = max(
        (len(values) for series in samples.values() for values in series.values()), default=0
    )
    state = _state(rule, test, subjects)
    every = round(test.every * 1e9)
    first = _first(test)
    expected = sorted(enumerate(test.expect), key=lambda pair: pair[1].at)
    failures: list[tuple[int, Failure]] = []
    for k in range(length):
        step(
            state,
            Window(
                first + (k - 1) * every,
                {rule.on.per: _row(state.views[rule.on.per], samples, k)},
            ),
        )
        for order, wanted in expected:
            if round(wanted.at * 1e9) // every == k:
                failures += [
                    (order, failure)
                    for failure in _compare(
                        rule,
                        test,
                        state.machine,
                        subjects,
                        wanted,
                    )
                ]

    unmet = [
        (order, wanted) for order, wanted in expected if round(wanted.at * 1e9) // every >= length
    ]
    if unmet:
        raise QueryError(
            f"{rule.id}: a state is expected at {unmet[0][1].at / 60:g}m, "
            f"but the series end at {(length - 1) * test.every / 60:g}m"
        )

    return [failure for _, failure in sorted(failures, key=lambda item: item[0])]


def _state(
    rule: Rule,
    test: RuleTest,
    subjects: tuple[str, ...],
) -> RuleState:
    looked = looked_at([rule], rule.on.per, test.every)
    measures = PlainMeasures([*looked.names, "state"])
    every = round(test.every * 1e9)
    view = View(
        subjects,
        measures,
        Ring(
            every,
            len(measures.columns),
            len(subjects),
            looked.long,
        ),
        over_time={"state": plain_state(measures)},
    )
    of_kind: dict[str, Subjects] = {rule.on.per: Subjects(subjects)}
    rules = build(
        [rule],
        of_kind,
        Calendar("UTC", test.shifts),
        test.every,
    )
    return start(rules, {rule.on.per: view}, every)


def _first(test: RuleTest) -> int:
    return (
        round(datetime.fromisoformat(test.starts.replace("Z", "+00:00")).timestamp())
        * 1_000_000_000
    )


def _row(
    view: View,
    samples: Mapping[str, Mapping[str, list[float]]],
    k: int,
) -> np.ndarray:
    measures = view.measures
    assert isinstance(measures, PlainMeasures)
    values = {
        figure: np.array([_at(samples[subject].get(figure, []), k) for subject in view.subjects])
        for figure in measures.names
    }
    return measures.rows(values, len(view.subjects))


def _at(values: list[float], k: int) -> float:
    return values[k] if k < len(values) else np.nan


def _compare(
    rule: Rule,
    test: RuleTest,
    machine: Machine,
    subjects: tuple[str, ...],
    wanted: Expectation,
) -> list[Failure]:
    found = []
    for i, subject in enumerate(subjects):
        state = _WORDS[machine.state[i]] if machine.state[i] != NO_DATA else AlertState.NO_DATA
        expected = AlertState.INACTIVE if wanted.state is AlertState.RESOLVED else wanted.state
        if wanted.subject in (None, subject) and state is not expected:
            found.append(
                Failure(
                    rule.id,
                    test.name,
                    wanted.at,
                    subject,
                    wanted.state,
                    state,
                )
            )

    return found


def samples_of(text: str, figure: str) -> list[float]:
    """`2kW x5, unknown x3, 6 kW` as numbers, NaN for unknown; machine states as codes.

    QueryError says what cannot be read.
    """
    out: list[float] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _SAMPLE.match(part)
        if match is None:
            raise QueryError(f"{figure}: expected samples such as '2kW x5, 6kW x20', not '{part}'")

        times = int(match["times"] or 1)
        if len(out) + times > MOST_SAMPLES:
            raise QueryError(f"{figure}: a series may have {MOST_SAMPLES} samples")

        out += [_sample(match["value"], figure)] * times

    return out


def _sample(text: str, figure: str) -> float:
    if text == "unknown" and figure != "state":
        return np.nan

    if figure == "state":
        code = _STATES.get(text.lower())
        if code is None:
            raise QueryError(
                f"state: '{text}' is not a machine state; known are {', '.join(_STATES)}"
            )

        return code

    return split_quantity(text)[0]
