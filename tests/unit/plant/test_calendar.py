"""Days and shifts of a plant, over changes of the clocks and to the nanosecond."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from plant.calendar import SECOND, ShiftHours, day_start, next_day, shift_at, shift_hours
from plant.site import Site
from tests.rig import Rig, text

BODY = "buses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}}\n"
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600 * SECOND


@pytest.fixture
def site(tmp_path: Path) -> Site:
    resolved = Rig(text(BODY, "la"), tmp_path).site
    return msgspec.structs.replace(
        resolved,
        timezone="Europe/Berlin",
        shifts={"day": "06:00-18:00", "night": "18:00-06:00"},
    )


def at(*clock: int) -> int:
    return round(datetime(*clock, tzinfo=BERLIN).timestamp()) * SECOND


def test_the_last_nanosecond_of_a_day_is_of_that_day(site: Site) -> None:
    midnight = at(2026, 1, 9)
    assert day_start(site, midnight) == midnight
    assert day_start(site, midnight - 1) == at(2026, 1, 8)


def test_days_of_23_and_25_hours(site: Site) -> None:
    spring = at(2026, 3, 29)
    autumn = at(2026, 10, 25)
    assert next_day(site, spring) - spring == 23 * HOUR
    assert next_day(site, autumn) - autumn == 25 * HOUR
    assert day_start(site, next_day(site, autumn) - 1) == autumn


def test_a_day_that_begins_at_six(site: Site) -> None:
    early = msgspec.structs.replace(site, day_starts="06:00")
    assert day_start(early, at(2026, 1, 9, 5, 59)) == at(2026, 1, 8, 6)
    assert day_start(early, at(2026, 1, 9, 6)) == at(2026, 1, 9, 6)


def test_a_night_shift_belongs_to_the_day_it_began(site: Site) -> None:
    assert shift_at(site, at(2026, 1, 9, 3)) == ("night", at(2026, 1, 8, 18))
    assert shift_at(site, at(2026, 1, 9, 6)) == ("day", at(2026, 1, 9, 6))


def test_without_shifts_the_day_stands_for_one(site: Site) -> None:
    plain = msgspec.structs.replace(site, shifts={})
    assert shift_at(plain, at(2026, 1, 9, 3)) == ("day", at(2026, 1, 9))


def test_hours_of_a_shift() -> None:
    assert shift_hours("22:30-06:00") == ShiftHours(begins=1350, length=450)
    assert shift_hours("06:00-06:00") == ShiftHours(begins=360, length=1440)
