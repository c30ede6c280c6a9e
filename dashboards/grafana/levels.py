"""A query of a dashboard taken apart into its nested SELECTs, outermost first.

It looks at names only; the grammar is `store.influxql`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CALL: Final = re.compile(r"(\w+)\(\"([^\"]+)\"\)")
_NAMED: Final = re.compile(r" AS \"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Level:
    """One SELECT.

    `source` is its measurement, empty over a subquery; `compared` are the tags of its WHERE.
    """

    fields: frozenset[str]
    functions: frozenset[str]
    named: frozenset[str]
    divides: bool
    source: str
    compared: tuple[str, ...]
    tags: tuple[str, ...]
    every: str
    bounded: bool


def levels(query: str) -> list[Level]:
    """The SELECTs of a query, from outside in."""
    found = []
    rest = query
    while rest:
        select, inside, tail = _split(rest)
        found.append(_level(select, inside, tail))
        rest = inside if inside.startswith("SELECT") else ""

    return found


def _split(query: str) -> tuple[str, str, str]:
    """What stands before FROM, what it is from, and what follows."""
    select, _, rest = query.partition(" FROM ")
    if not rest.startswith("("):
        source, _, tail = rest.partition(" ")
        return select, source.strip('"'), tail

    depth = 0
    for at, letter in enumerate(rest):
        depth += {
            "(": 1,
            ")": -1,
        }.get(letter, 0)
        if depth == 0:
            return select, rest[1:at], rest[at + 1 :]

    raise ValueError(f"a bracket is not closed: {query}")


def _level(
    select: str,
    inside: str,
    tail: str,
) -> Level:
    where, _, groups = tail.partition("GROUP BY ")
    calls = _CALL.findall(select)
    every = re.search(r"time\(([^),]+)", groups)
    return Level(
        frozenset(field for _, field in calls),
        frozenset(function for function, _ in calls),
        frozenset(_NAMED.findall(select)),
        ") / " in select,
        "" if inside.startswith("SELECT") else inside,
        tuple(re.findall(r"\"([^\"]+)\" [!=]", where)),
        tuple(re.findall(r"\"([^\"]+)\"", groups)),
        every[1] if every else "",
        "$timeFilter" in where,
    )
