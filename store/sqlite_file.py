"""Opening a SQLite file so that damage is said and never worked with: the file itself, and the log
of newest commits beside it.

SQLite reads its log up to the first frame that does not fit and forgets the rest without a word.
That is right after a power cut, when the last commit was half written and acknowledged to nobody.
It is wrong when commits follow the damaged frame: they were acknowledged. So the log is read here
first, by SQLite's own rules (https://www.sqlite.org/walformat.html), before anything is opened or
changed.
"""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass
from pathlib import Path

from store.faults import DataFile, in_our_words

HEADER = struct.Struct(">IIIIIIII")
FRAME = struct.Struct(">IIIIII")
MAGIC = 0x377F0682
"""The last bit says in which byte order the checksums were made."""

WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Log:
    """What stands in a write-ahead log: commits that can be read, and commits behind a damaged
    frame."""

    whole: int
    lost: int


def open_sqlite(path: Path | str, file: DataFile) -> sqlite3.Connection:
    """A connection on which each statement commits itself, durable at each commit. StoreDamaged,
    before anything was changed."""
    if str(path) != ":memory:":
        _refuse_damaged_log(Path(path), file)

    with in_our_words(file):
        db = sqlite3.connect(
            str(path),
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(3)")]
        except sqlite3.Error:
            db.close()
            raise

    if found != ["ok"]:
        db.close()
        raise file.damaged("; ".join(" ".join(line.split()) for line in found))

    return db


def _refuse_damaged_log(path: Path, file: DataFile) -> None:
    log_path = path.with_name(path.name + "-wal")
    size = log_path.stat().st_size if log_path.exists() else 0
    if not size:
        return

    if not path.exists() or not path.stat().st_size:
        raise file.damaged(f"it is missing or empty, and {log_path.name} is still there")

    log = read_log(log_path)
    if log.lost:
        raise file.damaged(
            f"in {log_path.name} a frame is broken, and {log.lost} commits behind it cannot be "
            "read "
            f"({log.whole} before it can; to go on with those, move {log_path.name} away after "
            "saving a copy)"
        )


def read_log(path: Path) -> Log:
    """Count the commits of a write-ahead log before and behind its first broken frame.

    Frames of an earlier round, which a checkpoint left standing, carry other salts; they are
    neither.
    """
    data = path.read_bytes()
    if len(data) < HEADER.size:
        return Log(
            whole=0,
            lost=0,
        )

    magic, _, page_size, _, salt_1, salt_2, sum_1, sum_2 = HEADER.unpack_from(data)
    order = ">" if magic & 1 else "<"
    sums = _checksum(data[:24], (0, 0), order)
    sound = magic | 1 == MAGIC | 1 and sums == (sum_1, sum_2)
    if not sound:
        # Nothing can be checked against a broken header; SQLite would forget the log as a whole.
        return Log(
            whole=0,
            lost=1,
        )

    whole = 0
    lost = 0
    length = FRAME.size + page_size
    for at in range(HEADER.size, len(data) - length + 1, length):
        _, pages_after, *found = FRAME.unpack_from(data, at)
        frame_salts = (found[0], found[1])
        is_commit = pages_after > 0
        if sound:
            sums = _checksum(data[at : at + 8], sums, order)
            sums = _checksum(data[at + FRAME.size : at + length], sums, order)
            sound = frame_salts == (salt_1, salt_2) and sums == (found[2], found[3])

        if sound:
            whole += is_commit
        elif frame_salts == (salt_1, salt_2):
            lost += is_commit

    return Log(
        whole=whole,
        lost=lost if lost > 1 else 0,
    )


def _checksum(
    data: bytes,
    start: tuple[int, int],
    order: str,
) -> tuple[int, int]:
    """SQLite's running sum over pairs of 32-bit words: s0 += x0 + s1, s1 += x1 + s0."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(
        words[::2],
        words[1::2],
        strict=True,
    ):
        first = (first + even + second) & WORD
        second = (second + odd + first) & WORD

    return first, second
