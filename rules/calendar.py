"""When a rule is awake, by the shifts and days of the plant's calendar. A night shift belongs to the day it began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rules.config import Active

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def awake(active: Active | None, at_ns: int, timezone: str, shifts: Mapping[str, str]) -> bool:
    """Whether a rule with these hours is awake at `at_ns`."""
    if active is None:
        return True
    local = datetime.fromtimestamp(at_ns / 1e9, ZoneInfo(timezone))
    running = running_shifts(local, shifts)
    in_shift = (active.outside_shifts and not running) or not (active.shifts or active.outside_shifts)
    began = [local]
    for name, day in running:
        if name in active.shifts:
            in_shift, began = True, [day]
    return in_shift and (not active.days or any(DAYS[day.weekday()] in active.days for day in began))


def running_shifts(local: datetime, shifts: Mapping[str, str]) -> list[tuple[str, datetime]]:
    """Shifts that run at a local time, with the time at which each began."""
    found = []
    for name, span in shifts.items():
        begin, end = span.split("-")
        start = local.replace(hour=int(begin[:2]), minute=int(begin[3:]), second=0, microsecond=0)
        length = (int(end[:2]) * 60 + int(end[3:]) - int(begin[:2]) * 60 - int(begin[3:])) % 1440 or 1440
        for candidate in (start, start - timedelta(days=1)):
            if candidate <= local < candidate + timedelta(minutes=length):
                found.append((name, candidate))
    return found
