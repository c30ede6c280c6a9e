"""Who is told, over what, in which language, and when. Pure: a Telling and the plant file's
`notify:` in, deliveries for the outbox out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from plant.config import as_list
from plant.notify import Notify
from plant.units import SECOND_NS
from rules.alert import Occasion, Severity, Telling
from rules.notify.rota import instant_ns, local, on_call
from store.outbox import Delivery

AT_ONCE: Final = (Occasion.SUMMARY, Occasion.DIGEST, Occasion.TEST, Occasion.WEEKLY)
DIGEST: Final = "digest"
DAYS_AHEAD: Final = 3
"""A time of day that the clocks skip today comes tomorrow, at the latest the day after."""
_encode = msgspec.msgpack.Encoder().encode


class Recipient(NamedTuple):
    """Somebody who is told: over the first of `channels` that takes it. `person` is empty where a
    channel is told for itself."""

    channels: tuple[str, ...]
    person: str


def plan(
    telling: Telling,
    notify: Notify,
    now_ns: int,
    zone: ZoneInfo,
) -> list[Delivery]:
    """One delivery to each person and channel that is told. The same telling gives the same ids."""
    later_ns = _due(
        telling,
        notify,
        now_ns,
        zone,
    )
    found: list[Delivery] = []
    for recipient in _recipients(
        telling,
        notify,
        later_ns,
        zone,
    ):
        channel, *others = recipient.channels
        is_read_by_people = notify.channels[channel].kind == "url"
        # Programs want to know at once.
        due_ns = later_ns if is_read_by_people else now_ns
        named = (telling.key, channel, recipient.person)
        delivery = Delivery(
            id=":".join(part for part in named if part),
            channel=channel,
            others=tuple(others),
            person=recipient.person,
            language=_language(notify, channel, recipient.person),
            severity=telling.severity,
            gather=DIGEST if due_ns > now_ns else "",
            body=_encode(telling),
            created_ns=now_ns,
            due_ns=due_ns,
            expires_ns=due_ns + round(notify.expires * SECOND_NS),
        )
        found.append(delivery)

    return found


def to_channel(
    telling: Telling,
    notify: Notify,
    channel: str,
    now_ns: int,
) -> Delivery:
    """A message for this one channel only: without a fallback, since it is the channel that is to
    be heard of (weekly self-test)."""
    return Delivery(
        id=f"{telling.key}:{channel}",
        channel=channel,
        language=_language(notify, channel, ""),
        severity=telling.severity,
        body=_encode(telling),
        created_ns=now_ns,
        due_ns=now_ns,
        expires_ns=now_ns + round(notify.expires * SECOND_NS),
    )


def next_digest(
    times: Iterable[str],
    after_ns: int,
    zone: ZoneInfo,
) -> int:
    """The next of these local times of day."""
    today = local(after_ns, zone).date()
    instants: list[int] = []
    for time in times:
        for ahead in range(DAYS_AHEAD):
            date = today + timedelta(days=ahead)
            instants.append(instant_ns(datetime.fromisoformat(f"{date} {time}"), zone))

    return min(at for at in instants if at > after_ns)


def _due(
    telling: Telling,
    notify: Notify,
    now_ns: int,
    zone: ZoneInfo,
) -> int:
    """What can wait waits for the next digest, where the plant file has any."""
    times = as_list(notify.digest)
    can_wait = telling.severity is Severity.INFO and telling.occasion not in AT_ONCE
    if times and can_wait:
        return next_digest(times, now_ns, zone)

    return now_ns


def _recipients(
    telling: Telling,
    notify: Notify,
    at_ns: int,
    zone: ZoneInfo,
) -> list[Recipient]:
    """Everybody who is told; each once."""
    default = getattr(notify.tell, telling.severity)
    named = [name for name in telling.to if name in notify.names]
    found: dict[Recipient, None] = {}
    for name in named or default:
        if name in notify.channels:
            found[Recipient(_chain([name], notify), "")] = None

        for person in _people(
            name,
            telling,
            notify,
            at_ns,
            zone,
        ):
            channels = _chain(notify.people[person].channels, notify)
            found[Recipient(channels, person)] = None

    return list(found)


def _people(
    name: str,
    telling: Telling,
    notify: Notify,
    at_ns: int,
    zone: ZoneInfo,
) -> list[str]:
    """A person, or who of a rota is on call. That it is over is told to those who were on call when
    it began, too."""
    rota = notify.rotas.get(name)
    if rota is None:
        return [name] if name in notify.people else []

    # Who is named at an escalation is meant, and not the next in the row.
    step = 0 if telling.to else telling.step
    instants = [at_ns]
    if telling.occasion is Occasion.RESOLVED:
        instants += [alert.fired_ns for alert in telling.alerts]

    people = [
        on_call(
            rota,
            instant,
            zone,
            step,
        )
        for instant in instants
    ]
    return list(dict.fromkeys(people))


def _chain(channels: list[str], notify: Notify) -> tuple[str, ...]:
    """Channels in the order in which they are tried, the fallback last."""
    every = [*channels, notify.fallback] if notify.fallback else channels
    return tuple(dict.fromkeys(every))


def _language(
    notify: Notify,
    channel: str,
    person: str,
) -> str:
    own = notify.people[person].language if person else notify.channels[channel].language
    return own or notify.language
