"""Mail, Teams, Slack, ntfy and some hundred more, through the library apprise; DingTalk, WeCom and
Feishu through `bots`.

Apprise answers yes or no, so a refusal is always tried again until the message is handed to the
next channel. What it logs has addresses and tokens in it: none of that reaches our log, and the
reason that we keep has stars in their place.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from plant.errors import PermanentError, RetryableError
from rules.alert import Alert
from rules.notify import bots
from rules.notify.channels import Message

_KIND: Final = {"info": "info", "warning": "warning", "critical": "failure"}
_SCHEME_MOST: Final = 20
"""What is longer is no scheme, and may be a secret."""
_SECRET_LEAST: Final = 4
"""Letters. What is shorter is in too many words to be put out of a text."""


class AppriseChannel:
    """One Apprise URL. The library takes half a second to import, so that waits for the first
    message."""

    def __init__(self, url: Callable[[], str], timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._plugin: Any = None
        self._hidden: list[str] = []
        # Recipients of the mail at hand that have it already.
        self._mail_key = ""
        self._took: list[Any] = []

    def open(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        url = self._url()
        self._hidden = secret_parts(url)
        robot = bots.bot(url)
        if robot is not None:
            bots.send(robot, message.words, self._timeout_s)
            return

        apprise = _library()
        plugin = self._plugin or self._make(apprise, url)
        # Mail and plain webhooks have headers; chat services have no place for the key.
        if hasattr(plugin, "headers"):
            plugin.headers = dict(plugin.headers) | {"X-Wattline-Key": message.key}

        if url.startswith("mailto"):
            self._mail(apprise, plugin, message)
        else:
            self._notify(apprise, plugin, message)

    def _mail(
        self,
        apprise: Any,
        plugin: Any,
        message: Message,
    ) -> None:
        """Each recipient by itself: one who is refused must not have the others get it at every new
        try."""
        if self._mail_key != message.key:
            self._mail_key = message.key
            self._took = []

        every = list(plugin.targets)
        refused: RetryableError | None = None
        for target in every:
            if target in self._took:
                continue

            plugin.targets = [target]
            try:
                self._notify(apprise, plugin, message)
                self._took.append(target)
            except RetryableError as error:
                refused = error

        plugin.targets = every
        if refused is not None:
            raise refused

    def _notify(
        self,
        apprise: Any,
        plugin: Any,
        message: Message,
    ) -> None:
        wanted = getattr(plugin.notify_format, "value", plugin.notify_format)
        is_markdown = str(wanted) == "markdown"
        said: list[str] = []
        sender = apprise.Apprise(asset=plugin.asset)
        sender.add(plugin)
        done = sender.notify(
            body=message.words.markdown if is_markdown else message.words.plain,
            title=message.words.title,
            notify_type=_KIND[message.severity],
            body_format="markdown" if is_markdown else "text",
            log_callback=lambda entry, _: said.append(entry.message),
            log_level=logging.WARNING,
        )
        if done:
            return

        self._plugin = None  # the secret may be changed meanwhile
        reasons = "; ".join(dict.fromkeys(said))
        raise RetryableError(self._hide(reasons or "not taken, no reason given"))

    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        """People are told of changes only."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _make(self, apprise: Any, url: str) -> Any:
        """The plugin of an address."""
        asset = apprise.AppriseAsset(
            app_id="Wattline",
            app_desc="Wattline",
            async_mode=False,
        )
        plugin = apprise.Apprise.instantiate(url, asset=asset)
        if plugin is None:
            raise PermanentError(_not_understood(url))

        plugin.socket_connect_timeout = self._timeout_s
        plugin.socket_read_timeout = self._timeout_s
        # Teams takes 1,000 characters; the rest must not be lost.
        plugin.overflow_mode = apprise.OverflowMode.SPLIT
        if url.startswith("mailto"):
            # The pause between messages is for public services.
            plugin.request_rate_per_sec = 0

        self._plugin = plugin
        return plugin

    def _hide(self, text: str) -> str:
        for part in self._hidden:
            text = text.replace(part, "***")

        return text


def _not_understood(url: str) -> str:
    scheme = url.partition(":")[0]
    begins = f" (it begins with '{scheme}:')" if len(scheme) < _SCHEME_MOST else ""
    return f"not an address that Apprise understands{begins}; see docs/notifications.md"


def secret_parts(url: str) -> list[str]:
    """All of an address that may be secret: everything but scheme, host name and port; longest
    first."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    known = {parts.scheme, str(parts.port or "")}
    if "." in host:
        known.add(host)

    found: set[str] = set()
    without_scheme = url.replace(f"{parts.scheme}://", "")
    for part in (url, without_scheme, *re.split(r"[:/?&=@#]+", url)):
        found |= {
            part,
            unquote(part),
            quote(part, safe=""),
        }

    secrets = [word for word in found - known if len(word) >= _SECRET_LEAST]
    return sorted(
        secrets,
        key=len,
        reverse=True,
    )


def with_login(
    url: str,
    user: str | None,
    password: str | None,
) -> str:
    """The address with user and password in their place."""
    if user is None:
        return url

    pair = quote(user, safe="")
    if password:
        pair += f":{quote(password, safe='')}"

    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{pair}@{host}"))


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
