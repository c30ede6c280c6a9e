"""Rows of a plan to the series of an answer: buckets without data filled, arithmetic done, series
put in order and cut to their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from plant.arrays import Floats, Ints
from plant.errors import QueryError
from plant.ports import Column, Columns
from store.influxql.plan import QueryPlan, names
from store.influxql.tree import Binary, Call, Expr, Number, Select
from store.influxql.windows import starts, zone_of

POINTS_MOST: Final = 1_000_000
_OPERATORS: Final = {"+": np.add, "-": np.subtract, "*": np.multiply}
Cell = str | int | bool
"""What stands in a table without times."""


@dataclass(slots=True)
class InfluxSeries:
    """One series: times in ns, columns with NaN where nothing is known."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    times: Ints
    values: Sequence[Column | list[Cell]]


def series_of(
    rows: Columns,
    plan: QueryPlan,
    select: Select,
    name: str,
    since: int | None,
    until: int,
) -> list[InfluxSeries]:
    """All series of an aggregating SELECT, from the rows of its plan."""
    values = np.stack(
        [np.asarray(rows[f"c{number}"], np.float64) for number in range(len(plan.calls))]
    )
    some = np.asarray(~np.isnan(values).all(0))
    texts = [np.asarray(rows[tag], str) for tag in plan.tags]
    keys = np.array(
        ["\x00".join(key) for key in zip(*texts, strict=True)] if texts else [""] * len(some)
    )
    found = []
    for key in np.unique(keys[some]):
        mine = np.flatnonzero((keys == key) & some)
        mine = mine[np.argsort(rows["bucket"][mine], kind="stable")]
        tags = (
            dict(
                zip(
                    plan.tags,
                    str(key).split("\x00"),
                    strict=True,
                )
            )
            if plan.tags
            else {}
        )
        times, filled = _filled(
            rows,
            mine,
            values,
            plan,
            select,
            since,
            until,
        )
        columns = [
            _arithmetic(
                column.expr,
                plan.calls,
                filled,
                select,
            )
            for column in select.columns
        ]
        found.append(
            _limited(
                InfluxSeries(
                    name,
                    tags,
                    ["time", *names(select)],
                    times,
                    columns,
                ),
                select,
            )
        )
        if sum(len(series.times) for series in found) > POINTS_MOST:
            raise QueryError(
                f"the answer has more than {POINTS_MOST} points; ask for a longer GROUP BY time "
                "or a shorter range"
            )

    return cut(found, select)


def cut(found: list[InfluxSeries], select: Select) -> list[InfluxSeries]:
    """Series in order of their tags (the other way round with time), SLIMIT and SOFFSET, and none
    without points."""
    found = sorted(
        found,
        key=lambda series: [series.tags[tag] for tag in sorted(series.tags)],
        reverse=select.descending,
    )
    last = None if select.series_limit is None else select.series_skip + select.series_limit
    return [series for series in found[select.series_skip : last] if len(series.times)]


def _filled(
    rows: Columns,
    mine: Ints,
    values: Floats,
    plan: QueryPlan,
    select: Select,
    since: int | None,
    until: int,
) -> tuple[Ints, Floats]:
    """Times and values of one series, buckets without data included as `fill` says."""
    bucket = np.asarray(rows["bucket"][mine], np.int64)
    taken = values[:, mine]
    if select.every is None:
        time = int(rows["t0"][mine[0]]) if plan.timed else (since or 0)
        return np.array([time], np.int64), taken

    if select.fill == "none":
        return bucket, taken

    zone = None if select.timezone is None else zone_of(select.timezone)
    edges = starts(
        int(bucket[0]) if since is None else since,
        until,
        select.every,
        select.offset,
        zone,
    )
    whole = np.full((len(plan.calls), len(edges)), np.nan)
    place = np.searchsorted(edges, bucket)
    kept = (place < len(edges)) & (edges[np.minimum(place, len(edges) - 1)] == bucket)
    whole[:, place[kept]] = taken[:, kept]
    return edges, np.stack(
        [
            _fill(row, call, select)
            for row, call in zip(
                whole,
                plan.calls,
                strict=True,
            )
        ]
    )


def _fill(
    x: Floats,
    call: Call,
    select: Select,
) -> Floats:
    if select.fill == "number":
        if call.function == "count":  # whole numbers are filled with whole numbers
            return np.where(np.isnan(x), np.trunc(select.fill_number), x)

        return np.where(np.isnan(x), select.fill_number, x)

    if select.fill in ("previous", "linear"):
        step = (
            -1 if select.descending else 1
        )  # going back in time, the bucket before is the one after
        return _carried(x[::step], select.fill == "linear")[::step]

    return np.where(np.isnan(x), 0.0, x) if call.function == "count" else x


def _carried(x: Floats, linear: bool) -> Floats:
    """The value before, or a line between those before and after; nothing where there is none."""
    known = np.flatnonzero(~np.isnan(x))
    if not len(known):
        return x

    if linear:
        return np.asarray(
            np.interp(
                np.arange(len(x)),
                known,
                x[known],
                np.nan,
                np.nan,
            )
        )

    at = np.searchsorted(known, np.arange(len(x)), "right") - 1
    return np.asarray(np.where(at >= 0, x[known[np.maximum(at, 0)]], np.nan))


def _arithmetic(
    expr: Expr,
    calls: tuple[Call, ...],
    x: Floats,
    select: Select,
) -> Floats:
    """A column: unknown with anything is unknown; a division by zero is 0, as in InfluxDB."""
    if isinstance(expr, Number):
        return np.full(x.shape[1], expr.value)

    if isinstance(expr, Call):
        return np.asarray(x[calls.index(expr)])

    assert isinstance(expr, Binary)
    left, right = (
        _arithmetic(
            part,
            calls,
            x,
            select,
        )
        for part in (expr.left, expr.right)
    )
    with np.errstate(
        divide="ignore",
        invalid="ignore",
        over="ignore",
    ):
        if expr.operator == "/":
            return np.where((right == 0) & ~np.isnan(left), 0.0, left / right)

        return np.asarray(
            _OPERATORS[expr.operator](left, right),
            np.float64,
        )


def _limited(series: InfluxSeries, select: Select) -> InfluxSeries:
    """ORDER BY time DESC, LIMIT and OFFSET of one series."""
    rows = np.arange(len(series.times))
    rows = rows[::-1] if select.descending else rows
    last = None if select.limit is None else select.skip + select.limit
    chosen = rows[select.skip : last]
    series.times = series.times[chosen]
    series.values = [np.asarray(values)[chosen] for values in series.values]
    return series
