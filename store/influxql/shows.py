"""SHOW statements: what is there, for editors, variables and health checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plant.errors import QueryError
from store.influxql.answers import Series
from store.influxql.conditions import quoted, sql
from store.influxql.relations import Place, fields_of, relation
from store.influxql.tree import Show
from store.schema import SCHEMA

Rows = Callable[[str, list[Any], dict[str, Any]], dict[str, Any]]


def show(
    asked: Show,
    place: Place,
    rows: Rows,
) -> list[Series]:
    """The series of one SHOW."""
    if asked.what == "databases":
        return [_table("databases", ["name"], [["wattline"]])]

    if asked.what == "retention policies":
        columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"]
        return [
            _table(
                "",
                columns,
                [["autogen", "0s", "168h0m0s", 1, True]],
            )
        ]

    there = [
        m for m in sorted(SCHEMA) if m in place.has or (m == "meter" and "reading" in place.has)
    ]
    if asked.what == "measurements":
        return _measurements(asked, there, rows)

    chosen = [m for m in there if asked.source in (None, m)]
    if asked.what == "field keys":
        tables = {m: [[f, "float"] for f in sorted(fields_of(place, m))] for m in chosen}
        return [
            _table(m, ["fieldKey", "fieldType"], _cut(asked, t)) for m, t in tables.items() if t
        ]

    if asked.what == "tag keys":
        return [
            _table(
                m,
                ["tagKey"],
                _cut(asked, [[t] for t in sorted(SCHEMA[m].tags)]),
            )
            for m in chosen
        ]

    found = [
        _table(
            m,
            ["key", "value"],
            _cut(
                asked,
                _values(
                    asked,
                    place,
                    m,
                    rows,
                ),
            ),
        )
        for m in chosen
    ]
    return [series for series in found if len(series.values[0])]


def _measurements(
    asked: Show,
    there: list[str],
    rows: Rows,
) -> list[Series]:
    if asked.source is not None:
        there = [m for m in there if m == asked.source]

    if asked.pattern is not None:
        names = {"names": {"name": np.array(there, object)}} if there else {}
        matching = (
            rows(
                "SELECT name FROM names WHERE regexp_matches(name, ?)",
                [asked.pattern],
                names,
            )["name"]
            if there
            else []
        )
        there = list(matching)

    listed = _cut(asked, [[m] for m in there])
    return [_table("measurements", ["name"], listed)] if listed else []


def _values(
    asked: Show,
    place: Place,
    measurement: str,
    rows: Rows,
) -> list[list[Any]]:
    """Values of the tags asked for, in order of key and value."""
    fields = fields_of(place, measurement)
    found = relation(
        place,
        measurement,
        fields[:1],
        None,
        None,
    )
    out: list[list[Any]] = []
    if found is None:
        return out

    where, bound = ("TRUE", []) if asked.where is None else sql(asked.where, found.tags, ())
    for key in sorted(set(asked.keys) & set(found.tags)):
        text = f"SELECT DISTINCT {quoted(key)} AS v FROM ({found.sql}) WHERE {where} ORDER BY v"
        out += [[key, str(v)] for v in rows(text, [*found.parameters, *bound], found.tables)["v"]]

    return out


def _cut(asked: Show, table: list[list[Any]]) -> list[list[Any]]:
    return table[asked.skip : None if asked.limit is None else asked.skip + asked.limit]


def _table(
    name: str,
    columns: list[str],
    table: list[list[Any]],
) -> Series:
    """A table without times."""
    if name and not columns:
        raise QueryError(f"{name} has no columns")

    return Series(
        name,
        {},
        columns,
        np.empty(0, np.int64),
        [list(c) for c in zip(*table, strict=True)] or [[] for _ in columns],
    )
