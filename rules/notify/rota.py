"""Who is on call: people in turn, with replacements. Pure; dates are local to the site, instants
are ns UTC. Called by `route`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from plant.notify import Rota
from plant.units import SECOND_NS


def instant_ns(local: str | datetime, zone: ZoneInfo) -> int:
    """Instant of a local date and time.

    One that comes twice is the first; one that is skipped counts with the offset before the change.
    """
    naive = datetime.fromisoformat(local) if isinstance(local, str) else local
    aware = naive.replace(
        tzinfo=zone,
        fold=0,
    )
    return round(aware.timestamp()) * SECOND_NS


def local(at_ns: int, zone: ZoneInfo) -> datetime:
    """Local date and time of an instant, aware."""
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).astimezone(zone)


def turn(
    rota: Rota,
    at_ns: int,
    zone: ZoneInfo,
) -> int:
    """Number of the turn, 0 from `since` on; before it the rota runs backwards, so that there is
    always somebody.

    Turns are counted on the local clock: a handover at 08:00 stays at 08:00 when the clocks change.
    """
    since = datetime.fromisoformat(rota.since)
    every = timedelta(seconds=rota.every)
    on_the_clock = local(at_ns, zone).replace(tzinfo=None)
    number = (on_the_clock - since) // every
    while at_ns < instant_ns(since + number * every, zone):
        number -= 1

    while at_ns >= instant_ns(since + (number + 1) * every, zone):
        number += 1

    return number


def on_call(
    rota: Rota,
    at_ns: int,
    zone: ZoneInfo,
    step: int = 0,
) -> str:
    """Who is on call at an instant; `step` people further in the row where somebody did not
    answer."""
    row = rota.people
    number = turn(rota, at_ns, zone)
    first = row[number % len(row)]
    for replacement in rota.instead:
        begins = instant_ns(replacement.since, zone)
        ends = instant_ns(replacement.until, zone)
        if begins <= at_ns < ends:
            first = replacement.person

    if step == 0:
        return first

    if first in row:
        return row[(row.index(first) + step) % len(row)]

    # A replacement from outside the row comes before the one who is replaced.
    return row[(number + step - 1) % len(row)]
