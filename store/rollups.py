"""Roll-ups: the additive tables summed over quarter-hours and hours, so that a month of a chart
reads thousands of rows, not millions.

A roll-up is never corrected by a difference. Every bucket that a write touches is summed again from
the table below it, in the transaction of the write, so that at any moment, whatever was killed,
`line_15m` is `line` summed and nothing else. Ratios are not kept: they are taken when read. Buckets
begin at multiples of their length since 1970 UTC. Local days begin on one of those (or, with an odd
`day_starts`, on a minute), so days are sums of hours, and no change of a plant's time zone makes a
roll-up wrong. `spans` says which tables answer a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

MINUTE = 60_000_000_000
LEVELS = {"_15m": 15 * MINUTE, "_1h": 60 * MINUTE}
MADE_BY = "rollups 1"
"""Consumer under which the store keeps how far the roll-ups are; the number changes with what they
hold, and old ones are then made anew."""
MONTH = 30 * 24 * 60 * MINUTE
Starts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a table is summed by. All its other columns are sums, but for `start` and what is left
    out."""

    keys: tuple[str, ...]
    left_out: tuple[str, ...] = ("rev",)


ROLLED = {
    "line": Rolled(("line",)),
    "flow": Rolled(("kind", "node", "carrier", "source", "via"), ("rev", "origin")),
}


@dataclass(frozen=True, slots=True)
class Span:
    """`table` answers for the windows that begin in start <= t < end, ns UTC."""

    table: str
    start: int
    end: int


def spans(table: str, edges: Starts) -> list[Span]:
    """The tables that together answer for the buckets between `edges` (ns, rising): coarse where no
    edge cuts a row, finer at both ends."""
    start = int(edges[0])
    end = int(edges[-1])
    for suffix, length in reversed(LEVELS.items()):
        first = -(-start // length) * length
        last = end // length * length
        if first < last and not (edges[1:-1] % length).any():
            ends = [(start, first), (last, end)]
            finer = [
                part
                for begin, end in ends
                if begin < end
                for part in spans(table, np.array([begin, end], np.int64))
            ]
            return [Span(table + suffix, first, last), *finer]

    return [Span(table, start, end)]


def make(db: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Empty roll-ups of a table that is there, unless they are; the names of their columns."""
    of = ROLLED[table]
    kinds = db.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?",
        [table],
    ).fetchall()
    kept = {name: kind for name, kind in kinds if name not in of.left_out}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in kept.items())
    for suffix in LEVELS:
        db.execute(f"CREATE TABLE IF NOT EXISTS {table}{suffix} ({columns})")

    return list(kept)


def touch(
    db: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    starts: Starts,
) -> None:
    """Sum again the buckets of the windows that begin at `starts`; `names` are the columns written.
    Within the transaction of the write."""
    below = table
    for suffix, length in LEVELS.items() if len(starts) else ():
        buckets = np.unique(starts - starts % length)
        low = int(buckets[0])
        high = int(buckets[-1])
        touched = {"start": buckets}
        again = "IN (SELECT start FROM touched)"
        db.execute(
            f"DELETE FROM {table}{suffix} WHERE start BETWEEN {low} AND {high} AND start {again}"
        )
        where = f"start >= {low} AND start < {high + length} AND start - start % {length} {again}"
        db.execute(
            _sum(
                table,
                names,
                below,
                suffix,
                where,
            )
        )
        assert touched
        below = table + suffix


def renew(db: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the roll-ups of a table anew from all its windows, a month at a time. Within a
    transaction."""
    for suffix in LEVELS:
        db.execute(f"DROP TABLE IF EXISTS {table}{suffix}")

    names = make(db, table)
    low, high = db.execute(f"SELECT min(start), max(start) FROM {table}").fetchone()
    below = table
    for suffix in LEVELS if low is not None else ():
        for month in range(low - low % MONTH, high + 1, MONTH):
            db.execute(
                _sum(
                    table,
                    names,
                    below,
                    suffix,
                    f"start >= {month} AND start < {month + MONTH}",
                )
            )

        below = table + suffix


def _sum(
    table: str,
    names: Sequence[str],
    below: str,
    suffix: str,
    where: str,
) -> str:
    """SQL that adds to a roll-up the sums of the rows of `below` that `where` names; what is
    unknown is left out."""
    of = ROLLED[table]
    start = f"start - start % {LEVELS[suffix]}"
    sums = [name for name in names if name not in (*of.keys, *of.left_out, "start")]
    read = ", ".join(
        known(name) if below == table else name for name in sums
    )  # in roll-ups the unknown is NULL already
    chosen = ", ".join(f"sum({name}) AS {name}" for name in sums)
    keys = ", ".join(of.keys)
    return (
        f"INSERT INTO {table}{suffix} BY NAME SELECT s AS start, {keys}, {chosen} FROM "
        f"(SELECT {start} AS s, {keys}, {read} FROM {below} WHERE {where}) GROUP BY s, {keys}"
    )


def known(name: str) -> str:
    """SQL of a column of windows in which unknown (NaN) is NULL, so that sums leave it out."""
    return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
