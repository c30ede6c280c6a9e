"""One channel and what it owes: sends in order, tries again, hands over, holds back. Event time in ns, pauses in real seconds.

What a channel does not take is tried again, with growing pauses; after `falls_back_after` everything that waits there moves on to the next
channel. A failure is logged once and its end once. `step` is one round and needs no thread; `sender` gives each lane one.
"""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from plant import backoff
from plant.clock import Clock
from plant.errors import PermanentError, RetryableError
from rules.alert import Telling
from rules.notify.channels import Channel, Message
from rules.notify.limit import HOUR_NS, MORE, counts, held_until
from rules.notify.wording import Wording
from store.outbox import Delivery, Outbox

log = logging.getLogger("wattline.notify")

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
LOOK_S: Final = 5.0
"""A lane looks into the outbox at least this often, though nobody woke it."""
_decode = msgspec.msgpack.Decoder(Telling).decode


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the plant file says about sending. `at_most`: messages an hour, by person."""

    falls_back_after_ns: int
    at_most: dict[str, int]


class Lane:
    """One channel and what it owes."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        outbox: Outbox,
        clock: Clock,
        policy: Policy,
        write: Callable[[Sequence[Telling], str], Wording],
        hide: Callable[[str], str],
    ) -> None:
        self.name = name
        self.channel = channel
        self.outbox = outbox
        self.clock = clock
        self.policy = policy
        self._write = write
        self._hide = hide
        self.sent = 0
        self.failures = 0
        self.error = ""
        self.since_ns: int | None = None
        self._pauses = 0
        self.handed_over = False
        self._at: list[Delivery] = []
        self._unmarked: list[str] = []
        self._odd = set[str]()
        self._odd_next_s = 0.0

    def open(self) -> None:
        """Connect ahead of the first message, where the channel keeps a connection."""
        try:
            self.channel.open()
        except RetryableError as error:
            self._failing(error)

    def step(self) -> float:
        """Send what is due; returns after how many real seconds to look again."""
        self._mark()
        groups = grouped(self.outbox.due(self.name, self.clock.now()))
        waiting = [group for group in groups if group[0].id not in self._odd]
        while waiting:
            group = waiting.pop(0)
            if self._held(group):
                continue
            error = self._send(group)
            if error is None:
                continue
            pause = self._not_now(group, error)
            if not self._is_odd(group, waiting):
                return pause
        self._send_odd([group for group in groups if group[0].id in self._odd])
        return self._until_next()

    def _send(self, group: list[Delivery]) -> RetryableError | PermanentError | None:
        self._at = group
        try:
            self.channel.send(self._message(group))
        except (RetryableError, PermanentError) as error:
            return error
        self._unmarked = [d.id for d in group]
        self._mark()
        self._taken()
        return None

    def _is_odd(self, group: list[Delivery], waiting: list[list[Delivery]]) -> bool:
        """Whether it is this message and not the channel: it has failed for long, no other channel is left for it, and another message goes through."""
        now_ns = self.clock.now()
        long = (
            group[0].tried_ns is not None
            and now_ns - group[0].tried_ns >= self.policy.falls_back_after_ns
        )
        if not long or group[0].others or not waiting:
            return False
        probe = waiting.pop(random.randrange(len(waiting)))
        if self._held(probe) or self._send(probe) is not None:
            return False
        self._odd.add(group[0].id)
        log.warning(
            "channel %s does not take message %s, but others; it is tried on beside them",
            self.name,
            group[0].id,
        )
        return True

    def _send_odd(self, groups: list[list[Delivery]]) -> None:
        """Now and then, so that they hold nothing up."""
        if not groups or time.monotonic() < self._odd_next_s:
            return
        self._odd_next_s = time.monotonic() + LONGEST_PAUSE_S
        for group in groups:
            error = self._send(group)
            if error is not None:
                self.outbox.tried([d.id for d in group], self.clock.now(), self._hide(str(error)))

    def _mark(self) -> None:
        """What was taken is marked before anything else goes out: a full disk must not make us send it every minute."""
        if self._unmarked:
            self.outbox.sent(self._unmarked, self.clock.now())
        self._unmarked = []

    def stumble(self, error: Exception) -> None:
        """A mistake of our own with one message: the next channel may take it, and the others are not held up."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f"a mistake in Wattline: {type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
        log.error(
            "channel %s, message %s: %s", self.name, self._at[0].id if self._at else "none", why
        )
        self._hand_over([d for d in self._at if d.others], why, again=False)
        self.outbox.failed([d.id for d in self._at if not d.others], self.clock.now(), why)
        self._at = []

    def _message(self, group: Sequence[Delivery]) -> Message:
        told = tuple(_decode(d.body) for d in group)
        key = group[0].id if len(group) == 1 else f"{group[0].gather}:{group[0].id}"
        return Message(
            key=key,
            severity=group[0].severity,
            words=self._write(told, group[0].language),
            told=told,
        )

    def _held(self, group: Sequence[Delivery]) -> bool:
        """Over the limit of a person: kept till the hour allows it, and gathered with what else is."""
        first = group[0]
        at_most = self.policy.at_most.get(first.person)
        if at_most is None or not counts(first.severity, _decode(first.body).occasion):
            return False
        now_ns = self.clock.now()
        until_ns = held_until(self.outbox.sent_to(first.person, now_ns - HOUR_NS), now_ns, at_most)
        if until_ns is None:
            return False
        for d in group:
            self.outbox.hold(d.id, until_ns, MORE)
        return True

    def _not_now(self, group: Sequence[Delivery], error: RetryableError | PermanentError) -> float:
        """It stays here for a while, or goes on to the next channel: at once after a refusal. No channel is given up for good, rights can be mended."""
        now_ns = self.clock.now()
        why = self._failing(error)
        self.outbox.tried([d.id for d in group], now_ns, why)
        since_ns = min(
            [self.since_ns or now_ns, *(d.tried_ns for d in group if d.tried_ns is not None)]
        )
        moving = list(group) if isinstance(error, PermanentError) else []
        if now_ns - since_ns >= self.policy.falls_back_after_ns:
            moving = self.outbox.due(self.name, now_ns)
        self._hand_over([d for d in moving if d.others], why, again=True)
        self._pauses += 1
        return max(getattr(error, "after_s", None) or 0.0, pause_s(self._pauses))

    def _hand_over(self, moving: Sequence[Delivery], why: str, again: bool) -> None:
        self.outbox.hand_over(moving, self.clock.now(), why, again)
        self.handed_over = self.handed_over or bool(moving)

    def _failing(self, error: Exception) -> str:
        """Said once in the log, until the channel works again."""
        why = self._hide(str(error))
        if self.since_ns is None:
            self.since_ns = self.clock.now()
            log.warning("channel %s does not take messages: %s", self.name, why)
        self.failures += 1
        self.error = why
        return why

    def _taken(self) -> None:
        if self.since_ns is not None:
            log.warning("channel %s takes messages again", self.name)
        self.sent += 1
        self.since_ns = None
        self._pauses = 0
        self.error = ""

    def _until_next(self) -> float:
        due_ns = self.outbox.next_due(self.name)
        if due_ns is None:
            return LOOK_S
        return min(LOOK_S, max(0.01, (due_ns - self.clock.now()) / 1e9 / self.clock.speed))

    def health(self) -> dict[str, Any]:
        """For data health and metrics; no secret in it."""
        since_ms = None if self.since_ns is None else self.since_ns // 1_000_000
        return {
            "ok": self.since_ns is None,
            "since_ms": since_ms,
            "error": self.error,
            "sent": self.sent,
            "failures": self.failures,
        }


def grouped(due: Sequence[Delivery]) -> list[list[Delivery]]:
    """Messages in order; those of one person that are gathered under the same word are one."""
    found: dict[tuple[str, ...], list[Delivery]] = {}
    for d in due:
        found.setdefault((d.gather, d.person, d.language) if d.gather else (d.id,), []).append(d)
    return list(found.values())


def pause_s(times: int) -> float:
    """1 s, 2 s, 4 s ... 60 s, give or take a fifth, so that plants do not all come back at once."""
    return backoff.pause_s(times, FIRST_PAUSE_S, LONGEST_PAUSE_S, spread=0.2)
