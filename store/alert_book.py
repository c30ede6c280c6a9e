"""Alerts on disk: one SQLite file with history, open alerts, audit trail, and the place in the
journal up to which all of that is true.

What one round of the rules led to is one transaction with that place (`together`), so a kill
repeats work and never an alert. The outbox of notifications keeps its tables in the same file, for
the same reason.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store.faults import ALERTS
from store.sqlite_file import open_sqlite
from store.transaction import transaction

_TABLES = (
    "meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "part (name TEXT PRIMARY KEY, place INTEGER NOT NULL, body BLOB NOT NULL)",
    "change (n INTEGER PRIMARY KEY AUTOINCREMENT, clock TEXT NOT NULL, at_ns INTEGER NOT NULL, "
    "rule TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, value REAL, limit_ REAL, "
    "unit TEXT NOT NULL, late INTEGER NOT NULL, withdrawn INTEGER NOT NULL)",
    "alert (id TEXT PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, fired_ns INTEGER "
    "NOT NULL, resolved_ns INTEGER, taken_by TEXT, body BLOB NOT NULL)",
    "audit (n INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, actor TEXT NOT NULL, "
    "action TEXT NOT NULL, alert TEXT NOT NULL, detail TEXT NOT NULL)",
)
_INDEXES = (
    "alert_fired ON alert (fired_ns)",
    "change_at ON change (at_ns)",
    "audit_alert ON audit (alert)",
)
Row = tuple[Any, ...]
NamedRow = Mapping[str, object]
CHANGES_MOST = 2000


class AlertBook:
    """One writer thread and readers, behind one lock."""

    def __init__(self, path: Path | str) -> None:
        self.file = ALERTS.at(path)
        self.lock = threading.RLock()
        self.db = open_sqlite(path, self.file)
        with transaction(self.db, self.file):
            for table in _TABLES:
                self.db.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            for index in _INDEXES:
                self.db.execute(f"CREATE INDEX IF NOT EXISTS {index}")

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside is one commit, or nothing."""
        with self.lock, transaction(self.db, self.file):
            yield

    def meta(self, key: str) -> str | None:
        with self.lock:
            row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        self.db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def journals(self) -> set[str]:
        """Ids of the journals that the rules have read."""
        with self.lock:
            rows = self.db.execute("SELECT key FROM meta WHERE key LIKE 'place.%'").fetchall()
        return {str(row[0]).removeprefix("place.") for row in rows}

    def place(self, journal: str) -> int:
        """How far the rules have read this journal."""
        return int(self.meta(f"place.{journal}") or 0)

    def part(self, name: str) -> tuple[int, bytes] | None:
        """A saved state and the place in the journal at which it was so."""
        with self.lock:
            row = self.db.execute("SELECT place, body FROM part WHERE name = ?", (name,)).fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def set_part(self, name: str, place: int, body: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?)", (name, place, body))

    def add_changes(self, rows: Iterable[Row]) -> None:
        """(clock, at_ns, rule, subject, state, value, limit, unit, late, withdrawn), in the order
        in which they became known."""
        self.db.executemany(
            "INSERT INTO change (clock, at_ns, rule, subject, state, value, limit_, unit, late, "
            "withdrawn) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def put_alerts(self, rows: Iterable[Row]) -> None:
        """(id, rule, subject, fired_ns, resolved_ns, body); the newest of an id stays, and who took
        it."""
        self.db.executemany(
            "INSERT INTO alert (id, rule, subject, fired_ns, resolved_ns, body) VALUES (?, ?, ?, "
            "?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET resolved_ns = excluded.resolved_ns, body = "
            "excluded.body",
            rows,
        )

    def take(self, alert: str, name: str) -> None:
        """Somebody has acknowledged an alert."""
        self.db.execute("UPDATE alert SET taken_by = ? WHERE id = ?", (name, alert))

    def add_audit(self, rows: Iterable[Row]) -> None:
        """(at_ns, actor, action, alert, detail)."""
        self.db.executemany(
            "INSERT INTO audit (at_ns, actor, action, alert, detail) VALUES (?, ?, ?, ?, ?)", rows
        )

    def changes(self, from_ns: int, to_ns: int, rule: str, subject: str) -> list[NamedRow]:
        """Changes of a span, those that became known last first; of one rule or one subject, where
        those are given."""
        return self.rows(
            "SELECT * FROM change WHERE at_ns >= ? AND at_ns < ? "
            "AND (? = '' OR rule = ?) AND (? = '' OR subject = ?) ORDER BY n DESC LIMIT ?",
            (from_ns, to_ns, rule, rule, subject, subject, CHANGES_MOST),
        )

    def chattering(self, since_ns: int, times: int) -> set[tuple[str, str]]:
        """Rules and subjects that fired at least so many times since a moment."""
        rows = self.rows(
            "SELECT rule, subject FROM alert WHERE fired_ns >= ? "
            "GROUP BY rule, subject HAVING count(*) >= ?",
            (since_ns, times),
        )
        return {(str(row["rule"]), str(row["subject"])) for row in rows}

    def trail(self, alert: str) -> list[NamedRow]:
        """Who did what about an alert, oldest first."""
        return self.rows(
            "SELECT at_ns, actor, action, detail FROM audit WHERE alert = ? ORDER BY n",
            (alert,),
        )

    def noisiest(self, from_ns: int, to_ns: int) -> list[NamedRow]:
        """By rule: how often it fired, how many alerts were acknowledged, how many ended with
        nobody doing anything, and minutes of firing."""
        return self.rows(
            "SELECT rule, count(*) AS fired, sum(taken_by IS NOT NULL) AS acknowledged, "
            "sum(taken_by IS NULL AND resolved_ns IS NOT NULL) AS no_action, "
            "round(sum(coalesce(resolved_ns, ?) - fired_ns) / 6e10, 1) AS minutes_firing "
            "FROM alert WHERE fired_ns >= ? AND fired_ns < ? "
            "GROUP BY rule ORDER BY fired DESC, rule",
            (to_ns, from_ns, to_ns),
        )

    def rows(self, sql: str, parameters: Sequence[object]) -> list[NamedRow]:
        """Rows of a read-only question, each value under the name of its column."""
        with self.lock:
            cursor = self.db.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def alert(self, alert: str) -> tuple[bytes, str | None] | None:
        """One alert, and who took it."""
        with self.lock:
            row = self.db.execute(
                "SELECT body, taken_by FROM alert WHERE id = ?", (alert,)
            ).fetchone()
        return None if row is None else (bytes(row[0]), row[1])

    def alerts(self, from_ns: int, to_ns: int, limit: int = 1000) -> list[tuple[bytes, str | None]]:
        """Alerts that fired in a span, newest first, each with who took it."""
        sql = (
            "SELECT body, taken_by FROM alert WHERE fired_ns >= ? AND fired_ns < ? ORDER BY "
            "fired_ns DESC LIMIT ?"
        )
        with self.lock:
            return [
                (bytes(body), by)
                for body, by in self.db.execute(sql, (from_ns, to_ns, limit)).fetchall()
            ]

    def forget(self, before_ns: int) -> None:
        """Let go of history, closed alerts and their trail older than a time."""
        with self.together():
            self.db.execute("DELETE FROM change WHERE at_ns < ?", (before_ns,))
            self.db.execute(
                "DELETE FROM alert WHERE resolved_ns IS NOT NULL AND resolved_ns < ?", (before_ns,)
            )
            self.db.execute("DELETE FROM audit WHERE at_ns < ?", (before_ns,))

    def close(self) -> None:
        with self.lock:
            self.db.close()
