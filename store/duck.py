"""The embedded store: one DuckDB file behind the store contract. Raw readings, figures, revisions; the journal's place in the same transaction.

A corrected window replaces the rows of the window; what it replaced moves to the table of the same name with `_superseded` and stays readable.
Roll-ups (`store.rollups`) are summed again in the transaction of the write; a file without them, or written by a version that did not know them, gets
them when it is opened.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from store import retention, rollups, tables
from store.retention import Keep
from store.tables import BOOK_TABLES, FIXED, Columns
from store.transaction import transaction


class DuckStore:
    """One writer, many readers, in one process. A second process cannot open the file."""

    def __init__(self, path: Path | None, memory: str = "512MB") -> None:
        self.db = duckdb.connect(
            ":memory:" if path is None else str(path), config={"memory_limit": memory, "threads": 2}
        )
        self.db.execute("SET enable_progress_bar = false")
        self.lock = threading.Lock()
        for table in FIXED:
            self.db.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        self.shapes: dict[str, dict[str, str]] = {}
        self.codes: dict[str, int] = {
            t: i for i, t in self.db.execute("SELECT id, text FROM name").fetchall()
        }
        self.saved = len(self.codes)
        self._roll_up_old()

    def _roll_up_old(self) -> None:
        """Make all roll-ups anew if books were written without them."""
        rows = "SELECT journal, place FROM place WHERE consumer = ?"
        if not self.db.execute(f"{rows} EXCEPT {rows}", ["books", rollups.MADE_BY]).fetchall():
            return
        with transaction(self.db, "BEGIN"):
            for table in rollups.ROLLED:
                if tables.exists(self.db, table):
                    rollups.renew(self.db, table)
            self.db.execute("DELETE FROM place WHERE starts_with(consumer, 'rollups')")
            self.db.execute(
                "INSERT INTO place SELECT ?, journal, place FROM place WHERE consumer = 'books'",
                [rollups.MADE_BY],
            )

    def code(self, text: str) -> int:
        """Integer of a name; new ones are saved with the next write."""
        return self.codes.setdefault(text, len(self.codes))

    def text(self) -> dict[int, str]:
        return {i: t for t, i in self.codes.items()}

    def place(self, consumer: str, journal: str) -> int:
        """How far a consumer has read this journal."""
        with self.lock:
            row = self.db.execute(
                "SELECT max(place) FROM place WHERE consumer = ? AND journal = ?",
                [consumer, journal],
            ).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def _put(self, table: str, columns: Columns) -> None:
        if not columns or not len(next(iter(columns.values()))):
            return
        batch = {name: np.ascontiguousarray(values) for name, values in columns.items()}  # noqa: F841 (DuckDB finds it by name)
        self.db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")

    def expect(self, table: str, sums: Sequence[str]) -> None:
        """Say which sums will be asked for, so that a file of an older version can be asked too (they are unknown in it)."""
        with self.lock:
            if tables.exists(self.db, table):
                tables.ensure(self.db, table, dict.fromkeys(sums, "DOUBLE"))

    def _ensure(self, table: str, columns: Columns) -> None:
        shape = tables.kinds(columns)
        if self.shapes.get(table) != shape:
            tables.ensure(self.db, table, shape)
            self.shapes[table] = shape

    def _set_place(self, consumer: str, journal: str, place: int) -> None:
        self.db.execute("DELETE FROM place WHERE consumer = ? AND journal = ?", [consumer, journal])
        self.db.execute("INSERT INTO place VALUES (?, ?, ?)", [consumer, journal, place])

    def write_readings(self, columns: Columns, journal: str, place: int) -> None:
        """Raw readings of frames up to `place`, in one transaction with it."""
        with self.lock, transaction(self.db, "BEGIN"):
            self._put("reading", columns)
            self._set_place("readings", journal, place)

    def write_books(
        self,
        books: Mapping[str, Columns],
        verdicts: Sequence[tuple[Any, ...]],
        journal: str,
        place: int,
    ) -> None:
        """Figures of books up to `place`; corrected windows replace theirs. All in one transaction."""
        with self.lock:
            for name in BOOK_TABLES:
                if name in books:
                    self._ensure(name, books[name])
            with transaction(self.db, "BEGIN"):
                self._write_names()
                for name in BOOK_TABLES:
                    if name in books:
                        self._replace(name, books[name])
                if verdicts:
                    self.db.executemany(
                        "INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)", verdicts
                    )
                self._set_place("books", journal, place)
                self._set_place(rollups.MADE_BY, journal, place)

    def _write_names(self) -> None:
        new = list(self.codes.items())[self.saved :]
        if new:
            self.db.executemany("INSERT INTO name VALUES (?, ?)", [(i, t) for t, i in new])
            self.saved += len(new)

    def _replace(self, table: str, columns: Columns) -> None:
        start = columns["start"]
        rev = columns["rev"]
        newest = _newest(start, rev)
        if rev.max(initial=0) > 0:
            starts = np.unique(start[rev > 0])
            low = int(starts.min())
            high = int(starts.max())
            again = {"start": starts}
            where = f"WHERE start BETWEEN {low} AND {high} AND start IN (SELECT start FROM again)"
            self.db.execute(f"INSERT INTO {table}_superseded BY NAME SELECT * FROM {table} {where}")
            self.db.execute(f"DELETE FROM {table} {where}")
            assert again
        if not newest.all():
            self._put(f"{table}_superseded", {n: v[~newest] for n, v in columns.items()})
        self._put(table, {n: v[newest] for n, v in columns.items()})
        if table in rollups.ROLLED:
            rollups.touch(self.db, table, list(columns), start)

    def has(self, table: str) -> bool:
        """Whether anything was ever booked into a table."""
        with self.lock:
            return tables.exists(self.db, table)

    def query(
        self, sql: str, parameters: Sequence[Any] = (), **more: Columns
    ) -> dict[str, npt.NDArray[Any]]:
        """Columns of a read-only question, asked on a cursor of its own. `more` are tables joined in by name."""
        cursor = self.db.cursor()
        try:
            for name, columns in more.items():
                cursor.register(name, {k: np.ascontiguousarray(v) for k, v in columns.items()})
            out = cursor.execute(sql, list(parameters)).fetchnumpy()
            return {k: _plain(v) for k, v in out.items()}
        finally:
            cursor.close()

    def forget_readings(self, keep: Keep, now: int) -> None:
        """Drop the raw readings that are past the bounds of `keep` at `now` (ns UTC)."""
        with self.lock:
            retention.forget(self.db, keep, now)

    def readings_bytes(self) -> int:
        """Bytes of the file that hold raw readings."""
        with self.lock:
            return retention.readings_bytes(self.db)

    def close(self) -> None:
        with self.lock:
            self.db.close()


def _newest(start: npt.NDArray[np.int64], rev: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Rows that belong to the newest revision of their window within one batch."""
    windows, at = np.unique(start, return_inverse=True)
    best = np.full(len(windows), -1)
    np.maximum.at(best, at, rev)
    return np.asarray(rev == best[at], bool)


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Masked arrays as NaN."""
    if isinstance(values, np.ma.MaskedArray):
        masked: Any = values.astype(float) if values.dtype.kind in "fiu" else values
        return np.asarray(masked.filled(np.nan if values.dtype.kind in "fiu" else ""))
    return values
