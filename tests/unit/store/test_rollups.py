"""Roll-ups are the one-minute tables summed, whatever was corrected, restarted or killed; a
question through them gets the same answer.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import rollups
from store.duck import DuckStore
from store.rollups import LEVELS, MINUTE, spans

START = 1_767_225_600_000_000_000
HOUR = 60 * MINUTE
LINES = 3


def windows(minutes: list[int], rev: int, seed: int, bad: float = 0.1) -> dict[str, np.ndarray]:
    """Rows of the line table.

    Values are multiples of 1/64, so that sums are exact in any order; some are unknown.
    """
    chance, n = np.random.default_rng(seed), len(minutes) * LINES
    kwh = chance.integers(-(2**20), 2**20, n) / 64.0
    kwh[chance.random(n) < bad] = np.nan
    start = np.repeat(START + np.array(minutes, np.int64) * MINUTE, LINES)
    line = np.tile(np.arange(LINES, dtype=np.int32), len(minutes))
    return {
        "start": start,
        "rev": np.full(n, rev, np.int32),
        "line": line,
        "kwh": kwh,
        "due_s": np.full(n, 60.0),
    }


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


SUMS = "sum(kwh) FILTER (NOT isnan(kwh)) AS kwh, sum(due_s) AS due_s"


def all_rows(store: DuckStore, sql: str) -> list[tuple[Any, ...]]:
    return list(store.db.execute(sql).fetchall())


def assert_summed(store: DuckStore) -> None:
    """Each roll-up is the windows summed, bit for bit."""
    for suffix, length in LEVELS.items():
        truth = all_rows(
            store,
            f"SELECT start - start % {length} AS s, line, {SUMS} FROM line GROUP BY ALL ORDER BY ALL",
        )
        assert (
            all_rows(store, f"SELECT start, line, kwh, due_s FROM line{suffix} ORDER BY ALL")
            == truth
        )


def asked(store: DuckStore, edges: np.ndarray, whole: bool) -> list[tuple[Any, ...]]:
    """Sums by bucket, through roll-ups or from windows only."""
    found = (
        spans("line", edges) if not whole else [rollups.Span("line", int(edges[0]), int(edges[-1]))]
    )
    rows = " UNION ALL ".join(
        f"SELECT start, kwh, due_s FROM {s.table} WHERE start >= {s.start} AND start < {s.end}"
        for s in found
    )
    bounds = {"edge": edges[:-1]}
    answer = store.db.execute(
        f"SELECT edge, {SUMS} FROM ({rows}) r ASOF JOIN bounds b ON r.start >= b.edge GROUP BY edge ORDER BY edge"
    )
    assert bounds
    return list(answer.fetchall())


batches = st.lists(
    st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True), min_size=1, max_size=6
)


@settings(max_examples=25, deadline=None)
@given(
    batches=batches,
    cuts=st.lists(st.integers(0, 420), min_size=2, max_size=6, unique=True),
    step=st.sampled_from([1, 5, 15, 30, 60]),
)
def test_series_through_roll_ups_equal_the_windows(
    batches: list[list[int]], cuts: list[int], step: int
) -> None:
    store, seen = DuckStore(None), dict[int, int]()
    for place, minutes in enumerate(batches, 1):
        parts = []
        for minute in sorted(minutes):
            seen[minute] = seen.get(minute, -1) + 1
            parts.append(windows([minute], seen[minute], hash((place, minute)) % 2**32))
        store.write_books({"line": joined(parts)}, [], "j", place)
        assert_summed(store)
    first, last = min(cuts), max(cuts)
    regular = np.arange(first - first % step + step, last, step)
    for edges in (np.array(sorted(cuts)), np.concatenate(([first], regular, [last]))):
        ns = START + edges.astype(np.int64) * MINUTE
        assert asked(store, ns, whole=False) == asked(store, ns, whole=True)


@pytest.mark.parametrize(
    ("edges", "tables"),
    [
        ([0, 60, 120], ["line_1h"]),
        ([0, 15, 30], ["line_15m"]),
        ([0, 5, 10], ["line"]),
        ([50, 60, 120, 130], ["line_1h", "line", "line"]),
        ([0, 30, 60, 90], ["line_15m"]),
        ([40, 60, 130], ["line_1h", "line_15m", "line", "line"]),
    ],
)
def test_the_coarsest_tables_that_fit_answer(edges: list[int], tables: list[str]) -> None:
    found = spans("line", START + np.array(edges, np.int64) * MINUTE)
    assert sorted(s.table for s in found) == sorted(tables)
    parts = sorted((s.start, s.end) for s in found)
    assert parts[0][0] == START + edges[0] * MINUTE
    assert parts[-1][1] == START + edges[-1] * MINUTE
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))


def test_a_correction_changes_its_buckets_only(tmp_path: Path) -> None:
    store = DuckStore(tmp_path / "f.duckdb")
    store.write_books({"line": windows(list(range(180)), 0, 1, bad=0.0)}, [], "j", 1)
    before = {r[:2]: r[2] for r in all_rows(store, "SELECT start, line, kwh FROM line_15m")}
    old = {
        r[0]: r[1]
        for r in all_rows(store, f"SELECT line, kwh FROM line WHERE start = {START + 20 * MINUTE}")
    }
    again = windows([20], 1, 2, bad=0.0)
    store.write_books({"line": again}, [], "j", 2)
    after = {r[:2]: r[2] for r in all_rows(store, "SELECT start, line, kwh FROM line_15m")}
    bucket = START + 15 * MINUTE
    for (start, line), kwh in after.items():
        difference = again["kwh"][line] - old[line] if start == bucket else 0.0
        assert kwh - before[start, line] == difference
    assert_summed(store)
    store.close()


def test_a_write_that_fails_leaves_windows_and_roll_ups_as_they_were() -> None:
    store = DuckStore(None)
    store.write_books({"line": windows([0, 1], 0, 1)}, [], "j", 1)
    with pytest.raises(duckdb.Error):
        store.write_books({"line": windows([2], 0, 1)}, [("not a time",) * 7], "j", 2)
    assert all_rows(store, "SELECT count(DISTINCT start) FROM line") == [(2,)]
    assert_summed(store)
    assert store.place("books", "j") == 1


def test_a_file_without_roll_ups_gets_them_at_start(tmp_path: Path) -> None:
    path = tmp_path / "f.duckdb"
    store = DuckStore(path)
    store.write_books({"line": windows(list(range(0, 130, 3)), 0, 1)}, [], "j", 1)
    store.db.execute("DELETE FROM place WHERE consumer = ?", [rollups.MADE_BY])
    for suffix in LEVELS:
        store.db.execute(f"DROP TABLE line{suffix}")
    store.close()
    again = DuckStore(path)
    assert_summed(again)
    again.close()


def test_books_written_by_a_version_without_roll_ups_are_summed_at_start(tmp_path: Path) -> None:
    path = tmp_path / "f.duckdb"
    store = DuckStore(path)
    store.write_books({"line": windows([0, 1, 2], 0, 1)}, [], "j", 1)
    more = windows([3], 0, 2)
    store._put("line", more)
    store._set_place("books", "j", 2)
    store.close()
    again = DuckStore(path)
    assert_summed(again)
    again.close()


def test_a_file_of_an_older_version_takes_new_columns() -> None:
    store = DuckStore(None)
    old = windows([0, 1], 0, 1)
    store.write_books({"line": {n: v for n, v in old.items() if n != "due_s"}}, [], "j", 1)
    store.expect("line", ("kwh", "due_s"))
    assert all_rows(store, "SELECT sum(due_s), count(*) FROM line_15m") == [(None, LINES)]
    store.write_books({"line": windows([2], 0, 2)}, [], "j", 2)
    assert all_rows(store, "SELECT sum(due_s) FROM line_1h") == [(60.0 * LINES,)]
    assert_summed(store)


CHILD = """
import sys
from pathlib import Path
from store.duck import DuckStore
from tests.unit.store.test_rollups import windows
store = DuckStore(Path(sys.argv[1]))
place = store.place("books", "j")
while True:
    place += 1
    store.write_books({"line": windows([place % 90], place // 90, place)}, [], "j", place)
    print(place, flush=True)
"""


def test_killed_between_writes_the_roll_ups_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.duckdb"
    for round_ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(40 + 7 * round_)][-1]
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=10)
        store = DuckStore(path)
        assert store.place("books", "j") >= told
        assert_summed(store)
        store.close()
