"""The same figures as the embedded store and InfluxDB have
them, so that somebody can compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from plant.units import HOUR_NS
from store.duck import DuckStore
from store.influx import InfluxStore
from store.influx_points import KEYS, TRACED
from store.schema import DIRECT, SCHEMA


@dataclass(frozen=True, slots=True)
class Table:
    """A measurement as both stores have it: tags and their columns in the
    embedded store, and the fields that were ever booked.
    """

    name: str
    columns: Mapping[str, str]
    fields: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """What names a row: the hour and the tags."""
        return ["hour", *self.columns]

    def frame(self, columns: Mapping[str, object]) -> pl.DataFrame:
        """Rows of hour, tags and fields; what is not known is null."""
        kinds: dict[str, type[pl.DataType]] = {"hour": pl.Int64}
        kinds |= dict.fromkeys(self.columns, pl.String)
        kinds |= dict.fromkeys(self.fields, pl.Float64)
        return pl.DataFrame(columns, schema=kinds).with_columns(pl.col(self.fields).fill_nan(None))


def table_of(duck: DuckStore, name: str) -> Table | None:
    """A measurement; None if nothing was ever booked of it."""
    if not duck.has(name):
        return None

    there = set(duck.query(f"SELECT * FROM {name} LIMIT 0"))
    columns = dict(
        zip(
            SCHEMA[name].tags[1:],
            KEYS[name],
            strict=True,
        )
    )
    fields = tuple(field for field in SCHEMA[name].fields if field in there)
    return Table(name, columns, fields)


def embedded_hours(
    duck: DuckStore,
    table: Table,
    start: int,
    end: int,
) -> pl.DataFrame:
    """Sums by hour in the embedded store.

    A window's rows of one series are one point
    (`store.influx_points`), and only then part of an hour.
    """
    tags = ", ".join(f"{column} AS {tag}" for tag, column in table.columns.items())
    point = ", ".join(f'sum("{field}") AS "{field}"' for field in table.fields)
    sums = ", ".join(
        f'sum("{field}") FILTER (NOT isnan("{field}")) AS "{field}"' for field in table.fields
    )
    traced_only = f" AND kind IN {TRACED}" if table.name == "flow" else ""
    points = (
        f"SELECT start, {tags}, {point} FROM {table.name} "
        f"WHERE start >= ? AND start < ?{traced_only} GROUP BY ALL"
    )
    keys = ", ".join(table.columns)
    rows = duck.query(
        f"SELECT start - start % {HOUR_NS} AS hour, {keys}, {sums} FROM ({points}) GROUP BY ALL",
        [start, end],
    )
    names = duck.text()
    columns: dict[str, object] = {"hour": rows["hour"].astype(np.int64)}
    for tag in table.columns:
        columns[tag] = [names[int(code)] or DIRECT for code in rows[tag]]

    for field in table.fields:
        columns[field] = rows[field]

    return table.frame(columns)


def influx_windows(
    influx: InfluxStore,
    table: Table,
    window_s: float,
    start: int,
    end: int,
) -> pl.DataFrame:
    """Figures of each window of an hour or less in InfluxDB: the
    last point of each, as every reader takes it.
    """
    last = ", ".join(f'last("{field}") AS "{field}"' for field in table.fields)
    tags = ", ".join(table.columns)
    statement = (
        f"SELECT {last} FROM {table.name} "
        f"WHERE site = '{influx.site}' AND time >= {start} AND time < {end} "
        f"GROUP BY time({round(window_s)}s), {tags} fill(none)"
    )
    columns: dict[str, list[object]] = {name: [] for name in (*table.keys, *table.fields)}
    hour = start - start % HOUR_NS
    for series in influx.query(statement):
        count = len(series.columns["time"])
        columns["hour"] += [hour] * count
        for tag in table.columns:
            columns[tag] += [series.tags[tag]] * count

        for field in table.fields:
            columns[field] += series.columns[field]

    return table.frame(columns)
