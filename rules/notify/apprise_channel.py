"""Mail, Teams, Slack, ntfy and some hundred more, through the library apprise; DingTalk, WeCom and Feishu through `bots`.

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
from rules.notify import bots
from rules.notify.channels import Message

_KIND = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseChannel:
    """One Apprise URL. The library takes half a second to import, so that waits for the first message."""

    def __init__(self, url: Callable[[], str], timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._plugin: Any = None
        self._hidden: list[str] = []
        self._took: tuple[str, list[Any]] = ("", [])
        """Recipients of the mail at hand that have it already."""

    def open(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        url = self._url()
        self._hidden = secret_parts(url)
        robot = bots.bot(url)
        if robot is not None:
            return bots.send(robot, message.words, self._timeout_s)
        apprise = _library()
        plugin = self._plugin or self._make(apprise, url)
        if hasattr(
            plugin, "headers"
        ):  # mail and plain webhooks; chat services have no place for it
            plugin.headers = dict(plugin.headers) | {"X-Wattline-Key": message.key}
        if url.startswith("mailto"):
            self._mail(apprise, plugin, message)
        else:
            self._notify(apprise, plugin, message)

    def _mail(self, apprise: Any, plugin: Any, message: Message) -> None:
        """Each recipient by itself: one who is refused must not have the others get it at every new try."""
        every = list(plugin.targets)
        if self._took[0] != message.key:
            self._took = (message.key, [])
        refused: RetryableError | None = None
        for target in every:
            if target in self._took[1]:
                continue
            plugin.targets = [target]
            try:
                self._notify(apprise, plugin, message)
                self._took[1].append(target)
            except RetryableError as error:
                refused = error
        plugin.targets = every
        if refused is not None:
            raise refused

    def _notify(self, apprise: Any, plugin: Any, message: Message) -> None:
        markdown = str(getattr(plugin.notify_format, "value", plugin.notify_format)) == "markdown"
        said: list[str] = []
        sender = apprise.Apprise(asset=plugin.asset)
        sender.add(plugin)
        done = sender.notify(
            body=message.words.markdown if markdown else message.words.plain,
            title=message.words.title,
            notify_type=_KIND[message.severity],
            body_format="markdown" if markdown else "text",
            log_callback=lambda entry, _: said.append(entry.message),
            log_level=logging.WARNING,
        )
        if not done:
            self._plugin = None  # the secret may be changed meanwhile
            raise RetryableError(
                self._hide("; ".join(dict.fromkeys(said)) or "not taken, no reason given")
            )

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """People are told of changes only."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _make(self, apprise: Any, url: str) -> Any:
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
        self._plugin.overflow_mode = (
            apprise.OverflowMode.SPLIT
        )  # Teams takes 1,000 characters; the rest must not be lost
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
