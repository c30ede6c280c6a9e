"""The outbox: messages that are owed to somebody, in the database of alerts. Times are event time,
ns UTC.

`put` writes inside the transaction of the caller, so that an alert and its messages are committed
together; everything else is a short transaction of its own. A message is marked as sent right after
its channel took it: killed in between, it is sent again under the same id.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from store.faults import ALERTS
from store.transaction import transaction

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS delivery (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  others TEXT NOT NULL,
  person TEXT NOT NULL,
  language TEXT NOT NULL,
  severity TEXT NOT NULL,
  gather TEXT NOT NULL,
  body BLOB NOT NULL,
  created_ns INTEGER NOT NULL,
  due_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  tried_ns INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  done_ns INTEGER,
  error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_open
  ON delivery (channel, due_ns) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS delivery_person
  ON delivery (person, done_ns) WHERE state = 'sent';
"""
_COLUMNS: Final = (
    "id, channel, others, person, language, severity, gather, body, created_ns, due_ns, "
    "expires_ns, tried_ns, attempts, state, done_ns, error"
)
KEEP_NS: Final = 90 * 86_400 * 1_000_000_000


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person or channel. `id` is its idempotency key.

    `channel` is used, then `others` in turn. `body` is a Telling as MessagePack. `gather`: messages
    of one channel and person with the same word that are due together become one ("digest",
    "more"); empty: by itself. `tried_ns`: since when `channel` has been failing.
    """

    id: str
    channel: str
    others: tuple[str, ...] = ()
    person: str = ""
    language: str = "en"
    severity: str
    gather: str = ""
    body: bytes
    created_ns: int
    due_ns: int
    expires_ns: int
    tried_ns: int | None = None
    attempts: int = 0
    state: str = "pending"
    done_ns: int | None = None
    error: str = ""


class Outbox:
    """Its table in a database that others use too; safe to use from several threads through the
    lock they share."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self.db = db
        self.lock = lock
        with self.lock:
            self.db.executescript(_TABLES)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.lock, transaction(self.db, ALERTS):
            yield

    def put(self, deliveries: Iterable[Delivery]) -> None:
        """Owe these messages; one whose id is known is left as it is. Inside the caller's
        transaction."""
        rows = [
            (
                delivery.id,
                delivery.channel,
                ",".join(delivery.others),
                delivery.person,
                delivery.language,
                delivery.severity,
                delivery.gather,
                delivery.body,
                delivery.created_ns,
                delivery.due_ns,
                delivery.expires_ns,
            )
            for delivery in deliveries
        ]
        self.db.executemany(
            "INSERT OR IGNORE INTO delivery (id, channel, others, person, language, severity, "
            "gather, body, created_ns, due_ns, expires_ns) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def put_now(self, deliveries: Iterable[Delivery]) -> None:
        """Like `put`, in a transaction of its own."""
        with self._transaction():
            self.put(deliveries)

    def _rows(self, where: str, values: Sequence[Any]) -> list[Delivery]:
        with self.lock:
            rows = self.db.execute(
                f"SELECT {_COLUMNS} FROM delivery WHERE {where}",
                values,
            ).fetchall()

        return [_delivery(row) for row in rows]

    def due(
        self,
        channel: str,
        now_ns: int,
        limit: int = 200,
    ) -> list[Delivery]:
        """What a channel owes now, in the order it was put."""
        return self._rows(
            "state = 'pending' AND channel = ? AND due_ns <= ? AND expires_ns > ? ORDER BY n "
            "LIMIT ?",
            (channel, now_ns, now_ns, limit),
        )

    def next_due(self, channel: str) -> int | None:
        """When the channel owes something next."""
        with self.lock:
            row = self.db.execute(
                "SELECT min(due_ns) FROM delivery WHERE state = 'pending' AND channel = ?",
                (channel,),
            ).fetchone()

        return None if row[0] is None else int(row[0])

    def sent(self, ids: Iterable[str], now_ns: int) -> None:
        """The channel took these."""
        self._done(
            ids,
            "sent",
            now_ns,
            "",
        )

    def failed(
        self,
        ids: Iterable[str],
        now_ns: int,
        error: str,
    ) -> None:
        """No channel will ever take these."""
        self._done(
            ids,
            "failed",
            now_ns,
            error,
        )

    def _done(
        self,
        ids: Iterable[str],
        state: str,
        now_ns: int,
        error: str,
    ) -> None:
        with self._transaction():
            self.db.executemany(
                "UPDATE delivery SET state = ?, done_ns = ?, error = ? WHERE id = ?",
                [(state, now_ns, error, ident) for ident in ids],
            )

    def tried(
        self,
        ids: Iterable[str],
        now_ns: int,
        error: str,
    ) -> None:
        """The channel did not take these now; they stay with it."""
        with self._transaction():
            self.db.executemany(
                "UPDATE delivery SET attempts = attempts + 1, tried_ns = coalesce(tried_ns, ?), "
                "error = ? WHERE id = ?",
                [(now_ns, error, ident) for ident in ids],
            )

    def hand_over(
        self,
        deliveries: Iterable[Delivery],
        now_ns: int,
        error: str,
        again: bool,
    ) -> None:
        """The next channel tries; this one stands at the end of the row then, or is left out for
        good (`again` False)."""
        rows = []
        for delivery in deliveries:
            row = (*delivery.others, delivery.channel) if again else delivery.others
            rows.append((row[0], ",".join(row[1:]), now_ns, error, delivery.id))

        with self._transaction():
            self.db.executemany(
                "UPDATE delivery SET channel = ?, others = ?, due_ns = max(due_ns, ?), tried_ns "
                "= NULL, attempts = attempts + 1, error = ? WHERE id = ?",
                rows,
            )

    def hold(
        self,
        delivery: str,
        until_ns: int,
        gather: str,
    ) -> None:
        """Not before `until_ns`, and then together with others of the same word."""
        with self._transaction():
            self.db.execute(
                "UPDATE delivery SET due_ns = ?, gather = ?, expires_ns = expires_ns + max(0, ? "
                "- due_ns) WHERE id = ?",
                (until_ns, gather, until_ns, delivery),
            )

    def sent_to(self, person: str, after_ns: int) -> list[int]:
        """When messages to a person were sent, oldest first; what was gathered into one counts
        once."""
        with self.lock:
            rows = self.db.execute(
                "SELECT done_ns FROM delivery WHERE state = 'sent' AND person = ? AND done_ns > ? "
                "GROUP BY CASE gather WHEN '' THEN id ELSE gather || done_ns END ORDER BY done_ns",
                (person, after_ns),
            ).fetchall()

        return [int(row[0]) for row in rows]

    def told(self, channel: str, after_ns: int) -> list[Delivery]:
        """What a channel took since, in the order it was taken."""
        return self._rows(
            "state = 'sent' AND channel = ? AND done_ns > ? ORDER BY done_ns, n",
            (channel, after_ns),
        )

    def strays(self, known: Iterable[str]) -> list[Delivery]:
        """What waits for a channel that is not among these."""
        names = list(known)
        return self._rows(
            f"state = 'pending' AND channel NOT IN ({', '.join('?' * len(names))})",
            names,
        )

    def expire(self, now_ns: int) -> list[Delivery]:
        """Give up what is too old to be told; returns it."""
        with self.lock:
            found = self._rows(
                "state = 'pending' AND expires_ns <= ?",
                (now_ns,),
            )
            if found:
                with self._transaction():
                    self.db.executemany(
                        "UPDATE delivery SET state = 'expired', done_ns = ? WHERE id = ?",
                        [(now_ns, delivery.id) for delivery in found],
                    )

        return found

    def forget(self, now_ns: int) -> None:
        """Drop what was done with 90 days ago."""
        with self._transaction():
            self.db.execute(
                "DELETE FROM delivery WHERE state != 'pending' AND done_ns < ?",
                (now_ns - KEEP_NS,),
            )

    def get(self, delivery: str) -> Delivery | None:
        """One by its id."""
        found = self._rows("id = ?", (delivery,))
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """How many are in which state, for metrics and data health."""
        with self.lock:
            rows = self.db.execute("SELECT state, count(*) FROM delivery GROUP BY state").fetchall()

        return {
            "pending": 0,
            "sent": 0,
            "failed": 0,
            "expired": 0,
        } | {str(state): int(count) for state, count in rows}


def _delivery(row: Sequence[Any]) -> Delivery:
    others = tuple(name for name in str(row[2]).split(",") if name)
    names = _COLUMNS.split(", ")
    return Delivery(
        **{
            **dict(
                zip(
                    names,
                    row,
                    strict=True,
                )
            ),
            "others": others,
            "body": bytes(row[7]),
        }
    )
