"""SELECTs as SQL: one row per bucket and set of tags, a column per call. Arithmetic of the
outermost SELECT is left to `answers`, after filling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plant.errors import QueryError
from store.influxql.conditions import quoted, sql
from store.influxql.relations import Place, Relation, newest, relation
from store.influxql.tree import SELECTORS, Binary, Call, Condition, Expr, Logic, Number, Ref, Select
from store.influxql.windows import starts, zone_of
from store.schema import SCHEMA


@dataclass(slots=True)
class Plan:
    """SQL of the buckets: columns `bucket`, the tags, `c0`, `c1`, ... (and `t0` for the time of a
    single selector)."""

    sql: str
    parameters: list[Any]
    tables: dict[str, Any]
    tags: tuple[str, ...]
    calls: tuple[Call, ...]
    timed: bool


def calls_of(expr: Expr) -> Iterator[Call]:
    """The calls in an expression, from left to right."""
    if isinstance(expr, Call):
        yield expr
    elif isinstance(expr, Binary):
        yield from calls_of(expr.left)
        yield from calls_of(expr.right)


def refs_of(expr: Expr) -> Iterator[str]:
    """The plain names in an expression."""
    if isinstance(expr, Ref):
        yield expr.name
    elif isinstance(expr, Binary):
        yield from refs_of(expr.left)
        yield from refs_of(expr.right)


def names_in(condition: Condition | None) -> set[str]:
    """The names a condition looks at."""
    if condition is None:
        return set()

    if isinstance(condition, Logic):
        return names_in(condition.left) | names_in(condition.right)

    return {condition.name}


def measurement_of(select: Select) -> str:
    """The measurement at the bottom."""
    return select.source if isinstance(select.source, str) else measurement_of(select.source)


def narrowed(
    select: Select,
    since: int | None,
    until: int | None,
) -> tuple[int | None, int | None]:
    """Bounds of a subquery within those of the query around it."""
    lows = [bound for bound in (select.since, since) if bound is not None]
    highs = [bound for bound in (select.until, until) if bound is not None]
    return max(lows, default=None), min(highs, default=None)


def source_of(
    place: Place,
    select: Select,
    since: int | None,
    until: int | None,
) -> Relation | None:
    """The rows a SELECT reads, filtered by its condition."""
    wanted = {call.of for column in select.columns for call in calls_of(column.expr)}
    wanted |= {name for column in select.columns for name in refs_of(column.expr)} | names_in(
        select.where
    )
    if isinstance(select.source, str):
        found = relation(
            place,
            select.source,
            wanted,
            since,
            until,
        )
    elif takes_newest(select.source, place.window):
        found = _newest(
            place,
            select,
            select.source,
            *narrowed(select.source, since, until),
        )
    else:
        found = aggregated(
            place,
            select.source,
            *narrowed(select.source, since, until),
        )

    if found is None or select.where is None:
        return found

    if select.series_limit is not None and names_in(select.where) & found.fields:
        raise QueryError("SLIMIT together with a condition on a field is not offered")

    condition, bound = sql(select.where, found.tags, found.fields)
    found.sql = f"SELECT * FROM ({found.sql}) WHERE {condition}"
    found.parameters += bound
    return found


def takes_newest(select: Select, window: int) -> bool:
    """Whether a subquery takes the last point of each window and series: the embedded store has
    those by themselves."""
    if (
        not isinstance(select.source, str)
        or select.source not in SCHEMA
        or select.source == "meter"
    ):
        return False

    tags = SCHEMA[select.source].tags
    return (
        (select.every, select.offset) == (window, 0)
        and (select.all_tags or (set(tags) <= set(select.tags) and len(select.tags) == len(tags)))
        and all(
            isinstance(column.expr, Call) and column.expr.function == "last"
            for column in select.columns
        )
        and len({column.expr for column in select.columns}) == len(select.columns)
        and names_in(select.where) <= set(tags)
        and (
            select.fill in (None, "none", "null")
            and select.limit is None
            and select.series_limit is None
        )
        and select.timezone is None
    )


def _newest(
    place: Place,
    select: Select,
    inner: Select,
    since: int | None,
    until: int | None,
) -> Relation | None:
    """The newest revisions under the names that `inner` gives them; from roll-ups where the query
    around only sums."""
    assert isinstance(inner.source, str)
    named = {
        column.expr.of: name
        for column, name in zip(
            inner.columns,
            names(inner),
            strict=True,
        )
        if isinstance(column.expr, Call)
    }
    edges = None
    if (
        since is not None
        and until is not None
        and all(
            call.function == "sum" for column in select.columns for call in calls_of(column.expr)
        )
    ):
        edges = _edges(select, since, until)

    found = newest(
        place,
        inner.source,
        named,
        since,
        until,
        edges,
    )
    if found is None:
        return None

    text, bound = ("TRUE", []) if inner.where is None else sql(inner.where, found.tags, ())
    tags = ", ".join(quoted(tag) for tag in found.tags)
    fields = "".join(
        f", {quoted(field)} AS {quoted(named[field])}" for field in sorted(found.fields)
    )
    chosen = f"SELECT time, {tags}{fields} FROM ({found.sql}) WHERE {text}"
    return Relation(
        chosen,
        found.parameters + bound,
        found.tags,
        frozenset(named[field] for field in found.fields),
        found.tables,
    )


def _edges(
    select: Select,
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    """The moments between which the query sums."""
    if select.every is None:
        return np.array([since, until + 1], np.int64)

    zone = None if select.timezone is None else zone_of(select.timezone)
    inner = starts(
        since,
        until,
        select.every,
        select.offset,
        zone,
    )
    return np.array(
        [
            since,
            *inner[inner > since],
            until + 1,
        ],
        np.int64,
    )


def plan(
    place: Place,
    select: Select,
    since: int | None,
    until: int | None,
) -> Plan | None:
    """The SQL of an aggregating SELECT; None where there is nothing to read."""
    calls = tuple(
        dict.fromkeys(call for column in select.columns for call in calls_of(column.expr))
    )
    if not calls or any(True for column in select.columns for _ in refs_of(column.expr)):
        raise QueryError("mixing aggregate and non-aggregate queries is not supported")

    found = source_of(
        place,
        select,
        since,
        until,
    )
    if found is None:
        return None

    tags = found.tags if select.all_tags else select.tags
    timed = select.every is None and len(calls) == 1 and calls[0].function in SELECTORS
    bucket, joined = _bucket(
        select,
        found,
        since,
        until,
    )
    whole = set(found.tags) <= set(tags)
    chosen = [f"{_tag(tag, found)} AS {quoted(tag)}" for tag in tags]
    chosen += [f"{_call(call, found, whole)} AS c{number}" for number, call in enumerate(calls)]
    if timed:
        chosen.append(f"{_time(calls[0], found)} AS t0")

    listed = "".join(f", {text}" for text in chosen)
    text = f"SELECT {bucket} AS bucket{listed} FROM ({found.sql}) r{joined} GROUP BY ALL"
    return Plan(
        text,
        found.parameters,
        found.tables,
        tags,
        calls,
        timed,
    )


def _bucket(
    select: Select,
    found: Relation,
    since: int | None,
    until: int | None,
) -> tuple[str, str]:
    """SQL of the start of a row's bucket, and what must be joined for it."""
    if select.every is None:
        return "0::BIGINT", ""

    if select.timezone is None:
        shifted = f"(r.time - {select.offset})"
        return f"r.time - ((({shifted} % {select.every}) + {select.every}) % {select.every})", ""

    if since is None or until is None:
        raise QueryError("tz() needs a lower bound on time")

    name = f"edges_{len(found.tables)}"
    found.tables[name] = {
        "edge": starts(
            since,
            until,
            select.every,
            select.offset,
            zone_of(select.timezone),
        )
    }
    return "e.edge", f" ASOF JOIN {name} e ON r.time >= e.edge"


