"""A rule variable is one row: what is added here is checked, judged live, in rule tests and in a
back-test, and stands in the docs.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deploy.regen import watched
from engine.now.now import Now
from plant.errors import ConfigError
from rules.language.load import load_rules_text
from rules.variables import table
from rules.variables.newest import NewestSources
from rules.variables.variable import RuleColumn, Variable
from rules.watching.backtest import backtest
from rules.watching.feed import NowFeed
from rules.watching.step import step
from rules.watching.testing import run_tests
from tests.unit.api.test_alerts_api import Rigged

MINUTE = 60_000_000_000
TWICE = RuleColumn(
    "twice_kwh", lambda book: 2.0 * book.line("final_kwh")[: book.seats.lines], ("line.final_kwh",)
)
ROWS = (
    Variable(
        name="twice",
        unit="kWh",
        of=("line",),
        means="final energy, twice",
        columns=(TWICE,),
        value=lambda sums: sums["twice_kwh"],
        adds_up=True,
    ),
    Variable(
        name="doors.open",
        unit="1",
        of=("site",),
        clock="now",
        newest=lambda newest, per: np.array([newest.of_site["doors"]]),
    ),
)
RULES = """rules:
  - {id: double, on: {figure: twice, per: line}, when: "sum(2m) > 3 kWh", severity: warning}
  - {id: doors, on: {figure: doors.open, per: site, clock: now}, when: "value > 2", severity: info}
tests:
  - {rule: double, series: {press: {twice: "1kWh x3, 2kWh x4"}}, expect: [{at: 2m, state: inactive}, {at: 5m, state: firing}]}
"""


@pytest.fixture
def with_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "VARIABLES", (*table.VARIABLES, *ROWS))


@pytest.mark.usefixtures("with_rows")
def test_a_row_is_checked_with_its_unit_and_stands_in_the_docs() -> None:
    load_rules_text("rules.yaml", RULES)
    with pytest.raises(ConfigError, match="has kWh on one side and kW on the other"):
        load_rules_text("rules.yaml", RULES.replace("3 kWh", "3 kW"))
    assert "`twice` (kWh)" in watched()
    assert "`doors.open` (1)" in watched()


def test_without_its_row_there_is_no_such_variable() -> None:
    with pytest.raises(ConfigError, match="there is no figure 'twice' per line on books"):
        load_rules_text("rules.yaml", RULES)
    assert "`twice`" not in watched()


@pytest.mark.usefixtures("with_rows")
def test_a_row_is_tried_in_rule_tests() -> None:
    # A rule test gives plain values, one a window: their sum over a span is their mean.
    assert (
        run_tests(load_rules_text("rules.yaml", RULES.replace("sum(2m) > 3", "value > 1.5"))) == []
    )
    assert (
        len(run_tests(load_rules_text("rules.yaml", RULES.replace("sum(2m) > 3", "value > 9"))))
        == 1
    )


@pytest.mark.usefixtures("with_rows")
def test_a_row_is_judged_live_and_in_a_back_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.api.test_alerts_api.RULES", RULES)
    rig = Rigged(tmp_path)
    # 30 kW are half a kWh a minute: two minutes, twice, are 2 kWh. 60 kW are 4 kWh.
    rig.hour(30, 60, 30)
    live = [
        (row["at_ns"], row["state"])
        for row in reversed(rig.book.changes(0, 2**62, "double", "press"))
        if row["state"] in ("firing", "resolved")
    ]
    assert [state for _, state in live] == ["firing", "resolved"]
    rule = rig.rules[0]
    start, end = live[0][0] - 5 * MINUTE, live[1][0] + 5 * MINUTE
    span = backtest(rig.store, rig.site, rule, start, end, "now").own.spans[0]
    assert (span.start_ns, span.end_ns) == (live[0][0], live[1][0])
    assert span.value == pytest.approx(3.0, abs=1.0)


@pytest.mark.usefixtures("with_rows")
def test_a_row_reads_newest_values_and_is_judged(tmp_path: Path) -> None:
    rig = Rigged(tmp_path)
    heard = SimpleNamespace(lag_s=1.0, period_s=1.0, answer_s=0.02, refused=[])
    newest = NewestSources(
        now=Now(rig.site),
        picture={"lines": {}, "site": {"power_kw": 1.0, "figures": {}}},
        meters=[heard for _ in rig.site.meters],  # type: ignore[misc]
        at_ns=rig.at,
        since_ns=rig.at,
        of_site={"doors": 3.0},
    )
    feed = NowFeed(rig.site, load_rules_text("rules.yaml", RULES).file.rules)
    state = feed.start()
    noted = step(state, feed.window(state, rig.at, table.values_of(newest)))
    assert [found.change.state.value for found in noted] == ["firing"]
