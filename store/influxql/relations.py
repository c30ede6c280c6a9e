"""Measurements as relations of the embedded store: SQL with columns `time`, the tags, and the fields that are asked for.

Every revision of a window is a point, as in InfluxDB, so that the same query counts the same: the tables of what was superseded are read too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from plant.errors import QueryError
from store.influxql.conditions import quoted
from store.schema import DIRECT, SCHEMA

REVISIONS: Final = 1_000_000  # a point is at most this many ns after the start of its window
_CODED: Final = {"line": {"line": "line"}, "bus": {"bus": "bus"}, "source": {"source": "source"}}
_FLOW: Final = {"line": "node", "carrier": "carrier", "source": "source", "via": "via"}


@dataclass(slots=True)
class Relation:
    """`tables` are registered under their names while the query runs."""

    sql: str
    parameters: list[Any]
    tags: tuple[str, ...]
    fields: frozenset[str]
    tables: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked: the store's names, its tables, and the registry of readings (tag to meter and quantity)."""

    site: str
    has: Collection[str]
    registry: Mapping[int, tuple[str, str]]


def fields_of(place: Place, measurement: str) -> tuple[str, ...]:
    """Fields of a measurement; of `meter` those that any meter has."""
    if measurement != "meter":
        return SCHEMA[measurement].fields if measurement in SCHEMA else ()
    return tuple(sorted({name for _, name in place.registry.values()}))


def relation(
    place: Place, measurement: str, wanted: Collection[str], since: int | None, until: int | None
) -> Relation | None:
    """The relation of a measurement with the fields of `wanted` that it has; None if there is nothing of it."""
    if measurement not in SCHEMA:
        return None
    known = [f for f in fields_of(place, measurement) if f in wanted]
    if measurement == "meter":
        return _readings(place, known, since, until) if "reading" in place.has else None
    if measurement not in place.has:
        return None
    build = _flows if measurement == "flow" else _rows
    parts, parameters = [], []
    for table in (measurement, f"{measurement}_superseded"):
        sql, bound = build(place, measurement, table, known, _span(since, until))
        parts.append(sql)
        parameters += bound
    return Relation(" UNION ALL ".join(parts), parameters, SCHEMA[measurement].tags, frozenset(known))


def _span(since: int | None, until: int | None) -> tuple[str, list[Any]]:
    """Bounds on time, so that they also bound what is read."""
    parts, bound = ["TRUE"], []
    if since is not None:
        parts.append("start >= ? AND start + rev >= ?")
        bound += [since - REVISIONS, since]
    if until is not None:
        parts.append("start <= ? AND start + rev <= ?")
        bound += [until, until]
    return " AND ".join(parts), bound


def _rows(
    place: Place, measurement: str, table: str, known: list[str], span: tuple[str, list[Any]]
) -> tuple[str, list[Any]]:
    ((tag, column),) = _CODED[measurement].items()
    chosen = "".join(f", {_known(f)}" for f in known)
    sql = f"SELECT t.start + t.rev AS time, ? AS site, n.text AS {tag}{chosen} FROM {table} t JOIN name n ON n.id = t.{column} WHERE {span[0]}"
    return sql, [place.site, *span[1]]


def _flows(
    place: Place, measurement: str, table: str, known: list[str], span: tuple[str, list[Any]]
) -> tuple[str, list[Any]]:
    """Flows into lines and what is unmetered, over all hours of origin."""
    joins = " ".join(f"JOIN name n_{tag} ON n_{tag}.id = t.{column}" for tag, column in _FLOW.items())
    texts = ", ".join(f"n_{tag}.text AS {tag}" for tag in ("line", "carrier", "source"))
    via = f"CASE n_via.text WHEN '' THEN '{DIRECT}' ELSE n_via.text END AS via"
    sums = "".join(f", sum(t.{f}) AS {f}" for f in known)
    sql = (
        f"SELECT t.start + t.rev AS time, ? AS site, {texts}, {via}{sums} FROM {table} t {joins} "
        f"WHERE t.kind IN (0, 1) AND {span[0]} GROUP BY ALL"
    )
    return sql, [place.site, *span[1]]


def _readings(place: Place, known: list[str], since: int | None, until: int | None) -> Relation:
    """Raw readings, wide: one row per meter and time."""
    mine = [(tag, meter, name) for tag, (meter, name) in place.registry.items() if name in known]
    tables = {
        "registry": {
            "tag": np.array([t for t, _, _ in mine], np.int32),
            "meter": np.array([m for _, m, _ in mine], object),
            "field": np.array([known.index(n) for _, _, n in mine], np.int32),
        }
    }
    parts, bound = ["NOT isnan(r.value)"], []
    for sign, at in ((">=", since), ("<=", until)):
        if at is not None:
            parts.append(f"r.ts {sign} ?")
            bound.append(at)
    chosen = "".join(f", max(r.value) FILTER (g.field = {i}) AS {quoted(name)}" for i, name in enumerate(known))
    sql = (
        f"SELECT r.ts AS time, ? AS site, g.meter AS meter{chosen} FROM reading r JOIN registry g ON g.tag = r.tag "
        f"WHERE {' AND '.join(parts)} GROUP BY r.ts, g.meter"
    )
    if not mine:
        raise QueryError("no meter has such a field")
    return Relation(sql, [place.site, *bound], SCHEMA["meter"].tags, frozenset(known), tables)


def _known(name: str) -> str:
    return f"CASE WHEN isnan(t.{quoted(name)}) THEN NULL ELSE t.{quoted(name)} END AS {quoted(name)}"
