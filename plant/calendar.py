"""Shifts of a plant in local time. One over midnight belongs to the day it began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

DAY_MIN = 1440


def running_shifts(local: datetime, shifts: Mapping[str, str]) -> list[tuple[str, datetime]]:
    """Shifts that run at a local time, each with the local time at which it began.

    `shifts`: name to HH:MM-HH:MM.
    """
    running: list[tuple[str, datetime]] = []
    for name, span in shifts.items():
        begin, end = span.split("-")
        begin_min = _minute_of_day(begin)
        # A shift that ends when it began lasts the whole day.
        length_min = (_minute_of_day(end) - begin_min) % DAY_MIN or DAY_MIN
        hour, minute = divmod(begin_min, 60)
        today = local.replace(
            hour=hour,
            minute=minute,
            second=0,
            microsecond=0,
        )
        yesterday = today - timedelta(days=1)
        for start in (today, yesterday):
            if start <= local < start + timedelta(minutes=length_min):
                running.append((name, start))

    return running


def _minute_of_day(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
