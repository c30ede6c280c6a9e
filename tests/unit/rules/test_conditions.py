"""Conditions: what can be said, what is refused and in which
words; they cannot run code, loop, or take long.
"""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plant.errors import ConfigError, QueryError
from rules.language.check_condition import Scope, check
from rules.language.load import load_rules_text
from rules.language.parser import LONGEST, parse
from rules.language.tree import parts
from rules.language.variants import render, scaled
from rules.variables.table import place
from tests.rules_rig import RulesRig, rule_text

SCOPE = Scope(
    figure="power.electricity", place=place("line"), limits={"limit": "kW"}, window_s=60.0
)


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("mean(10m) > 4", "4 needs a unit to stand beside kW: 4 kW"),
        ("mean(10m) > 4 kWh", "has kW on one side and kWh on the other"),
        ("mean(10m) > 4 kX", "'kX' is not a unit"),
        ("mean(10m)", "a condition must compare something"),
        ("mean(10m) > 4 kW and value", "'and' joins conditions"),
        ("sum(10m) > 4 kW", "is a ratio and has no sum"),
        ("mean(90d) > 4 kW", "looks back over 60s to 26h"),
        ("mean(90s) > 4 kW", "must be a multiple of the window of 60s"),
        ("median(90m) > 4 kW", "in steps of 1h"),
        ("mean(coverage.tim, 1h) < 90 %", "did you mean 'coverage.time'?"),
        ("man(10m) > 4 kW", "did you mean 'mean'?"),
        ("state == 'idel'", "did you mean 'idle'?"),
        ("state > 'idle'", "only be compared by == or !="),
        ("value * value > 4 kW", "one of the two must be a plain number"),
        ("4 kW / value > 2 kW", "kW divided by kW|has 1 on one side"),
        ("(value > 4 kW", "expected '\\)'"),
        ("value > 4 kW; import os", "cannot read ';"),
        ("__import__('os').system('ls')", "expected a duration|cannot read|expected"),
    ],
)
def test_mistakes_say_how_to_mend_them(when: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as found:
        load_rules_text("rules.yaml", rule_text(when))
    assert str(found.value).startswith("rules.yaml:2: rules.0.when: ")


@pytest.mark.parametrize(
    "when",
    [
        "value > 4 kW", "mean(10m) > 0.004 MW and state == 'idle'", "not (value < 1 kW or state != 'RUN')", "mean(1h) > 1.15 * median(7d)",
        "mean(1h) > last_week(1h) + 2 kW", "mean(1h) / baseline(28d) > 1.2", "mean(coverage.time, 15m) < 90 %", "value > limit", "max(1h) - min(1h) > limit",
        "sum(energy.electricity, 1h) > 2 MWh", "mean(intensity.final, 1h) > 0.4 kg/kWh", "sum(seconds.IDLE, 1h) > 30m", "value > -4 kW",
    ],
)  # fmt: skip
def test_what_can_be_said_and_said_again(when: str) -> None:
    tree = parse(when)
    check(tree, SCOPE)
    again = parse(render(tree))
    check(again, SCOPE)
    assert render(again) == render(tree)


@given(
    st.text(
        alphabet=st.sampled_from(
            "value mean(10m)>4kW'idle'&|andornot+-*/%.,;()[]{}\\\"\n\t0123456789eE_@#é"
        ),
        max_size=LONGEST + 20,
    )
)
@example("(" * 400)
@example("not " * 120)
@example("1+" * 249 + "1")
@example("9" * 480)
def test_any_text_is_a_condition_or_a_plain_refusal(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(QueryError):
        check(parse(text), SCOPE)
    assert time.process_time() - began < 1.0, "bounded by length and depth"


def test_a_condition_is_as_long_as_its_parts() -> None:
    assert len(parts(parse("value > 4 kW and (mean(10m) < 3 kW or state == 'run')"))) == 11


@given(st.floats(0.1, 10))
def test_another_level_is_the_level_times_a_factor(factor: float) -> None:
    rig = RulesRig(rule_text(scaled("value > 4 kW and state != 'off'", factor)))
    rig.feed(4 * factor * 0.99)
    assert rig.shown() == []
    rig = RulesRig(rule_text(scaled("4 kW < value", factor)))
    rig.feed(4 * factor * 1.01)
    assert rig.shown() == [(1, "firing")]


def test_limits_by_subject() -> None:
    rig = RulesRig(
        rule_text("value > limit", limits="{limit: {default: 4 kW, b: 0.006 MW}}"), ("a", "b")
    )
    rig.feed(5.0, 5.0)
    assert [(n.change.instance, n.value, n.limit) for n in rig.noted] == [(0, 5.0, 4.0)]
    rig.feed(5.0, 7.0)
    assert [(n.change.instance, n.value, n.limit) for n in rig.noted[1:]] == [(1, 7.0, 6.0)]


def test_every_mistake_of_a_file_in_one_go() -> None:
    text = """rules:
  - {id: a, on: {figure: power.electrcity, per: line}, when: "value > 4 kW", severity: warning}
  - {id: a, on: {figure: power.electricity, per: line}, when: "value >", severity: warning, say: "{lin} is high"}
  - {id: c, on: {figure: remainder, per: bus}, when: "state == 'run'", severity: warning, gather: true}
"""
    with pytest.raises(ConfigError) as found:
        load_rules_text("r.yaml", text)
    said = str(found.value)
    for part in (
        "r.yaml:2: rules.0.on.figure",
        "did you mean 'power.electricity'?",
        "r.yaml:3: rules.1.id",
        "r.yaml:3: rules.1.when",
        "{lin} (did you mean 'line'?)",
        "only a line has a state",
        "only meters hang on a connection",
    ):
        assert part in said, said
