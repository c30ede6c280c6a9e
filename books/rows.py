"""How the tables of figures are asked: names to codes, the rows of a span from roll-ups where they
fit, and sums by bucket.

Edges are the boundaries of buckets, ns UTC, rising; n + 1 edges make n buckets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats
from plant.ports import Column, Columns, Store
from store.rollups import known, spans

Edges = npt.NDArray[np.int64]


def codes(store: Store, names: Iterable[str]) -> list[int]:
    """Integers under which names are kept; those that were never booked have none."""
    return [store.codes[name] for name in names if name in store.codes]


def listed(numbers: Iterable[int]) -> str:
    """Numbers as SQL lists them."""
    return ", ".join(map(str, numbers))


def rows_between(
    table: str,
    edges: Edges,
    columns: Iterable[str],
    where: str,
    sums: Collection[str] = (),
) -> str:
    """SQL for rows between the first and the last edge: from roll-ups where they fit the edges,
    from windows where not.

    In windows what is unknown of the `sums` is NaN, and is left out here as it is in roll-ups.
    """
    names = list(columns)
    of_windows = ", ".join(known(name) if name in sums else name for name in names)
    of_roll_ups = ", ".join(names)
    parts = []
    for span in spans(table, edges):
        chosen = of_windows if span.table == table else of_roll_ups
        parts.append(
            f"SELECT start, {chosen} FROM {span.table} "
            f"WHERE start >= {span.start} AND start < {span.end} AND {where}"
        )

    return " UNION ALL ".join(parts)


def in_buckets(
    store: Store,
    edges: Edges,
    select: str,
    rows: str,
    *,
    at: str = "start",
    having: str = "",
    parameters: Sequence[object] = (),
) -> Mapping[str, Column]:
    """Rows grouped by bucket, and by whatever of `select` is no sum. `rows` is SQL, `at` its column
    of time."""
    even = _bucket_of(edges, f"t.{at}")
    if even is not None:
        return store.query(
            f"SELECT {even} AS bucket, {select} FROM ({rows}) t GROUP BY ALL {having}",
            parameters,
        )

    bounds: Columns = {
        "edge": edges[:-1].astype(np.int64),
        "bucket": np.arange(len(edges) - 1),
    }
    return store.query(
        f"SELECT b.bucket AS bucket, {select} FROM ({rows}) t ASOF JOIN bounds b ON t.{at} >= "
        f"b.edge GROUP BY ALL {having}",
        parameters,
        bounds=bounds,
    )


def _bucket_of(edges: Edges, at: str) -> str | None:
    """SQL for the bucket of a time, where the edges between the first and the last are as far apart
    as can be reckoned; None where they are not, as with days when clocks change.

    It takes half as long as looking each row up among the edges.
    """
    inner = np.diff(edges[1:-1])
    if len(edges) == 2:
        return "0"

    length = int(inner[0]) if len(inner) else int(max(edges[1] - edges[0], edges[2] - edges[1]))
    outer = max(edges[1] - edges[0], edges[-1] - edges[-2])
    if (inner != length).any() or outer > length:
        return None

    # Whole division rounds towards zero, so nothing below zero may go into it.
    return f"({at} - {int(edges[1]) - length}) // {length}"


def unknown(edges: Edges) -> Floats:
    """A column in which nothing is known yet."""
    return np.full(len(edges) - 1, np.nan)
