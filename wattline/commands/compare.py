"""`wattline store compare`: the same figures in the embedded store and in InfluxDB, per series and
hour, as sums of the last revision of each window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TypedDict

import polars as pl

from plant.units import HOUR_NS
from store.duck import DuckStore
from store.influx import InfluxStore
from store.influx_points import TABLES
from store.side_by_side import Table, embedded_hours, influx_windows, table_of

DAY_NS: Final = 24 * HOUR_NS
SHOWN: Final = 40
NEAR: Final = 1e-9
"""Relative: both stores hold the same 64-bit numbers, summed in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one series (a measurement and its tags but the site) and hour.

    None: not known there.
    """

    measurement: str
    tags: Mapping[str, str]
    hour: str
    figure: str
    embedded: float | None
    influx: float | None

    def __str__(self) -> str:
        tags = (f"{tag}={value}" for tag, value in self.tags.items())
        series = ",".join((self.measurement, *tags))
        return (
            f"{self.hour} {series:32} {self.figure:28} embedded {self.embedded}, InfluxDB"
            f" {self.influx}"
        )


def compare(
    duck: DuckStore,
    influx: InfluxStore,
    window_s: float,
    start: int,
    end: int,
) -> tuple[int, list[Difference]]:
    """How many figures were compared between two times (ns), and those that are not the same."""
    compared = 0
    found: list[Difference] = []
    for name in TABLES:
        table = table_of(duck, name)
        if table is None:
            continue

        for day_start, day_end in _parts(start, end, DAY_NS):
            mine = embedded_hours(
                duck,
                table,
                day_start,
                day_end,
            )
            other = _influx_hours(
                influx,
                table,
                window_s,
                day_start,
                day_end,
            )
            both = mine.with_columns(there=pl.lit(True)).join(
                other,
                table.keys,
                "full",
                suffix="_influx",
                coalesce=True,
            )
            compared += len(both) * len(table.fields)
            for field in table.fields:
                found += _unequal(both, table, field)

    return compared, sorted(found, key=_order)


def _order(difference: Difference) -> tuple[str, ...]:
    measurement = TABLES.index(difference.measurement)
    return (difference.hour, str(measurement), *difference.tags.values(), difference.figure)


def _parts(
    start: int,
    end: int,
    length: int,
) -> Iterator[tuple[int, int]]:
    """Spans between multiples of `length`."""
    while start < end:
        next_multiple = start - start % length + length
        yield start, min(next_multiple, end)
        start = next_multiple


def _influx_hours(
    influx: InfluxStore,
    table: Table,
    window_s: float,
    start: int,
    end: int,
) -> pl.DataFrame:
    """Sums by hour in InfluxDB, summed here:

    InfluxDB 1.8 would read the points once for each sum and field.
    """
    hours = [
        influx_windows(
            influx,
            table,
            window_s,
            hour_start,
            hour_end,
        )
        for hour_start, hour_end in _parts(start, end, HOUR_NS)
    ]
    sums = []
    for field in table.fields:
        known = pl.col(field).is_not_null().any()
        sums.append(pl.when(known).then(pl.col(field).sum()).alias(field))

    return pl.concat(hours).group_by(table.keys).agg(sums)


def _unequal(
    both: pl.DataFrame,
    table: Table,
    field: str,
) -> list[Difference]:
    """Rows in which one figure differs."""
    mine = pl.col(field)
    other = pl.col(f"{field}_influx")
    size = pl.max_horizontal(mine.abs(), other.abs(), 1.0)
    near = (mine - other).abs() <= NEAR * size
    same = near.fill_null(False) | (mine.is_null() & other.is_null())
    # Where a correction took the series away, InfluxDB says so with a zero.
    gone = pl.col("there").is_null() & (other == 0).fill_null(False)
    return [
        Difference(
            measurement=table.name,
            tags={tag: row[tag] for tag in table.columns},
            hour=_iso(row["hour"]),
            figure=field,
            embedded=row[field],
            influx=row[f"{field}_influx"],
        )
        for row in both.filter(~(same | gone)).iter_rows(named=True)
    ]


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%MZ")


class Compared(TypedDict):
    """What `--json` prints."""

    ok: bool
    compared: int
    differences: list[dict[str, object]]


def as_json(compared: int, found: list[Difference]) -> Compared:
    """The answer for programs; nothing compared is not good."""
    return {
        "ok": not found and compared > 0,
        "compared": compared,
        "differences": [asdict(difference) for difference in found],
    }


def as_text(compared: int, found: list[Difference]) -> str:
    """The answer for people: at most `SHOWN` differences, and how many there are."""
    if not compared:
        return "nothing to compare: neither store has books between these times"

    if not found:
        return f"the same: {compared} figures of lines, flows, buses and sources, by hour"

    lines = [str(difference) for difference in found[:SHOWN]]
    more = len(found) - SHOWN
    if more > 0:
        lines.append(f"... and {more} more")

    lines.append(f"{len(found)} of {compared} figures are not the same")
    return "\n".join(lines)
