"""Who is told, over what, in which language, and when. Pure: a Telling and the plant file's `notify:` in, deliveries for the outbox out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from plant.config import as_list
from plant.notify import Notify
from rules.alert import Occasion, Severity, Telling
from rules.notify.rota import instant_ns, local, on_call
from store.outbox import Delivery

AT_ONCE: Final = (Occasion.SUMMARY, Occasion.DIGEST, Occasion.TEST, Occasion.WEEKLY)
DIGEST: Final = "digest"
_encode = msgspec.msgpack.Encoder().encode


def plan(telling: Telling, notify: Notify, now_ns: int, zone: ZoneInfo) -> list[Delivery]:
    """One delivery to each person and channel that is told. The same telling gives the same ids."""
    later_ns = _due(telling, notify, now_ns, zone)
    found = []
    for channels, person in _recipients(telling, notify, later_ns, zone):
        due_ns = (
            later_ns if notify.channels[channels[0]].kind == "url" else now_ns
        )  # programs want to know at once
        found.append(
            Delivery(
                id=":".join(part for part in (telling.key, channels[0], person) if part),
                channel=channels[0],
                others=channels[1:],
                person=person,
                language=_language(notify, channels[0], person),
                severity=telling.severity,
                gather=DIGEST if due_ns > now_ns else "",
                body=_encode(telling),
                created_ns=now_ns,
                due_ns=due_ns,
                expires_ns=due_ns + round(notify.expires * 1e9),
            )
        )
    return found


def to_channel(telling: Telling, notify: Notify, channel: str, now_ns: int) -> Delivery:
    """A message for this one channel only: without a fallback, since it is the channel that is to be heard of (weekly self-test)."""
    return Delivery(
        id=f"{telling.key}:{channel}",
        channel=channel,
        language=_language(notify, channel, ""),
        severity=telling.severity,
        body=_encode(telling),
        created_ns=now_ns,
        due_ns=now_ns,
        expires_ns=now_ns + round(notify.expires * 1e9),
    )


def next_digest(times: Iterable[str], after_ns: int, zone: ZoneInfo) -> int:
    """The next of these local times of day."""
    day = local(after_ns, zone).date()
    dates = [day + timedelta(days=n) for n in range(3)]
    instants = [
        instant_ns(datetime.fromisoformat(f"{date} {time}"), zone)
        for date in dates
        for time in times
    ]
    return min(at for at in instants if at > after_ns)


def _due(telling: Telling, notify: Notify, now_ns: int, zone: ZoneInfo) -> int:
    times = as_list(notify.digest)
    if telling.severity is not Severity.INFO or telling.occasion in AT_ONCE or not times:
        return now_ns
    return next_digest(times, now_ns, zone)


def _recipients(
    telling: Telling, notify: Notify, at_ns: int, zone: ZoneInfo
) -> list[tuple[tuple[str, ...], str]]:
    """(channels in order, person or "") for everybody who is told; each once."""
    default = getattr(notify.tell, telling.severity)
    known = [name for name in telling.to if name in notify.names]
    found: dict[tuple[tuple[str, ...], str], None] = {}
    for name in known or default:
        if name in notify.channels:
            found[_chain([name], notify), ""] = None
        for person in _people(name, telling, notify, at_ns, zone):
            found[_chain(notify.people[person].channels, notify), person] = None
    return list(found)


def _people(name: str, telling: Telling, notify: Notify, at_ns: int, zone: ZoneInfo) -> list[str]:
    """A person, or who of a rota is on call. That it is over is told to those who were on call when it began, too."""
    rota = notify.rotas.get(name)
    if rota is None:
        return [name] if name in notify.people else []
    step = 0 if telling.to else telling.step  # who is named at an escalation is meant
    instants = [at_ns]
    if telling.occasion is Occasion.RESOLVED:
        instants += [alert.fired_ns for alert in telling.alerts]
    return list(dict.fromkeys(on_call(rota, instant, zone, step) for instant in instants))


def _chain(channels: list[str], notify: Notify) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*channels, *([notify.fallback] if notify.fallback else [])]))


def _language(notify: Notify, channel: str, person: str) -> str:
    own = notify.people[person].language if person else notify.channels[channel].language
    return own or notify.language
