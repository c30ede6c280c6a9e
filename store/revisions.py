"""Which revision of a window counts: the newest, and never two of them.

Books come as columns in which each row says its window (`start`) and its revision (`rev`). Before
they are written it is decided what each row is, by the revisions that the tables hold already:

- newer than what is there: it takes its place, and what was there is superseded;
- the same revision with the same content: a repeat, which changes nothing;
- an older revision, or the same one with other content: refused, for then two runs over the same
  readings gave different books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import numpy as np
import numpy.typing as npt

from plant.arrays import Mask
from plant.errors import RevisionRefused
from plant.ports import Column, Columns

Starts = npt.NDArray[np.int64]
Revisions = npt.NDArray[np.int64]

NONE = -1
"""In place of a revision where a window is not there."""

ONE_ROW_A_WINDOW = "closed"
"""The table with a row for each window in each revision; where it is written, it says what is
there."""


@dataclass(frozen=True, slots=True)
class RowsAre:
    """Which rows of a table are the newest of their window, and which were superseded within the
    same write."""

    newest: Mask
    older: Mask


@dataclass(frozen=True, slots=True)
class WritePlan:
    """For each window of a write, rising: the revision that is there (`held`) and the newest that
    comes."""

    windows: Starts
    held: Revisions
    coming: Revisions

    @property
    def corrected(self) -> Starts:
        """Windows whose rows give way."""
        given_way: Mask = (self.held != NONE) & (self.coming > self.held)
        return np.asarray(self.windows[given_way], np.int64)

    def rows(self, start: Starts, rev: Revisions) -> RowsAre:
        """What each row is. A repeat of what is there is neither."""
        at = np.searchsorted(self.windows, start)
        is_new = rev > self.held[at]
        is_newest = rev == self.coming[at]
        return RowsAre(
            newest=is_new & is_newest,
            older=is_new & ~is_newest,
        )

    def repeats(self, start: Starts, rev: Revisions) -> Mask:
        """Rows of a revision that is there."""
        return np.asarray(
            rev == self.held[np.searchsorted(self.windows, start)],
            bool,
        )


def plan(
    db: duckdb.DuckDBPyConnection,
    books: Mapping[str, Columns],
    name: str,
) -> WritePlan:
    """Decide what is done with each window of these books. RevisionRefused, which names the store
    `name`, if it cannot be right."""
    starts = [columns["start"] for columns in books.values()]
    windows = np.unique(np.concatenate(starts)) if starts else np.empty(0, np.int64)
    coming = np.full(len(windows), NONE)
    for columns in books.values():
        np.maximum.at(
            coming,
            np.searchsorted(windows, columns["start"]),
            columns["rev"],
        )

    _refuse_twins(books, name)
    found = WritePlan(
        windows=windows,
        held=_held(db, books, windows),
        coming=coming,
    )
    older = found.coming < found.held
    if older.any():
        worst = int(np.flatnonzero(older)[0])
        raise RevisionRefused(
            f"{name} holds {_window(windows[worst])} in revision {found.held[worst]}, and "
            f"revision {coming[worst]} came after it; "
            f"nothing was written ({older.sum()} windows)"
        )

    for table, columns in books.items():
        _refuse_contradiction(
            db,
            table,
            columns,
            found,
            name,
        )

    return found


def _refuse_twins(books: Mapping[str, Columns], name: str) -> None:
    """One window in one revision may come once in a write."""
    closed = books.get(ONE_ROW_A_WINDOW)
    if closed is None:
        return

    pairs = np.stack((closed["start"], closed["rev"].astype(np.int64)))
    different, count = np.unique(
        pairs,
        axis=1,
        return_counts=True,
    )
    if (count > 1).any():
        start, rev = different[:, np.argmax(count)]
        raise RevisionRefused(
            f"{_window(start)} came twice in revision {rev} for {name}; nothing was written"
        )


def _held(
    db: duckdb.DuckDBPyConnection,
    books: Mapping[str, Columns],
    windows: Starts,
) -> Revisions:
    """The revision of each window that is there."""
    held = np.full(len(windows), NONE)
    if not len(windows):
        return held

    asked = [ONE_ROW_A_WINDOW] if ONE_ROW_A_WINDOW in books else list(books)
    for table in asked:
        rows = db.execute(
            f"SELECT start, max(rev) AS rev FROM {table} WHERE start BETWEEN ? AND ? GROUP BY "
            "start",
            [int(windows[0]), int(windows[-1])],
        ).fetchnumpy()
        wanted = np.isin(rows["start"], windows)
        at = np.searchsorted(windows, rows["start"][wanted])
        np.maximum.at(held, at, rows["rev"][wanted])

    return held


def _refuse_contradiction(
    db: duckdb.DuckDBPyConnection,
    table: str,
    columns: Columns,
    found: WritePlan,
    name: str,
) -> None:
    """Compare rows of a revision that is there with what is there."""
    repeated = found.repeats(columns["start"], columns["rev"])
    if not repeated.any():
        return

    coming = {key: np.asarray(values[repeated]) for key, values in columns.items()}
    again = {"start": np.unique(coming["start"])}
    listed = ", ".join(f'"{key}"' for key in columns)
    there = db.execute(
        f"SELECT {listed} FROM {table} WHERE start IN (SELECT start FROM again)"
    ).fetchnumpy()
    if not _same_rows(coming, there):
        raise RevisionRefused(
            f"{name} holds {_window(again['start'][0])} in the same revision with other content "
            f"({table}, "
            f"{len(again['start'])} windows compared); nothing was written"
        )


def _same_rows(one: Columns, other: Columns) -> bool:
    """Whether two tables have the same rows, in whatever order. Unknown equals unknown."""
    left = [_comparable(values) for values in one.values()]
    right = [_comparable(other[key]) for key in one]
    if len(left[0]) != len(right[0]):
        return False

    left_order = np.lexsort(left)
    right_order = np.lexsort(right)
    return all(
        np.array_equal(
            mine[left_order],
            yours[right_order],
            equal_nan=True,
        )
        for mine, yours in zip(
            left,
            right,
            strict=True,
        )
    )


def _comparable(values: Column) -> Column:
    """Numbers that sort and compare: whole ones as they are, all others as floats, unknown as
    NaN."""
    if isinstance(values, np.ma.MaskedArray):
        if values.mask.any():
            return np.asarray(np.ma.filled(values.astype(np.float64), np.nan))

        values = values.data

    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)


def supersede(
    db: duckdb.DuckDBPyConnection,
    table: str,
    windows: Starts,
) -> None:
    """Move the rows of windows that were corrected to the table of what was superseded. Within the
    transaction of the write."""
    again = {"start": windows}
    low = int(windows[0])
    high = int(windows[-1])
    where = f"WHERE start BETWEEN {low} AND {high} AND start IN (SELECT start FROM again)"
    db.execute(f"INSERT INTO {table}_superseded BY NAME SELECT * FROM {table} {where}")
    db.execute(f"DELETE FROM {table} {where}")
    del again


def _window(start_ns: int) -> str:
    """A window in words."""
    return (
        "the window that began at "
        f"{datetime.fromtimestamp(int(start_ns) * 1e-9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
