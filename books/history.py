"""Reading the figures that are kept: sums over any span for any line, group or the site, and what
they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from books.answers import Contribution, FigureValues, Part, Series
from books.derived import derived
from books.members import kind_of, members, output_units
from books.parts import SourceRow, parts, sources_by_line
from books.rows import Edges, codes, in_buckets, listed, rows_between, unknown
from engine.figures.figures import by_name, figure, needed, nulls, summed, value
from engine.figures.line_sums import LINE_SUMS, STATE_SUMS
from plant.arrays import Floats
from plant.calendar import SECOND, day_start, next_day
from plant.errors import QueryError
from plant.ports import Store
from plant.site import Site

SUMS = (*LINE_SUMS, *STATE_SUMS)
PIECES = ("good", "scrap")
CONVERTERS = "electricity_converters_kwh"
ALWAYS = ("coverage.time", "energy.final")
"""Figures that say of a series where there is anything at all."""

BY_SOURCE = "energy.source.*"
DAYS = ("day", "1d")
BUCKETS_MOST = 100_000
HOUR_NS = 3600 * SECOND
MILLISECOND = 1_000_000


def buckets(
    site: Site,
    start: int,
    end: int,
    every: str | float,
) -> Edges:
    """Boundaries of buckets from `start` to `end`: seconds, or local `day`."""
    if every in DAYS:
        return _days(site, start, end)

    step = round(float(every) * SECOND)
    if step < round(site.window_s * SECOND):
        raise QueryError(f"every must be at least the books window of {site.window_s:g} s")

    if (end - start) / step > BUCKETS_MOST:
        raise QueryError(
            f"more than {BUCKETS_MOST} buckets; ask for a longer every or a shorter span"
        )

    first_whole = start - start % step
    edges = np.arange(
        first_whole,
        end,
        step,
        dtype=np.int64,
    )
    edges[0] = start
    return np.append(edges, end)


def _days(
    site: Site,
    start: int,
    end: int,
) -> Edges:
    edges = [start]
    following = next_day(site, day_start(site, start))
    while following < end:
        edges.append(following)
        following = next_day(site, following)

    return np.array([*edges, end], np.int64)


def span(start: int, end: int) -> Edges:
    """The edges of one bucket."""
    return np.array([start, end], np.int64)


@dataclass(slots=True)
class History:
    """Questions to the store about one site."""

    site: Site
    store: Store

    def sums(
        self,
        of: str,
        edges: Edges,
        names: Sequence[str] = (),
    ) -> dict[str, Floats]:
        """The columns behind the figures `names` (of none given, all sums) in each bucket; NaN
        where nothing is booked."""
        wanted = needed(names) if names else SUMS
        columns = [column for column in SUMS if column in wanted]
        found = self._line_sums(of, edges, columns)
        found |= derived(
            self.site,
            self.store,
            of,
            edges,
            names,
        )
        if len(output_units(self.site, of)) > 1:
            # Cells and boards are not one number.
            for piece in PIECES:
                if piece in found:
                    found[piece] = unknown(edges)

        return found

    def _line_sums(
        self,
        of: str,
        edges: Edges,
        columns: Sequence[str],
    ) -> dict[str, Floats]:
        found = {column: unknown(edges) for column in columns}
        found["hours"] = np.diff(edges) / HOUR_NS
        kept_as = codes(self.store, members(self.site, of))
        if not kept_as or not columns or not self.store.has("line"):
            return found

        where = f"line IN ({listed(kept_as)})"
        rows = in_buckets(
            self.store,
            edges,
            ", ".join(f"sum({column}) AS {column}" for column in columns),
            rows_between(
                "line",
                edges,
                columns,
                where,
                SUMS,
            ),
        )
        bucket = rows["bucket"].astype(int)
        for column in columns:
            found[column][bucket] = rows[column]

        return found

    def by_source(self, of: str, edges: Edges) -> dict[str, Floats]:
        """Traced kWh by source in each bucket; what came through a storage counts as the
        storage."""
        found: dict[str, Floats] = {}
        kept_as = codes(self.store, members(self.site, of))
        if not kept_as or not self.store.has("flow"):
            return found

        where = f"kind IN (0, 1) AND node IN ({listed(kept_as)})"
        rows = in_buckets(
            self.store,
            edges,
            "t.source AS source, t.via AS via, sum(t.kwh) AS kwh",
            rows_between(
                "flow",
                edges,
                ("source", "via", "kwh"),
                where,
            ),
            having="HAVING sum(t.kwh) <> 0",
        )
        text = self.store.text()
        columns = (rows["bucket"], rows["source"], rows["via"], rows["kwh"])
        for bucket, source, via, kwh in zip(*columns, strict=True):
            name = text[int(via)] or text[int(source)]
            if name not in found:
                found[name] = np.zeros(len(edges) - 1)

            found[name][int(bucket)] += float(kwh)

        return found

    def series(
        self,
        of: str,
        figures: list[str],
        start: int,
        end: int,
        every: str | float,
    ) -> Series:
        """Figures over time, with the coverage of each bucket."""
        edges = buckets(
            self.site,
            start,
            end,
            every,
        )
        names = _expand(figures)
        sums = self.sums(of, edges, [*names, *ALWAYS])
        starts_ms: list[float | None] = (edges[:-1] // MILLISECOND).tolist()
        columns: dict[str, list[float | None]] = {"start_ms": starts_ms}
        units: dict[str, str] = {}
        if BY_SOURCE in figures:
            # Where nothing is booked, nothing is known of any source either.
            is_booked = ~np.isnan(sums["final_kwh"])
            for source, kwh in sorted(self.by_source(of, edges).items()):
                name = f"energy.source.{source}"
                columns[name] = nulls(np.where(is_booked, kwh, np.nan))
                units[name] = "kWh"

        for name in dict.fromkeys([*names, "coverage.time"]):
            columns[name] = nulls(value(name, sums))
            units[name] = figure(name).unit

        return Series(
            of=of,
            from_ms=start // MILLISECOND,
            to_ms=end // MILLISECOND,
            every_s=None if every in DAYS else float(every),
            units=units,
            gas_basis=self.gas_basis(),
            columns=columns,
        )

    def gas_basis(self) -> str:
        """CO2e only where every factor in the sum is."""
        counted = [prop.location for prop in self.site.properties if prop.location.value_kg]
        bases = {factor.gas_basis for factor in counted}
        return "CO2e" if bases == {"CO2e"} else "CO2"

    def one(
        self,
        of: str,
        start: int,
        end: int,
    ) -> FigureValues:
        """All figures of one span that are sums of lines or ratios of such sums."""
        sums = self.sums(of, span(start, end))
        return {figure.name: nulls(figure.value(sums))[0] for figure in summed()}

    def figures(
        self,
        of: str,
        start: int,
        end: int,
        names: Sequence[str],
    ) -> FigureValues:
        """Some figures of one span."""
        sums = self.sums(of, span(start, end), names)
        return {name: nulls(value(name, sums))[0] for name in names}

    def parts(
        self,
        of: str,
        start: int,
        end: int,
        name: str,
    ) -> list[Part]:
        """What a figure of carbon is made of, by source, so that the parts add up to its numerator;
        nothing for other figures."""
        return parts(
            self.site,
            self.store,
            of,
            span(start, end),
            name,
        )

    def sources_by_line(self, start: int, end: int) -> dict[str, list[SourceRow]]:
        """All sources behind what each line used, with the carbon of each by location."""
        return sources_by_line(self.site, self.store, span(start, end))

    def by_member(
        self,
        of: str,
        start: int,
        end: int,
        name: str,
    ) -> list[Contribution]:
        """What each line has in the numerator of a figure, what is unmetered on each bus, and what
        the converters on it kept.

        Of figures that are sums of lines; of others nothing is known by line.
        """
        wanted = figure(name)
        edges = span(start, end)
        kept = self._sums_by_line(members(self.site, of), edges, sorted(needed([name])))
        found = []
        for member, sums in kept.items():
            kind, name_of = kind_of(member)
            used = wanted.above(sums | {CONVERTERS: np.zeros(1)})
            found.append(_contribution(kind, name_of, used))
            if kind == "bus" and sums.get(CONVERTERS, np.zeros(1))[0]:
                kept_there = wanted.top.get(CONVERTERS, 0.0) * sums[CONVERTERS]
                found.append(_contribution("converters", name_of, kept_there))

        return found

    def _sums_by_line(
        self,
        lines: Sequence[str],
        edges: Edges,
        wanted: Sequence[str],
    ) -> dict[str, dict[str, Floats]]:
        """The columns of one bucket for each line, in one question; NaN where nothing is booked."""
        columns = [column for column in wanted if column in SUMS]
        found = {}
        for line in lines:
            found[line] = {column: unknown(edges) for column in wanted}
            found[line]["hours"] = np.diff(edges) / HOUR_NS

        kept_as = {self.store.codes[line]: line for line in lines if line in self.store.codes}
        if not kept_as or not columns or not self.store.has("line"):
            return found

        summed = ", ".join(f"sum({column}) AS {column}" for column in columns)
        rows = in_buckets(
            self.store,
            edges,
            f"t.line AS line, {summed}",
            rows_between(
                "line",
                edges,
                ["line", *columns],
                f"line IN ({listed(kept_as)})",
                SUMS,
            ),
        )
        for row, code in enumerate(rows["line"]):
            sums = found[kept_as[int(code)]]
            for column in columns:
                sums[column] = np.array([rows[column][row]], float)

        return found


def _contribution(
    kind: str,
    of: str,
    value: Floats,
) -> Contribution:
    (known,) = nulls(np.asarray(value, float))
    return Contribution(
        kind=kind,
        of=of,
        value=known,
    )


def _expand(figures: list[str]) -> list[str]:
    """Names of figures, those with a star written out; QueryError for what there is not."""
    names: list[str] = []
    for asked in figures:
        if asked == BY_SOURCE:
            continue

        if asked.endswith(".*"):
            found = [name for name in by_name() if name.startswith(asked[:-1])]
            if not found:
                raise QueryError(f"no figure begins with '{asked[:-1]}'")

            names += found
        else:
            figure(asked)
            names.append(asked)

    return names
