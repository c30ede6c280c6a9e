"""Corrections, restarts and determinism: the same windows give the
same history, whenever the program was stopped.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.watching import checkpoint
from rules.watching.step import step
from tests.rules_rig import RulesRig, rule_text

RULE = rule_text(
    "mean(2m) > 4 kW", until="mean(2m) < 3 kW", **{"for": "2m", "keep_firing_for": "1m"}
)


def test_a_late_window_rewrites_what_followed_and_marks_it() -> None:
    rig = RulesRig(rule_text("value > 4 kW", **{"for": "1m"}))
    rig.feed(1, times=5)
    rig.correct(3, 5)
    rig.correct(4, 5)
    assert rig.noted == [], "corrections are judged when the next window comes"
    rig.feed(1)
    assert rig.shown() == [(3, "~pending"), (4, "~firing"), (5, "~resolved")]


def test_what_was_noted_and_was_not_so_is_withdrawn() -> None:
    rig = RulesRig(rule_text("value > 4 kW"))
    rig.feed(1)
    rig.feed(5)
    rig.feed(5)
    rig.correct(2, 1)
    rig.feed(5)
    assert rig.shown() == [(2, "firing"), (2, "!firing"), (3, "~firing")]


def test_a_correction_that_changes_nothing_is_silent() -> None:
    rig = RulesRig(rule_text("value > 4 kW"))
    rig.feed(1)
    rig.feed(5)
    rig.correct(2, 6)
    rig.feed(5)
    assert rig.shown() == [(2, "firing")]


def test_corrections_older_than_what_is_held_change_nothing() -> None:
    rig = RulesRig(rule_text("value > 4 kW"))
    rig.feed(1, times=60 * 36)
    rig.correct(5, 9)
    rig.feed(1)
    assert rig.noted == []
    assert len(rig.state.views["line"].ring.recent) < 60 * 36, "the past is let go"


SAMPLES = st.lists(
    st.tuples(st.sampled_from([1.0, 3.5, 5.0, float("nan")]), st.integers(0, 12)),
    min_size=1,
    max_size=60,
)


@given(SAMPLES, st.sets(st.integers(0, 60), max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_restart_anywhere_changes_nothing(
    samples: list[tuple[float, int]], stops: set[int]
) -> None:
    """Values with corrections among them, run through and
    with the state saved and loaded in between.
    """
    straight, stopped = RulesRig(RULE), RulesRig(RULE)
    for place, (value, back) in enumerate(samples):
        if place in stops:
            stopped.state = checkpoint.load(checkpoint.save(stopped.state), stopped.fresh())
        for rig in (straight, stopped):
            if back > 8 and rig.minute > back - 8:
                rig.correct(rig.minute - (back - 8), value)
            rig.feed(value)
    assert stopped.shown() == straight.shown()
    assert checkpoint.save(stopped.state) == checkpoint.save(straight.state)


@given(SAMPLES)
@settings(max_examples=40, deadline=None)
def test_after_corrections_it_is_as_if_they_had_been_known(
    samples: list[tuple[float, int]],
) -> None:
    """The state at the end does not depend on whether a value came at once or as a correction."""
    late, known = RulesRig(RULE), RulesRig(RULE)
    truth = [value for value, _ in samples]
    for minute, (value, back) in enumerate(samples, 1):
        late.feed(9.0 if back > 6 else value)
        if back > 6:
            late.correct(minute, value)
    for value in [*truth, 1.0]:
        known.feed(value)
    late.feed(1.0)
    assert np.array_equal(late.state.machine.state, known.state.machine.state)
    assert [(c.at, c.state) for c in (n.change for n in late.state.noted)] == [
        (n.change.at, n.change.state) for n in known.noted
    ]


def test_rules_that_change_take_over_what_stays() -> None:
    before = RulesRig(rule_text("value > 4 kW", **{"for": "30m"}), ("a", "b"))
    before.feed(5.0, 5.0, times=20)
    saved = checkpoint.save(before.state)
    after = RulesRig(
        rule_text("value > 4 kW", severity_note="x")
        .replace(", severity_note: x", "")
        .replace("severity: warning", "severity: critical, for: 30m"),
        ("b", "c"),
    )
    after.state = checkpoint.load(saved, after.fresh())
    after.minute = 20
    after.feed(5.0, 5.0, times=12)
    assert [
        (n.change.instance, s) for n, (_, s) in zip(after.noted, after.shown(), strict=True)
    ] == [
        (1, "pending"),
        (0, "firing"),
    ], "b's clock went on"


def test_a_figure_that_was_not_kept_has_no_past() -> None:
    """Hours without it would read as zeros, and everything above them as an alert."""
    before = RulesRig(rule_text("value > 90 kW"))
    for _ in range(40):
        before.feed(10.0, times=60)
    after = RulesRig(rule_text("mean(1h) > 1.2 * median(7d)", figure="energy.steam"))
    after.state = checkpoint.load(checkpoint.save(before.state), after.fresh())
    after.minute = before.minute
    after.feed(5.0, times=120)
    assert after.noted == []


def test_long_functions_compare_like_with_like() -> None:
    rig = RulesRig(rule_text("mean(1h) > 1.2 * last_week(1h)"))
    for hour in range(7 * 24 + 30):
        rig.feed(10.0 if hour % 24 < 12 else 20.0, times=60)
    assert rig.noted == [], "day and night are not compared with each other"
    while rig.minute % 1440 < 13 * 60:
        rig.feed(10.0)
    rig.feed(30.0, times=60)
    assert [s for _, s in rig.shown()] == ["firing"]


def test_step_is_a_function_of_windows_alone() -> None:
    windows = [RulesRig(RULE).window(m, 5.0 if m % 7 else 1.0) for m in range(1, 50)]
    histories = []
    for _ in range(2):
        rig = RulesRig(RULE)
        histories.append([n for w in windows for n in step(rig.state, w)])
    assert histories[0] == histories[1] != []
