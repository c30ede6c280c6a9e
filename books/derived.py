"""Columns of figures that are no sum of line rows: uncertainty, carbon in storage, demand, power factor (method, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from books.members import members
from engine.figures.figures import ALIASES, DERIVED
from engine.figures.line_sums import final_kwh_per_unit
from engine.figures.uncertainty import K, meters_of_bus, meters_of_lines, meters_of_site, standard
from engine.tracing.graph import Graph
from plant.names import Carrier, SourceKind
from plant.site import Site
from store.duck import DuckStore

Floats = npt.NDArray[np.float64]
QUARTER_NS = 900_000_000_000


def derived(
    site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64], names: Sequence[str]
) -> dict[str, Floats]:
    """The columns that the derived figures among `names` need, by bucket; NaN where there is nothing to say."""
    wanted = {DERIVED[n] for n in (ALIASES.get(name, name) for name in names) if n in DERIVED}
    make = {
        "uncertainty_kwh": _uncertainty,
        "held_kg": _held,
        "power_factor": _power_factor,
        "demand_block_kw": _demand_block,
        "demand_sliding_kw": _demand_sliding,
    }
    return {column: make[column](site, store, of, edges) for column in sorted(wanted)}


def _ids(store: DuckStore, names: Sequence[str]) -> str:
    return ", ".join(str(store.codes[n]) for n in names if n in store.codes)


def _by_bucket(
    store: DuckStore,
    edges: npt.NDArray[np.int64],
    select: str,
    table: str,
    where: str,
    at: str = "start",
) -> Mapping[str, Floats]:
    """Rows of `table` within the edges, grouped by bucket."""
    return store.query(
        f"SELECT b.bucket AS bucket, {select} FROM (SELECT * FROM {table} WHERE {at} >= ? AND {at} < ? AND {where}) t "
        f"ASOF JOIN bounds b ON t.{at} >= b.edge GROUP BY ALL",
        [int(edges[0]), int(edges[-1])],
        bounds={"edge": edges[:-1].astype(np.int64), "bucket": np.arange(len(edges) - 1)},
    )


def _uncertainty(site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]) -> Floats:
    """Expanded uncertainty (k = 2): of a bus's remainder, of a line's final energy, of what enters the site."""
    graph = Graph(site)
    n = len(edges) - 1
    buses = [bus.id for bus in site.buses]
    lines = members(site, of)
    meters = (
        meters_of_site(site)
        if of == "site"
        else meters_of_bus(graph, buses.index(of))
        if of in buses
        else meters_of_lines(site, lines)
    )
    ids = {store.codes[site.meters[m].id]: m for m in meters if site.meters[m].id in store.codes}
    if not ids or not store.has("meter"):
        return np.full(n, np.nan)
    rows = _by_bucket(
        store,
        edges,
        "t.meter AS meter, sum(forward) + sum(reverse) AS energy",
        "meter",
        f"meter IN ({', '.join(map(str, ids))})",
    )
    energy = {m: np.full(n, np.nan) for m in ids.values()}
    for bucket, code, amount in zip(rows["bucket"], rows["meter"], rows["energy"], strict=True):
        energy[ids[int(code)]][int(bucket)] = amount
    return K * standard(site, energy, {m: _kwh(site, m) for m in energy})


def _kwh(site: Site, meter: int) -> float:
    """kWh of final energy per unit of a meter; its own unit where energy is not what it measures."""
    point = site.meters[meter]
    return final_kwh_per_unit(site, Carrier(point.carrier)) or 1.0


def _held(site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]) -> Floats:
    """Carbon held in the storages at the end of each bucket."""
    out = np.full(len(edges) - 1, np.nan)
    ids = _ids(store, [s.id for s in site.storages if s.line is None] if of == "site" else [])
    if not ids or not store.has("source"):
        return out
    rows = _by_bucket(
        store,
        edges,
        "t.source AS source, arg_max(held_kg, start) AS kg",
        "source",
        f"source IN ({ids})",
    )
    at = rows["bucket"].astype(int)
    out[np.unique(at)] = 0.0
    np.add.at(out, at, rows["kg"])
    return out


def _power_factor(site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]) -> Floats:
    """Mean of what the meters show (electricity meters of lines; the grid meters for the site). As long as raw readings are kept."""
    grid = {s.meter for s in site.sources if s.kind == SourceKind.GRID}
    meters = grid if of == "site" else meters_of_lines(site, members(site, of))
    tags = [tag for m in sorted(meters) for tag in site.meters[m].power_factor_tags]
    out = np.full(len(edges) - 1, np.nan)
    if tags:
        where = f"tag IN ({', '.join(map(str, tags))}) AND quality < 3"
        rows = _by_bucket(store, edges, "avg(abs(value)) AS value", "reading", where, "ts")
        out[rows["bucket"].astype(int)] = rows["value"]
    return out


def _purchased(
    site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Start and electricity (kWh) of each window: bought, for the site; used, for lines."""
    grid = [
        s.id for s in site.sources if s.kind == SourceKind.GRID and s.carrier == Carrier.ELECTRICITY
    ]
    table, key, value = (
        ("source", "source", "given") if of == "site" else ("line", "line", "electricity_kwh")
    )
    ids = _ids(store, grid if of == "site" else members(site, of))
    if not ids or not store.has(table):
        return np.empty(0, np.int64), np.empty(0)
    rows = store.query(
        f"SELECT start, sum({value}) AS kwh FROM {table} WHERE start >= ? AND start < ? AND {key} IN ({ids}) GROUP BY start ORDER BY start",
        [int(edges[0]) - QUARTER_NS, int(edges[-1])],
    )
    return rows["start"].astype(np.int64), rows["kwh"]


def _demand_block(site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]) -> Floats:
    """Greatest mean power over a whole quarter hour of the clock that begins in the bucket."""
    return _demand(site, store, of, edges, sliding=False)


def _demand_sliding(site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64]) -> Floats:
    """Greatest mean power over any 15 minutes, stepped by a window, that begin in the bucket."""
    return _demand(site, store, of, edges, sliding=True)


def _demand(
    site: Site, store: DuckStore, of: str, edges: npt.NDArray[np.int64], *, sliding: bool
) -> Floats:
    start, kwh = _purchased(site, store, of, edges)
    out = np.full(len(edges) - 1, np.nan)
    window = round(site.window_s * 1e9)
    count = max(QUARTER_NS // window, 1)
    if len(start) < count:
        return out
    sums = np.convolve(kwh, np.ones(count), "valid")
    first = start[: len(sums)]
    whole = start[count - 1 :] - first == (count - 1) * window
    keep = whole & (first >= edges[0]) & (sliding | (first % QUARTER_NS == 0))
    bucket = np.searchsorted(edges, first[keep], "right") - 1
    np.fmax.at(out, bucket, sums[keep] * 3600e9 / (count * window))
    return out
