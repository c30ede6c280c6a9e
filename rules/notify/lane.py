"""One channel and what it owes: sends in order, tries again, hands over, holds back. Event time in
ns, pauses in real seconds.

What a channel does not take is tried again, with growing pauses; after `falls_back_after`
everything that waits there moves on to the next channel. A failure is logged once and its end once.
`step` is one round and needs no thread; `sender` gives each lane one.
"""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypedDict

import msgspec

from plant import backoff
from plant.clock import Clock
from plant.errors import PermanentError, RetryableError
from plant.units import SECOND_NS
from rules.alert import Telling
from rules.notify.channels import Channel, Message
from rules.notify.limit import HOUR_NS, MORE, counts, held_until
from rules.notify.wording import Wording
from store.outbox import Delivery, Outbox

log = logging.getLogger("wattline.notify")

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
SHORTEST_LOOK_S: Final = 0.01
LOOK_S: Final = 5.0
"""A lane looks into the outbox at least this often, though nobody woke it."""
_decode = msgspec.msgpack.Decoder(Telling).decode

Refused: TypeAlias = RetryableError | PermanentError
"""What a channel answers that does not take a message."""


class LaneHealth(TypedDict):
    """For data health and metrics; no secret in it."""

    ok: bool
    since_ms: int | None
    error: str
    sent: int
    failures: int


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the plant file says about sending. `at_most`: messages an hour, by person."""

    falls_back_after_ns: int
    at_most: dict[str, int]


class Lane:
    """One channel and what it owes.

    `write` gives the words of what is told in a language, `hide` a text with its secrets covered.
    """

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
        # What is being sent now; what was taken and is not marked so yet.
        self._at: list[Delivery] = []
        self._unmarked: list[str] = []
        # Messages that the channel does not take although it takes others.
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

    def _send(self, group: list[Delivery]) -> Refused | None:
        """Send one message; why it was not taken, if it was not."""
        self._at = group
        try:
            self.channel.send(self._message(group))
        except (RetryableError, PermanentError) as error:
            return error

        self._unmarked = [delivery.id for delivery in group]
        self._mark()
        self._taken()
        return None

    def _is_odd(self, group: list[Delivery], waiting: list[list[Delivery]]) -> bool:
        """Whether it is this message and not the channel.

        It has failed for long, no other channel is left for it, and another message goes through.
        """
        first = group[0]
        if first.tried_ns is None or first.others or not waiting:
            return False

        failed_for_ns = self.clock.now() - first.tried_ns
        if failed_for_ns < self.policy.falls_back_after_ns:
            return False

        probe = waiting.pop(random.randrange(len(waiting)))
        if self._held(probe) or self._send(probe) is not None:
            return False

        self._odd.add(first.id)
        log.warning(
            "channel %s does not take message %s, but others; it is tried on beside them",
            self.name,
            first.id,
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
                self.outbox.tried(
                    [delivery.id for delivery in group],
                    self.clock.now(),
                    self._hide(str(error)),
                )

    def _mark(self) -> None:
        """What was taken is marked before anything else goes out: a full disk must not make us send
        it every minute."""
        if self._unmarked:
            self.outbox.sent(self._unmarked, self.clock.now())

        self._unmarked = []

    def stumble(self, error: Exception) -> None:
        """A mistake of our own with one message: the next channel may take it, and the others are
        not held up."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        file = place.filename.rpartition("/")[2]
        why = f"a mistake in Wattline: {type(error).__name__} at {file}:{place.lineno}"
        message = self._at[0].id if self._at else "none"
        log.error(
            "channel %s, message %s: %s",
            self.name,
            message,
            why,
        )
        self._hand_over(
            [delivery for delivery in self._at if delivery.others],
            why,
            again=False,
        )
        without_another = [delivery.id for delivery in self._at if not delivery.others]
        self.outbox.failed(without_another, self.clock.now(), why)
        self._at = []

    def _message(self, group: Sequence[Delivery]) -> Message:
        first = group[0]
        told = tuple(_decode(delivery.body) for delivery in group)
        return Message(
            key=first.id if len(group) == 1 else f"{first.gather}:{first.id}",
            severity=first.severity,
            words=self._write(told, first.language),
            told=told,
        )

    def _held(self, group: Sequence[Delivery]) -> bool:
        """Over the limit of a person: kept till the hour allows it, and gathered with what else
        is."""
        first = group[0]
        at_most = self.policy.at_most.get(first.person)
        if at_most is None:
            return False

        if not counts(first.severity, _decode(first.body).occasion):
            return False

        now_ns = self.clock.now()
        sent_ns = self.outbox.sent_to(first.person, now_ns - HOUR_NS)
        until_ns = held_until(sent_ns, now_ns, at_most)
        if until_ns is None:
            return False

        for delivery in group:
            self.outbox.hold(delivery.id, until_ns, MORE)

        return True

    def _not_now(self, group: Sequence[Delivery], error: Refused) -> float:
        """It stays here for a while, or goes on to the next channel: at once after a refusal.

        No channel is given up for good, since rights can be mended. Returns the pause.
        """
        now_ns = self.clock.now()
        why = self._failing(error)
        self.outbox.tried(
            [delivery.id for delivery in group],
            now_ns,
            why,
        )
        tried = [delivery.tried_ns for delivery in group if delivery.tried_ns is not None]
        since_ns = min([self.since_ns or now_ns, *tried])
        moving = list(group) if isinstance(error, PermanentError) else []
        if now_ns - since_ns >= self.policy.falls_back_after_ns:
            moving = self.outbox.due(self.name, now_ns)

        self._hand_over(
            [delivery for delivery in moving if delivery.others],
            why,
            again=True,
        )
        self._pauses += 1
        asked_for_s = getattr(error, "after_s", None) or 0.0
        return max(asked_for_s, pause_s(self._pauses))

    def _hand_over(
        self,
        moving: Sequence[Delivery],
        why: str,
        *,
        again: bool,
    ) -> None:
        self.outbox.hand_over(
            moving,
            self.clock.now(),
            why,
            again,
        )
        if moving:
            self.handed_over = True

    def _failing(self, error: Exception) -> str:
        """Said once in the log, until the channel works again; the reason without secrets."""
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
        """Real seconds until something is due."""
        due_ns = self.outbox.next_due(self.name)
        if due_ns is None:
            return LOOK_S

        away_s = (due_ns - self.clock.now()) / SECOND_NS / self.clock.speed
        return min(LOOK_S, max(SHORTEST_LOOK_S, away_s))

    def health(self) -> LaneHealth:
        """How the channel is."""
        return {
            "ok": self.since_ns is None,
            "since_ms": None if self.since_ns is None else self.since_ns // 1_000_000,
            "error": self.error,
            "sent": self.sent,
            "failures": self.failures,
        }


def grouped(due: Sequence[Delivery]) -> list[list[Delivery]]:
    """Messages in order; those of one person that are gathered under the same word are one."""
    found: dict[tuple[str, ...], list[Delivery]] = {}
    for delivery in due:
        together: tuple[str, ...] = (delivery.id,)
        if delivery.gather:
            together = (delivery.gather, delivery.person, delivery.language)

        found.setdefault(together, []).append(delivery)

    return list(found.values())


def pause_s(times: int) -> float:
    """1 s, 2 s, 4 s ... 60 s, give or take a fifth, so that plants do not all come back at once."""
    return backoff.pause_s(
        times,
        FIRST_PAUSE_S,
        LONGEST_PAUSE_S,
        spread=0.2,
    )
