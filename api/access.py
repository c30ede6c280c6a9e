"""Who may ask what: names of this host, tokens, and the role that a route needs.

Three checks stand between the network and the plant:

1. The name in the address (`Host`). A page of somebody else can let its own name point at this host
   and then read everything as if it were its own; so only names that are ours are answered. A bare
   address cannot be turned like that: what a browser sends to an address was asked of that address.
2. The token, where Wattline listens on more than loopback.
3. `Origin`, where something is changed: a page of somebody else must not act in the name of whoever
   has ours open.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ForeignPage, NoAccess, no_access, refusal

CSP: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
COOKIE: Final = "wattline"
COOKIE_S: Final = 30 * 86_400
NO_PART_OF_A_NAME: Final = "@/\\?#"
PORTS: Final = {"http": 80, "https": 443}


class Role(StrEnum):
    """Who may ask: one word at each route."""

    OPEN = "open"
    """Whoever reaches it: whether it runs, and the one-time link."""
    DASHBOARD = "dashboard"
    """Who only reads, over InfluxQL, with the query token; viewers too."""
    VIEWER = "viewer"
    """Who looks at the page or reads the API."""
    OPERATOR = "operator"
    """Who changes something: never from a page of another site."""


@dataclass(slots=True)
class Access:
    """`token` opens everything, `query_token` the routes of dashboards; without `token` (loopback)
    none is asked for.

    `hosts`: further names under which this host is known, such as that of a proxy before it.
    """

    token: str | None = None
    query_token: str | None = None
    hosts: frozenset[str] = frozenset()
    own: frozenset[str] = field(default_factory=lambda: own_names())
    used_keys: set[str] = field(default_factory=set)

    def answers_to(self, host: str) -> bool:
        """Whether a `Host` header is a name or an address of ours."""
        name = address_of(host).hostname or ""
        return is_address(name) or name in self.own or name in self.hosts

    def needs(self, role: Role) -> Callable[[Request], None]:
        """The dependency of a route that needs a role; NoAccess or ForeignPage where it is not
        given."""

        def check(request: Request) -> None:
            if role is Role.OPEN:
                return

            if self.token is not None and not self._has_token(request, role):
                raise NoAccess

            if role is Role.OPERATOR and not self.from_our_page(request.headers):
                raise ForeignPage

        return check

    def _has_token(self, request: Request, role: Role) -> bool:
        given = bearer(request.headers) or request.cookies.get(COOKIE, "")
        found = same(given, self.token)

        if role is Role.DASHBOARD:
            asked = query_token(request)
            return found or same(asked, self.token) or same(asked, self.query_token)

        return found

    def from_our_page(self, headers: Headers) -> bool:
        """Whether a request that changes something comes from our page, or from a program, which
        sends no `Origin`.

        The host that the request was sent to has been checked before; its port must be that of the
        page, since another program of the same host may be on another. A proxy has its own name and
        port: its name is in `hosts`.
        """
        origin = headers.get("origin")

        if origin is None:
            return True

        scheme, _, address = origin.partition("://")
        if scheme not in PORTS:
            return False

        page = address_of(address)
        asked = address_of(headers.get("host", ""))
        name = page.hostname or ""

        if name in self.hosts:
            return True

        ours = name in self.own or name == asked.hostname
        return ours and (page.port or PORTS[scheme]) == (asked.port or PORTS[scheme])

    def enter(self, key: str) -> Response:
        """Sets the cookie for whoever brings the key of the one-time link, once."""
        expected = None if self.token is None else one_time_key(self.token)

        if self.token is None or key in self.used_keys or not same(key, expected):
            return no_access(
                "this link has been used or is not valid",
                "use the token, or start again for a new link",
            )

        self.used_keys.add(key)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            self.token,
            httponly=True,
            samesite="strict",
            max_age=COOKIE_S,
        )
        return response


class Guard:
    """Outside of everything else: checks the name in the address, and puts the security headers on
    every answer, errors too."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)

            await send(message)

        # Of two names it is not known which one somebody before us has looked at.
        given = Headers(scope=scope).getlist("host")
        host = given[0] if len(given) == 1 else ""

        if self.access.answers_to(host):
            await self.app(scope, receive, send_guarded)
        else:
            await misdirected(host)(scope, receive, send_guarded)


def misdirected(host: str) -> Response:
    """421, for a name that is not ours."""
    name = address_of(host).hostname or host
    return refusal(
        421,
        "unknown_host",
        f"Wattline is not known here under the name '{name}'",
        f"ask for localhost or an address of this host; if '{name}' is its name, "
        f"start Wattline with --allow-host {name}",
    )


def address_of(host: str) -> SplitResult:
    """Name and port of `name:port`; both empty where it is anything else."""
    if any(sign in host for sign in NO_PART_OF_A_NAME):
        return urlsplit("//")

    try:
        found = urlsplit(f"//{host.lower()}")
        _ = found.port
    except ValueError:
        return urlsplit("//")

    return found


def is_address(name: str) -> bool:
    """Whether a host is a bare IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False

    return True


def own_names() -> frozenset[str]:
    """The names that this host has by itself: localhost, its name, and that name in the local
    network."""
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    return frozenset(
        {
            "localhost",
            full,
            short,
            f"{short}.local",
        }
    )


def one_time_key(token: str) -> str:
    """Key of the one-time link, which cannot be turned back into the token."""
    return hashlib.sha256(b"enter:" + token.encode()).hexdigest()[:32]


def bearer(headers: Headers) -> str:
    """The token of `Authorization: Bearer TOKEN`."""
    return headers.get("authorization", "").removeprefix("Bearer ")


def query_token(request: Request) -> str:
    """The token that an InfluxDB client brings: `Authorization: Token`, `Bearer` or `Basic` (as
    password), or the parameter `p`."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")

    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().partition(":")[2]
        except ValueError:
            given = ""

    # InfluxDB clients of the second version send `user:token`.
    return (given or request.query_params.get("p", "")).rpartition(":")[2]


def same(given: str, expected: str | None) -> bool:
    """Whether a token is the expected one, in a time that says nothing about where they differ."""
    return expected is not None and secrets.compare_digest(given.encode(), expected.encode())
