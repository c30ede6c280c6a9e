"""Windows of the past as rules saw them: in their first revision (as known then) or in their last
(as known now).

Tables come window by window and name by name: column[window * names + name], in the order of the
names that were asked for; what was not booked is NaN. `start` holds the beginnings of the windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from plant.calendar import Span
from plant.ports import Column, Columns, Store
from plant.site import Site
from plant.units import HOUR_NS

Known = Literal["then", "now"]
"""Rules are judged by what was known then, or by what is known now."""

Starts = npt.NDArray[np.int64]
CHUNK_NS: Final = 6 * HOUR_NS
"""So much is read at once: a month would not fit into memory."""

FLOW_COLUMNS: Final = ("start", "rev", "kind", "source", "via", "node", "kwh")
UNUSUAL: Final = ("reset", "unknown", "wrap")
OF_LINES: Final = "line"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of one table: whose rows, in which order, and which columns."""

    table: str
    names: Sequence[str]
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some windows in a row: when they begin, their tables, and by window and meter the unusual
    counter steps with how many."""

    start: Starts
    tables: Mapping[str, Columns]
    unusual: Mapping[int, Mapping[tuple[str, int], int]]


@dataclass(frozen=True, slots=True)
class _Found:
    """Windows of one table, and its columns [windows, names]."""

    start: Starts
    columns: Columns


def chunks(
    store: Store,
    site: Site,
    span: Span,
    wanted: Sequence[Wanted],
    known: Known,
    *,
    traced: bool = False,
) -> Iterator[Chunk]:
    """All windows of a span in order. `wanted` has the table of lines, which says which windows
    there are; `traced`: with flows."""
    window_ns = round(site.window_s * 1e9)
    for piece in span.pieces(CHUNK_NS):
        found = {
            each.table: _table(
                store,
                each,
                piece,
                known,
            )
            for each in wanted
        }
        starts = found[OF_LINES].start
        tables: dict[str, Columns] = {
            table: _aligned(starts, part) for table, part in found.items()
        }
        tables["closed"] = {
            "start": starts,
            "rev": np.zeros(len(starts), np.int64),
        }
        if traced:
            tables["flow"] = _flows(store, piece, known)

        yield Chunk(
            starts,
            tables,
            _unusual(
                store,
                site,
                window_ns,
                piece,
            ),
        )


def newest_window(store: Store) -> int | None:
    """When the newest window that is booked begins."""
    if not store.has("closed"):
        return None

    newest = store.query("SELECT max(start) AS newest FROM closed")["newest"][0]
    return None if np.isnan(newest) else int(newest)


def _table(
    store: Store,
    wanted: Wanted,
    span: Span,
    known: Known,
) -> _Found:
    names = wanted.names
    table = wanted.table
    place_of = {store.codes[name]: i for i, name in enumerate(names) if name in store.codes}
    if not place_of or not store.has(table):
        nothing = {column: np.empty((0, len(names))) for column in wanted.columns}
        return _Found(
            start=np.empty(0, np.int64),
            columns=nothing,
        )

    chosen = f"start, {table} AS name, {', '.join(wanted.columns)}"
    where = f"WHERE start >= {span.start} AND start < {span.end}"
    rows_sql = f"SELECT {chosen} FROM {table} {where}"
    if known == "then":
        both = (
            f"SELECT {chosen}, rev FROM {table} {where} "
            f"UNION ALL BY NAME SELECT {chosen}, rev FROM {table}_superseded {where}"
        )
        first = "row_number() OVER (PARTITION BY start, name ORDER BY rev) = 1"
        rows_sql = f"SELECT * FROM ({both}) QUALIFY {first}"

    rows = store.query(f"{rows_sql} ORDER BY start")
    starts, window = np.unique(
        rows["start"].astype(np.int64),
        return_inverse=True,
    )
    place = np.array(
        [place_of.get(int(code), -1) for code in rows["name"]],
        np.int64,
    )
    asked_for = place >= 0
    columns: dict[str, Column] = {}
    for column in wanted.columns:
        values = np.full((len(starts), len(names)), np.nan)
        read = np.asarray(rows[column], float)
        values[window[asked_for], place[asked_for]] = read[asked_for]
        columns[column] = values

    return _Found(
        start=starts,
        columns=columns,
    )


def _flows(
    store: Store,
    span: Span,
    known: Known,
) -> Columns:
    """Traced flows of the windows, each window in one revision; `rev` is 0, as in the other tables
    here."""
    if not store.has("flow"):
        return {name: np.empty(0) for name in FLOW_COLUMNS}

    chosen = ", ".join(FLOW_COLUMNS)
    where = f"WHERE start >= {span.start} AND start < {span.end}"
    rows_sql = f"SELECT {chosen} FROM flow {where}"
    if known == "then":
        both = f"{rows_sql} UNION ALL SELECT {chosen} FROM flow_superseded {where}"
        rows_sql = f"SELECT * FROM ({both}) QUALIFY rev = min(rev) OVER (PARTITION BY start)"

    rows = dict(store.query(rows_sql))
    return rows | {"rev": np.zeros(len(rows["start"]), np.int64)}


def _aligned(starts: Starts, found: _Found) -> Columns:
    """Flat columns for just these windows; NaN where a table has none of them."""
    _, there, here = np.intersect1d(
        starts,
        found.start,
        return_indices=True,
    )
    columns: dict[str, Column] = {}
    for name, values in found.columns.items():
        whole = np.full((len(starts), values.shape[1]), np.nan)
        whole[there] = values[here]
        columns[name] = whole.ravel()

    return columns


def _unusual(
    store: Store,
    site: Site,
    window_ns: int,
    span: Span,
) -> dict[int, dict[tuple[str, int], int]]:
    """Counter steps that were no plain ones: by window, how many of each verdict at each meter (by
    index)."""
    index = {
        store.codes[meter.id]: i for i, meter in enumerate(site.meters) if meter.id in store.codes
    }
    verdicts = ", ".join(f"'{verdict}'" for verdict in UNUSUAL)
    rows = store.query(
        "SELECT ts, meter, verdict FROM verdict "
        f"WHERE ts >= {span.start} AND ts < {span.end} AND NOT reverse AND verdict IN ({verdicts})"
    )
    found: dict[int, dict[tuple[str, int], int]] = {}
    columns = (rows["ts"].tolist(), rows["meter"].tolist(), rows["verdict"])
    for at, meter, verdict in zip(*columns, strict=True):
        if meter not in index:
            continue

        window = found.setdefault(at - at % window_ns, {})
        key = (str(verdict), index[meter])
        window[key] = window.get(key, 0) + 1

    return found
