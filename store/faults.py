"""What databases say when they cannot go on, in our words: the disk is full, or the file is
damaged.

SQLite names its errors by code; DuckDB says them in text only. Everything that is not one of the
two is passed on as it is: it is a fault of this program and wants its traceback.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from plant.errors import StoreDamaged, StoreFull, WattlineError

SQLITE_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"})
"""The shared memory file beside a journal cannot grow on a full disk either, which SQLite calls an
I/O error."""

SQLITE_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_FORMAT")
"""Beginnings of the names, of which there are finer ones. A short read of a file that was cut is an
I/O error."""

DUCK_FULL: Final = ("no space left on device", "disk quota exceeded", "not enough space")
DUCK_DAMAGED: Final = (
    "corrupt",
    "checksum",
    "not a valid duckdb database file",
    "failure while replaying wal",
    "deserialize",
    "could not read enough bytes",
    "could not read all bytes",
)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the data folder, as its owner is told of it: what it holds, and what can be done
    without it."""

    name: str
    holds: str
    without: str

    def at(self, path: Path | str) -> DataFile:
        """The same under the name that it has on disk."""
        return replace(self, name=str(path))

    def damaged(self, why: str) -> StoreDamaged:
        """The sentence for a file that cannot be read."""
        return StoreDamaged(
            f"{self.name} is damaged: {why}. It holds {self.holds}. "
            "Put the data folder back from a backup in which all its files are of one moment, or "
            f"{self.without}."
        )

    def full(self, why: str) -> StoreFull:
        """The sentence for a disk without room."""
        return StoreFull(f"there is no room on the disk for {self.name}: {why}")


JOURNAL: Final = DataFile(
    name="journal.db",
    holds=(
        "readings that are not in the figures yet, the state of the engine, and the numbers of "
        "all tags"
    ),
    without="move journal.db, figures.duckdb and alerts.db away to begin anew",
)
FIGURES: Final = DataFile(
    name="figures.duckdb",
    holds="all figures, and the raw readings of the last days",
    without=(
        "move figures.duckdb and figures.duckdb.wal away: new figures begin with what the "
        "journal still holds"
    ),
)
ALERTS: Final = DataFile(
    name="alerts.db",
    holds="open alerts, their history, and messages that are still owed",
    without="move alerts.db away: alerts and messages begin anew",
)


def said(error: BaseException, file: DataFile) -> WattlineError | None:
    """`error` of a database as an error of ours; None if it is neither a full disk nor a damaged
    file."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorname", None) or ""
        full = code in SQLITE_FULL
        damaged = code.startswith(SQLITE_DAMAGED)
    elif isinstance(error, duckdb.Error):
        text = str(error).lower()
        broken_inside = isinstance(
            error,
            duckdb.InternalException | duckdb.SerializationException,
        )
        full = any(sign in text for sign in DUCK_FULL)
        damaged = broken_inside or any(sign in text for sign in DUCK_DAMAGED)
    else:
        return None

    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    if full:
        return file.full(first_line)

    return file.damaged(first_line) if damaged else None


@contextmanager
def in_our_words(file: DataFile) -> Iterator[None]:
    """StoreFull and StoreDamaged for what the database says inside; all else as it is."""
    try:
        yield
    except (sqlite3.Error, duckdb.Error) as error:
        ours = said(error, file)
        if ours is None:
            raise

        raise ours from error
