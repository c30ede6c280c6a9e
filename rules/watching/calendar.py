"""When a rule is awake, by the shifts and days of the plant's calendar.

A night shift belongs to the day it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from plant.calendar import running_shifts
from rules.language.config import Active

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def awake(
    active: Active | None,
    at_ns: int,
    timezone: str,
    shifts: Mapping[str, str],
) -> bool:
    """Whether a rule with these hours is awake at `at_ns`."""
    if active is None:
        return True

    local = datetime.fromtimestamp(at_ns / 1e9, ZoneInfo(timezone))
    running = running_shifts(local, shifts)
    in_shift = (active.outside_shifts and not running) or not (
        active.shifts or active.outside_shifts
    )
    began = [local]
    for name, day in running:
        if name in active.shifts:
            in_shift = True
            began = [day]

    return in_shift and (
        not active.days or any(DAYS[day.weekday()] in active.days for day in began)
    )
