"""The journal: durable and ordered, one SQLite file. Frames in, outputs of the step out, each
consumer's place, checkpoints of state.

An output is known by what it is, such as a window in one revision, and by its content; so a replay
after a crash adds nothing twice, in whatever order it gives its outputs. State and the place of the
step are saved in one transaction with them.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from plant.errors import JournalFull, RevisionRefused
from plant.frame import Frame, Kind, decode, encode
from store.faults import JOURNAL
from store.sqlite_file import open_sqlite
from store.transaction import transaction

_TABLES: Final = (
    "frame (seq INTEGER PRIMARY KEY, wm INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER)",
    "output (id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, what TEXT NOT NULL "
    "UNIQUE, body BLOB NOT NULL, crc INTEGER)",
    "consumer (name TEXT PRIMARY KEY, place INTEGER NOT NULL)",
    "checkpoint (name TEXT PRIMARY KEY, place INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER)",
    "tag (id INTEGER PRIMARY KEY AUTOINCREMENT, meter TEXT NOT NULL, quantity TEXT NOT NULL, "
    "UNIQUE (meter, quantity))",
    "meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_SET_META: Final = (
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_KEY: Final = {"frame": "seq", "output": "id"}

READ_BYTES: Final = 16 << 20
"""About this much is read at once, so that a consumer that is far behind does not fill the memory.
"""

HELD_SHARE: Final = 0.5
"""What waits for a further store takes at most this share of the bound; past it the oldest is let
go, so that the plant itself goes on."""


class Output(NamedTuple):
    """One output of the step. `seq`: the frame that led to it. `what`: what it is, the same at each
    replay, such as "book START rREVISION"."""

    seq: int
    what: str
    body: bytes


class Checkpoint(NamedTuple):
    """The state of a consumer after the frame at `place`."""

    name: str
    place: int
    body: bytes


class SqliteJournal:
    """One file; safe to use from several threads. `most_bytes` bounds it: past it, `append` raises
    JournalFull."""

    def __init__(self, path: Path, most_bytes: int = 4 << 30) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self.lock = threading.RLock()
        self.file = JOURNAL.at(path)
        self.db = open_sqlite(path, self.file)
        with transaction(self.db, self.file):
            _renew_old_outputs(self.db)
            for table in _TABLES:
                self.db.execute(f"CREATE TABLE IF NOT EXISTS {table}")

            for table in ("frame", "checkpoint"):
                _add_checksums(self.db, table)

            self.id = self._identity()

        self._check_bodies()
        self.bytes = self._one("SELECT coalesce(sum(length(body)), 0) FROM frame")
        newest_held = self._one("SELECT coalesce(max(seq), 0) FROM frame")
        self.newest = max(newest_held, int(self.meta("newest") or 0))

    def _identity(self) -> str:
        """Random id of this file: new after a restore or in an exchanged box."""
        self.db.execute(
            "INSERT OR IGNORE INTO meta VALUES ('id', ?)",
            (uuid.uuid4().hex[:12],),
        )
        return str(self.db.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()[0])

    def _check_bodies(self) -> None:
        """Compare all that is held with its checksum, so that a flipped bit is said at once and
        never folded into figures."""
        for table, key in (*_KEY.items(), ("checkpoint", "name")):
            rows = self.db.execute(
                f"SELECT {key}, body, crc FROM {table} WHERE crc IS NOT NULL ORDER BY {key}"
            )
            for place, body, crc in rows:
                if zlib.crc32(body) != crc:
                    raise self.file.damaged(f"the content of {table} {place} has changed on disk")

    def _one(self, sql: str, parameters: Sequence[str | int | float] = ()) -> int:
        """The one integer that a question answers; 0 for NULL."""
        row = self.db.execute(sql, parameters).fetchone()
        return int(row[0] or 0)

    def meta(self, key: str) -> str | None:
        """A word kept under `key`."""
        with self.lock:
            row = self.db.execute(
                "SELECT value FROM meta WHERE key = ?",
                (key,),
            ).fetchone()

        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a word under `key`, in a transaction of its own or in that of the caller."""
        with self.together():
            self.db.execute(_SET_META, (key, value))

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside is one commit, with what the caller writes around it:
        thousands of new tags at a first start, for instance."""
        with self.lock:
            if self.db.in_transaction:
                yield
                return

            with transaction(self.db, self.file):
                yield

    def hold(
        self,
        consumer: str,
        of: str,
        place: int,
    ) -> None:
        """Keep what a further store has not taken yet: frames or outputs (`of`) after `place`."""
        self.set_meta(f"hold.{of}.{consumer}", str(place))

    def held(self, consumer: str, of: str) -> int:
        """Place of a further store; for one that is new, just before the oldest that is kept."""
        saved = self.meta(f"hold.{of}.{consumer}")
        if saved is not None:
            return int(saved)

        with self.lock:
            oldest = self._one(f"SELECT min({_KEY[of]}) FROM {of}")

        newest = self.newest if of == "frame" else self.last_given()
        return oldest - 1 if oldest else newest

    def release(self, consumer: str) -> None:
        """A further store that is no more: nothing is kept for it."""
        with self.together():
            self.db.execute(
                "DELETE FROM meta WHERE key LIKE ?",
                (f"hold.%.{consumer}",),
            )

    def lost(self, consumer: str, of: str) -> int:
        """How many frames or outputs were let go before a further store had taken them."""
        return int(self.meta(f"lost.{of}.{consumer}") or 0)

    def _let_go(self, of: str, to: int) -> int:
        """How far may be forgotten: as far as all further stores are, or until what waits for them
        fits."""
        rows = self.db.execute(
            "SELECT key, value FROM meta WHERE key LIKE ?",
            (f"hold.{of}.%",),
        ).fetchall()
        places = {str(key).rpartition(".")[2]: int(value) for key, value in rows}
        slowest = min(places.values(), default=to)
        if slowest >= to:
            return to

        key = _KEY[of]
        sums = f"SELECT {key} AS k, sum(length(body)) OVER (ORDER BY {key} DESC) AS held FROM {of}"
        too_old = self._one(
            f"SELECT max(k) FROM ({sums}) WHERE held > ?",
            (self.most_bytes * HELD_SHARE,),
        )
        to = min(to, max(slowest, too_old))
        for consumer, place in places.items():
            if place < to:
                self._lose(
                    consumer,
                    of,
                    place,
                    to,
                )

        return to

    def _lose(
        self,
        consumer: str,
        of: str,
        place: int,
        to: int,
    ) -> None:
        """Count what a further store will not get any more, and move its place past it."""
        key = _KEY[of]
        count = self._one(
            f"SELECT count(*) FROM {of} WHERE {key} > ? AND {key} <= ?",
            (place, to),
        )
        self.set_meta(
            f"lost.{of}.{consumer}",
            str(self.lost(consumer, of) + count),
        )
        self.hold(consumer, of, to)

    def append(self, frame: Frame) -> int:
        """Commit one frame; returns its number. Committed is acknowledged."""
        return self.append_all([frame])

    def append_all(self, frames: Iterable[Frame]) -> int:
        """Commit frames in one transaction; returns the last number. JournalFull or StoreFull: none
        of them is kept.

        Control frames are taken past the bound too: they are few, and without the plant file in
        force nothing could be worked on that waits here.
        """
        frames = list(frames)
        bring_readings = any(frame.header.kind is Kind.DATA for frame in frames)
        with self.lock:
            if bring_readings and self.bytes > self.most_bytes:
                raise JournalFull(
                    f"the journal {self.path.name} has reached its bound of "
                    f"{self.most_bytes >> 20} MiB: "
                    "a consumer is behind or the disk is slow"
                )

            rows = []
            seq = self.newest
            for frame in frames:
                seq += 1
                numbered = msgspec.structs.replace(frame.header, seq=seq)
                body = encode(replace(frame, header=numbered))
                rows.append((seq, frame.header.wm, body, zlib.crc32(body)))

            with self.together():
                self.db.executemany("INSERT INTO frame VALUES (?, ?, ?, ?)", rows)

            self.newest = seq
            self.bytes += sum(len(body) for _, _, body, _ in rows)
            return seq

    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Frames after a place, oldest first: at most `limit`, and no more than fit in a round."""
        found: list[tuple[int, bytes]] = []
        size = 0
        with self.lock:
            rows = self.db.execute(
                "SELECT seq, body FROM frame WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            )
            for seq, body in rows:
                found.append((seq, body))
                size += len(body)
                if size >= READ_BYTES:
                    break

            rows.close()

        return found

    def frames(self, after: int, limit: int) -> list[Frame]:
        """Like `read`, decoded."""
        return [decode(body) for _, body in self.read(after, limit)]

    def last(self) -> int:
        """Number of the newest frame that was committed."""
        return self.newest

    def oldest(self) -> int:
        """Number of the oldest frame that is still held; the next one to come in an empty
        journal."""
        with self.lock:
            return self._one("SELECT min(seq) FROM frame") or self.newest + 1

    def last_wm(self) -> int:
        """Watermark of the newest frame; 0 in an empty journal."""
        with self.lock:
            row = self.db.execute("SELECT wm FROM frame ORDER BY seq DESC LIMIT 1").fetchone()

        return int(row[0]) if row else int(self.meta("wm") or 0)

    def put_outputs(self, outputs: Iterable[Output], checkpoint: Checkpoint | None = None) -> None:
        """Outputs of the step, and with them, in the same transaction, its state and place.

        One that is there already is left as it is. RevisionRefused if it is there with other
        content: then a replay gave something else than the first run did, nothing is written, and
        somebody has to look.
        """
        with self.together():
            for output in outputs:
                self._put_output(output)

            if checkpoint is not None:
                self.db.execute(
                    "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)",
                    (*checkpoint, zlib.crc32(checkpoint.body)),
                )

    def _put_output(self, output: Output) -> None:
        added = self.db.execute(
            "INSERT OR IGNORE INTO output (seq, what, body, crc) VALUES (?, ?, ?, ?)",
            (*output, zlib.crc32(output.body)),
        )
        if added.rowcount:
            return

        there = self.db.execute(
            "SELECT seq, body FROM output WHERE what = ?",
            (output.what,),
        ).fetchone()
        if there[1] != output.body:
            raise RevisionRefused(
                f"frame {output.seq} gave '{output.what}' with other content than frame "
                f"{there[0]} did before. "
                "Nothing was written; please report this with a copy of the journal"
            )

    def outputs(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Outputs after a place, in order."""
        with self.lock:
            return self.db.execute(
                "SELECT id, body FROM output WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            ).fetchall()

    def last_output(self) -> int:
        """Number of the newest output that is held; 0 if none is."""
        with self.lock:
            return self._one("SELECT max(id) FROM output")

    def last_given(self) -> int:
        """Number of the newest output that was ever given, held or not."""
        with self.lock:
            return self._one("SELECT max(seq) FROM sqlite_sequence WHERE name = 'output'")

    def oldest_output(self) -> int:
        """Number of the oldest output that is still held; the next one to come if none is."""
        with self.lock:
            return self._one("SELECT min(id) FROM output") or self.last_given() + 1

    def checkpoint(self, name: str) -> tuple[int, bytes] | None:
        """Place and state of a consumer as it was saved last."""
        with self.lock:
            row = self.db.execute(
                "SELECT place, body FROM checkpoint WHERE name = ?",
                (name,),
            ).fetchone()

        return None if row is None else (int(row[0]), bytes(row[1]))

    def forget(
        self,
        frames_to: int,
        outputs_to: int,
        folded_to: int,
    ) -> None:
        """Drop what every consumer has passed, further stores too (`hold`).

        Outputs of frames after `folded_to` stay: a replay must find them here, or it would add them
        again.
        """
        with self.together():
            frames_to = self._let_go("frame", frames_to)
            outputs_to = self._let_go("output", outputs_to)
            freed = self._one(
                "SELECT sum(length(body)) FROM frame WHERE seq <= ?",
                (frames_to,),
            )
            # Once frames are gone, nothing but these two tells how far the journal was.
            watermark = self._one("SELECT max(wm) FROM frame")
            self.set_meta("newest", str(self.newest))
            self.set_meta("wm", str(watermark))
            self.db.execute(
                "DELETE FROM frame WHERE seq <= ?",
                (frames_to,),
            )
            self.db.execute(
                "DELETE FROM output WHERE id <= ? AND seq <= ?",
                (outputs_to, folded_to),
            )

        self.bytes -= freed

    def tag(self, meter: str, quantity: str) -> int:
        """Integer of a measured value; made when first asked for, never reused."""
        with self.lock:
            row = self.db.execute(
                "SELECT id FROM tag WHERE meter = ? AND quantity = ?",
                (meter, quantity),
            ).fetchone()
            if row is not None:
                return int(row[0])

            with self.together():
                added = self.db.execute(
                    "INSERT INTO tag (meter, quantity) VALUES (?, ?)",
                    (meter, quantity),
                )

            return int(added.lastrowid or 0)

    def names(self) -> dict[int, tuple[str, str]]:
        """All tags: id to (meter, quantity)."""
        with self.lock:
            rows = self.db.execute("SELECT id, meter, quantity FROM tag").fetchall()

        return {int(tag): (meter, quantity) for tag, meter, quantity in rows}

    def close(self) -> None:
        """Close the file; nothing can be asked any more."""
        with self.lock:
            self.db.close()


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def _add_checksums(db: sqlite3.Connection, table: str) -> None:
    """Give a table of an older version the column; what it holds is not checked."""
    if "crc" not in _columns(db, table):
        db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")


def _renew_old_outputs(db: sqlite3.Connection) -> None:
    """A journal of an older version knew its outputs by their position in a frame. They get names
    by that; numbers go on as they were."""
    if "n" not in _columns(db, "output"):
        return

    given = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'output'").fetchone()
    db.execute("ALTER TABLE output RENAME TO output_before")
    db.execute(f"CREATE TABLE {_TABLES[1]}")
    db.execute(
        "INSERT INTO output (id, seq, what, body) SELECT id, seq, 'frame ' || seq || ' output ' "
        "|| n, body FROM output_before"
    )
    db.execute("DROP TABLE output_before")
    if given is not None:
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'output'")
        db.execute("INSERT INTO sqlite_sequence VALUES ('output', ?)", given)
