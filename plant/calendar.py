"""Shifts of a plant in local time. One over midnight belongs to the day it began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

DAY_MIN = 1440


def running_shifts(local: datetime, shifts: Mapping[str, str]) -> list[tuple[str, datetime]]:
    """Shifts that run at a local time, each with the local time at which it began. `shifts`: name to HH:MM-HH:MM."""
    found = []
    for name, span in shifts.items():
        begin, end = span.split("-")
        start = local.replace(hour=int(begin[:2]), minute=int(begin[3:]), second=0, microsecond=0)
        length = (
            int(end[:2]) * 60 + int(end[3:]) - int(begin[:2]) * 60 - int(begin[3:])
        ) % DAY_MIN or DAY_MIN
        for candidate in (start, start - timedelta(days=1)):
            if candidate <= local < candidate + timedelta(minutes=length):
                found.append((name, candidate))
    return found
