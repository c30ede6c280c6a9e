"""The state machine:

`for`, `keep_firing_for`, gaps, two levels. Times are
minutes; a sample at minute m is judged at minute m.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.rules_rig import RulesRig, rule_text

NAN = float("nan")


def run(rig: RulesRig, *values: float) -> list[tuple[float, str]]:
    for value in values:
        rig.feed(value)
    return rig.shown()


def test_for_and_keep_firing_for() -> None:
    rig = RulesRig(rule_text("value > 4 kW", **{"for": "3m", "keep_firing_for": "2m"}))
    found = run(rig, 1, 5, 5, 5, 5, 1, 5, 1, 1, 1)
    assert found == [(2, "pending"), (5, "firing"), (10, "resolved")]


def test_pending_that_ends_is_no_alert() -> None:
    rig = RulesRig(rule_text("value > 4 kW", **{"for": "3m"}))
    assert run(rig, 5, 5, 1, 5) == [(1, "pending"), (3, "inactive"), (4, "pending")]


def test_two_levels() -> None:
    rig = RulesRig(rule_text("value > 4 kW", until="value < 3 kW"))
    assert run(rig, 5, 3.5, 4.5, 3.2, 2.9) == [(1, "firing"), (5, "resolved")]


def test_a_short_gap_changes_nothing_and_a_held_one_stops_the_clock() -> None:
    rig = RulesRig(rule_text("value > 4 kW", **{"for": "4m", "gap_grace": "3m"}))
    assert run(rig, 5, 5, NAN, NAN, 5) == [(1, "pending"), (5, "firing")], (
        "two minutes are waited out"
    )
    rig = RulesRig(rule_text("value > 4 kW", **{"for": "4m", "gap_grace": "3m"}))
    assert run(rig, 5, 5, NAN, NAN, NAN, NAN, 5, 5, 5, 5) == [(1, "pending"), (9, "firing")], (
        "four minutes do not count"
    )


def test_a_held_gap_keeps_firing() -> None:
    rig = RulesRig(rule_text("value > 4 kW", gap_grace="2m"))
    assert run(rig, 5, *[NAN] * 60, 5, 1) == [(1, "firing"), (63, "resolved")]


def test_a_gap_that_clears() -> None:
    rig = RulesRig(rule_text("value > 4 kW", on_gap="clear", gap_grace="2m"))
    assert run(rig, 5, NAN, NAN, NAN, NAN) == [(1, "firing"), (4, "resolved")]


def test_no_data_is_a_state_of_its_own() -> None:
    rig = RulesRig(rule_text("value > 4 kW", on_gap="alert", gap_grace="2m"))
    assert run(rig, 1, NAN, NAN, NAN, NAN, 1) == [(4, "no_data"), (6, "resolved")]
    rig = RulesRig(rule_text("value > 4 kW", on_gap="alert", gap_grace="2m"))
    assert run(rig, 5, NAN, NAN, NAN, 5, 1) == [
        (1, "firing"),
        (4, "no_data"),
        (5, "firing"),
        (6, "resolved"),
    ]


def test_no_data_does_not_flap_inside_the_band() -> None:
    """What fired before goes on by its own end, as if it had been known all the time."""
    rig = RulesRig(rule_text("value > 4 kW", until="value < 3 kW", on_gap="alert", gap_grace="2m"))
    assert run(rig, 5, NAN, NAN, NAN, 3.5, 3.5, 2) == [
        (1, "firing"),
        (4, "no_data"),
        (5, "firing"),
        (7, "resolved"),
    ]


def test_unknown_decides_nothing() -> None:
    """Kleene: what is unknown beside a false `and` is false, beside a true `or` true."""
    rig = RulesRig(rule_text("value > 4 kW and state == 'run'", on_gap="alert", gap_grace="1m"))
    assert run(rig, NAN, NAN, NAN) == [(2, "no_data")]
    both = RulesRig(
        rule_text("value > 4 kW and value < 1 kW or value != 0 kW", on_gap="alert", gap_grace="1m")
    )
    assert run(both, NAN, NAN) == [(2, "no_data")]


def test_active_hours_end_what_fires() -> None:
    rig = RulesRig(rule_text("value > 4 kW", active="{shifts: [early]}"))
    for _ in range(15 * 60):
        rig.feed(5)
    assert rig.shown() == [(360, "firing"), (840, "resolved")]


@given(st.lists(st.floats(2.9, 4.1), max_size=60), st.booleans())
def test_hysteresis_never_flaps_inside_its_band(values: list[float], fires: bool) -> None:
    """Between the off and the on level nothing changes, whatever happened before."""
    rig = RulesRig(rule_text("value > 4.2 kW", until="value < 2.8 kW"))
    rig.feed(5.0 if fires else 1.0)
    before = rig.shown()
    for value in values:
        rig.feed(value)
    assert rig.shown() == before


@given(
    st.lists(st.sampled_from([1.0, 5.0, NAN]), max_size=80),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["hold", "alert", "clear"]),
)
def test_states_follow_each_other_and_times_are_kept(
    values: list[float], hold: int, keep: int, gap: str
) -> None:
    """Firing comes `for` after it was true, resolved only after
    firing or no data; never twice the same.
    """
    rig = RulesRig(
        rule_text(
            "value > 4 kW",
            on_gap=gap,
            gap_grace="2m",
            **{"for": f"{hold}m", "keep_firing_for": f"{keep}m"},
        )
    )
    for value in values:
        rig.feed(value)
    follows = {
        "inactive": {"pending", "firing", "no_data"}, "pending": {"firing", "inactive", "no_data"}, "firing": {"resolved", "no_data"},
        "no_data": {"firing", "resolved"}, "resolved": {"pending", "firing", "no_data"},
    }  # fmt: skip
    before = "inactive"
    for noted in rig.noted:
        assert noted.change.state.value in follows[before]
        before = noted.change.state.value
        if noted.change.state.value == "firing":
            assert noted.change.at - noted.change.since >= hold * 60e9
    firing = int(np.count_nonzero(rig.state.machine.state >= 2))
    assert firing == (before in ("firing", "no_data"))
