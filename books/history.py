"""Reading the store: sums over any span for any line, group or the site; days and shifts in local time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from books.derived import derived
from books.members import members, output_units
from engine.figures.figures import DERIVED, FIGURES, figure, needed, nulls, value
from engine.figures.line_sums import LINE_SUMS, STATE_SUMS
from plant.calendar import running_shifts
from plant.errors import QueryError
from plant.site import Site
from store.duck import DuckStore
from store.rollups import known, spans

SUMS = (*LINE_SUMS, *STATE_SUMS)
PIECES = ("good", "scrap")
BUCKETS_MOST = 100_000
SECOND = 1_000_000_000


def day_start(site: Site, at_ns: int) -> int:
    """Start of the local day that holds `at_ns`."""
    zone = ZoneInfo(site.timezone)
    hour, minute = map(int, site.day_starts.split(":"))
    local = datetime.fromtimestamp(at_ns / 1e9, zone)
    start = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if start > local:
        start = (start - timedelta(days=1)).replace(hour=hour, minute=minute)
    return round(start.timestamp()) * SECOND


def shift_at(site: Site, at_ns: int) -> tuple[str, int]:
    """Shift that runs at `at_ns` and when it began; the day where there are no shifts."""
    zone = ZoneInfo(site.timezone)
    local = datetime.fromtimestamp(at_ns / 1e9, zone)
    for name, began in running_shifts(local, site.shifts):
        return name, round(began.timestamp()) * SECOND
    return "day", day_start(site, at_ns)


def buckets(site: Site, start: int, end: int, every: str | float) -> np.ndarray:
    """Boundaries of buckets from `start` to `end`: seconds, or local `day`."""
    if every in ("day", "1d"):
        edges = [start]
        at = day_start(site, start)
        while True:
            zone = ZoneInfo(site.timezone)
            following = datetime.fromtimestamp(at / 1e9, zone) + timedelta(days=1)
            at = round(following.timestamp()) * SECOND
            if at >= end:
                return np.array([*edges, end], np.int64)
            edges.append(at)
    step = round(float(every) * 1e9)
    if step < round(site.window_s * 1e9):
        raise QueryError(f"every must be at least the books window of {site.window_s:g} s")
    if (end - start) / step > BUCKETS_MOST:
        raise QueryError(
            f"more than {BUCKETS_MOST} buckets; ask for a longer every or a shorter span"
        )
    first = start - start % step
    edges_ = np.arange(first, end, step, dtype=np.int64)
    edges_[0] = start
    return np.append(edges_, end)


@dataclass(slots=True)
class History:
    """Questions to the store about one site."""

    site: Site
    store: DuckStore

    def _codes(self, names: list[str]) -> list[int]:
        return [self.store.codes[n] for n in names if n in self.store.codes]

    def sums(self, of: str, edges: np.ndarray, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """The columns behind the figures `names` (of none given, all sums) in each bucket; NaN where nothing is booked."""
        columns = tuple(c for c in SUMS if c in needed(names)) if names else SUMS
        found = self._sums(of, edges, columns) | derived(self.site, self.store, of, edges, names)
        if len(output_units(self.site, of)) > 1:  # cells and boards are not one number
            found |= {name: np.full(len(edges) - 1, np.nan) for name in PIECES if name in found}
        return found

    def _sums(self, of: str, edges: np.ndarray, columns: Sequence[str]) -> dict[str, np.ndarray]:
        out = {name: np.full(len(edges) - 1, np.nan) for name in columns} | {
            "hours": np.diff(edges) / 3.6e12
        }
        codes = self._codes(members(self.site, of))
        if not codes or not columns or not self.store.has("line"):
            return out
        chosen = ", ".join(f"sum({c}) AS {c}" for c in columns)
        rows = self.store.query(
            f"SELECT b.bucket AS bucket, {chosen} FROM ({_rows('line', edges, columns, f'line IN ({_list(codes)})')}) l "
            "ASOF JOIN bounds b ON l.start >= b.edge GROUP BY b.bucket",
            bounds=_bounds(edges),
        )
        at = rows["bucket"].astype(int)
        for name in columns:
            out[name][at] = rows[name]
        return out

    def by_source(self, of: str, edges: np.ndarray) -> dict[str, np.ndarray]:
        """Traced kWh by source in each bucket; what came through a store counts as the store."""
        n = len(edges) - 1
        codes = self._codes(members(self.site, of))
        out: dict[str, np.ndarray] = {}
        if not codes or not self.store.has("flow"):
            return out
        chosen = f"kind IN (0, 1) AND node IN ({_list(codes)})"
        rows = self.store.query(
            f"SELECT b.bucket AS bucket, f.source AS source, f.via AS via, sum(f.kwh) AS kwh FROM ({_rows('flow', edges, ('source', 'via', 'kwh'), chosen)}) f "
            "ASOF JOIN bounds b ON f.start >= b.edge GROUP BY ALL HAVING sum(f.kwh) <> 0",
            bounds=_bounds(edges),
        )
        text = self.store.text()
        for bucket, source, via, kwh in zip(
            rows["bucket"], rows["source"], rows["via"], rows["kwh"], strict=True
        ):
            name = text[int(via)] or text[int(source)]
            out.setdefault(name, np.zeros(n))[int(bucket)] += float(kwh)
        return out

    def series(
        self, of: str, figures: list[str], start: int, end: int, every: str | float
    ) -> dict[str, Any]:
        """The series of docs/api.md."""
        edges = buckets(self.site, start, end, every)
        names = _expand(figures)
        sums = self.sums(of, edges, [*names, "coverage.time", "energy.final"])
        columns: dict[str, Any] = {"start_ms": (edges[:-1] // 1_000_000).tolist()}
        units: dict[str, str] = {}
        if "energy.source.*" in figures:
            seen = ~np.isnan(sums["final_kwh"])
            for source, kwh in sorted(self.by_source(of, edges).items()):
                columns[f"energy.source.{source}"] = [
                    float(x) if ok else None for x, ok in zip(kwh, seen, strict=True)
                ]
                units[f"energy.source.{source}"] = "kWh"
        for name in dict.fromkeys([*names, "coverage.time"]):
            columns[name] = nulls(value(name, sums))
            units[name] = figure(name).unit
        step = None if every in ("day", "1d") else float(every)
        return {
            "of": of,
            "from_ms": start // 1_000_000,
            "to_ms": end // 1_000_000,
            "every_s": step,
            "units": units,
            "gas_basis": self.gas_basis(),
            "columns": columns,
        }

    def gas_basis(self) -> str:
        """CO2e only where every factor in the sum is."""
        bases = {p.location.gas_basis for p in self.site.properties if p.location.value_kg}
        return "CO2e" if bases == {"CO2e"} else "CO2"

    def one(self, of: str, start: int, end: int) -> dict[str, float | None]:
        """All figures of one span that are sums of lines or ratios of such sums."""
        sums = self.sums(of, np.array([start, end], np.int64))
        return {name: nulls(value(name, sums))[0] for name in FIGURES if name not in DERIVED}

    def parts(self, of: str, start: int, end: int, electric_only: bool) -> list[dict[str, Any]]:
        """What a carbon figure is made of, by source."""
        codes = self._codes(members(self.site, of))
        if not codes or not self.store.has("flow"):
            return []
        wanted = [
            self.store.codes[c]
            for c in ("electricity", "compressed_air", "chilled_water")
            if c in self.store.codes
        ]
        only = f" AND carrier IN ({_list(wanted)})" if electric_only and wanted else ""
        chosen = f"kind IN (0, 1) AND node IN ({_list(codes)}){only}"
        columns = ("source", "via", "amount", "location_kg")
        rows = self.store.query(
            f"SELECT source, via, sum(amount) AS amount, sum(location_kg) AS kg FROM ({_rows('flow', np.array([start, end]), columns, chosen)}) GROUP BY ALL HAVING sum(amount) <> 0"
        )
        text = self.store.text()
        found = []
        for source, via, amount, kg in zip(
            rows["source"], rows["via"], rows["amount"], rows["kg"], strict=True
        ):
            name = text[int(source)]
            p = next(x for x in self.site.properties if x.source == name)
            found.append(
                {
                    "source": name,
                    "via": text[int(via)] or None,
                    "amount": float(amount),
                    "unit": p.location.unit,
                    "kg": float(kg),
                    "factor": factor_row(p.location),
                }
            )
        return sorted(found, key=lambda r: -abs(r["amount"]))


def _rows(table: str, edges: np.ndarray, columns: Iterable[str], where: str) -> str:
    """SQL for the rows of `table` between the first and the last edge: from roll-ups where they fit the edges, from windows where not."""
    windows = [known(c) if c in SUMS else c for c in columns]
    return " UNION ALL ".join(
        f"SELECT start, {', '.join(windows if s.table == table else columns)} FROM {s.table} WHERE start >= {s.start} AND start < {s.end} AND {where}"
        for s in spans(table, edges)
    )


def _bounds(edges: np.ndarray) -> dict[str, np.ndarray]:
    """The buckets as a table for the query."""
    return {"edge": edges[:-1].astype(np.int64), "bucket": np.arange(len(edges) - 1)}


def _list(codes: list[int]) -> str:
    return ", ".join(map(str, codes))


def factor_row(row: Any) -> dict[str, Any]:
    """A factor in the words of the API."""
    return {
        name: getattr(row, name)
        for name in (
            "value_kg",
            "unit",
            "source",
            "year",
            "region",
            "gas_basis",
            "status",
            "fallback",
        )
    }


def _expand(figures: list[str]) -> list[str]:
    out: list[str] = []
    for name in figures:
        if name == "energy.source.*":
            continue
        if name.endswith(".*"):
            found = [f for f in FIGURES if f.startswith(name[:-1])]
            if not found:
                raise QueryError(f"no figure begins with '{name[:-1]}'")
            out += found
        else:
            figure(name)
            out.append(name)
    return out
