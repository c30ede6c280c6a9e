"""`wattline store compare`: the same figures in the embedded store and in InfluxDB, per line and hour, as sums of the last revision of each window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from plant.units import HOUR_NS
from store.duck import DuckStore
from store.influx import InfluxStore
from store.schema import LINE_FIELDS

DAY_NS = 24 * HOUR_NS
KEYS = ["hour", "line"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one line and hour. None: not known there."""

    line: str
    hour: str
    figure: str
    embedded: float | None
    influx: float | None

    def __str__(self) -> str:
        return f"{self.hour} {self.line:24} {self.figure:28} embedded {self.embedded}, InfluxDB {self.influx}"


def compare(
    duck: DuckStore, influx: InfluxStore, window_s: float, start: int, end: int
) -> tuple[int, list[Difference]]:
    """How many figures were compared between two times (ns), and those that are not the same."""
    there = set(duck.query("SELECT * FROM line LIMIT 0")) if duck.has("line") else set()
    fields: list[str] = [name for name in LINE_FIELDS if name in there]
    compared, found = 0, []
    for a, b in _days(start, end):
        both = _embedded(duck, fields, a, b).join(
            _influx(influx, fields, window_s, a, b), KEYS, "full", suffix="_influx", coalesce=True
        )
        compared += len(both) * len(fields)
        for name in fields:
            found += _unequal(both, name)
    return compared, sorted(found, key=lambda d: (d.hour, d.line, d.figure))


def _days(start: int, end: int) -> Iterator[tuple[int, int]]:
    for a in range(start, end, DAY_NS):
        yield a, min(a + DAY_NS, end)


def _embedded(duck: DuckStore, fields: list[str], start: int, end: int) -> pl.DataFrame:
    sums = ", ".join(f'sum("{f}") FILTER (NOT isnan("{f}")) AS "{f}"' for f in fields)
    asked = (
        f"SELECT start - start % {HOUR_NS} AS hour, line, {sums} FROM line WHERE start >= ? AND start < ? GROUP BY ALL"
    )
    rows, text = duck.query(asked, [start, end]), duck.text()
    named = {"hour": rows["hour"].astype(np.int64), "line": [text[int(code)] for code in rows["line"]]}
    return _frame({**named, **{f: rows[f] for f in fields}}, fields)


def _influx(influx: InfluxStore, fields: list[str], window_s: float, start: int, end: int) -> pl.DataFrame:
    between = f"time >= {start} AND time < {end}"
    last, total = (", ".join(f'{way}("{f}") AS "{f}"' for f in fields) for way in ("last", "sum"))
    inner = f"SELECT {last} FROM line WHERE site = '{influx.site}' AND {between} GROUP BY time({round(window_s)}s), line fill(none)"
    series = influx.query(f"SELECT {total} FROM ({inner}) WHERE {between} GROUP BY time(1h), line fill(none)")
    columns: dict[str, list[Any]] = {name: [] for name in (*KEYS, *fields)}
    for one in series:
        columns["hour"] += one.columns["time"]
        columns["line"] += [one.tags["line"]] * len(one.columns["time"])
        for f in fields:
            columns[f] += one.columns[f]
    return _frame(columns, fields)


def _frame(columns: dict[str, Any], fields: list[str]) -> pl.DataFrame:
    kinds = {"hour": pl.Int64, "line": pl.String, **dict.fromkeys(fields, pl.Float64)}
    return pl.DataFrame(columns, schema=kinds).with_columns(pl.col(fields).fill_nan(None))


def _unequal(both: pl.DataFrame, name: str) -> list[Difference]:
    mine, other = pl.col(name), pl.col(f"{name}_influx")
    near = (mine - other).abs() <= 1e-9 * pl.max_horizontal(mine.abs(), other.abs(), 1.0)
    rows = both.filter(~(near.fill_null(False) | (mine.is_null() & other.is_null())))
    return [
        Difference(r["line"], _iso(r["hour"]), name, r[name], r[f"{name}_influx"]) for r in rows.iter_rows(named=True)
    ]


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%MZ")


def as_json(compared: int, found: list[Difference]) -> dict[str, Any]:
    """What `--json` prints."""
    return {"ok": not found and compared > 0, "compared": compared, "differences": [asdict(d) for d in found]}
