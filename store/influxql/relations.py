"""Measurements as relations of the embedded store: SQL with columns `time`, the tags, and the
fields that are asked for.

Every revision of a window is a point, as in InfluxDB, so that the same query counts the same: the
tables of what was superseded are read too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from plant.errors import QueryError
from store.influxql.conditions import quoted
from store.rollups import ROLLED, Starts, spans
from store.schema import DIRECT, SCHEMA

REVISIONS: Final = 1_000_000  # a point is at most this many ns after the start of its window
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
    """What is asked: the store's names, its tables, and the registry of readings (tag to meter and
    quantity), `window` of the books in ns."""

    site: str
    has: Collection[str]
    registry: Mapping[int, tuple[str, str]]
    window: int


def fields_of(place: Place, measurement: str) -> tuple[str, ...]:
    """Fields of a measurement; of `meter` those that any meter has."""
    if measurement != "meter":
        return SCHEMA[measurement].fields if measurement in SCHEMA else ()

    return tuple(sorted({name for _, name in place.registry.values()}))


def relation(
    place: Place,
    measurement: str,
    wanted: Collection[str],
    since: int | None,
    until: int | None,
) -> Relation | None:
    """The relation of a measurement with the fields of `wanted` that it has; None if there is
    nothing of it."""
    if measurement not in SCHEMA:
        return None

    known = [field for field in fields_of(place, measurement) if field in wanted]
    if measurement == "meter":
        return (
            _readings(
                place,
                known,
                since,
                until,
            )
            if "reading" in place.has
            else None
        )

    parts = [Part(table, since, until) for table in (measurement, f"{measurement}_superseded")]
    return _joined(
        place,
        measurement,
        known,
        parts,
    )


def newest(
    place: Place,
    measurement: str,
    wanted: Collection[str],
    since: int | None,
    until: int | None,
    edges: Starts | None,
) -> Relation | None:
    """The same with only the newest revision of each window, at its start. With `edges`, between
    which all is summed, from roll-ups."""
    known = [field for field in fields_of(place, measurement) if field in wanted]
    parts = [Part(measurement, since, until)]
    if edges is not None and measurement in ROLLED:
        parts = [
            Part(
                part.table,
                part.start,
                part.end - 1,
                part.table == measurement,
            )
            for part in spans(measurement, edges)
        ]

    return _joined(
        place,
        measurement,
        known,
        parts,
        "t.start",
        summed=edges is not None,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A table and the times (inclusive) that are read of it. Roll-ups have no revisions."""

    table: str
    since: int | None
    until: int | None
    revisions: bool = True

    def bounds(self) -> tuple[str, list[Any]]:
        """SQL and its parameters; on the start too, so that they also bound what is read."""
        point = "t.start + t.rev" if self.revisions else "t.start"
        early = REVISIONS if self.revisions else 0
        parts = ["TRUE"]
        bound = []
        if self.since is not None:
            parts.append(f"t.start >= ? AND {point} >= ?")
            bound += [self.since - early, self.since]

        if self.until is not None:
            parts.append(f"t.start <= ? AND {point} <= ?")
            bound += [self.until, self.until]

        return " AND ".join(parts), bound


def _joined(
    place: Place,
    measurement: str,
    known: list[str],
    parts: list[Part],
    time: str = "t.start + t.rev",
    *,
    summed: bool = False,
) -> Relation | None:
    """The parts one after the other, with the names behind the codes. `summed`: what is asked is a
    sum, so flows need not be summed before."""
    if measurement not in place.has:
        return None

    build = _rows if measurement != "flow" else _flow_rows if summed else _flows
    texts = []
    parameters = []
    for part in parts:
        where, bound = part.bounds()
        texts.append(
            build(
                measurement,
                part.table,
                known,
                where,
                time,
            )
        )
        parameters += [place.site, *bound]

    return Relation(
        " UNION ALL ".join(texts),
        parameters,
        SCHEMA[measurement].tags,
        frozenset(known),
    )


def _rows(
    measurement: str,
    table: str,
    known: list[str],
    where: str,
    time: str,
) -> str:
    chosen = "".join(f", {_known(field)}" for field in known)
    name = f"JOIN name n ON n.id = t.{measurement}"
    return (
        f"SELECT {time} AS time, ? AS site, n.text AS {measurement}{chosen} FROM {table} t {name} "
        f"WHERE {where}"
    )


def _flows(
    measurement: str,
    table: str,
    known: list[str],
    where: str,
    time: str,
) -> str:
    """Flows into lines and what is unmetered, over all hours of origin."""
    rows = _flow_rows(
        measurement,
        table,
        known,
        where,
        time,
    )
    sums = "".join(f", sum({field}) AS {field}" for field in known)
    return f"SELECT time, site, line, carrier, source, via{sums} FROM ({rows}) GROUP BY ALL"


def _flow_rows(
    measurement: str,
    table: str,
    known: list[str],
    where: str,
    time: str,
) -> str:
    """The same, each hour of origin for itself."""
    joins = " ".join(
        f"JOIN name n_{tag} ON n_{tag}.id = t.{column}" for tag, column in _FLOW.items()
    )
    texts = ", ".join(f"n_{tag}.text AS {tag}" for tag in ("line", "carrier", "source"))
    via = f"CASE n_via.text WHEN '' THEN '{DIRECT}' ELSE n_via.text END AS via"
    chosen = "".join(f", t.{field}" for field in known)
    return (
        f"SELECT {time} AS time, ? AS site, {texts}, {via}{chosen} FROM {table} t {joins} WHERE "
        f"t.kind IN (0, 1) AND {where}"
    )


def _readings(
    place: Place,
    known: list[str],
    since: int | None,
    until: int | None,
) -> Relation:
    """Raw readings, wide: one row per meter and time."""
    mine = [(tag, meter, name) for tag, (meter, name) in place.registry.items() if name in known]
    tables = {
        "registry": {
            "tag": np.array([tag for tag, _, _ in mine], np.int32),
            "meter": np.array([meter for _, meter, _ in mine], object),
            "field": np.array([known.index(name) for _, _, name in mine], np.int32),
        }
    }
    parts = ["NOT isnan(r.value)"]
    bound = []
    for sign, at in ((">=", since), ("<=", until)):
        if at is not None:
            parts.append(f"r.ts {sign} ?")
            bound.append(at)

    chosen = "".join(
        f", max(r.value) FILTER (g.field = {number}) AS {quoted(name)}"
        for number, name in enumerate(known)
    )
    sql = (
        f"SELECT r.ts AS time, ? AS site, g.meter AS meter{chosen} FROM reading r JOIN registry g "
        "ON g.tag = r.tag "
        f"WHERE {' AND '.join(parts)} GROUP BY r.ts, g.meter"
    )
    if not mine:
        raise QueryError("no meter has such a field")

    return Relation(
        sql,
        [place.site, *bound],
        SCHEMA["meter"].tags,
        frozenset(known),
        tables,
    )


def _known(name: str) -> str:
    return (
        f"CASE WHEN isnan(t.{quoted(name)}) THEN NULL ELSE t.{quoted(name)} END AS {quoted(name)}"
    )
