"""The seams of the house: what one part needs of another, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from plant.frame import Batch, Frame
from plant.reports import DriverReport

Column = npt.NDArray[Any]
"""One column of a table, of the type that the table says."""

Columns = Mapping[str, Column]
"""A table by the names of its columns, all of one length."""

Sink = Callable[[Batch], None]


class Driver(Protocol):
    """Reads one connection and hands over one batch per device poll, until cancelled."""

    connection: str

    async def run(self, sink: Sink) -> None: ...
    def health(self) -> DriverReport: ...


class Tags(Protocol):
    """Append-only registry: a measuring point's value to an integer that is never reused."""

    def tag(self, meter: str, quantity: str) -> int: ...
    def names(self) -> dict[int, tuple[str, str]]: ...


class Journal(Protocol):
    """Durable, ordered, with named consumers that each keep an offset."""

    def append(self, frame: Frame) -> int: ...
    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]: ...
    def last(self) -> int: ...


class Store(Protocol):
    """The figures as they are read: what books and all above them need of a database.

    Tables and columns are those of `store.tables`. Names are kept as integers; `codes` and `text`
    translate.
    """

    @property
    def codes(self) -> Mapping[str, int]:
        """Integers by name."""
        ...

    def text(self) -> Mapping[int, str]:
        """Names by integer."""
        ...

    def has(self, table: str) -> bool:
        """Whether anything was ever booked into a table."""
        ...

    def query(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        **more: Columns,
    ) -> Mapping[str, Column]:
        """Columns of a read-only question; `more` are tables joined in by name. Unknown is NaN."""
        ...
