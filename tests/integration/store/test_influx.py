"""InfluxStore against a real InfluxDB 1.8.10, with and without
access control; what DuckStore keeps, it keeps too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.figures.products import Producer
from plant.errors import QueryError, RetryableError, SinkRefused
from store.duck import DuckStore
from store.influx import Access, InfluxStore
from tests.influx_rig import Influxd
from tests.loopback import free_port
from tests.rig import START, Rig, text

pytestmark = pytest.mark.net
HOUR = 3_600_000_000_000
MINUTE = 60_000_000_000
PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}, roof: {carrier: electricity, kind: pv, meter: r, into: board}}
buses: {board: {carrier: electricity}, steam: {carrier: steam}}
converters: {boiler: {inputs: {board: e}, outputs: {steam: {efficiency: 0.95}}}}
lines: {press: {draws: {board: l}}, dyer: {draws: {board: d, steam: s}}}
"""


@pytest.fixture(scope="module", params=[False, True], ids=["open", "auth"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Influxd]:
    found = Influxd(tmp_path_factory.mktemp("influxd"), auth=request.param)
    found.databases()
    yield found
    found.stop()


@pytest.fixture
def influx(
    server: Influxd, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[InfluxStore]:
    """Each test has a site of its own in the one server."""
    store = InfluxStore(server.access(), request.node.name, tmp_path / "dead.jsonl")
    yield store
    store.close()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Two hours of one-minute windows; slow steam, so that most windows have a second revision."""
    rig = Rig(text(PLANT, "g r e l d s", window="1m"), tmp_path)
    chance = np.random.default_rng(1)
    for _ in range(120):
        e, line, d = chance.uniform(1, 50, 3)
        rig.feed(
            {
                "g": e + line + d,
                "r": float(chance.uniform(0, 9)),
                "e": e,
                "l": line,
                "d": d,
                "s": 0.9 * e,
            }
        )
    rig.close()
    return rig


def batches(rig: Rig, seed: int) -> list[list[Any]]:
    """All revisions of all books, in batches."""
    books = [book for out in rig.outs for book in out.books]
    assert max(book.revision for book in books) > 0
    cuts = np.sort(np.random.default_rng(seed).choice(len(books), 8, replace=False))
    return [list(part) for part in np.split(np.array(books, dtype=object), cuts) if len(part)]


def hourly_duck(
    store: DuckStore, table: str, names: dict[str, str], field: str
) -> dict[tuple[Any, ...], float]:
    columns = ", ".join(names)
    kinds = "AND kind < 2" if table == "flow" else ""
    rows = store.query(
        f"SELECT start - start % {HOUR} AS hour, {columns}, sum({field}) AS v FROM {table} WHERE NOT isnan({field}) {kinds} GROUP BY ALL"
    )
    named = store.text()
    keys = zip(
        rows["hour"], *([named[int(c)] or "direct" for c in rows[n]] for n in names), strict=True
    )
    return dict(zip(((int(h), *rest) for h, *rest in keys), map(float, rows["v"]), strict=True))


def hourly_influx(
    store: InfluxStore, table: str, names: dict[str, str], field: str
) -> dict[tuple[Any, ...], float]:
    tags = ", ".join(names.values())
    inner = f'SELECT last("{field}") AS v FROM "{table}" WHERE site = \'{store.site}\' AND time >= {START} AND time < {START + 6 * HOUR} GROUP BY time(1m), {tags} fill(none)'
    found = store.query(
        f"SELECT sum(v) AS v FROM ({inner}) WHERE time >= {START} AND time < {START + 6 * HOUR} GROUP BY time(1h), {tags} fill(none)"
    )
    return {
        (int(at), *(one.tags[t] for t in names.values())): float(v)
        for one in found
        for at, v in zip(one.columns["time"], one.columns["v"], strict=True)
    }


TABLES = {
    "line": {"line": "line"}, "bus": {"bus": "bus"}, "source": {"source": "source"},
    "flow": {"node": "line", "carrier": "carrier", "source": "source", "via": "via"},
}  # fmt: skip
FIELDS = [
    ("line", "final_kwh"), ("line", "scope2_location_kg"), ("line", "seconds_unknown"), ("line", "delivered_steam"), ("bus", "remainder"),
    ("source", "given"), ("flow", "amount"), ("flow", "location_kg"),
]  # fmt: skip


def assert_same(duck: DuckStore, influx: InfluxStore) -> None:
    for table, field in FIELDS:
        truth, found = (
            ask(s, table, TABLES[table], field)
            for s, ask in ((duck, hourly_duck), (influx, hourly_influx))
        )  # type: ignore[operator]
        assert set(found) == set(truth), (table, field)
        assert [found[k] for k in truth] == pytest.approx(
            list(truth.values()), rel=1e-9, abs=1e-9
        ), (table, field)


def test_hourly_sums_are_those_of_the_embedded_store(rig: Rig, influx: InfluxStore) -> None:
    """Replayed, and for InfluxDB out of order: the last revision counts."""
    duck = DuckStore(None)
    for store_codes, seeds in ((duck, (1,)), (influx, (2, 3))):
        producer = Producer(rig.site, store_codes.code)
        for seed in seeds:
            parts = batches(rig, seed)
            for i in (
                np.random.default_rng(seed).permutation(len(parts))
                if store_codes is influx
                else range(len(parts))
            ):
                tables = producer.tables(parts[i])
                if store_codes is duck:
                    duck.write_books(tables, [], "j", int(i) + 1)
                else:
                    influx.write_books(tables)
    assert_same(duck, influx)
    assert influx.dead.count == influx.sender.expired == 0
    duck.close()


def readings(minutes: int, tags: int) -> dict[str, np.ndarray]:
    ts = np.repeat(START + np.arange(minutes) * MINUTE, tags)
    value = np.random.default_rng(1).normal(size=len(ts))
    quality = np.zeros(len(ts), np.uint8)
    quality[::7], value[::11] = 3, np.nan
    return {
        "ts": ts,
        "received": ts + 5,
        "tag": np.tile(np.arange(1, tags + 1, dtype=np.int32), minutes),
        "value": value,
        "quality": quality,
    }


def test_readings_are_one_point_a_meter_and_poll(influx: InfluxStore) -> None:
    names = {
        1: ("a", "active_power.total"),
        2: ("a", "voltage.l1"),
        3: ("b 1", "active_power.total"),
        4: ("加, =", "volume.total"),
    }
    columns = readings(50, 4)
    for _ in range(2):
        influx.write_readings(columns, lambda: names)
    found = influx.query(
        f"SELECT * FROM meter WHERE site = '{influx.site}' GROUP BY meter", "wattline_raw"
    )
    got = {
        (one.tags["meter"], field, int(ts)): v
        for one in found
        for field, values in one.columns.items()
        for ts, v in zip(one.columns["time"], values, strict=True)
        if field not in ("time", "site") and v is not None
    }
    good = (columns["quality"] < 3) & np.isfinite(columns["value"])
    truth = {
        (*names[int(t)], int(at)): float(v)
        for t, at, v in zip(*(columns[n][good] for n in ("tag", "ts", "value")), strict=True)
    }
    assert got == truth


def test_bad_lines_are_put_aside_and_the_rest_is_stored(
    server: Influxd, influx: InfluxStore
) -> None:
    good = [f"t,site={influx.site} v={i}.0 {START + i}" for i in range(300)]
    bad = [
        f"t,site={influx.site} v=oops {START}",
        f't,site={influx.site} v="text" {START + 5}',
        "no fields",
    ]
    influx.sender.send(
        "wattline", pl.Series([*good[:77], bad[0], *good[77:150], bad[1], bad[2], *good[150:]])
    )
    rows = [json.loads(line) for line in influx.dead.path.read_text().splitlines()]
    assert sorted(r["line"] for r in rows) == sorted(bad)
    assert all(
        r["reason"].startswith("400: ") and r["bucket"] == "wattline" and r["time"] for r in rows
    )
    assert influx.query(f"SELECT count(v) FROM t WHERE site = '{influx.site}'")[0].columns[
        "count"
    ] == [300]


def test_points_past_the_retention_are_counted(server: Influxd, influx: InfluxStore) -> None:
    server.post("CREATE DATABASE short WITH DURATION 1h")
    influx.sender.send("short", pl.Series([f"t v={i} {START + i}" for i in range(40)]))
    assert (influx.sender.expired, influx.dead.count) == (40, 0)


def test_errors_say_what_to_do(server: Influxd, influx: InfluxStore, tmp_path: Path) -> None:
    with pytest.raises(SinkRefused, match=r"bucket nowhere \(404\).*wattline store init"):
        influx.sender.send("nowhere", _one())
    with pytest.raises(SinkRefused, match="no such retention policy"):
        influx.sender.send("wattline/nowhere", _one())
    with pytest.raises(QueryError, match=r"database not found.*asked: SELECT"):
        influx.query("SELECT v FROM t", "nowhere")
    with pytest.raises(QueryError, match="found SELEC"):
        influx.query("SELEC v FROM t")
    assert influx.query("SELECT v FROM nothing") == []
    if not server.auth:
        return
    for token, status in (("wl:wrong", 401), (None, 401), ("reader:r", 403)):
        if status == 403:
            server.post("CREATE USER reader WITH PASSWORD 'r'")
        store = InfluxStore(server.access(token), "x", tmp_path / "d")
        with pytest.raises(SinkRefused, match=f"{status}"):
            store.sender.send("wattline", _one())
        with pytest.raises(SinkRefused, match=r"40[13]"):
            store.query("SELECT v FROM t")
        store.close()


def test_nobody_there(tmp_path: Path) -> None:
    store = InfluxStore(Access(f"http://127.0.0.1:{free_port()}"), "x", tmp_path / "d")
    with pytest.raises(RetryableError, match="does not answer"):
        store.sender.send("wattline", _one())
    with pytest.raises(RetryableError, match="does not answer"):
        store.query("SELECT v FROM t")
    store.close()


def _one() -> pl.Series:
    return pl.Series([f"t v=1.0 {START}"])
