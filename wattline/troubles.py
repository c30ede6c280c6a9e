"""Which parts of a running plant stand still, and whether it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plant.standing import Standing, Trouble
from wattline.hosts.consumer import Consumer
from wattline.live import Live


@dataclass(frozen=True, slots=True)
class Troubles:
    """The failures of all parts.

    `needed`: without them figures are missing or late; `beside`: stores that others look at.
    """

    needed: Sequence[Trouble]
    beside: Sequence[Trouble]

    @classmethod
    def of(cls, polling: Trouble, hosts: Sequence[Consumer]) -> Troubles:
        """Those of polling and of all hosts over the journal."""
        return cls(
            needed=[polling, *(host.trouble for host in hosts if host.needed)],
            beside=[host.trouble for host in hosts if not host.needed],
        )

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


def not_ready(troubles: Troubles, live: Live) -> str | None:
    """Why the figures cannot be relied on now; None if they can."""
    standing = troubles.not_working()
    if standing:
        now_ns = live.clock.now()
        sentences = [
            f"{host.who} has stood still for {host.seconds(now_ns):.0f} s: {host.cause}"
            for host in standing
        ]
        return "; ".join(sentences)

    return None if live.hub.latest["now"] else "no figures yet"
