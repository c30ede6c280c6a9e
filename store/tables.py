"""The shape of the book tables. Columns come with the first books that have them; a file of an
older version is given those it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb
import numpy as np

from plant.ports import Column, Columns
from store import rollups

BOOK_TABLES = ("line", "flow", "bus", "meter", "source", "closed")
_SQL_TYPE = {
    "i8": "BIGINT",
    "i4": "INTEGER",
    "i1": "TINYINT",
    "u1": "UTINYINT",
    "f8": "DOUBLE",
    "b1": "BOOLEAN",
}
FIXED = (
    "reading (ts BIGINT, received BIGINT, tag INTEGER, value DOUBLE, quality UTINYINT)",
    "place (consumer VARCHAR, journal VARCHAR, place BIGINT)",
    "name (id INTEGER, text VARCHAR)",
    "verdict (ts BIGINT, since BIGINT, meter INTEGER, verdict VARCHAR, amount DOUBLE, bound "
    "DOUBLE, reverse BOOLEAN)",
)


NOTHING_BEFORE: Final = frozenset(("electricity_converters_kwh",))
"""Columns that came later and count as nothing in rows from before, as they did then: without that
the electricity of older windows would be unknown altogether.
"""


def kinds(columns: Columns) -> dict[str, str]:
    """SQL type of each column."""
    return {name: _SQL_TYPE[np.asarray(values).dtype.str[1:]] for name, values in columns.items()}


def exists(db: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        db.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = ?",
            [table],
        ).fetchall()
    )


def ensure(
    db: duckdb.DuckDBPyConnection,
    table: str,
    wanted: Mapping[str, str],
) -> None:
    """Make `table`, the table of what it superseded, and its roll-ups; or give them the columns
    they lack, unknown in older rows but for `NOTHING_BEFORE`."""
    listed = ", ".join(f'"{name}" {kind}' for name, kind in wanted.items())
    for name in (table, f"{table}_superseded"):
        db.execute(f"CREATE TABLE IF NOT EXISTS {name} ({listed})")
        _grow(db, name, wanted)

    if table in rollups.ROLLED:
        summed = rollups.make(db, table)
        for suffix in rollups.LEVELS:
            _grow(
                db,
                table + suffix,
                {name: kind for name, kind in wanted.items() if name in summed},
            )


def _grow(
    db: duckdb.DuckDBPyConnection,
    table: str,
    wanted: Mapping[str, str],
) -> None:
    rows = db.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = ?",
        [table],
    ).fetchall()
    there = {row[0] for row in rows}
    for name, kind in wanted.items():
        if name not in there:
            before = " DEFAULT 0" if name in NOTHING_BEFORE else ""
            db.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}{before}')


def plain(values: Column) -> Column:
    """Masked arrays as NaN, and as empty text."""
    if not isinstance(values, np.ma.MaskedArray):
        return values

    if values.dtype.kind in "fiu":
        return np.asarray(np.ma.filled(values.astype(float), np.nan))

    return np.asarray(np.ma.filled(values, ""))
