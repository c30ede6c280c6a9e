"""What a driver says of its own health: the shapes that API, metrics and summary read."""

from __future__ import annotations

from typing import Literal, NamedTuple, NotRequired, TypedDict


class RetainedReport(TypedDict):
    """A last known value of unknown age, which a broker kept."""

    value: float
    received_ms: int


class MeterReport(TypedDict):
    """How a meter answers: totals over its groups, and the pace of the fastest."""

    profile: str
    last_ms: int | None
    period_s: float | None
    effective_period_s: float | None
    answer_s: float | None
    refused: list[str]
    due: int
    answered: int
    failed: dict[str, int]
    skipped: int
    rows: int
    retained: NotRequired[RetainedReport]


class LinkReport(TypedDict):
    """How a connection stands."""

    id: str
    protocol: str
    endpoint: str
    state: Literal["up", "down"]
    reconnects: int
    last_error: str | None
    counts: dict[str, int]


class DriverReport(TypedDict):
    """Health of a connection and of the meters behind it."""

    connection: LinkReport
    meters: dict[str, MeterReport]


class Counts(NamedTuple):
    """What became of the rows that a store beside was given in this run."""

    points: int
    expired: int
    dead_letters: int

    @property
    def taken(self) -> int:
        """All that need not be sent again."""
        return self.points + self.expired + self.dead_letters
