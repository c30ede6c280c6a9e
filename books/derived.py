"""Columns of figures that are no sum of line rows: uncertainty, carbon in storage, demand, power
factor (method, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from books.members import members
from books.rows import Edges, codes, in_buckets, listed, unknown
from engine.figures.figures import figure
from engine.figures.line_sums import final_kwh_per_unit
from engine.figures.uncertainty import K, meters_of_bus, meters_of_lines, meters_of_site, standard
from engine.tracing.graph import Graph
from plant.arrays import Floats
from plant.names import Carrier, SourceKind
from plant.ports import Store
from plant.site import Site

QUARTER_NS = 900_000_000_000
HOUR_NS = 3_600_000_000_000
BAD = 3
"""From this quality on a reading has no value."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose figures are asked for, and by which buckets."""

    site: Site
    store: Store
    of: str
    edges: Edges


def derived(
    site: Site,
    store: Store,
    of: str,
    edges: Edges,
    names: Sequence[str],
) -> dict[str, Floats]:
    """The columns that the derived figures among `names` need, by bucket; NaN where there is
    nothing to say."""
    figures = [figure(name) for name in names]
    wanted = {column for made in figures if not made.summed for column in made.columns}
    make = {
        "uncertainty_kwh": _uncertainty,
        "held_kg": _held,
        "power_factor": _power_factor,
        "demand_block_kw": _demand_block,
        "demand_sliding_kw": _demand_sliding,
    }
    question = Question(
        site,
        store,
        of,
        edges,
    )
    return {column: make[column](question) for column in sorted(wanted)}


def _window_rows(
    asked: Question,
    table: str,
    where: str,
    at: str = "start",
) -> str:
    """SQL for the rows of a table that has no roll-ups, between the first and the last edge."""
    first = int(asked.edges[0])
    last = int(asked.edges[-1])
    return f"SELECT * FROM {table} WHERE {at} >= {first} AND {at} < {last} AND {where}"


def _uncertainty(asked: Question) -> Floats:
    """Expanded uncertainty (k = 2): of a bus's remainder, of a line's final energy, of what enters
    the site."""
    site = asked.site
    store = asked.store
    meter_of = {
        store.codes[site.meters[meter].id]: meter
        for meter in _meters_behind(asked)
        if site.meters[meter].id in store.codes
    }
    if not meter_of or not store.has("meter"):
        return unknown(asked.edges)

    rows = in_buckets(
        store,
        asked.edges,
        "t.meter AS meter, sum(forward) + sum(reverse) AS energy",
        _window_rows(
            asked,
            "meter",
            f"meter IN ({listed(meter_of)})",
        ),
    )
    energy = {meter: unknown(asked.edges) for meter in meter_of.values()}
    for bucket, code, amount in zip(
        rows["bucket"],
        rows["meter"],
        rows["energy"],
        strict=True,
    ):
        energy[meter_of[int(code)]][int(bucket)] = amount

    kwh_per_unit = {meter: _kwh(site, meter) for meter in energy}
    return K * standard(site, energy, kwh_per_unit)


def _meters_behind(asked: Question) -> set[int]:
    """Meters whose errors make up that of the figure."""
    lines = members(asked.site, asked.of)
    if asked.of == "site":
        return set(meters_of_site(asked.site))

    buses = [bus.id for bus in asked.site.buses]
    if asked.of in buses:
        return set(meters_of_bus(Graph(asked.site), buses.index(asked.of)))

    return set(meters_of_lines(asked.site, lines))


def _kwh(site: Site, meter: int) -> float:
    """kWh of final energy per unit of a meter; its own unit where energy is not what it
    measures."""
    point = site.meters[meter]
    return final_kwh_per_unit(site, Carrier(point.carrier)) or 1.0


