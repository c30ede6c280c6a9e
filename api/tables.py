"""Series of the store in the JSON that InfluxDB clients read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from api.answers.influx import Cell, InfluxAnswer, InfluxSeries, Statement
from api.ports import Table
from plant.arrays import Floats

EPOCHS: Final = {
    "ns": 1,
    "n": 1,
    "u": 10**3,
    "µ": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""Nanoseconds of a unit of time, by the word that clients send for it."""
_SECOND: Final = 10**9


def answer(found: Sequence[Sequence[Table]], epoch: str) -> InfluxAnswer:
    """All statements; `epoch` is the unit of times, RFC 3339 where it is empty."""
    scale = EPOCHS.get(epoch)
    return InfluxAnswer(
        results=[statement(number, series, scale) for number, series in enumerate(found)]
    )


def statement(
    number: int,
    found: Sequence[Table],
    scale: int | None,
) -> Statement:
    """One statement with its series; one that found nothing has none."""
    if not found:
        return Statement(statement_id=number)

    return Statement(
        statement_id=number,
        series=[_series(table, scale) for table in found],
    )


def _series(table: Table, scale: int | None) -> InfluxSeries:
    columns = [_column(values) for values in table.values]

    if table.columns[0] == "time":
        columns.insert(0, _times(table.times, scale))

    return InfluxSeries(
        columns=table.columns,
        values=list(zip(*columns, strict=True)),
        name=table.name or UNSET,
        tags=table.tags or UNSET,
    )


def _column(values: Sequence[object] | Floats) -> list[Cell]:
    """Values of a column; unknown is null."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        # A number that is not itself is NaN.
        return [None if value != value else value for value in values.tolist()]

    return list(values)


def _times(times: npt.NDArray[np.int64], scale: int | None) -> list[Cell]:
    if scale is not None:
        return list((times // scale).tolist())

    return [_rfc3339(moment) for moment in times.tolist()]


def _rfc3339(moment_ns: int) -> str:
    """A moment with as many decimals as it has."""
    seconds, rest = divmod(moment_ns, _SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f"{rest:09d}".rstrip("0")
    return f"{text}.{decimals}Z" if decimals else f"{text}Z"
