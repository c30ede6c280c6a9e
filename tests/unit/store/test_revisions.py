"""A store never holds a window in two revisions: newer ones take their
place, repeats change nothing, all else is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plant.errors import RevisionRefused
from plant.ports import Column
from store.duck import DuckStore
from store.journal import Checkpoint, Output, SqliteJournal

MINUTE = 60_000_000_000
Table = dict[str, Column]


def line(*rows: tuple[int, int, float]) -> dict[str, Table]:
    """Books of one line: (minute, revision, kWh) by row."""
    table = {
        "start": np.array([minute * MINUTE for minute, _, _ in rows], np.int64),
        "rev": np.array([rev for _, rev, _ in rows], np.int32),
        "line": np.zeros(len(rows), np.int32),
        "final_kwh": np.array([kwh for _, _, kwh in rows]),
    }
    closed = {name: table[name] for name in ("start", "rev")}
    return {"line": table, "closed": closed}


def kept(store: DuckStore, table: str = "line") -> list[tuple[int, int, float]]:
    rows = store.query(f"SELECT start, rev, final_kwh FROM {table} ORDER BY start, rev")
    minutes = rows["start"] // MINUTE
    return list(
        zip(minutes.tolist(), rows["rev"].tolist(), rows["final_kwh"].tolist(), strict=True)
    )


@pytest.fixture
def store() -> DuckStore:
    store = DuckStore(None)
    store.code("press")
    store.write_books(line((0, 0, 1.0), (1, 0, 2.0)), [], "j", 1)
    store.write_books(line((1, 1, 2.5), (2, 0, 3.0)), [], "j", 2)
    return store


def test_a_newer_revision_takes_the_place_of_the_older_one(store: DuckStore) -> None:
    assert kept(store) == [(0, 0, 1.0), (1, 1, 2.5), (2, 0, 3.0)]
    assert kept(store, "line_superseded") == [(1, 0, 2.0)]


def test_a_repeat_changes_nothing_but_the_place(store: DuckStore) -> None:
    before = kept(store), kept(store, "line_superseded")
    store.write_books(line((2, 0, 3.0), (1, 1, 2.5)), [], "j", 3)
    assert (kept(store), kept(store, "line_superseded")) == before
    assert store.place("books", "j") == 3


def test_unknown_values_repeat_too() -> None:
    store = DuckStore(None)
    store.write_books(line((0, 0, float("nan"))), [], "j", 1)
    store.write_books(line((0, 0, float("nan"))), [], "j", 2)
    assert len(kept(store)) == 1


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (((1, 0, 2.0),), "holds the window that began at 1970-01-01 00:01:00 UTC in revision 1"),
        (((1, 1, 2.6),), "in the same revision with other content"),
        (((3, 0, 4.0), (0, 0, 1.1)), "in the same revision with other content"),
        (((3, 1, 4.0), (3, 1, 4.0)), "came twice in revision 1"),
    ],
)
def test_what_contradicts_is_refused_and_nothing_is_written(
    store: DuckStore, rows: tuple[tuple[int, int, float], ...], says: str
) -> None:
    before = kept(store)
    store.code("a new name")
    with pytest.raises(RevisionRefused, match=says):
        store.write_books(line(*rows), [], "j", 3)
    assert kept(store) == before
    assert store.place("books", "j") == 2
    assert store.query("SELECT count(*) AS n FROM name")["n"][0] == 1
    # The name of the refused write is saved with the next one, not forgotten.
    store.write_books(line((4, 0, 5.0)), [], "j", 3)
    assert store.query("SELECT count(*) AS n FROM name")["n"][0] == 2


def test_two_revisions_of_a_window_in_one_write(store: DuckStore) -> None:
    store.write_books(line((5, 1, 7.0), (5, 0, 6.0), (1, 1, 2.5), (1, 2, 2.7)), [], "j", 3)
    assert kept(store)[-1] == (5, 1, 7.0)
    assert (1, 2, 2.7) in kept(store)
    assert kept(store, "line_superseded") == [(1, 0, 2.0), (1, 1, 2.5), (5, 0, 6.0)]


def test_a_correction_without_rows_takes_the_old_ones_away(store: DuckStore) -> None:
    books = line((1, 2, 0.0))
    books["line"] = {name: values[:0] for name, values in books["line"].items()}
    store.write_books(books, [], "j", 3)
    assert kept(store) == [(0, 0, 1.0), (2, 0, 3.0)]


def test_outputs_are_known_by_what_they_are_in_whatever_order(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    first = [Output(7, "book 60 r0", b"A"), Output(7, "book 0 r1", b"B")]
    journal.put_outputs(first, Checkpoint("step", 7, b"state"))
    journal.put_outputs([*reversed(first), Output(8, "book 120 r0", b"C")])
    assert [body for _, body in journal.outputs(0, 10)] == [b"A", b"B", b"C"]


def test_a_replay_that_gives_something_else_is_refused_as_a_whole(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    journal.put_outputs([Output(7, "book 60 r0", b"A")], Checkpoint("step", 7, b"state"))
    again = [Output(7, "book 0 r1", b"B"), Output(7, "book 60 r0", b"a")]
    with pytest.raises(RevisionRefused, match="frame 7 gave 'book 60 r0' with other content"):
        journal.put_outputs(again, Checkpoint("step", 8, b"later"))
    assert [body for _, body in journal.outputs(0, 10)] == [b"A"]
    assert journal.checkpoint("step") == (7, b"state")


def test_a_journal_of_an_older_version_keeps_its_outputs_and_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    journal.db.execute("DROP TABLE output")
    journal.db.execute(
        "CREATE TABLE output (id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (seq, n))"
    )
    rows = [(1, 0, b"gone"), (2, 0, b"x"), (2, 1, b"y")]
    journal.db.executemany("INSERT INTO output (seq, n, body) VALUES (?, ?, ?)", rows)
    journal.db.execute("DELETE FROM output WHERE id = 1")
    journal.db.execute("ALTER TABLE frame DROP COLUMN crc")
    journal.close()
    again = SqliteJournal(path)
    assert again.outputs(0, 10) == [(2, b"x"), (3, b"y")]
    again.put_outputs([Output(3, "book 0 r0", b"z")])
    assert again.outputs(3, 10) == [(4, b"z")]
