"""SHOW statements: what is there, for editors, variables and health checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from plant.errors import QueryError
from plant.ports import Columns
from store.influxql.answers import Cell, Series
from store.influxql.conditions import quoted, sql
from store.influxql.relations import Place, fields_of, relation
from store.influxql.tree import Show
from store.schema import SCHEMA

Table = list[list[Cell]]
"""Rows of an answer."""

Rows = Callable[[str, list[object], Mapping[str, Columns]], Columns]


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
        name
        for name in sorted(SCHEMA)
        if name in place.has or (name == "meter" and "reading" in place.has)
    ]
    if asked.what == "measurements":
        return _measurements(asked, there, rows)

    chosen = [name for name in there if asked.source in (None, name)]
    if asked.what == "field keys":
        shown = []
        for measurement in chosen:
            table: Table = [[name, "float"] for name in sorted(fields_of(place, measurement))]
            if table:
                cut = _cut(asked, table)
                shown.append(_table(measurement, ["fieldKey", "fieldType"], cut))

        return shown

    if asked.what == "tag keys":
        return [
            _table(
                name,
                ["tagKey"],
                _cut(asked, [[tag] for tag in sorted(SCHEMA[name].tags)]),
            )
            for name in chosen
        ]

    found = [
        _table(
            name,
            ["key", "value"],
            _cut(
                asked,
                _values(
                    asked,
                    place,
                    name,
                    rows,
                ),
            ),
        )
        for name in chosen
    ]
    return [series for series in found if len(series.values[0])]


def _measurements(
    asked: Show,
    there: list[str],
    rows: Rows,
) -> list[Series]:
    if asked.source is not None:
        there = [name for name in there if name == asked.source]

    if asked.pattern is not None and there:
        known = {"names": {"name": np.array(there, object)}}
        pattern = "SELECT name FROM names WHERE regexp_matches(name, ?)"
        there = list(rows(pattern, [asked.pattern], known)["name"])

    listed = _cut(asked, [[name] for name in there])
    return [_table("measurements", ["name"], listed)] if listed else []


def _values(
    asked: Show,
    place: Place,
    measurement: str,
    rows: Rows,
) -> Table:
    """Values of the tags asked for, in order of key and value."""
    fields = fields_of(place, measurement)
    found = relation(
        place,
        measurement,
        fields[:1],
        None,
        None,
    )
    out: Table = []
    if found is None:
        return out

    where, bound = ("TRUE", []) if asked.where is None else sql(asked.where, found.tags, ())
    for key in sorted(set(asked.keys) & set(found.tags)):
        text = f"SELECT DISTINCT {quoted(key)} AS v FROM ({found.sql}) WHERE {where} ORDER BY v"
        out += [
            [key, str(value)]
            for value in rows(text, [*found.parameters, *bound], found.tables)["v"]
        ]

    return out


def _cut(asked: Show, table: Table) -> Table:
    last = None if asked.limit is None else asked.skip + asked.limit
    return table[asked.skip : last]


def _table(
    name: str,
    columns: list[str],
    table: Table,
) -> Series:
    """A table without times."""
    if name and not columns:
        raise QueryError(f"{name} has no columns")

    return Series(
        name=name,
        tags={},
        columns=columns,
        times=np.empty(0, np.int64),
        values=[[row[place] for row in table] for place in range(len(columns))],
    )
