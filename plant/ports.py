"""The seams of the house: what one part needs of another, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict

from plant.frame import Batch, Frame

Sink = Callable[[Batch], None]


class GroupReport(TypedDict):
    """How one poll group of a meter goes: how often it was due, answered, failed (by reason), skipped."""

    due: int
    answered: int
    failed: dict[str, int]
    skipped: int
    rows: int
    period_s: float
    effective_period_s: float | None
    answer_s: float | None
    refused: list[str]
    last_ms: int | None


class RetainedReport(TypedDict):
    """A last known value of unknown age, which a broker kept."""

    value: float
    received_ms: int


class MeterReport(TypedDict):
    """How a meter answers: totals over its groups, and the pace of the fastest. `state`: see `plant.silence`."""

    profile: str
    state: str
    last_ms: int | None
    lag_s: float | None
    period_s: float | None
    effective_period_s: float | None
    answer_s: float | None
    refused: list[str]
    due: int
    answered: int
    failed: dict[str, int]
    skipped: int
    rows: int
    groups: dict[str, GroupReport]
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


class Driver(Protocol):
    """Reads one connection and hands over one batch per device poll, until cancelled."""

    connection: str

    async def run(self, sink: Sink) -> None: ...
    def health(self) -> DriverReport: ...


class Tags(Protocol):
    """Append-only registry: measuring point, quantity and phase to an integer that is never reused."""

    def tag(self, meter: str, quantity: str) -> int: ...
    def names(self) -> dict[int, tuple[str, str]]: ...


class Journal(Protocol):
    """Durable, ordered, with named consumers that each keep an offset."""

    def append(self, frame: Frame) -> int: ...
    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]: ...
    def last(self) -> int: ...


class Store(Protocol):
    """Where readings and figures live. Every write carries the journal offset and is one transaction with it."""

    def offset(self, consumer: str) -> int: ...
    def write_readings(self, frames: Iterable[Frame], offset: int) -> None: ...
    def write_books(self, books: Iterable[Any], offset: int) -> None: ...
