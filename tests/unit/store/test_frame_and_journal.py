"""Frames survive their encoding; the journal keeps order, and
outputs are there once whatever is repeated.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.errors import JournalFull
from plant.frame import (
    SCHEMA,
    Event,
    Header,
    Kind,
    batch,
    control_frame,
    data_frame,
    decode,
    encode,
)
from store.journal import Checkpoint, Output, SqliteJournal

HEADER = Header(SCHEMA, "works", "j", 1, 2, "c")


@given(
    st.lists(
        st.tuples(st.integers(0, 2**62), st.integers(0, 2**31 - 1), st.floats(allow_nan=False)),
        max_size=200,
    )
)
def test_frames_survive_encoding(rows: list[tuple[int, int, float]]) -> None:
    ts, tag, value = ([r[i] for r in rows] for i in range(3))
    frame = data_frame(HEADER, batch(ts, tag, value, events=(Event(1, 2, "RUN"),)))
    back = decode(encode(frame))
    assert back.header == HEADER
    assert back.events == (Event(1, 2, "RUN"),)
    for name in ("ts", "received", "tag", "value", "quality"):
        assert np.array_equal(getattr(back, name), getattr(frame, name))


FRAME_OF_0_1_0 = (
    "V0xGMXwAAAAAAAAAeyJoZWFkZXIiOnsic2NoZW1hIjoxLCJzaXRlIjoid29ya3MiLCJqb3VybmFsIjoi"
    "aiIsInNlcSI6Nywid20iOjIwMDAsImNvbmZpZyI6ImMiLCJraW5kIjowfSwicm93cyI6NCwiZXZlbnRz"
    "IjpbWzUsOSwiUlVOIl1dfQECAAAAGAAAAAAAAAADAAAA6AMAAAAAAADQBwAAAAAAAAECAAAAGAAAAAAA"
    "AAADAAAA8gMAAAAAAADaBwAAAAAAAAAEAAAAEAAAAAQAAAAFAAAABgAAAAQAAAAABAAAACAAAAAAAAAA"
    "AAD4PwAAAAAAAPh/AAAAAAAAAMAAAAAAAAAdQAAEAAAABAAAAAADAAA="
)


def test_frames_of_0_1_0_are_read() -> None:
    frame = decode(base64.b64decode(FRAME_OF_0_1_0))
    assert (frame.header.seq, frame.header.wm) == (7, 2000)
    assert frame.events == (Event(5, 9, "RUN"),)
    assert frame.ts.tolist() == [1000, 1000, 1000, 2000]
    assert frame.received.tolist() == [1010, 1010, 1010, 2010]
    assert frame.tag.tolist() == [4, 5, 6, 4]
    assert frame.quality.tolist() == [0, 3, 0, 0]
    assert np.array_equal(frame.value, [1.5, np.nan, -2.0, 7.25], equal_nan=True)


def test_a_value_of_a_large_plant_takes_a_few_bytes() -> None:
    meters, values = 250, 120
    chance = np.random.default_rng(1)
    polled = np.sort(chance.integers(0, 250_000_000, meters))
    times = np.repeat(polled, values)
    measured = chance.uniform(0.0, 500.0, meters * values).astype(np.float32)
    rows = batch(times, np.arange(len(times)), measured, received=times + 1_000_000)
    assert len(encode(data_frame(HEADER, rows))) < 5 * len(times)


def test_a_failed_value_is_not_zero() -> None:
    frame = decode(encode(data_frame(HEADER, batch([1], [1], [float("nan")]))))
    assert np.isnan(frame.value[0])
    assert frame.quality[0] == 3


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="not a frame"):
        decode(b"hello")


def test_journal_orders_and_repeats_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    first = journal.append(data_frame(HEADER, batch([1], [1], [1.0])))
    second = journal.append(
        control_frame(Header(SCHEMA, "works", "j", 1, 2, "c", Kind.CONTROL), b"{}")
    )
    assert [f.header.seq for f in journal.frames(0, 10)] == [first, second]
    assert journal.frames(first, 10)[0].header.kind is Kind.CONTROL
    for _ in range(2):
        journal.put_outputs(
            [Output(first, "a", b"a"), Output(second, "b", b"b")],
            Checkpoint("step", second, b"state"),
        )
    assert [body for _, body in journal.outputs(0, 10)] == [b"a", b"b"]
    journal.forget(second, journal.last_output(), second)
    journal.close()
    again = SqliteJournal(tmp_path / "j.db")
    assert again.append(data_frame(HEADER, batch([2], [1], [1.0]))) == second + 1
    assert again.checkpoint("step") == (second, b"state")
    assert again.tag("m", "q") == again.tag("m", "q") != again.tag("m", "r")
    again.close()


def test_a_full_journal_refuses_with_a_reason(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db", most_bytes=10)
    journal.append(data_frame(HEADER, batch([1], [1], [1.0])))
    with pytest.raises(JournalFull, match="bound"):
        journal.append(data_frame(HEADER, batch([1], [1], [1.0])))
    journal.close()


def filled(path: Path, most_bytes: int = 4 << 30) -> SqliteJournal:
    """Ten frames with an output each."""
    journal = SqliteJournal(path, most_bytes)
    for i in range(10):
        seq = journal.append(data_frame(HEADER, batch([i], [1], [float(i)])))
        journal.put_outputs([Output(seq, f"book {seq}", b"book")])
    return journal


def kept(journal: SqliteJournal) -> tuple[list[int], list[int]]:
    return [seq for seq, _ in journal.read(0, 100)], [i for i, _ in journal.outputs(0, 100)]


def test_what_a_further_store_has_not_taken_is_kept(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j.db")
    assert (journal.held("far", "frame"), journal.held("far", "output")) == (0, 0)
    journal.hold("far", "frame", 4)
    journal.hold("far", "output", 7)
    journal.forget(9, 9, 10)
    assert kept(journal) == ([5, 6, 7, 8, 9, 10], [8, 9, 10])
    journal.close()
    again = SqliteJournal(tmp_path / "j.db")
    assert (again.held("far", "frame"), again.held("new", "frame")) == (4, 4)
    again.hold("far", "frame", 10)
    again.release("far")
    again.forget(10, 10, 10)
    assert kept(again) == ([], [])
    assert (again.held("new", "frame"), again.held("new", "output")) == (10, 10)
    assert again.lost("far", "frame") == 0
    again.close()


def test_past_the_bound_the_oldest_that_waits_is_let_go_and_counted(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j.db")
    journal.hold("far", "frame", 1)
    journal.hold("far", "output", 0)
    journal.most_bytes = 2 * sum(len(body) for _, body in journal.read(6, 4))
    journal.forget(9, 9, 10)
    frames, outputs = kept(journal)
    assert frames == [7, 8, 9, 10]
    assert outputs == list(range(1, 11))
    assert (
        journal.lost("far", "frame"),
        journal.lost("far", "output"),
        journal.held("far", "frame"),
    ) == (5, 0, 6)
    assert journal.bytes == sum(len(body) for _, body in journal.read(0, 100))
    journal.forget(9, 9, 10)
    assert journal.lost("far", "frame") == 5
    journal.close()
