"""One transaction of a database that commits each statement by itself otherwise: SQLite with
`isolation_level=None`, DuckDB."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import duckdb

from store.faults import DataFile, in_our_words

SQLITE: Final = "BEGIN IMMEDIATE"
"""SQLite takes its lock at the beginning, so that two writers wait for each other instead of
failing at the end."""

DUCKDB: Final = "BEGIN"


class Connection(Protocol):
    """What both databases can do."""

    def execute(self, sql: str, /) -> object: ...


@contextmanager
def transaction(
    db: Connection,
    file: DataFile,
    begin: str = SQLITE,
) -> Iterator[None]:
    """All that is written inside is one commit, or nothing. `file` is what the database is called
    in errors.

    StoreFull if there is no room, StoreDamaged if the file cannot be read, and every other error as
    it was.
    """
    with in_our_words(file):
        db.execute(begin)
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            # Whatever it was, an interrupt too: nothing half done stays, and it goes on up.
            _roll_back(db)
            raise


def _roll_back(db: Connection) -> None:
    """End a transaction that failed. It may have ended by itself, as after a commit that found the
    disk full, or the database may have stopped altogether; what it says then is no news, and must
    not hide the error that came first."""
    try:
        db.execute("ROLLBACK")
    except (sqlite3.Error, duckdb.Error):
        return
