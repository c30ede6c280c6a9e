"""One transaction of a database that commits each statement by itself otherwise: SQLite with `isolation_level=None`, DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def transaction(db: Any, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All that is written inside is one commit, or nothing. SQLite takes its lock at the beginning; DuckDB knows plain BEGIN only."""
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except (
        BaseException
    ):  # whatever it is, an interrupt too: nothing half done stays, and it goes on up
        db.execute("ROLLBACK")
        raise
