"""Tests that stand beside rules: series in, states expected,
through the same step as the plant's own windows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np

from engine.states import STATES
from plant.arrays import Floats
from plant.calendar import SECOND
from plant.errors import QueryError
from rules.alert import AlertState
from rules.language.config import Expectation, Rule, RuleTest
from rules.language.cross_check import split_quantity
from rules.language.load import Loaded
from rules.watching.machine import Machine
from rules.watching.measures import PlainMeasures, plain_state
from rules.watching.ring import Ring
from rules.watching.ruleset import Calendar, Subjects, build, looked_at
from rules.watching.step import RuleState, RuleWindow, start, step
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
        what = f"{self.rule} on {self.subject}"
        if self.test:
            what += f" ({self.test})"

        minute = self.at_s / 60
        return f"{what}: at {minute:g}m expected {self.expected}, found {self.found}"


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
    samples = _samples(test)
    length = _longest(samples)
    every_ns = round(test.every * 1e9)
    # Which sample each expectation is about, in the order in which they are written.
    due = [round(wanted.at * 1e9) // every_ns for wanted in test.expect]
    if due and max(due) >= length:
        last = min(
            (
                wanted
                for wanted, nth in zip(
                    test.expect,
                    due,
                    strict=True,
                )
                if nth >= length
            ),
            key=lambda wanted: wanted.at,
        )
        raise QueryError(
            f"{rule.id}: a state is expected at {last.at / 60:g}m, "
            f"but the series end at {(length - 1) * test.every / 60:g}m"
        )

    subjects = tuple(test.series)
    state = _state(rule, test, subjects)
    view = state.views[rule.on.per]
    first_ns = _first(test)
    found: dict[int, list[Failure]] = {}
    for nth in range(length):
        # A sample is known at the end of its window.
        start_ns = first_ns + (nth - 1) * every_ns
        rows: dict[str, Floats] = {rule.on.per: _row(view, samples, nth)}
        step(state, RuleWindow(start_ns, rows))
        for order, wanted in enumerate(test.expect):
            if due[order] == nth:
                found[order] = _compare(
                    rule,
                    test,
                    state.machine,
                    subjects,
                    wanted,
                )

    failures: list[Failure] = []
    for order in sorted(found):
        failures += found[order]

    return failures


Samples: TypeAlias = Mapping[str, Mapping[str, list[float]]]
"""Values by subject and figure."""


def _samples(test: RuleTest) -> Samples:
    found: dict[str, dict[str, list[float]]] = {}
    for subject, series in test.series.items():
        of_subject = found.setdefault(subject, {})
        for figure, text in series.items():
            of_subject[figure] = samples_of(text, figure)

    return found


def _longest(samples: Samples) -> int:
    """How many samples the longest series has."""
    longest = 0
    for series in samples.values():
        for values in series.values():
            longest = max(longest, len(values))

    return longest


def _state(
    rule: Rule,
    test: RuleTest,
    subjects: tuple[str, ...],
) -> RuleState:
    looked = looked_at([rule], rule.on.per, test.every)
    measures = PlainMeasures([*looked.names, "state"])
    every_ns = round(test.every * 1e9)
    ring = Ring(
        every_ns,
        len(measures.columns),
        len(subjects),
        looked.long,
    )
    view = View(
        subjects,
        measures,
        ring,
        over_time={"state": plain_state(measures)},
    )
    of_kind: dict[str, Subjects] = {rule.on.per: Subjects(subjects)}
    rules = build(
        [rule],
        of_kind,
        Calendar("UTC", test.shifts),
        test.every,
    )
    return start(rules, {rule.on.per: view}, every_ns)


def _first(test: RuleTest) -> int:
    starts = datetime.fromisoformat(test.starts.replace("Z", "+00:00"))
    return round(starts.timestamp()) * SECOND


def _row(
    view: View,
    samples: Samples,
    nth: int,
) -> Floats:
    """The samples that come together, as a window."""
    measures = view.measures
    assert isinstance(measures, PlainMeasures)
    values = {}
    for figure in measures.names:
        series = [samples[subject].get(figure, []) for subject in view.subjects]
        values[figure] = np.array([_at(each, nth) for each in series])

    return measures.rows(values, len(view.subjects))


def _at(values: list[float], nth: int) -> float:
    """A series that has ended is unknown."""
    return values[nth] if nth < len(values) else np.nan


def _compare(
    rule: Rule,
    test: RuleTest,
    machine: Machine,
    subjects: tuple[str, ...],
    wanted: Expectation,
) -> list[Failure]:
    # An alert that is over leaves nothing behind.
    expected = wanted.state
    if expected is AlertState.RESOLVED:
        expected = AlertState.INACTIVE

    found = []
    for index, subject in enumerate(subjects):
        state = _WORDS[machine.state[index]]
        if wanted.subject in (None, subject) and state is not expected:
            failure = Failure(
                rule=rule.id,
                test=test.name,
                at_s=wanted.at,
                subject=subject,
                expected=wanted.state,
                found=state,
            )
            found.append(failure)

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
