"""SELECTs as SQL: one row per bucket and set of tags, a column per call. Arithmetic of the outermost SELECT is left to `answers`, after filling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plant.errors import QueryError
from store.influxql.conditions import quoted, sql
from store.influxql.relations import Place, Relation, relation
from store.influxql.tree import SELECTORS, Binary, Call, Condition, Expr, Logic, Number, Ref, Select
from store.influxql.windows import starts, zone_of


@dataclass(slots=True)
class Plan:
    """SQL of the buckets: columns `bucket`, the tags, `c0`, `c1`, ... (and `t0` for the time of a single selector)."""

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


def narrowed(select: Select, since: int | None, until: int | None) -> tuple[int | None, int | None]:
    """Bounds of a subquery within those of the query around it."""
    lows = [x for x in (select.since, since) if x is not None]
    highs = [x for x in (select.until, until) if x is not None]
    return max(lows, default=None), min(highs, default=None)


def source_of(place: Place, select: Select, since: int | None, until: int | None) -> Relation | None:
    """The rows a SELECT reads, filtered by its condition."""
    wanted = {c.of for column in select.columns for c in calls_of(column.expr)}
    wanted |= {name for column in select.columns for name in refs_of(column.expr)} | names_in(select.where)
    if isinstance(select.source, str):
        found = relation(place, select.source, wanted, since, until)
    else:
        found = aggregated(place, select.source, *narrowed(select.source, since, until))
    if found is None or select.where is None:
        return found
    if select.series_limit is not None and names_in(select.where) & found.fields:
        raise QueryError("SLIMIT together with a condition on a field is not offered")
    condition, bound = sql(select.where, found.tags, found.fields)
    found.sql = f"SELECT * FROM ({found.sql}) WHERE {condition}"
    found.parameters += bound
    return found


def plan(place: Place, select: Select, since: int | None, until: int | None) -> Plan | None:
    """The SQL of an aggregating SELECT; None where there is nothing to read."""
    calls = tuple(dict.fromkeys(c for column in select.columns for c in calls_of(column.expr)))
    if not calls or any(True for column in select.columns for _ in refs_of(column.expr)):
        raise QueryError("mixing aggregate and non-aggregate queries is not supported")
    found = source_of(place, select, since, until)
    if found is None:
        return None
    tags = found.tags if select.all_tags else select.tags
    timed = select.every is None and len(calls) == 1 and calls[0].function in SELECTORS
    bucket, joined = _bucket(select, found, since, until)
    whole = set(found.tags) <= set(tags)
    chosen = [f"{_tag(t, found)} AS {quoted(t)}" for t in tags]
    chosen += [f"{_call(c, found, whole)} AS c{i}" for i, c in enumerate(calls)]
    if timed:
        chosen.append(f"{_time(calls[0], found)} AS t0")
    listed = "".join(f", {c}" for c in chosen)
    text = f"SELECT {bucket} AS bucket{listed} FROM ({found.sql}) r{joined} GROUP BY ALL"
    return Plan(text, found.parameters, found.tables, tags, calls, timed)


def _bucket(select: Select, found: Relation, since: int | None, until: int | None) -> tuple[str, str]:
    """SQL of the start of a row's bucket, and what must be joined for it."""
    if select.every is None:
        return "0::BIGINT", ""
    if select.timezone is None:
        shifted = f"(r.time - {select.offset})"
        return f"r.time - ((({shifted} % {select.every}) + {select.every}) % {select.every})", ""
    if since is None or until is None:
        raise QueryError("tz() needs a lower bound on time")
    name = f"edges_{len(found.tables)}"
    found.tables[name] = {"edge": starts(since, until, select.every, select.offset, zone_of(select.timezone))}
    return "e.edge", f" ASOF JOIN {name} e ON r.time >= e.edge"


def _tag(tag: str, found: Relation) -> str:
    return f"r.{quoted(tag)}" if tag in found.tags else "''"


def _call(call: Call, found: Relation, whole: bool) -> str:
    """SQL of a call. Of points of one time in several series, first and last take the larger, as InfluxDB does."""
    if call.of not in found.fields:
        return "NULL::DOUBLE"
    x = f"r.{quoted(call.of)}"
    some = f"FILTER ({x} IS NOT NULL)"
    if call.function == "mean":
        return f"avg({x})"
    if call.function in ("first", "last") and whole:
        return f"arg_{'max' if call.function == 'last' else 'min'}({x}, r.time) {some}"
    if call.function == "last":
        return f"(max({{'t': r.time, 'v': {x}}}) {some}).v"
    if call.function == "first":
        return f"-((min({{'t': r.time, 'v': -{x}}}) {some}).v)"
    return f"{call.function}({x})"


def _time(call: Call, found: Relation) -> str:
    """SQL of the time of the point that a selector took."""
    if call.of not in found.fields:
        return "NULL::BIGINT"
    x = f"r.{quoted(call.of)}"
    if call.function in ("first", "last"):
        return f"{'max' if call.function == 'last' else 'min'}(r.time) FILTER ({x} IS NOT NULL)"
    sign = "" if call.function == "min" else "-"
    return f"(min({{'v': {sign}{x}, 't': r.time}}) FILTER ({x} IS NOT NULL)).t"


def aggregated(place: Place, select: Select, since: int | None, until: int | None) -> Relation | None:
    """A subquery as a relation: a row per bucket and set of tags, its columns as fields."""
    if select.fill not in (None, "none", "null") or select.limit is not None or select.series_limit is not None:
        raise QueryError("a subquery may have fill(none) or fill(null) only, and no limits")
    if select.timezone is not None:
        raise QueryError("tz() belongs to the outermost query")
    inner = plan(place, select, since, until)
    if inner is None:
        return None
    if any(c.function == "count" for c in inner.calls):
        raise QueryError("count() of a subquery is not offered")
    time = "bucket" if select.every is not None else "t0" if inner.timed else f"{since or 0}::BIGINT"
    columns = [
        (name, _arithmetic(column.expr, inner.calls))
        for name, column in zip(names(select), select.columns, strict=True)
    ]
    chosen = "".join(f", {x} AS {quoted(name)}" for name, x in columns)
    tags = "".join(f", {quoted(t)}" for t in inner.tags)
    text = f"SELECT {time} AS time{tags}{chosen} FROM ({inner.sql})"
    return Relation(text, inner.parameters, inner.tags, frozenset(n for n, _ in columns), inner.tables)


def _arithmetic(expr: Expr, calls: tuple[Call, ...]) -> str:
    """SQL of an expression over the columns of calls."""
    if isinstance(expr, Number):
        return repr(expr.value)
    if isinstance(expr, Call):
        return f"c{calls.index(expr)}"
    assert isinstance(expr, Binary)
    left, right = _arithmetic(expr.left, calls), _arithmetic(expr.right, calls)
    if expr.operator == "/":
        return f"CASE WHEN {left} IS NOT NULL AND {right} = 0 THEN 0.0 ELSE {left} / {right} END"
    return f"({left} {expr.operator} {right})"


def names(select: Select) -> list[str]:
    """Names of the columns: the alias, else the functions or fields in it; a name that comes again gets a number."""
    found: list[str] = []
    for column in select.columns:
        parts = [c.function for c in calls_of(column.expr)] or list(refs_of(column.expr))
        base = column.alias or "_".join(parts)
        name, n = base, 0
        while name in found or name == "time":
            n += 1
            name = f"{base}_{n}"
        found.append(name)
    return found
