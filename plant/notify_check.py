"""Cross-checks of `notify:` in a plant file: references that lead nowhere, secrets in the open.

Each finding is (path, message); called by `load`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from plant.document import Finding, Place
from plant.hints import missing
from plant.notify import Notify, Person, Rota


def check_notify(notify: Notify) -> Iterator[Finding]:
    """Who is told leads to people and channels that are there, and a name means one thing."""
    yield from _told(notify)
    yield from _names(notify)
    for key, person in notify.people.items():
        yield from _person(notify, key, person)

    for key, rota in notify.rotas.items():
        yield from _rota(notify, key, rota)

    yield from _channels(notify)
    yield from _fallback(notify)
    yield from _heartbeat(notify)


def _told(notify: Notify) -> Iterator[Finding]:
    """Who is told of a severity is somebody, or a way out."""
    for severity, names in notify.tell:
        for index, name in enumerate(names):
            if name not in notify.names:
                at = ("notify", "tell", severity, index)
                yield at, missing(name, notify.names, "person, rota or channel")


def _names(notify: Notify) -> Iterator[Finding]:
    """One name for two things would be told by chance."""
    for name in notify.rotas:
        if name in notify.people:
            yield ("notify", "rotas", name), "is the name of a person too; give each its own"

    for name in (*notify.people, *notify.rotas):
        if name in notify.channels:
            at = ("notify", "channels", name)
            yield at, "is the name of a person or rota too; give each its own"


def _person(
    notify: Notify,
    key: str,
    person: Person,
) -> Iterator[Finding]:
    """The channels of a person are there."""
    for index, name in enumerate(person.channels):
        if name not in notify.channels:
            at = ("notify", "people", key, "channels", index)
            yield at, missing(name, notify.channels, "channel")


def _rota(
    notify: Notify,
    key: str,
    rota: Rota,
) -> Iterator[Finding]:
    """People take turns who are there, and begin at a time that there is."""
    at: Place = ("notify", "rotas", key)
    for index, name in enumerate(rota.people):
        if name not in notify.people:
            yield (*at, "people", index), missing(name, notify.people, "person")

    yield from _real_date((*at, "since"), rota.since)
    for index, item in enumerate(rota.instead):
        here = (*at, "instead", index)
        if item.person not in notify.people:
            yield (*here, "person"), missing(item.person, notify.people, "person")

        yield from _real_date((*here, "since"), item.since)
        yield from _real_date((*here, "until"), item.until)


def _real_date(at: Place, text: str) -> Iterator[Finding]:
    """The form of a date was checked before; the calendar was not."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        yield at, f"there is no {text} in the calendar"


def _channels(notify: Notify) -> Iterator[Finding]:
    """Secrets by reference only."""
    for key, channel in notify.channels.items():
        at = ("notify", "channels", key)
        for word in ("url", "webhook"):
            address = getattr(channel, word)
            if isinstance(address, str):
                yield from _open_secret((*at, word), address)

        if channel.password is not None and channel.user is None:
            yield (*at, "password"), "needs user beside it"


def _fallback(notify: Notify) -> Iterator[Finding]:
    """What nobody took goes to a channel that is there."""
    name = notify.fallback
    if name is None or name in notify.channels:
        return

    at = ("notify", "fallback")
    yield at, missing(name, notify.channels, "channel")


def _heartbeat(notify: Notify) -> Iterator[Finding]:
    """Only an Alertmanager can be told by an alert that always fires."""
    name = notify.heartbeat.alertmanager if notify.heartbeat else None
    watched = list(_alertmanagers(notify))
    if name is not None and name not in watched:
        at = ("notify", "heartbeat", "alertmanager")
        yield at, missing(name, watched, "channel to an Alertmanager")


def _alertmanagers(notify: Notify) -> Iterable[str]:
    """The channels that an alert can be sent to as it is."""
    for key, channel in notify.channels.items():
        if channel.kind == "alertmanager":
            yield key


_PASSWORD_IN_HOST = re.compile(r"^[^/]+://[^/?@]*:[^/?@]*@")
_TOKEN_IN_QUERY = re.compile(r"[?&](pass|token|secret|key)=", re.IGNORECASE)


def _open_secret(at: Place, url: str) -> Iterator[Finding]:
    """A URL in the plant file carries no password; its text is left out of the message."""
    if "://" not in url:
        yield (
            at,
            "must be an address with a scheme, such as mailto://HOST:25?from=A&to=B,"
            " or {secret: NAME}",
        )
    elif _PASSWORD_IN_HOST.match(url) or _TOKEN_IN_QUERY.search(url):
        yield (
            at,
            "has a secret in it; put the whole address into a secret, {secret: NAME},"
            " or use user and password",
        )
