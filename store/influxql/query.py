"""One question in InfluxQL, answered from the embedded store: read-only, bounded in rows, points
and time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import duckdb
import numpy as np

from plant.errors import QueryError
from plant.ports import Columns
from store.duck import DuckStore
from store.influxql.answers import POINTS_MOST, Series, cut, series_of
from store.influxql.conditions import quoted
from store.influxql.parser import parse
from store.influxql.plan import calls_of, measurement_of, names, plan, refs_of, source_of
from store.influxql.relations import Place, fields_of
from store.influxql.shows import show
from store.influxql.tree import Column, Ref, Select, Show
from store.schema import SCHEMA
from store.tables import plain

SECONDS_MOST: Final = 20.0
STATEMENTS_MOST: Final = 50
TABLES: Final = ("line", "flow", "bus", "source", "reading")


@dataclass(slots=True)
class Answerer:
    """Answers queries about one site. `registry` gives the meter and quantity behind each tag of
    the readings, `window` is that of the books in ns."""

    site: str
    store: DuckStore
    registry: Callable[[], Mapping[int, tuple[str, str]]]
    window: int = 60_000_000_000
    _there: set[str] = field(default_factory=set)

    def answer(
        self,
        query: str,
        now_ns: int,
        *,
        raw: bool = False,
    ) -> list[list[Series]]:
        """The series of each statement, in order; QueryError where one cannot be answered as asked.
        `raw` asks the database of readings."""
        statements = parse(query, now_ns)
        if len(statements) > STATEMENTS_MOST:
            raise QueryError(f"more than {STATEMENTS_MOST} statements")

        self._there |= {
            table for table in TABLES if table not in self._there and self.store.has(table)
        }
        there = {table for table in self._there if (table == "reading") is raw}
        place = Place(
            self.site,
            there,
            self.registry() if raw else {},
            self.window,
        )
        return [
            show(statement, place, self._rows)
            if isinstance(statement, Show)
            else self._select(statement, place, now_ns)
            for statement in statements
        ]

    def _select(
        self,
        select: Select,
        place: Place,
        now: int,
    ) -> list[Series]:
        if any(True for column in select.columns for _ in calls_of(column.expr)):
            return self._aggregate(select, place, now)

        return self._raw(select, place)

    def _aggregate(
        self,
        select: Select,
        place: Place,
        now: int,
    ) -> list[Series]:
        until = now if select.until is None and select.every is not None else select.until
        found = plan(
            place,
            select,
            select.since,
            until,
        )
        if found is None:
            return []

        rows = self._rows(
            f"{found.sql} LIMIT {POINTS_MOST + 1}",
            found.parameters,
            found.tables,
        )
        if len(rows["bucket"]) > POINTS_MOST:
            raise QueryError(
                f"the query makes more than {POINTS_MOST} points; ask for a longer GROUP BY time "
                "or a shorter range"
            )

        return series_of(
            rows,
            found,
            select,
            measurement_of(select),
            select.since,
            until or now,
        )

    def _raw(self, select: Select, place: Place) -> list[Series]:
        """Points as they are, in order of time; the last point of a window is not picked out
        here."""
        if select.every is not None:
            raise QueryError("GROUP BY requires at least one aggregate function")

        select = self._starred(select, place)
        if any(not isinstance(column.expr, Ref) for column in select.columns) or not isinstance(
            select.source, str
        ):
            raise QueryError("arithmetic and subqueries need a function such as sum() or last()")

        found = source_of(
            place,
            select,
            select.since,
            select.until,
        )
        asked = [next(refs_of(column.expr)) for column in select.columns]
        fields = [] if found is None else [field for field in asked if field in found.fields]
        if found is None or not fields:
            return []

        tags = found.tags if select.all_tags else select.tags
        wanted = dict.fromkeys(
            [
                *(tag for tag in tags if tag in found.tags),
                *(name for name in asked if name in found.tags),
                *fields,
            ]
        )
        chosen = ", ".join(quoted(column) for column in wanted)
        some = " OR ".join(f"{quoted(field)} IS NOT NULL" for field in fields)
        order = f"ORDER BY time {'DESC' if select.descending else ''}"
        rows = self._rows(
            f"SELECT time, {chosen} FROM ({found.sql}) WHERE {some} {order} LIMIT "
            f"{POINTS_MOST + 1}",
            found.parameters,
            found.tables,
        )
        if len(rows["time"]) > POINTS_MOST:
            raise QueryError(
                f"the answer has more than {POINTS_MOST} points; ask for a shorter range"
            )

        return cut(
            _grouped(
                rows,
                tags,
                asked,
                select,
            ),
            select,
        )

    def _starred(self, select: Select, place: Place) -> Select:
        """`*` as all fields and tags by name."""
        if select.columns != (Column(Ref("*")),) or not isinstance(select.source, str):
            return select

        tags = SCHEMA[select.source].tags if select.source in SCHEMA else ()
        grouped = tags if select.all_tags else select.tags
        every = sorted(
            [*fields_of(place, select.source), *(tag for tag in tags if tag not in grouped)]
        )
        return (
            replace(select, columns=tuple(Column(Ref(name)) for name in every)) if every else select
        )

    def _rows(
        self,
        sql: str,
        parameters: list[object],
        tables: Mapping[str, Columns],
    ) -> Columns:
        """Rows of a read-only SQL, which is broken off after its time."""
        cursor = self.store.db.cursor()
        timer = threading.Timer(SECONDS_MOST, cursor.interrupt)
        timer.start()
        try:
            for name, columns in tables.items():
                cursor.register(name, columns)

            found = cursor.execute(sql, parameters).fetchnumpy()
            return {name: plain(values) for name, values in found.items()}
        except duckdb.InterruptException:
            raise QueryError(
                f"the query took longer than {SECONDS_MOST:.0f} s; ask for a shorter range"
            ) from None
        except duckdb.InvalidInputException as error:
            raise QueryError(f"the pattern cannot be read: {error}") from None
        finally:
            timer.cancel()
            cursor.close()


def _grouped(
    rows: Columns,
    tags: tuple[str, ...],
    asked: list[str],
    select: Select,
) -> list[Series]:
    count = len(rows["time"])
    texts = [np.asarray(rows[tag], str) if tag in rows else np.full(count, "") for tag in tags]
    joined = ["\x00".join(key) for key in zip(*texts, strict=True)] if texts else [""] * count
    keys = np.array(joined)
    last = None if select.limit is None else select.skip + select.limit
    found = []
    for key in np.unique(keys):
        mine = np.flatnonzero(keys == key)[select.skip : last]
        named = dict(zip(tags, str(key).split("\x00"), strict=True)) if tags else {}
        empty = np.full(len(mine), np.nan)
        found.append(
            Series(
                name=measurement_of(select),
                tags=named,
                columns=["time", *names(select)],
                times=rows["time"][mine],
                values=[rows[name][mine] if name in rows else empty for name in asked],
            )
        )

    return found
