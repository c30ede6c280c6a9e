"""How long raw readings are kept: by age and by size, whichever is reached first. Books, their
revisions and verdicts stay.

Size is what the table of readings takes in the DuckDB file: its blocks, counted. Deleting rows does
not make the file smaller at once: a checkpoint frees the blocks of what was deleted, later writes
use those again, and the file is cut where its end is free. So the file stops growing at the bound,
and shrinks when it may. Rows that are not checkpointed yet (16 MB at most) stand in the log beside
the file and are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

GB = 1_000_000_000
HOUR = 3_600_000_000_000
DAY = 24 * HOUR
ROOM = 0.95
"""Past the bound, readings go until this share of it is in use, so that not every round deletes a
little."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Bounds on raw readings, in days of event time and in GB (10^9 bytes) of the file."""

    days: float = 7.0
    gb: float = 20.0

    def sentence(self) -> str:
        """What is said at start."""
        return (
            f"Raw readings are kept for {self.days:g} days or up to {self.gb:g} GB, whichever "
            "comes first; books are kept for good."
        )


def readings_bytes(db: duckdb.DuckDBPyConnection) -> int:
    """Bytes of the file that hold readings; 0 for a store in memory."""
    blocks = db.execute(
        "SELECT count(DISTINCT block_id) FROM pragma_storage_info('reading') WHERE persistent "
        "AND block_id >= 0"
    ).fetchone()[0]
    return int(blocks) * int(
        db.execute("SELECT max(block_size) FROM pragma_database_size()").fetchone()[0]
    )


def forget(
    db: duckdb.DuckDBPyConnection,
    keep: Keep,
    now: int,
) -> None:
    """Delete the oldest readings past either bound at `now` (ns UTC), and free their blocks."""
    _delete(db, now - round(keep.days * DAY))
    most = keep.gb * GB
    used = readings_bytes(db)
    if used > most:
        _delete(db, _oldest_kept(db, ROOM * most / used))


def _delete(db: duckdb.DuckDBPyConnection, before: int) -> None:
    gone = db.execute("DELETE FROM reading WHERE ts < ?", [before]).fetchone()[0]
    if gone:
        try:
            db.execute("CHECKPOINT")
        except duckdb.TransactionException:
            return  # someone reads; DuckDB's own next checkpoint frees the blocks


def _oldest_kept(db: duckdb.DuckDBPyConnection, share: float) -> int:
    """The hour from which on readings stay, when `share` of all rows may."""
    rows = db.execute(
        f"SELECT ts - ts % {HOUR} AS hour, count(*) FROM reading GROUP BY hour ORDER BY hour DESC"
    ).fetchall()
    left = share * sum(count for _, count in rows)
    cut = rows[0][0]
    for hour, n in rows:
        left -= n
        if left < 0:
            break

        cut = hour

    return int(cut)