def _tag(tag: str, found: Relation) -> str:
    return f"r.{quoted(tag)}" if tag in found.tags else "''"


def _call(
    call: Call,
    found: Relation,
    whole: bool,
) -> str:
    """SQL of a call. Of points of one time in several series, first and last take the larger, as
    InfluxDB does."""
    if call.of not in found.fields:
        return "NULL::DOUBLE"

    field = f"r.{quoted(call.of)}"
    some = f"FILTER ({field} IS NOT NULL)"
    if call.function == "mean":
        return f"avg({field})"

    if call.function in ("first", "last") and whole:
        return f"arg_{'max' if call.function == 'last' else 'min'}({field}, r.time) {some}"

    if call.function == "last":
        return f"(max({{'t': r.time, 'v': {field}}}) {some}).v"

    if call.function == "first":
        return f"-((min({{'t': r.time, 'v': -{field}}}) {some}).v)"

    return f"{call.function}({field})"


def _time(call: Call, found: Relation) -> str:
    """SQL of the time of the point that a selector took."""
    if call.of not in found.fields:
        return "NULL::BIGINT"

    field = f"r.{quoted(call.of)}"
    if call.function in ("first", "last"):
        return f"{'max' if call.function == 'last' else 'min'}(r.time) FILTER ({field} IS NOT NULL)"

    sign = "" if call.function == "min" else "-"
    return f"(min({{'v': {sign}{field}, 't': r.time}}) FILTER ({field} IS NOT NULL)).t"


