"""A disk without room: one typed error, nothing half written, and it goes on as soon as there is
room. On a real file system of 6 MB.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from plant.errors import StoreFull
from plant.frame import Frame, Header, batch, data_frame
from plant.ports import Column
from store.alert_book import AlertBook
from store.duck import DuckStore
from store.journal import SqliteJournal

SIZE = "6m"
MOST_WRITES = 2000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; mounting needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """Take all the room that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        room = os.statvfs(folder)
        left = room.f_bavail * room.f_frsize
        file.write(bytes(left))
    return filler


def readings(seed: int, rows: int = 3000) -> dict[str, Column]:
    chance = np.random.default_rng(seed)
    return {
        "ts": chance.integers(0, 1 << 60, rows),
        "received": chance.integers(0, 1 << 60, rows),
        "tag": np.zeros(rows, np.int32),
        "value": chance.random(rows),
        "quality": np.zeros(rows, np.uint8),
    }


def count(store: DuckStore) -> int:
    return int(store.query("SELECT count(*) AS n FROM reading")["n"][0])


def write_until_full(store: DuckStore, tidied: bool) -> int:
    """Write, with or without checkpoints between, until it raises; how many writes did not."""
    for number in range(1, MOST_WRITES):
        try:
            store.write_readings(readings(number), "j", number)
            if tidied and not number % 4:
                store.db.execute("CHECKPOINT")
        except (StoreFull, duckdb.FatalException):
            return number - 1
    raise AssertionError("the disk did not get full")


@pytest.mark.parametrize("tidied", [True, False], ids=["while tidying up", "while committing"])
def test_figures_go_on_when_there_is_room_again(small: Path, tidied: bool) -> None:
    store = DuckStore(small / "figures.duckdb")
    (small / "filler").write_bytes(bytes(1_000_000))
    done = write_until_full(store, tidied)
    (small / "filler").unlink()
    # A commit may have come through although it raised; the place in the store says which.
    place = store.place("readings", "j")
    assert place in (done, done + 1)
    assert count(store) == place * 3000
    store.write_readings(readings(place + 1), "j", place + 1)
    assert count(store) == (place + 1) * 3000
    store.close()
    again = DuckStore(small / "figures.duckdb")
    assert count(again) == (place + 1) * 3000
    again.close()


def test_figures_that_stopped_are_read_again_by_a_question(small: Path) -> None:
    store = DuckStore(small / "figures.duckdb")
    done = write_until_full(store, tidied=True)
    assert count(store) in (done * 3000, (done + 1) * 3000)
    store.close()


def append_until_full(journal: SqliteJournal, frame: Frame) -> int:
    acknowledged = 0
    for _ in range(MOST_WRITES):
        try:
            acknowledged = journal.append(frame)
        except StoreFull:
            return acknowledged
    raise AssertionError("the disk did not get full")


def test_a_journal_acknowledges_no_more_than_it_stores(small: Path) -> None:
    filler = small / "filler"
    filler.write_bytes(bytes(1_000_000))
    journal = SqliteJournal(small / "journal.db")
    header = Header(schema=1, site="s", journal=journal.id, seq=0, wm=0, config="c")
    rows = batch(np.arange(2000), np.arange(2000), np.random.default_rng(1).random(2000))
    frame = data_frame(header, rows)
    acknowledged = append_until_full(journal, frame)
    assert acknowledged > 0
    assert journal.last() == acknowledged
    assert len(journal.read(0, MOST_WRITES)) == acknowledged
    with pytest.raises(StoreFull):
        journal.set_meta("note", "x" * 100_000)
    filler.unlink()
    assert journal.append(frame) == acknowledged + 1
    journal.close()


def note(book: AlertBook) -> None:
    with book.together():
        book.set_part("rules", 1, os.urandom(200_000))
        book.set_meta("place.j", "1")


def test_alerts_are_committed_as_a_whole_or_not(small: Path) -> None:
    book = AlertBook(small / "alerts.db")
    filler = fill_up(small)
    with pytest.raises(StoreFull):
        note(book)
    assert book.place("j") == 0
    filler.unlink()
    note(book)
    assert book.place("j") == 1
    book.close()


def test_a_start_on_a_full_disk_says_so(small: Path) -> None:
    fill_up(small)
    for opening in (SqliteJournal, AlertBook, DuckStore):
        with pytest.raises(StoreFull, match="no room on the disk"):
            opening(small / f"{opening.__name__}.db")
