"""Mail, Teams, Slack, DingTalk, WeCom, Feishu, ntfy and some hundred more, through the library apprise.

Apprise answers yes or no, so a refusal is always tried again until the message is handed to the next channel. What it logs has
addresses and tokens in it: none of that reaches our log, and the reason that we keep has stars in their place.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from plant.errors import PermanentError, RetryableError
from rules.alert import Alert
from rules.notify.channels import Message

_KIND = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseChannel:
    """One Apprise URL. The library takes half a second to import, so that waits for the first message."""

    def __init__(self, url: Callable[[], str], timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._plugin: Any = None
        self._hidden: list[str] = []

    def open(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        apprise = _library()
        plugin = self._plugin or self._make(apprise)
        markdown = str(getattr(plugin.notify_format, "value", plugin.notify_format)) == "markdown"
        if hasattr(plugin, "headers"):  # mail and plain webhooks; chat services have no place for it
            plugin.headers = dict(plugin.headers) | {"X-Wattline-Key": message.key}
        said: list[str] = []
        sender = apprise.Apprise(asset=plugin.asset)
        sender.add(plugin)
        done = sender.notify(
            body=message.words.markdown if markdown else message.words.plain, title=message.words.title, notify_type=_KIND[message.severity],
            body_format="markdown" if markdown else "text", log_callback=lambda entry, _: said.append(entry.message), log_level=logging.WARNING,
        )  # fmt: skip
        if not done:
            raise RetryableError(self._hide("; ".join(dict.fromkeys(said)) or "not taken, no reason given"))

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """People are told of changes only."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _make(self, apprise: Any) -> Any:
        url = self._url()
        self._hidden = secret_parts(url)
        asset = apprise.AppriseAsset(app_id="Wattline", app_desc="Wattline", async_mode=False)
        self._plugin = apprise.Apprise.instantiate(url, asset=asset)
        if self._plugin is None:
            scheme = url.partition(":")[0]
            raise PermanentError(
                f"not an address that Apprise understands (it begins with '{scheme}:'); see docs/notifications.md"
                if len(scheme) < 20
                else "not an address that Apprise understands; see docs/notifications.md"
            )
        self._plugin.socket_connect_timeout = self._plugin.socket_read_timeout = self._timeout_s
        if url.startswith("mailto"):
            self._plugin.request_rate_per_sec = 0  # the pause is for public services
        return self._plugin

    def _hide(self, text: str) -> str:
        for part in self._hidden:
            text = text.replace(part, "***")
        return text


def secret_parts(url: str) -> list[str]:
    """All of an address that may be secret: everything but scheme, host name and port; longest first."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    rest = [url, url.replace(f"{parts.scheme}://", ""), *re.split(r"[:/?&=@#]+", url)]
    known = {parts.scheme, str(parts.port or "")} | ({host} if "." in host else set())
    both = {word for part in rest for word in (part, unquote(part), quote(part, safe=""))}
    return sorted((word for word in both - known if len(word) > 3), key=len, reverse=True)


def with_login(url: str, user: str | None, password: str | None) -> str:
    """The address with user and password in their place."""
    if user is None:
        return url
    parts = urlsplit(url)
    pair = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{pair}@{parts.netloc.rpartition('@')[2]}"))


def _library() -> Any:
    """apprise, with its log kept to itself: it and what it uses write whole addresses."""
    own = logging.getLogger("apprise")
    own.propagate = False
    own.setLevel(logging.WARNING)
    for name in ("urllib3", "requests", "oauthlib", "requests_oauthlib"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
    import apprise

    return apprise
