"""A dashboard opened: all queries of the Site board over 24 h and
30 days, asked as Grafana asks them, six at a time.

The embedded store behind our API, and InfluxDB 1.8 where it is built, hold the same 30 days of
one-minute windows of 21 lines and remainders and their flows; 2,000 readings a second are written
into the embedded store meanwhile. Of InfluxDB over 30 days, what counts is how many queries are
answered before Grafana gives up (its `[dataproxy] timeout`, 30 s).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.record import figure, record
from dashboards.grafana.build import FOLDER
from dashboards.grafana.lint import REPLACED, panels
from store.duck import DuckStore
from store.influx import Access, InfluxStore
from store.influxql.query import Answerer
from store.schema import SCHEMA
from tests.influx_rig import Influxd

MINUTE, DAY = 60 * 10**9, 86_400 * 10**9
DAYS, SITE = 30, "bench"
LINES = [f"line_{i}" for i in range(15)] + [f"unmetered.bus_{i}" for i in range(6)]
SOURCES, VIAS, CARRIERS = ["grid", "pv", "steam", "gas"], ["", "battery"], ["electricity", "heat"]
AT_ONCE = 6
GRAFANA_S = 30.0


def days(end: int) -> Iterator[dict[str, dict[str, Any]]]:
    """Tables of one day after the other, ending at `end`."""
    chance = np.random.default_rng(1)
    for day in range(DAYS):
        starts = np.arange(
            end - (DAYS - day) * DAY,
            end - (DAYS - day - 1) * DAY,
            MINUTE,
            np.int64,
        )
        start = np.repeat(starts, len(LINES))
        line = {
            "start": start,
            "rev": np.zeros(len(start), np.int32),
            "line": np.tile(np.arange(len(LINES), dtype=np.int32), len(starts)),
        }
        line |= {f: chance.random(len(start)) * 60.0 for f in SCHEMA["line"].fields}
        combos = [
            (n, c, s, v)
            for n in range(len(LINES))
            for c in range(1)
            for s in range(4)
            for v in range(2)
            if (s < 2 or v == 0)
        ]
        node, carrier, source, via = (
            np.tile(np.array(x, np.int32), len(starts)) for x in zip(*combos, strict=True)
        )
        start = np.repeat(starts, len(combos))
        names = len(LINES)
        flow = {
            "start": start, "rev": np.zeros(len(start), np.int32), "kind": np.zeros(len(start), np.int8), "node": node,
            "carrier": carrier + names, "source": source + names + 2, "via": via + names + 6, "origin": start - start % (60 * MINUTE),
        }  # fmt: skip
        flow |= {f: chance.random(len(start)) for f in SCHEMA["flow"].fields}
        yield {
            "line": line,
            "flow": flow,
        }


def boards(name: str) -> list[str]:
    """The queries of a board to the figures, with what Grafana fills in left open."""
    board = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [
        t["query"]
        for p in panels(board)
        for t in p["targets"]
        if t["datasource"]["uid"] == "${datasource}"
    ]


def filled(
    query: str,
    since: int,
    until: int,
) -> str:
    """A query as Grafana sends it for a range."""
    span = until - since
    own = {
        "$timeFilter": f"time >= {since // 10**6}ms and time <= {until // 10**6}ms", "$__interval": f"{max(60, span // 10**9 // 1000)}s",
        "$bucket": "1h" if span <= 2 * DAY else "1d", "/^$site$/": f"/^{SITE}$/", "/^$line$/": "/^(line_1|line_2)$/",
    }  # fmt: skip
    for word, text in (REPLACED | own).items():
        query = query.replace(word, text)

    return query


def opened(ask: Callable[[str], Any], queries: list[str]) -> float:
    """Seconds until every panel has its answer."""
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(ask, queries):
            assert "error" not in found["results"][0], found

    return time.perf_counter() - began


def answered(ask: Callable[[str], Any], queries: list[str]) -> int:
    """How many queries of a board are answered before Grafana gives up."""

    def tried(query: str) -> bool:
        try:
            return "error" not in ask(query)["results"][0]
        except TimeoutError:
            return False

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(tried, queries))


def writer(store: DuckStore, stop: threading.Event) -> None:
    """2,000 readings a second."""
    tags = np.arange(500, dtype=np.int32)
    place = 0
    while not stop.wait(0.25):
        now, place = np.full(500, time.time_ns()), place + 1
        columns = {
            "ts": now,
            "received": now,
            "tag": tags,
            "value": np.random.default_rng().random(500),
            "quality": np.zeros(500, np.uint8),
        }
        store.write_readings(columns, "bench", place)


def build(folder: Path, end: int) -> DuckStore:
    """The embedded store with all days in it."""
    store = DuckStore(folder / "bench.duckdb")
    for name in [
        *LINES,
        *CARRIERS,
        *SOURCES,
        *VIAS,
    ]:
        store.code(name)

    for place, tables in enumerate(days(end), 1):
        store.write_books(
            tables,
            [],
            "bench",
            place,
        )

    return store


def local(store: DuckStore) -> Callable[[str], Any]:
    """Asks our API's function, encoding included."""
    import msgspec

    from api.tables import statement

    answerer = Answerer(SITE, store, dict)

    def ask(query: str) -> Any:
        found = answerer.answer(query, time.time_ns())
        return json.loads(
            msgspec.json.encode({"results": [statement(i, s, 10**6) for i, s in enumerate(found)]})
        )

    return ask


