"""Raw readings have two bounds; the oldest go, books stay, and the file stops growing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from store.duck import DuckStore
from store.retention import DAY, GB, HOUR, Keep

START = 1_767_225_600_000_000_000
BLOCK = 262_144


def readings(first_hour: int, hours: int, an_hour: int = 40_000) -> dict[str, np.ndarray]:
    """Readings that do not compress away."""
    n, chance = hours * an_hour, np.random.default_rng(first_hour)
    ts = START + first_hour * HOUR + np.sort(chance.integers(0, hours * HOUR, n))
    return {
        "ts": ts, "received": ts + chance.integers(0, 10**9, n), "tag": chance.integers(1, 300, n).astype(np.int32),
        "value": chance.normal(size=n), "quality": np.zeros(n, np.uint8),
    }  # fmt: skip


def book(window: int) -> dict[str, dict[str, np.ndarray]]:
    start = np.array([START + window * 60_000_000_000])
    return {
        "line": {
            "start": start,
            "rev": np.zeros(1, np.int32),
            "line": np.zeros(1, np.int32),
            "kwh": np.ones(1),
        }
    }


def oldest(store: DuckStore) -> int:
    return int(store.query("SELECT min(ts) AS t FROM reading")["t"][0])


def test_by_age() -> None:
    store = DuckStore(None)
    store.write_readings(readings(0, 10, 100), "j", 1)
    store.forget_readings(Keep(days=4 / 24), START + 10 * HOUR)
    assert START + 6 * HOUR <= oldest(store) < START + 7 * HOUR
    store.forget_readings(Keep(), START + 10 * HOUR)
    assert store.query("SELECT count(*) AS n FROM reading")["n"][0] > 300


def test_by_size_the_oldest_go_and_the_file_stops_growing(tmp_path: Path) -> None:
    path = tmp_path / "f.duckdb"
    store, keep, sizes = DuckStore(path), Keep(gb=40 * BLOCK / GB), []
    for turn in range(12):
        store.write_readings(readings(turn * 8, 8), "j", turn + 1)
        store.write_books(book(turn), [], "j", turn + 1)
        store.db.execute("CHECKPOINT")
        newest = int(store.query("SELECT max(ts) AS t FROM reading")["t"][0])
        store.forget_readings(keep, newest)
        assert store.readings_bytes() <= keep.gb * GB
        assert int(store.query("SELECT max(ts) AS t FROM reading")["t"][0]) == newest
        sizes.append(path.stat().st_size)
    assert oldest(store) > START + 60 * HOUR
    assert store.query("SELECT count(*) AS n FROM line")["n"][0] == 12
    assert store.query("SELECT sum(kwh) AS s FROM line_1h")["s"][0] == 12.0
    assert max(sizes[6:]) <= max(sizes[:6]) + 4 * BLOCK
    store.close()
    again = DuckStore(path)
    assert again.place("readings", "j") == 12
    assert again.query("SELECT count(*) AS n FROM line")["n"][0] == 12
    again.close()


def test_below_both_bounds_nothing_goes(tmp_path: Path) -> None:
    store = DuckStore(tmp_path / "f.duckdb")
    store.write_readings(readings(0, 2, 1000), "j", 1)
    store.forget_readings(Keep(), START + 2 * DAY)
    assert store.query("SELECT count(*) AS n FROM reading")["n"][0] == 2000
    store.close()


@pytest.mark.parametrize(
    ("keep", "says"),
    [(Keep(), "7 days or up to 20 GB"), (Keep(0.5, 1.5), "0.5 days or up to 1.5 GB")],
)
def test_it_is_said(keep: Keep, says: str) -> None:
    assert says in keep.sentence()
