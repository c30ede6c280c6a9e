"""What the API asks of the running plant, handed to it by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from api.answers.alerts import Notify, TestSent
from plant.errors import QueryError
from rules.notify.build import Notifier


@dataclass(frozen=True, slots=True)
class Operations:
    """Implements `api.ports.Operations`.

    `notifier` is None where the plant file has no section notify.
    """

    now_ns: Callable[[], int]
    health: Callable[[], object]
    not_ready: Callable[[], str | None]
    metrics: Callable[[], str]
    notifier: Notifier | None = None

    def test_channel(self, channel: str, name: str) -> object:
        """Send a test message over a channel, in the name of somebody."""
        if self.notifier is None:
            raise QueryError("the plant file has no section notify, so nobody can be told")

        sent, detail = self.notifier.test(channel, name)
        return TestSent(
            sent=sent,
            detail=detail,
        )

    def channels(self) -> object:
        """Channels with their state, and what waits in the outbox."""
        if self.notifier is None:
            return Notify(
                outbox={},
                channels=[],
            )

        return self.notifier.health()