def filled_influx(folder: Path, end: int) -> Influxd:
    """InfluxDB 1.8 with the same days."""
    influx = Influxd(folder)
    influx.databases()
    store = InfluxStore(
        Access(
            influx.url,
            "wattline",
            "wattline",
            "wattline_raw",
            None,
        ),
        SITE,
        folder / "dead.jsonl",
    )
    for name in [
        *LINES,
        *CARRIERS,
        *SOURCES,
        *VIAS,
    ]:
        store.code(name)

    for tables in days(end):
        store.write_books(tables)

    store.close()
    return influx


def settled(pid: int, most_s: float = 180.0) -> None:
    """Wait until a process has done what it does after a large load
    (compaction): less than a tenth of a core for five seconds.
    """
    end, quiet = time.monotonic() + most_s, 0
    while quiet < 5 and time.monotonic() < end:
        before = _ticks(pid)
        time.sleep(1.0)
        quiet = quiet + 1 if _ticks(pid) - before < 10 else 0


def _ticks(pid: int) -> int:
    """CPU time of a process in hundredths of a second."""
    return sum(
        map(
            int,
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13],
        )
    )


RANGES = (("24 h", DAY, 0.3), ("30 days", 30 * DAY, 1.0))


def measured(
    ask: Callable[[str], Any],
    where: str,
    end: int,
    rounds: int,
    ranges: Any = RANGES,
) -> list[Any]:
    """Both boards over the ranges; medians."""
    found = []
    for name in ("site", "carbon"):
        for label, span, goal in ranges:
            queries = [filled(q, end - span + 7_123 * 10**6, end) for q in boards(name)]
            seconds = statistics.median(opened(ask, queries) for _ in range(rounds))
            what = f"board {name}, {len(queries)} queries, {label}, {where}"
            found.append(
                figure(
                    what,
                    seconds,
                    "s",
                    goal,
                )
            )
            print(
                what,
                round(seconds, 3),
                flush=True,
            )

    return found


def patient(influx: Influxd, end: int) -> list[Any]:
    """InfluxDB over 30 days."""
    found = []
    for name in ("site", "carbon"):
        queries = [filled(q, end - 30 * DAY + 7_123 * 10**6, end) for q in boards(name)]
        count = answered(
            lambda query: influx.ask(
                query,
                epoch="ms",
                most_s=GRAFANA_S,
            ),
            queries,
        )
        what = (
            f"board {name}, of {len(queries)} queries answered in {GRAFANA_S:g} s, 30 days,"
            " InfluxDB 1.8"
        )
        found.append(figure(what, count, "queries"))
        print(
            what,
            count,
            flush=True,
        )

    return found


def main(rounds: int, *, beside: bool) -> None:
    """The embedded store, then InfluxDB `beside` it (some minutes to load)."""
    end = time.time_ns() // DAY * DAY
    with tempfile.TemporaryDirectory() as folder:
        store = build(Path(folder), end)
        stop = threading.Event()
        busy = threading.Thread(
            target=writer,
            args=(store, stop),
            daemon=True,
        )
        busy.start()
        figures = measured(
            local(store),
            "embedded store",
            end,
            rounds,
        )
        stop.set()
        busy.join(5)
        store.close()

    if beside:
        with tempfile.TemporaryDirectory() as folder:
            influx = filled_influx(Path(folder), end)
            settled(influx.process.pid)
            figures += measured(
                lambda query: influx.ask(query, epoch="ms"),
                "InfluxDB 1.8",
                end,
                1,
                (("24 h", DAY, None),),
            )
            figures += patient(influx, end)
            influx.kill()

    record("grafana", figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--embedded-only", action="store_true")
    given = parser.parse_args()
    main(given.rounds, beside=not given.embedded_only)
