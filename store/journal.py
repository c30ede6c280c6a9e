"""The journal: durable and ordered, one SQLite file. Frames in, outputs of the step out, each consumer's place, checkpoints of state.

Outputs carry (input seq, n), so a replay after a crash adds nothing twice. State and the place of the step are saved in one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from plant.errors import JournalFull
from plant.frame import Frame, decode, encode
from store.transaction import transaction

_TABLES = """
CREATE TABLE IF NOT EXISTS frame (seq INTEGER PRIMARY KEY, wm INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS output (id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (seq, n));
CREATE TABLE IF NOT EXISTS consumer (name TEXT PRIMARY KEY, place INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoint (name TEXT PRIMARY KEY, place INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tag (id INTEGER PRIMARY KEY AUTOINCREMENT, meter TEXT NOT NULL, quantity TEXT NOT NULL, UNIQUE (meter, quantity));
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


HELD_SHARE = 0.5
"""What waits for a further store takes at most this share of the bound; past it the oldest is let go, so that the plant itself goes on."""
_KEY = {"frame": "seq", "output": "id"}


class SqliteJournal:
    """One file; safe to use from several threads. `most_bytes` bounds it: past it, `append` raises JournalFull."""

    def __init__(self, path: Path, most_bytes: int = 4 << 30) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(_TABLES)
        self.id = self._identity()
        self.bytes = int(
            self.db.execute("SELECT coalesce(sum(length(body)), 0) FROM frame").fetchone()[0]
        )
        self.newest = int(self.db.execute("SELECT coalesce(max(seq), 0) FROM frame").fetchone()[0])
        self.newest = max(self.newest, int(self.meta("newest") or 0))

    def _identity(self) -> str:
        """Random id of this file: new after a restore or in an exchanged box."""
        self.db.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", (uuid.uuid4().hex[:12],))
        return str(self.db.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()[0])

    def meta(self, key: str) -> str | None:
        with self.lock:
            row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        with self.lock:
            self.db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def hold(self, consumer: str, of: str, place: int) -> None:
        """Keep what a further store has not taken yet: frames or outputs (`of`) after `place`."""
        self.set_meta(f"hold.{of}.{consumer}", str(place))

    def held(self, consumer: str, of: str) -> int:
        """Place of a further store; for one that is new, just before the oldest that is kept."""
        saved = self.meta(f"hold.{of}.{consumer}")
        if saved is not None:
            return int(saved)
        with self.lock:
            oldest = self.db.execute(f"SELECT min({_KEY[of]}) FROM {of}").fetchone()[0]
            given = self.db.execute(
                "SELECT max(seq) FROM sqlite_sequence WHERE name = 'output'"
            ).fetchone()[0]
        newest = self.newest if of == "frame" else int(given or 0)
        return newest if oldest is None else int(oldest) - 1

    def release(self, consumer: str) -> None:
        """A further store that is no more: nothing is kept for it."""
        with self.lock:
            self.db.execute("DELETE FROM meta WHERE key LIKE ?", (f"hold.%.{consumer}",))

    def lost(self, consumer: str, of: str) -> int:
        """How many frames or outputs were let go before a further store had taken them."""
        return int(self.meta(f"lost.{of}.{consumer}") or 0)

    def _let_go(self, of: str, to: int) -> int:
        """How far may be forgotten: as far as all further stores are, or until what waits for them fits."""
        rows = self.db.execute(
            "SELECT key, value FROM meta WHERE key LIKE ?", (f"hold.{of}.%",)
        ).fetchall()
        places = {str(key).rpartition(".")[2]: int(value) for key, value in rows}
        least = min(places.values(), default=to)
        if least >= to:
            return to
        key = _KEY[of]
        sums = f"SELECT {key} AS k, sum(length(body)) OVER (ORDER BY {key} DESC) AS held FROM {of}"
        past = self.db.execute(
            f"SELECT max(k) FROM ({sums}) WHERE held > ?", (self.most_bytes * HELD_SHARE,)
        ).fetchone()[0]
        to = min(to, max(least, int(past or 0)))
        for consumer, place in places.items():
            if place < to:
                self._lose(consumer, of, place, to)
        return to

    def _lose(self, consumer: str, of: str, place: int, to: int) -> None:
        count = self.db.execute(
            f"SELECT count(*) FROM {of} WHERE {_KEY[of]} > ? AND {_KEY[of]} <= ?", (place, to)
        ).fetchone()[0]
        self.set_meta(f"lost.{of}.{consumer}", str(self.lost(consumer, of) + int(count)))
        self.hold(consumer, of, to)

    def append(self, frame: Frame) -> int:
        """Commit one frame; returns its number. Committed is acknowledged."""
        return self.append_all([frame])

    def append_all(self, frames: Iterable[Frame]) -> int:
        """Commit frames in one transaction; returns the last number."""
        with self.lock:
            if self.bytes > self.most_bytes:
                raise JournalFull(
                    f"the journal {self.path.name} has reached its bound of {self.most_bytes >> 20} MiB: a consumer is behind or the disk is slow"
                )
            rows = []
            seq = self.newest
            for frame in frames:
                seq += 1
                body = encode(replace(frame, header=msgspec.structs.replace(frame.header, seq=seq)))
                rows.append((seq, frame.header.wm, body))
            with transaction(self.db):
                self.db.executemany("INSERT INTO frame VALUES (?, ?, ?)", rows)
            self.newest = seq
            self.bytes += sum(len(row[2]) for row in rows)
            return seq

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside is one commit: thousands of new tags at a first start, for instance."""
        with self.lock, transaction(self.db):
            yield

    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Frames after a place, oldest first."""
        with self.lock:
            return self.db.execute(
                "SELECT seq, body FROM frame WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            ).fetchall()

    def frames(self, after: int, limit: int) -> list[Frame]:
        """Like `read`, decoded."""
        return [decode(body) for _, body in self.read(after, limit)]

    def last(self) -> int:
        return self.newest

    def last_wm(self) -> int:
        """Watermark of the newest frame; 0 in an empty journal."""
        with self.lock:
            row = self.db.execute("SELECT wm FROM frame ORDER BY seq DESC LIMIT 1").fetchone()
        return int(row[0]) if row else int(self.meta("wm") or 0)

    def put_outputs(
        self,
        outputs: Iterable[tuple[int, int, bytes]],
        checkpoint: tuple[str, int, bytes] | None = None,
    ) -> None:
        """Outputs of the step as (seq, n, body), and with them, in the same transaction, its state and place."""
        with self.lock, transaction(self.db):
            self.db.executemany(
                "INSERT OR IGNORE INTO output (seq, n, body) VALUES (?, ?, ?)", outputs
            )
            if checkpoint is not None:
                self.db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", checkpoint)

    def outputs(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Outputs after a place, in order."""
        with self.lock:
            return self.db.execute(
                "SELECT id, body FROM output WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()

    def last_output(self) -> int:
        with self.lock:
            return int(self.db.execute("SELECT coalesce(max(id), 0) FROM output").fetchone()[0])

    def checkpoint(self, name: str) -> tuple[int, bytes] | None:
        with self.lock:
            row = self.db.execute(
                "SELECT place, body FROM checkpoint WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def forget(self, frames_to: int, outputs_to: int, folded_to: int) -> None:
        """Drop what every consumer has passed, further stores too (`hold`). Outputs of frames after `folded_to` stay: a replay must find them here, or it would add them again."""
        with self.lock, transaction(self.db):
            frames_to = self._let_go("frame", frames_to)
            outputs_to = self._let_go("output", outputs_to)
            freed = self.db.execute(
                "SELECT coalesce(sum(length(body)), 0) FROM frame WHERE seq <= ?", (frames_to,)
            ).fetchone()[0]
            wm = self.db.execute("SELECT max(wm) FROM frame").fetchone()[0]
            self.db.execute(
                "INSERT INTO meta VALUES ('newest', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(self.newest),),
            )
            self.db.execute(
                "INSERT INTO meta VALUES ('wm', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(wm or 0),),
            )
            self.db.execute("DELETE FROM frame WHERE seq <= ?", (frames_to,))
            self.db.execute(
                "DELETE FROM output WHERE id <= ? AND seq <= ?", (outputs_to, folded_to)
            )
        self.bytes -= int(freed)

    def tag(self, meter: str, quantity: str) -> int:
        """Integer of a measured value; made when first asked for, never reused."""
        with self.lock:
            row = self.db.execute(
                "SELECT id FROM tag WHERE meter = ? AND quantity = ?", (meter, quantity)
            ).fetchone()
            if row is None:
                return int(
                    self.db.execute(
                        "INSERT INTO tag (meter, quantity) VALUES (?, ?)", (meter, quantity)
                    ).lastrowid
                    or 0
                )
        return int(row[0])

    def names(self) -> dict[int, tuple[str, str]]:
        """All tags: id to (meter, quantity)."""
        with self.lock:
            return {
                int(i): (m, q) for i, m, q in self.db.execute("SELECT id, meter, quantity FROM tag")
            }

    def close(self) -> None:
        with self.lock:
            self.db.close()
