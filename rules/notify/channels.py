"""What a channel is, and those that speak plain HTTP: a webhook in Alertmanager's format, and
Alertmanager itself.

A channel that cannot take a message now raises RetryableError, one that never will raises
PermanentError; neither text has a secret in it. Times ns UTC, timeouts in real seconds. Made by
`build`, called by `sender` and `watch`.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import msgspec

from plant.clock import Clock
from plant.errors import PermanentError, RetryableError
from rules.alert import Alert, Telling
from rules.notify import alertmanager
from rules.notify.wording import Wording

TRY_AGAIN: Final = (408, 425, 429)
ANSWER_BYTES: Final = 65_536
REASON_BYTES: Final = 200


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What goes out: `key` is the idempotency key, `told` what the words were made of."""

    key: str
    severity: str
    words: Wording
    told: tuple[Telling, ...]


class Channel(Protocol):
    """A way out. `stand` may come from another thread than the rest."""

    def open(self) -> None: ...
    def send(self, message: Message) -> None: ...
    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """Say again what holds (`alerts`), and that others are no more (`over`); nothing where
        people read."""

    def close(self) -> None: ...


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def http(
    url: str,
    timeout_s: float,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    *,
    what: str = "the receiver",
) -> bytes:
    """GET, or POST of JSON; returns the answer. Errors name the host only, since addresses carry
    tokens."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    sent = {
        "User-Agent": "Wattline",
        **(headers or {}),
        **_login(parts),
    }
    data = None
    if body is not None:
        sent["Content-Type"] = "application/json"
        data = json.dumps(body, ensure_ascii=False).encode()

    opener = urllib.request.build_opener(_StaysHere)
    try:
        address = urlunsplit(parts._replace(netloc=host))
        request = urllib.request.Request(address, data, sent)
        with opener.open(request, timeout=timeout_s) as answer:
            return bytes(answer.read(ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise _refusal(error, what, host) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise RetryableError(f"{what} at {host} cannot be reached: {reason}") from None


def _login(parts: SplitResult) -> dict[str, str]:
    """The header for user and password of an address."""
    if not parts.username:
        return {}

    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _refusal(
    error: urllib.error.HTTPError,
    what: str,
    host: str,
) -> Exception:
    with error:
        text = error.read(REASON_BYTES).decode("utf-8", "replace").strip()
        after = error.headers.get("Retry-After", "")

    said = f"{what} at {host} answered {error.code}"
    if text:
        said += f": {text}"

    if error.code in TRY_AGAIN or error.code >= 500:
        after_s = float(after) if after.isdigit() else None
        return RetryableError(said, after_s)

    return PermanentError(f"{said}; look at its address and rights")


class WebhookChannel:
    """POST of the JSON that Alertmanager sends to its webhooks, with the idempotency key beside."""

    def __init__(
        self,
        url: Callable[[], str],
        timeout_s: float,
        name: str,
        site: str,
        link: str,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._name = name
        self._site = site
        self._link = link

    def open(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        body = alertmanager.webhook(
            message.told,
            message.words,
            message.key,
            self._name,
            self._site,
            self._link,
        )
        http(
            self._url(),
            self._timeout_s,
            body,
            {"Idempotency-Key": message.key},
            what="the webhook",
        )

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """A webhook is told of changes only."""

    def close(self) -> None:
        """Nothing is kept open."""


class AlertmanagerChannel:
    """POST /api/v2/alerts. The same alert posted again is the same alert, so sending twice does no
    harm."""

    def __init__(
        self,
        url: Callable[[], str],
        timeout_s: float,
        clock: Clock,
        site: str,
        link: str,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._clock = clock
        self._site = site
        self._link = link

    def open(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        found = alertmanager.alerts(
            message.told,
            message.words,
            self._site,
            self._link,
            self._clock.now(),
        )
        self._post(found)

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """Alertmanager takes what is not repeated for resolved."""
        now_ns = self._clock.now()
        found = [
            alertmanager.alert(
                each,
                self._site,
                self._link,
                now_ns,
            )
            for each in alerts
        ]
        if found:
            self._post(found)

    def heartbeat(self) -> None:
        """An alert that always fires: who hears nothing of it any more knows that Wattline is
        down."""
        self._post(
            [
                alertmanager.watchdog(
                    self._site,
                    self._link,
                    self._clock.now(),
                )
            ]
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, found: Sequence[alertmanager.Posted]) -> None:
        base = self._url().rstrip("/")
        http(
            f"{base}/api/v2/alerts",
            self._timeout_s,
            found,
            what="Alertmanager",
        )
