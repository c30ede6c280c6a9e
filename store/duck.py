"""The embedded store: one DuckDB file behind the store contract. Raw readings, figures, revisions;
the journal's place in the same transaction.

A corrected window replaces the rows of the window; what it replaced moves to the table of the same
name with `_superseded` and stays readable. A window never stands in two revisions: what is older
than what is there, or contradicts it, is refused (`store.revisions`). Roll-ups (`store.rollups`)
are summed again in the transaction of the write; a file without them, or written by a version that
did not know them, gets them when it is opened.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import numpy as np

from plant.errors import StoreFull, WattlineError
from plant.ports import Column, Columns
from store import retention, revisions, rollups, tables
from store.faults import FIGURES, in_our_words
from store.retention import Keep
from store.tables import BOOK_TABLES, FIXED
from store.transaction import DUCKDB, transaction

THREADS: Final = 2


class VerdictRow(NamedTuple):
    """A counter step that was not normal, or a gap, in units of the books. `meter` is a code of the
    store."""

    ts: int
    since: int
    meter: int
    verdict: str
    amount: float
    bound: float | None
    reverse: bool


class DuckStore:
    """One writer, many readers, in one process. A second process cannot open the file.

    Writes raise StoreFull when the disk has no room, and nothing of them is kept. DuckDB may stop
    altogether then; the file is opened again by the next write or question.
    """

    def __init__(self, path: Path | None, memory: str = "256MB") -> None:
        self.path = path
        self.memory = memory
        self.file = FIGURES if path is None else FIGURES.at(path)
        self.lock = threading.Lock()
        self.naming = threading.Lock()
        self.closed = False
        self.db = self._connect()
        self.shapes: dict[str, dict[str, str]] = {}
        self._there: set[str] = set()
        with transaction(self.db, self.file, DUCKDB):
            for table in FIXED:
                self.db.execute(f"CREATE TABLE IF NOT EXISTS {table}")

        with in_our_words(self.file):
            names = self.db.execute("SELECT id, text FROM name").fetchall()

        self.codes: dict[str, int] = {text: code for code, text in names}
        self.saved = len(self.codes)
        self._roll_up_old()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Open the file; WattlineError if another process has it, StoreDamaged if it cannot be
        read."""
        name = ":memory:" if self.path is None else str(self.path)
        if self.path is not None and not self.path.exists():
            log = self.path.with_name(self.path.name + ".wal")
            if log.exists():
                raise self.file.damaged(f"it is missing, and {log.name} is still there")

        try:
            with in_our_words(self.file):
                db = duckdb.connect(
                    name,
                    config={
                        "memory_limit": self.memory,
                        "threads": THREADS,
                    },
                )
                db.execute("SET enable_progress_bar = false")
        except duckdb.IOException as error:
            if self.path is not None and "lock" in str(error).lower():
                raise WattlineError(
                    f"the data folder {self.path.parent} is in use by another Wattline, and only "
                    "one can open its figures; "
                    "stop it or give another with --data"
                ) from error

            raise

        return db

    def _roll_up_old(self) -> None:
        """Make all roll-ups anew if books were written without them."""
        rows = "SELECT journal, place FROM place WHERE consumer = ?"
        written_without = self.db.execute(
            f"{rows} EXCEPT {rows}",
            ["books", rollups.MADE_BY],
        ).fetchall()
        if not written_without:
            return

        with transaction(self.db, self.file, DUCKDB):
            for table in rollups.ROLLED:
                if tables.exists(self.db, table):
                    rollups.renew(self.db, table)

            self.db.execute("DELETE FROM place WHERE starts_with(consumer, 'rollups')")
            self.db.execute(
                "INSERT INTO place SELECT ?, journal, place FROM place WHERE consumer = 'books'",
                [rollups.MADE_BY],
            )

    def code(self, text: str) -> int:
        """Integer of a name; new ones are saved with the next write. Several threads may ask side
        by side."""
        known = self.codes.get(text)
        if known is not None:
            return known
        with self.naming:
            return self.codes.setdefault(text, len(self.codes))

    def text(self) -> dict[int, str]:
        """Names by their integers."""
        return {code: text for text, code in list(self.codes.items())}

    def place(self, consumer: str, journal: str) -> int:
        """How far a consumer has read this journal."""
        with self.lock:
            self._revive()
            with in_our_words(self.file):
                row = self.db.execute(
                    "SELECT max(place) FROM place WHERE consumer = ? AND journal = ?",
                    [consumer, journal],
                ).fetchone()

        return int(row[0]) if row and row[0] is not None else 0

    def journals(self) -> set[str]:
        """Ids of the journals that readings or books came from."""
        with self.lock:
            rows = self.db.execute("SELECT DISTINCT journal FROM place").fetchall()

        return {str(row[0]) for row in rows}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction of the one writer."""
        with self.lock:
            self._revive()
            try:
                with transaction(self.db, self.file, DUCKDB):
                    yield
            except BaseException:
                self.shapes.clear()
                raise

    def _revive(self) -> None:
        """Open the file again if DuckDB has stopped, as it does when it finds no room while it
        tidies up. What was committed is kept.

        While somebody still reads from the stopped one it cannot be opened anew; then it is tried
        at the next occasion.
        """
        if self.closed or self.path is None or not _stopped(self.db):
            return

        self.db.close()
        self.db = self._connect()
        if _stopped(self.db):
            raise StoreFull(f"{self.file.name} was stopped by a full disk and is still being read")

    def _put(self, table: str, columns: Columns) -> None:
        """Add rows to a table. DuckDB finds `batch` by its name."""
        if not columns or not len(next(iter(columns.values()))):
            return

        batch = {name: np.ascontiguousarray(values) for name, values in columns.items()}
        self.db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")
        del batch

    def expect(self, table: str, sums: Sequence[str]) -> None:
        """Say which sums will be asked for, so that a file of an older version can be asked too
        (they are unknown in it)."""
        with self.lock, in_our_words(self.file):
            if tables.exists(self.db, table):
                tables.ensure(self.db, table, dict.fromkeys(sums, "DOUBLE"))

    def _ensure(self, books: Mapping[str, Columns]) -> None:
        """Make the tables of these books, or give them the columns they lack. Each in a short
        transaction of its own: DuckDB does not take rows for a column that the same transaction
        added."""
        with self.lock, in_our_words(self.file):
            self._revive()
            for table in BOOK_TABLES:
                if table not in books:
                    continue

                shape = tables.kinds(books[table])
                if self.shapes.get(table) != shape:
                    tables.ensure(self.db, table, shape)
                    self.shapes[table] = shape

    def _set_place(
        self,
        consumer: str,
        journal: str,
        place: int,
    ) -> None:
        self.db.execute(
            "DELETE FROM place WHERE consumer = ? AND journal = ?",
            [consumer, journal],
        )
        self.db.execute(
            "INSERT INTO place VALUES (?, ?, ?)",
            [consumer, journal, place],
        )

    def write_readings(
        self,
        columns: Columns,
        journal: str,
        place: int,
    ) -> None:
        """Raw readings of frames up to `place`, in one transaction with it."""
        with self._writing():
            self._put("reading", columns)
            self._set_place("readings", journal, place)

    def write_books(
        self,
        books: Mapping[str, Columns],
        verdicts: Sequence[VerdictRow],
        journal: str,
        place: int,
    ) -> None:
        """Figures of books up to `place`; corrected windows replace theirs. All in one transaction.

        A window that is there already in the same revision and with the same content is left as it
        is. RevisionRefused, and nothing is written, if it is there in a newer revision or with
        other content.
        """
        self._ensure(books)
        names = list(self.codes.items())
        with self._writing():
            self._write_names(names)
            plan = revisions.plan(self.db, books, self.file.name)
            for table in BOOK_TABLES:
                if table in books:
                    self._replace(table, books[table], plan)

            if verdicts:
                self.db.executemany("INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)", verdicts)

            self._set_place("books", journal, place)
            self._set_place(rollups.MADE_BY, journal, place)

        self.saved = len(names)

    def _write_names(self, names: Sequence[tuple[str, int]]) -> None:
        new = [(code, text) for text, code in names[self.saved :]]
        if new:
            self.db.executemany("INSERT INTO name VALUES (?, ?)", new)

    def _replace(
        self,
        table: str,
        columns: Columns,
        plan: revisions.WritePlan,
    ) -> None:
        """Put the newest revision of each window into the table, and all older ones into the table
        of what was superseded."""
        if len(plan.corrected):
            revisions.supersede(self.db, table, plan.corrected)

        start = columns["start"]
        row_is = plan.rows(start, columns["rev"])
        older = {name: values[row_is.older] for name, values in columns.items()}
        newest = {name: values[row_is.newest] for name, values in columns.items()}
        self._put(f"{table}_superseded", older)
        self._put(table, newest)
        if table in rollups.ROLLED:
            touched = np.union1d(start[row_is.newest], plan.corrected)
            rollups.touch(
                self.db,
                table,
                list(columns),
                touched,
            )

    def has(self, table: str) -> bool:
        """Whether anything was ever booked into a table. One that is there stays there."""
        if table in self._there:
            return True

        with self.lock:
            self._revive()
            found = tables.exists(self.db, table)

        if found:
            self._there.add(table)

        return found

    def query(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        **more: Columns,
    ) -> dict[str, Column]:
        """Columns of a read-only question, asked on a cursor of its own. `more` are tables joined
        in by name."""
        with in_our_words(self.file):
            try:
                found = self._ask(sql, parameters, more)
            except (duckdb.FatalException, duckdb.ConnectionException):
                with self.lock:
                    self._revive()

                found = self._ask(sql, parameters, more)

        return {name: tables.plain(values) for name, values in found.items()}

    def _ask(
        self,
        sql: str,
        parameters: Sequence[object],
        joined: Mapping[str, Columns],
    ) -> Mapping[str, Column]:
        cursor = self.db.cursor()
        try:
            for name, columns in joined.items():
                table = {key: np.ascontiguousarray(values) for key, values in columns.items()}
                cursor.register(name, table)

            found: Mapping[str, Column] = cursor.execute(sql, list(parameters)).fetchnumpy()
            return found
        finally:
            cursor.close()

    def forget_readings(self, keep: Keep, now: int) -> None:
        """Drop the raw readings that are past the bounds of `keep` at `now` (ns UTC)."""
        with self.lock, in_our_words(self.file):
            self._revive()
            retention.forget(self.db, keep, now)

    def readings_bytes(self) -> int:
        """Bytes of the file that hold raw readings."""
        with self.lock, in_our_words(self.file):
            self._revive()
            return retention.readings_bytes(self.db)

    def close(self) -> None:
        """Close the file; nothing can be asked any more."""
        with self.lock:
            self.closed = True
            self.db.close()


def _stopped(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether DuckDB has ended itself after an error that it could not undo."""
    try:
        db.execute("SELECT 1")
    except (duckdb.FatalException, duckdb.ConnectionException):
        return True

    return False
