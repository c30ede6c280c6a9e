"""How a running plant is: which of its parts stand still, whether it is ready, its health and metrics. What operators and programs ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from books.summary import Health
from plant.standing import Standing, Trouble
from rules.notify.build import Notifier
from wattline.live import Live
from wattline.metrics import Measured, prometheus


@dataclass(frozen=True, slots=True)
class Troubles:
    """The failures of all parts. `needed`: without them figures are missing or late; `beside`: stores that others look at."""

    needed: Sequence[Trouble]
    beside: Sequence[Trouble]

    def names(self) -> list[str]:
        """All parts that can stand still."""
        return [trouble.who for trouble in (*self.needed, *self.beside)]

    def standing(self) -> list[Standing]:
        """Those that stand still, the needed ones first."""
        return [*self.not_working(), *_standing(self.beside)]

    def not_working(self) -> list[Standing]:
        """Those of the needed parts that stand still."""
        return _standing(self.needed)


def _standing(troubles: Sequence[Trouble]) -> list[Standing]:
    return [trouble.standing for trouble in troubles if trouble.standing is not None]


@dataclass(frozen=True, slots=True)
class Operations:
    """What the API shows of the running program itself."""

    health: Health
    live: Live
    troubles: Troubles
    measured: Measured
    notifier: Notifier | None

    def not_ready(self) -> str | None:
        """Why the figures cannot be relied on now; None if they can."""
        standing = self.troubles.not_working()
        if standing:
            now_ns = self.live.clock.now()
            sentences = [
                f"{host.who} has stood still for {host.seconds(now_ns):.0f} s: {host.cause}"
                for host in standing
            ]
            return "; ".join(sentences)
        return None if self.live.hub.latest["now"] else "no figures yet"

    def metrics(self) -> str:
        """For Prometheus."""
        return prometheus(self.measured)

    def test_channel(self, channel: str, name: str) -> dict[str, Any]:
        """Send a test message in the name of somebody, and say what became of it."""
        if self.notifier is None:
            return {"sent": False, "detail": "the plant file has no section notify"}
        sent, detail = self.notifier.test(channel, name)
        return {"sent": sent, "detail": detail}
