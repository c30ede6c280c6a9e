"""The seams of the house: what one part needs of another, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from plant.frame import Batch, Frame

Sink = Callable[[Batch], None]


class Driver(Protocol):
    """Reads one connection and hands over one batch per device poll, until cancelled."""

    connection: str

    async def run(self, sink: Sink) -> None: ...
    def health(self) -> dict[str, Any]: ...


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
