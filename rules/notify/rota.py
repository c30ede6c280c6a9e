"""Who is on call: people in turn, with replacements. Pure; dates are local to the site, instants are ns UTC. Called by `route`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from plant.notify import Rota


def instant_ns(local: str | datetime, zone: ZoneInfo) -> int:
    """Instant of a local date and time. One that comes twice is the first; one that is skipped counts with the offset before the change."""
    naive = datetime.fromisoformat(local) if isinstance(local, str) else local
    return round(naive.replace(tzinfo=zone, fold=0).timestamp()) * 1_000_000_000


def local(at_ns: int, zone: ZoneInfo) -> datetime:
    """Local date and time of an instant, aware."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).astimezone(zone)


def turn(rota: Rota, at_ns: int, zone: ZoneInfo) -> int:
    """Number of the turn, 0 from `since` on; before it the rota runs backwards, so that there is always somebody.

    Turns are counted on the local clock: a handover at 08:00 stays at 08:00 when the clocks change.
    """
    since = datetime.fromisoformat(rota.since)
    every = timedelta(seconds=rota.every)
    number = (local(at_ns, zone).replace(tzinfo=None) - since) // every
    while at_ns < instant_ns(since + number * every, zone):
        number -= 1
    while at_ns >= instant_ns(since + (number + 1) * every, zone):
        number += 1
    return number


def on_call(rota: Rota, at_ns: int, zone: ZoneInfo, step: int = 0) -> str:
    """Who is on call at an instant; `step` people further in the row where somebody did not answer."""
    first = rota.people[turn(rota, at_ns, zone) % len(rota.people)]
    for item in rota.instead:
        if instant_ns(item.since, zone) <= at_ns < instant_ns(item.until, zone):
            first = item.person
    row = rota.people
    if step == 0 or first not in row:
        return first if step == 0 else row[(turn(rota, at_ns, zone) + step - 1) % len(row)]
    return row[(row.index(first) + step) % len(row)]
