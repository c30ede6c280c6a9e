"""Shifts and days of a plant in local time. A shift over midnight belongs to the day it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from plant.site import Site

DAY_MIN: Final = 1440
SECOND: Final = 1_000_000_000
"""In nanoseconds, as all times in the books are."""

WHOLE_DAY: Final = "day"
"""In place of a shift where there is none."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, ns UTC, the end not included."""

    start: int
    end: int

    def before(self, length_ns: int) -> Span:
        """The same so much earlier."""
        return Span(self.start - length_ns, self.end - length_ns)

    def pieces(self, length_ns: int) -> Iterator[Span]:
        """It in pieces of a length; the last may be shorter."""
        for at in range(self.start, self.end, length_ns):
            yield Span(at, min(at + length_ns, self.end))


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """When a shift begins, in minutes after local midnight, and how long it takes."""

    begins: int
    length: int


def shift_hours(span: str) -> ShiftHours:
    """The hours of `HH:MM-HH:MM`; one that ends when it begins takes a whole day."""
    first, _, last = span.partition("-")
    begin = minute_of_day(first)
    length = (minute_of_day(last) - begin) % DAY_MIN
    return ShiftHours(
        begins=begin,
        length=length or DAY_MIN,
    )


def minute_of_day(clock: str) -> int:
    """Minutes after midnight of HH:MM."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def running_shifts(local: datetime, shifts: Mapping[str, str]) -> list[tuple[str, datetime]]:
    """Shifts that run at a local time, each with the local time at which it began. `shifts`: name
    to HH:MM-HH:MM."""
    found = []
    for name, span in shifts.items():
        hours = shift_hours(span)
        hour, minute = divmod(hours.begins, 60)
        today = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        yesterday = today - timedelta(days=1)
        for began in (today, yesterday):
            ends = began + timedelta(minutes=hours.length)
            if began <= local < ends:
                found.append((name, began))
    return found


def local_time(site: Site, at_ns: int) -> datetime:
    """A moment on the clocks of the plant."""
    seconds, rest_ns = divmod(at_ns, SECOND)
    local = datetime.fromtimestamp(seconds, ZoneInfo(site.timezone))
    # Not through a float: it cannot tell the last nanosecond of a day from the first of the next.
    return local.replace(microsecond=rest_ns // 1000)


def day_start(site: Site, at_ns: int) -> int:
    """Start of the local day that holds `at_ns`."""
    hour, minute = divmod(minute_of_day(site.day_starts), 60)
    local = local_time(site, at_ns)
    start = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if start > local:
        # Over a change of the clocks a day ago is not 24 hours ago, so the hour is set once more.
        start = (start - timedelta(days=1)).replace(hour=hour, minute=minute)
    return round(start.timestamp()) * SECOND


def next_day(site: Site, start_ns: int) -> int:
    """Start of the local day after the one that begins at `start_ns`."""
    following = local_time(site, start_ns) + timedelta(days=1)
    return round(following.timestamp()) * SECOND


def shift_at(site: Site, at_ns: int) -> tuple[str, int]:
    """Shift that runs at `at_ns` and when it began; the day where there are no shifts."""
    local = local_time(site, at_ns)
    running = running_shifts(local, site.shifts)
    if not running:
        return WHOLE_DAY, day_start(site, at_ns)

    name, began = running[0]
    began_s = round(began.timestamp())
    return name, began_s * SECOND