def aggregated(
    place: Place,
    select: Select,
    since: int | None,
    until: int | None,
) -> Relation | None:
    """A subquery as a relation: a row per bucket and set of tags, its columns as fields."""
    if (
        select.fill not in (None, "none", "null")
        or select.limit is not None
        or select.series_limit is not None
    ):
        raise QueryError("a subquery may have fill(none) or fill(null) only, and no limits")

    if select.timezone is not None:
        raise QueryError("tz() belongs to the outermost query")

    inner = plan(
        place,
        select,
        since,
        until,
    )
    if inner is None:
        return None

    if any(call.function == "count" for call in inner.calls):
        raise QueryError("count() of a subquery is not offered")

    time = (
        "bucket" if select.every is not None else "t0" if inner.timed else f"{since or 0}::BIGINT"
    )
    columns = [
        (name, _arithmetic(column.expr, inner.calls))
        for name, column in zip(
            names(select),
            select.columns,
            strict=True,
        )
    ]
    chosen = "".join(f", {sql} AS {quoted(name)}" for name, sql in columns)
    tags = "".join(f", {quoted(tag)}" for tag in inner.tags)
    text = f"SELECT {time} AS time{tags}{chosen} FROM ({inner.sql})"
    return Relation(
        text,
        inner.parameters,
        inner.tags,
        frozenset(name for name, _ in columns),
        inner.tables,
    )


def _arithmetic(expr: Expr, calls: tuple[Call, ...]) -> str:
    """SQL of an expression over the columns of calls."""
    if isinstance(expr, Number):
        return repr(expr.value)

    if isinstance(expr, Call):
        return f"c{calls.index(expr)}"

    assert isinstance(expr, Binary)
    left = _arithmetic(expr.left, calls)
    right = _arithmetic(expr.right, calls)
    if expr.operator == "/":
        return f"CASE WHEN {left} IS NOT NULL AND {right} = 0 THEN 0.0 ELSE {left} / {right} END"

    return f"({left} {expr.operator} {right})"


def names(select: Select) -> list[str]:
    """Names of the columns: the alias, else the functions or fields in it; a name that comes again
    gets a number."""
    found: list[str] = []
    for column in select.columns:
        parts = [call.function for call in calls_of(column.expr)] or list(refs_of(column.expr))
        base = column.alias or "_".join(parts)
        name = base
        number = 0
        while name in found or name == "time":
            number += 1
            name = f"{base}_{number}"

        found.append(name)

    return found
