"""One transaction: all or nothing, and the first error is the one that is told."""

from __future__ import annotations

import sqlite3

import pytest

from plant.errors import StoreDamaged, StoreFull
from store.faults import JOURNAL, said
from store.transaction import transaction


class Stubborn:
    """A database whose commit fails, and whose rollback then
    fails too, as DuckDB's does on a full disk.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []

    def execute(self, sql: str, /) -> None:
        self.asked.append(sql)
        if sql == "COMMIT":
            raise self.error
        if sql == "ROLLBACK":
            raise sqlite3.OperationalError("cannot rollback - no transaction is active")


def error_named(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"as {name} says")
    error.sqlite_errorname = name
    return error


def commit(db: Stubborn) -> None:
    with transaction(db, JOURNAL):
        db.execute("INSERT")


def test_a_failed_rollback_does_not_hide_the_first_error() -> None:
    db = Stubborn(ValueError("the first"))
    with pytest.raises(ValueError, match="the first"):
        commit(db)
    assert db.asked == ["BEGIN IMMEDIATE", "INSERT", "COMMIT", "ROLLBACK"]


def test_a_full_disk_is_an_error_that_is_tried_again() -> None:
    with pytest.raises(
        StoreFull, match=r"no room on the disk for journal\.db: as SQLITE_FULL says"
    ):
        commit(Stubborn(error_named("SQLITE_FULL")))


def test_damage_says_what_is_held_and_what_to_do() -> None:
    found = said(error_named("SQLITE_CORRUPT"), JOURNAL)
    assert isinstance(found, StoreDamaged)
    assert "journal.db is damaged" in str(found)
    assert "the numbers of all tags" in str(found)
    assert "Put the data folder back from a backup" in str(found)


def test_what_is_neither_stays_as_it_is() -> None:
    assert said(error_named("SQLITE_CONSTRAINT_UNIQUE"), JOURNAL) is None
    assert said(ValueError("no space left on device"), JOURNAL) is None
    with pytest.raises(sqlite3.OperationalError, match="as SQLITE_BUSY says"):
        commit(Stubborn(error_named("SQLITE_BUSY")))


def test_nothing_half_written_stays() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t (x INTEGER)")

    def half() -> None:
        with transaction(db, JOURNAL):
            db.execute("INSERT INTO t VALUES (1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
