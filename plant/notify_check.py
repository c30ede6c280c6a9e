"""Cross-checks of `notify:` in a plant file: references that lead nowhere, secrets in the open. Each finding is (path, message); called by `load`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from plant.check import Finding, missing
from plant.notify import Notify


def check_notify(notify: Notify) -> Iterator[Finding]:
    """Who is told leads to people and channels that are there, and a name means one thing."""
    known = [*notify.people, *notify.rotas, *notify.channels]
    for severity, names in notify.tell:
        for n, name in enumerate(names):
            if name not in known:
                yield (
                    ("notify", "tell", severity, n),
                    missing(name, known, "person, rota or channel"),
                )
    for name in notify.rotas:
        if name in notify.people:
            yield ("notify", "rotas", name), "is the name of a person too; give each its own"
    for name in (*notify.people, *notify.rotas):
        if name in notify.channels:
            yield (
                ("notify", "channels", name),
                "is the name of a person or rota too; give each its own",
            )
    yield from _notify_people(notify)
    yield from _notify_channels(notify)


def _notify_people(notify: Notify) -> Iterator[Finding]:
    for key, person in notify.people.items():
        for n, name in enumerate(person.channels):
            if name not in notify.channels:
                yield (
                    ("notify", "people", key, "channels", n),
                    missing(name, notify.channels, "channel"),
                )
    for key, rota in notify.rotas.items():
        at = ("notify", "rotas", key)
        for n, name in enumerate(rota.people):
            if name not in notify.people:
                yield (*at, "people", n), missing(name, notify.people, "person")
        for n, item in enumerate(rota.instead):
            if item.person not in notify.people:
                yield (*at, "instead", n, "person"), missing(item.person, notify.people, "person")
        for path, text in [((*at, "since"), rota.since)] + [
            ((*at, "instead", n, word), getattr(item, word))
            for n, item in enumerate(rota.instead)
            for word in ("since", "until")
        ]:
            yield from _real_date(path, text)


def _real_date(at: tuple[str | int, ...], text: str) -> Iterator[Finding]:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        yield at, f"there is no {text} in the calendar"


def _notify_channels(notify: Notify) -> Iterator[Finding]:
    """Secrets by reference only, and the channels that others name."""
    for key, channel in notify.channels.items():
        at = ("notify", "channels", key)
        for word in ("url", "webhook"):
            text = getattr(channel, word)
            if isinstance(text, str):
                yield from _open_secret((*at, word), text)
        if channel.password is not None and channel.user is None:
            yield (*at, "password"), "needs user beside it"
    if notify.fallback is not None and notify.fallback not in notify.channels:
        yield ("notify", "fallback"), missing(notify.fallback, notify.channels, "channel")
    name = notify.heartbeat.alertmanager if notify.heartbeat else None
    watched = [key for key, channel in notify.channels.items() if channel.kind == "alertmanager"]
    if name is not None and name not in watched:
        yield (
            ("notify", "heartbeat", "alertmanager"),
            missing(name, watched, "channel to an Alertmanager"),
        )


def _open_secret(at: tuple[str | int, ...], url: str) -> Iterator[Finding]:
    """A URL in the plant file carries no password; its text is left out of the message."""
    if "://" not in url:
        yield (
            at,
            "must be an address with a scheme, such as mailto://HOST:25?from=A&to=B, or {secret: NAME}",
        )
    elif re.match(r"^[^/]+://[^/?@]*:[^/?@]*@", url) or re.search(
        r"[?&](pass|token|secret|key)=", url, re.IGNORECASE
    ):
        yield (
            at,
            "has a secret in it; put the whole address into a secret, {secret: NAME}, or use user and password",
        )