def _held(asked: Question) -> Floats:
    """Carbon held in the storages at the end of each bucket."""
    out = unknown(asked.edges)
    if asked.of != "site" or not asked.store.has("source"):
        return out

    storages = [storage.id for storage in asked.site.storages if storage.line is None]
    kept_as = codes(asked.store, storages)
    if not kept_as:
        return out

    rows = in_buckets(
        asked.store,
        asked.edges,
        "t.source AS source, arg_max(held_kg, start) AS kg",
        _window_rows(
            asked,
            "source",
            f"source IN ({listed(kept_as)})",
        ),
    )
    bucket = rows["bucket"].astype(int)
    out[np.unique(bucket)] = 0.0
    np.add.at(out, bucket, rows["kg"])
    return out


def _power_factor(asked: Question) -> Floats:
    """Mean of what the meters show (electricity meters of lines; the grid meters for the site). As
    long as raw readings are kept."""
    site = asked.site
    if asked.of == "site":
        meters = {source.meter for source in site.sources if source.kind == SourceKind.GRID}
    else:
        meters = set(meters_of_lines(site, members(site, asked.of)))

    tags = [tag for meter in sorted(meters) for tag in site.meters[meter].power_factor_tags]
    out = unknown(asked.edges)
    if not tags:
        return out

    where = f"tag IN ({listed(tags)}) AND quality < {BAD}"
    rows = in_buckets(
        asked.store,
        asked.edges,
        "avg(abs(value)) AS value",
        _window_rows(
            asked,
            "reading",
            where,
            at="ts",
        ),
        at="ts",
    )
    out[rows["bucket"].astype(int)] = rows["value"]
    return out


@dataclass(frozen=True, slots=True)
class Energies:
    """Electricity of each window: when it begins, and kWh."""

    start: npt.NDArray[np.int64]
    kwh: Floats


def _purchased(asked: Question) -> Energies:
    """Bought, for the site; used, for lines. From a quarter-hour before the first edge, since a
    block may begin there."""
    if asked.of == "site":
        table = "source"
        column = "given"
        names = [
            source.id
            for source in asked.site.sources
            if source.kind == SourceKind.GRID and source.carrier == Carrier.ELECTRICITY
        ]
    else:
        table = "line"
        column = "electricity_kwh"
        names = members(asked.site, asked.of)

    kept_as = codes(asked.store, names)
    if not kept_as or not asked.store.has(table):
        return Energies(
            start=np.empty(0, np.int64),
            kwh=np.empty(0),
        )

    rows = asked.store.query(
        f"SELECT start, sum({column}) AS kwh FROM {table} "
        f"WHERE start >= ? AND start < ? AND {table} IN ({listed(kept_as)}) GROUP BY start ORDER "
        "BY start",
        [int(asked.edges[0]) - QUARTER_NS, int(asked.edges[-1])],
    )
    return Energies(
        start=rows["start"].astype(np.int64),
        kwh=rows["kwh"],
    )


def _demand_block(asked: Question) -> Floats:
    """Greatest mean power over a whole quarter hour of the clock that begins in the bucket."""
    return _demand(asked, sliding=False)


def _demand_sliding(asked: Question) -> Floats:
    """Greatest mean power over any 15 minutes, stepped by a window, that begin in the bucket."""
    return _demand(asked, sliding=True)


def _demand(asked: Question, *, sliding: bool) -> Floats:
    bought = _purchased(asked)
    out = unknown(asked.edges)
    window = round(asked.site.window_s * 1e9)
    count = max(QUARTER_NS // window, 1)
    if len(bought.start) < count:
        return out

    # The sum over each run of `count` windows; a run counts only where no window of it is missing.
    sums = np.convolve(bought.kwh, np.ones(count), "valid")
    first = bought.start[: len(sums)]
    last = bought.start[count - 1 :]
    is_whole = last - first == (count - 1) * window
    on_the_clock = first % QUARTER_NS == 0
    keep = is_whole & (first >= asked.edges[0]) & (sliding | on_the_clock)
    bucket = np.searchsorted(asked.edges, first[keep], "right") - 1
    # kWh over the run, times the runs that an hour has, is kW.
    runs_an_hour = HOUR_NS / (count * window)
    np.fmax.at(out, bucket, sums[keep] * runs_an_hour)
    return out
