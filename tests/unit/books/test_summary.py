"""BOOKS: what it says of today, and that it compares with nothing while it is behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from books.answers import Books
from books.history import History
from books.summary import Seen, books, is_late
from plant.silence import Heard
from tests.api_rig import ApiRig
from tests.rig import START, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}, mill: {draws: {board: m}}}
compare: {sisters: {lines: [mill, press], figure: energy.final}}
"""
HOUR = 3_600_000_000_000
DAY = 24 * HOUR
ENERGIES = {"g": 8.0, "l": 4.0, "m": 1.0}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ApiRig:
    """Eight days and six hours of windows of an hour; the plan is 240 kWh a day."""
    more = "plan: {electricity_per_day: 240 kWh}"
    rig = ApiRig(text(PLANT, "g l m", more=more), tmp_path_factory.mktemp("rig"))
    for hour in range(8 * 24 + 6):
        doubled = hour >= 8 * 24
        rig.feed({name: kwh * (2 if doubled else 1) for name, kwh in ENERGIES.items()})
        if hour % 24 == 0:
            rig.fold()
    rig.store_all()
    return rig


def asked(rig: ApiRig, closed_ns: int, now_ns: int, *, behind: bool = False) -> Books:
    history = History(rig.site, rig.store)
    return books(rig.site, history, closed_ns, Seen(now_ns=now_ns, behind=behind))


def test_books_in_time_compare_with_plan_and_last_week(rig: ApiRig) -> None:
    closed = START + 8 * DAY + 6 * HOUR
    found = asked(rig, closed, closed + 90_000_000_000)
    assert not found.late
    assert found.today.date == "2026-01-09"
    assert found.today.electricity_kwh == pytest.approx(6 * 16.0)
    assert found.today.plan_kwh == pytest.approx(60.0)
    assert found.last_week.electricity_pct == pytest.approx(100.0)
    assert found.comparisons == {"sisters": [pytest.approx(12.0), pytest.approx(48.0)]}
    assert found.lines["press"]["energy.final"] == pytest.approx(48.0)


@pytest.mark.parametrize("behind", [6 * HOUR, 3 * DAY])
def test_books_that_are_behind_say_so_and_compare_with_nothing(rig: ApiRig, behind: int) -> None:
    closed = START + 8 * DAY + 6 * HOUR
    found = asked(rig, closed, closed + behind)
    assert found.late
    assert found.today.date == "2026-01-09", "the day that it speaks of"
    assert found.today.electricity_kwh == pytest.approx(6 * 16.0)
    assert found.today.plan_kwh is None
    assert found.last_week.electricity_pct is None


def test_books_are_late_while_history_is_filled(rig: ApiRig) -> None:
    closed = START + 8 * DAY + 6 * HOUR
    found = asked(rig, closed, closed, behind=True)
    assert found.late
    assert found.today.plan_kwh is None


def test_today_is_never_another_day(rig: ApiRig) -> None:
    midnight = START + 8 * DAY
    assert is_late(rig.site, midnight, midnight + 1), (
        "the day has changed, its first window is open"
    )
    assert is_late(rig.site, midnight - HOUR, midnight - 1) is False
    assert is_late(rig.site, midnight + HOUR, midnight + HOUR + 60_000_000_000) is False


def test_a_week_of_which_less_was_booked_is_not_compared(rig: ApiRig) -> None:
    closed = START + 6 * HOUR
    found = asked(rig, closed, closed)
    assert found.last_week.electricity_pct is None


def test_a_line_of_which_nothing_is_known_is_null(tmp_path: Path) -> None:
    rig = ApiRig(text(PLANT, "g l m"), tmp_path)
    rig.store_all()
    found = asked(rig, START + HOUR, START + HOUR)
    assert found.lines["press"]["energy.final"] is None
    assert found.comparisons == {"sisters": [None, None]}
    assert found.today.electricity_kwh is None
    assert found.unknown == {"press": Heard.NEVER, "mill": Heard.NEVER}
