"""Windows of the past out of the embedded store, as rules saw them: in their first revision (as known then) or their last (as known now)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plant.site import Site
from plant.units import HOUR_NS
from rules.watching.feed import Feed
from rules.watching.measures import TRACED
from rules.watching.step import RuleState, Window
from rules.watching.subjects import ODD_KINDS
from store.duck import DuckStore

Known = Literal["then", "now"]
CHUNK_NS = 6 * HOUR_NS
_METER = ("forward", "reverse", "seen_s", "estimated")
_MADE = frozenset({"hours", "bought_kwh", "unusual", "wrapped", "through", "held_kg"})
Tables = dict[str, dict[str, npt.NDArray[Any]]]


def windows(
    store: DuckStore,
    site: Site,
    feed: Feed,
    state: RuleState,
    start_ns: int,
    end_ns: int,
    known: Known,
) -> Iterator[Window]:
    """All windows of a span in order, each once."""
    lines = [n.id for n in site.lines] + [f"unmetered.{b.id}" for b in site.buses]
    columns = sorted(
        {c for per, v in state.views.items() if per != "meter" for c in v.measures.columns} - _MADE
    )
    columns = [c for c in columns if not c.startswith(TRACED)]
    wanted: dict[str, tuple[str, list[str], Sequence[str]]] = {"line": ("line", lines, columns)}
    if "meter" in state.views or "bus" in state.views:
        wanted["meter"] = ("meter", [m.id for m in site.meters], _METER)
    if "site" in state.views:
        wanted["source"] = (
            "source",
            [s.id for s in site.sources] + [s.id for s in site.storages],
            ("given", "held_kg"),
        )
    traced = any(c.startswith(TRACED) for v in state.views.values() for c in v.measures.columns)
    for at in range(start_ns, end_ns, CHUNK_NS):
        span = at, min(at + CHUNK_NS, end_ns)
        unusual = _unusual(store, site, feed.window_ns, *span)
        found = {name: _table(store, *what, *span, known) for name, what in wanted.items()}
        starts = found["line"][0]
        tables: Tables = {name: _aligned(starts, *part) for name, part in found.items()}
        tables["closed"] = {"start": starts, "rev": np.zeros(len(starts), np.int64)}
        if traced:
            tables["flow"] = _flows(store, *span, known)
        for row, start in enumerate(starts.tolist()):
            yield feed.window(state, tables, row, unusual.get(start, {}))


def _table(
    store: DuckStore,
    table: str,
    names: Sequence[str],
    columns: Sequence[str],
    start_ns: int,
    end_ns: int,
    known: Known,
) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[Any]]]:
    """Starts of the windows, and columns [windows, names]."""
    codes = {store.codes[n]: i for i, n in enumerate(names) if n in store.codes}
    if not codes or not store.has(table):
        return np.empty(0, np.int64), {c: np.empty((0, len(names))) for c in columns}
    chosen = f"start, {table} AS name, {', '.join(columns)}"
    where = "WHERE start >= ? AND start < ?"
    sql = f"SELECT {chosen} FROM {table} {where}"
    given = [start_ns, end_ns]
    if known == "then":
        both = f"SELECT {chosen}, rev FROM {table} {where} UNION ALL BY NAME SELECT {chosen}, rev FROM {table}_superseded {where}"
        sql = f"SELECT * FROM ({both}) QUALIFY row_number() OVER (PARTITION BY start, name ORDER BY rev) = 1"
        given = given * 2
    rows = store.query(f"{sql} ORDER BY start", given)
    starts, at = np.unique(rows["start"].astype(np.int64), return_inverse=True)
    place = np.array([codes.get(int(c), -1) for c in rows["name"]], np.int64)
    good = place >= 0
    out = {}
    for column in columns:
        values = np.full((len(starts), len(names)), np.nan)
        values[at[good], place[good]] = np.asarray(rows[column], float)[good]
        out[column] = values
    return starts, out


def _flows(
    store: DuckStore, start_ns: int, end_ns: int, known: Known
) -> dict[str, npt.NDArray[Any]]:
    """Traced flows of the windows, each window in one revision; `rev` is 0, as in the other tables here."""
    if not store.has("flow"):
        return {
            name: np.empty(0) for name in ("start", "rev", "kind", "source", "via", "node", "kwh")
        }
    chosen = "start, rev, kind, source, via, node, kwh"
    where = "WHERE start >= ? AND start < ?"
    sql = f"SELECT {chosen} FROM flow {where}"
    given = [start_ns, end_ns]
    if known == "then":
        both = f"SELECT {chosen} FROM flow {where} UNION ALL SELECT {chosen} FROM flow_superseded {where}"
        sql = f"SELECT * FROM ({both}) QUALIFY rev = min(rev) OVER (PARTITION BY start)"
        given = given * 2
    rows = dict(store.query(sql, given))
    return rows | {"rev": np.zeros(len(rows["start"]), np.int64)}


def _aligned(
    starts: npt.NDArray[np.int64],
    mine: npt.NDArray[np.int64],
    columns: Mapping[str, npt.NDArray[Any]],
) -> dict[str, npt.NDArray[Any]]:
    """Flat columns for just these windows; NaN where a table has none of them."""
    out = {}
    for name, values in columns.items():
        whole = np.full((len(starts), values.shape[1]), np.nan)
        _, there, here = np.intersect1d(starts, mine, return_indices=True)
        whole[there] = values[here]
        out[name] = whole.ravel()
    return out


def _unusual(
    store: DuckStore, site: Site, window_ns: int, start_ns: int, end_ns: int
) -> dict[int, dict[tuple[str, int], int]]:
    """Counter steps that were no plain ones, by window and meter."""
    index = {store.codes[m.id]: i for i, m in enumerate(site.meters) if m.id in store.codes}
    rows = store.query(
        "SELECT ts, meter, verdict FROM verdict WHERE ts >= ? AND ts < ? AND NOT reverse AND verdict IN ('reset', 'unknown', 'wrap')",
        [start_ns, end_ns],
    )
    found: dict[int, dict[tuple[str, int], int]] = {}
    for ts, meter, verdict in zip(
        rows["ts"].tolist(), rows["meter"].tolist(), rows["verdict"], strict=True
    ):
        if meter in index:
            window = found.setdefault(ts - ts % window_ns, {})
            key = ODD_KINDS[str(verdict)], index[meter]
            window[key] = window.get(key, 0) + 1
    return found
