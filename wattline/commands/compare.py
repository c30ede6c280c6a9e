"""`wattline store compare`: the same figures in the embedded store and in InfluxDB, per series and hour, as sums of the last revision of each window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from plant.units import HOUR_NS
from store.duck import DuckStore
from store.influx import InfluxStore
from store.influx_points import KEYS, TABLES, TRACED
from store.schema import DIRECT, SCHEMA

DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one series (a measurement and its tags but the site) and hour. None: not known there."""

    measurement: str
    tags: Mapping[str, str]
    hour: str
    figure: str
    embedded: float | None
    influx: float | None

    def __str__(self) -> str:
        series = ",".join((self.measurement, *(f"{k}={v}" for k, v in self.tags.items())))
        return f"{self.hour} {series:32} {self.figure:28} embedded {self.embedded}, InfluxDB {self.influx}"


@dataclass(frozen=True, slots=True)
class Table:
    """A measurement as both stores have it: tags and their columns in the embedded store, and the fields that were ever booked."""

    name: str
    columns: Mapping[str, str]
    fields: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        return ["hour", *self.columns]

    def frame(self, columns: Mapping[str, Any]) -> pl.DataFrame:
        kinds = {
            "hour": pl.Int64,
            **dict.fromkeys(self.columns, pl.String),
            **dict.fromkeys(self.fields, pl.Float64),
        }
        return pl.DataFrame(columns, schema=kinds).with_columns(pl.col(self.fields).fill_nan(None))


def compare(
    duck: DuckStore, influx: InfluxStore, window_s: float, start: int, end: int
) -> tuple[int, list[Difference]]:
    """How many figures were compared between two times (ns), and those that are not the same."""
    compared = 0
    found = []
    for table in filter(None, (_table(duck, name) for name in TABLES)):
        for a, b in _parts(start, end, DAY_NS):
            mine = _embedded(duck, table, a, b)
            other = _influx(influx, table, window_s, a, b)
            both = mine.with_columns(there=pl.lit(True)).join(
                other, table.keys, "full", suffix="_influx", coalesce=True
            )
            compared += len(both) * len(table.fields)
            for name in table.fields:
                found += _unequal(both, table, name)
    return compared, sorted(
        found, key=lambda d: (d.hour, TABLES.index(d.measurement), *d.tags.values(), d.figure)
    )


def _table(duck: DuckStore, name: str) -> Table | None:
    if not duck.has(name):
        return None
    there = set(duck.query(f"SELECT * FROM {name} LIMIT 0"))
    columns = dict(zip(SCHEMA[name].tags[1:], KEYS[name], strict=True))
    return Table(name, columns, tuple(f for f in SCHEMA[name].fields if f in there))


def _parts(start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """Spans between multiples of `length`."""
    while start < end:
        yield start, min(start - start % length + length, end)
        start += length - start % length


def _embedded(duck: DuckStore, table: Table, start: int, end: int) -> pl.DataFrame:
    """A window's rows of one series are one point (`store.influx_points`), and only then part of an hour."""
    tags = ", ".join(f"{column} AS {tag}" for tag, column in table.columns.items())
    point = ", ".join(f'sum("{f}") AS "{f}"' for f in table.fields)
    sums = ", ".join(f'sum("{f}") FILTER (NOT isnan("{f}")) AS "{f}"' for f in table.fields)
    kinds = f" AND kind IN {TRACED}" if table.name == "flow" else ""
    inner = f"SELECT start, {tags}, {point} FROM {table.name} WHERE start >= ? AND start < ?{kinds} GROUP BY ALL"
    asked = f"SELECT start - start % {HOUR_NS} AS hour, {', '.join(table.columns)}, {sums} FROM ({inner}) GROUP BY ALL"
    rows = duck.query(asked, [start, end])
    text = duck.text()
    named = {tag: [text[int(code)] or DIRECT for code in rows[tag]] for tag in table.columns}
    return table.frame(
        {"hour": rows["hour"].astype(np.int64), **named, **{f: rows[f] for f in table.fields}}
    )


def _influx(
    influx: InfluxStore, table: Table, window_s: float, start: int, end: int
) -> pl.DataFrame:
    """The last point of each window, as every reader takes it, summed here: InfluxDB 1.8 would read the points once for each sum and field."""
    hours = [_windows(influx, table, window_s, a, b) for a, b in _parts(start, end, HOUR_NS)]
    found = pl.concat(hours).group_by(table.keys)
    return found.agg(
        pl.when(pl.col(f).is_not_null().any()).then(pl.col(f).sum()).alias(f) for f in table.fields
    )


def _windows(
    influx: InfluxStore, table: Table, window_s: float, start: int, end: int
) -> pl.DataFrame:
    """Figures of each window of an hour or less."""
    last = ", ".join(f'last("{f}") AS "{f}"' for f in table.fields)
    asked = f"SELECT {last} FROM {table.name} WHERE site = '{influx.site}' AND time >= {start} AND time < {end}"
    columns: dict[str, list[Any]] = {name: [] for name in (*table.keys, *table.fields)}
    for one in influx.query(
        f"{asked} GROUP BY time({round(window_s)}s), {', '.join(table.columns)} fill(none)"
    ):
        columns["hour"] += [start - start % HOUR_NS] * len(one.columns["time"])
        for tag in table.columns:
            columns[tag] += [one.tags[tag]] * len(one.columns["time"])
        for f in table.fields:
            columns[f] += one.columns[f]
    return table.frame(columns)


def _unequal(both: pl.DataFrame, table: Table, name: str) -> list[Difference]:
    mine = pl.col(name)
    other = pl.col(f"{name}_influx")
    near = (mine - other).abs() <= 1e-9 * pl.max_horizontal(mine.abs(), other.abs(), 1.0)
    same = near.fill_null(False) | (mine.is_null() & other.is_null())
    gone = pl.col("there").is_null() & (other == 0).fill_null(
        False
    )  # a correction took the series away; InfluxDB says so with a zero
    rows = both.filter(~(same | gone))
    return [
        Difference(
            table.name,
            {t: r[t] for t in table.columns},
            _iso(r["hour"]),
            name,
            r[name],
            r[f"{name}_influx"],
        )
        for r in rows.iter_rows(named=True)
    ]


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%MZ")


def as_json(compared: int, found: list[Difference]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "ok": not found and compared > 0,
        "compared": compared,
        "differences": [asdict(d) for d in found],
    }
