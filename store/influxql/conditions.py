"""Time bounds taken out of a condition, and conditions as SQL with bound parameters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from plant.errors import QueryError
from store.influxql.tree import Compare, Condition, Logic

_SQL: Final = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def split_time(condition: Condition | None) -> tuple[Condition | None, int | None, int | None]:
    """The condition without its bounds on time, and those bounds (ns, inclusive). Time may only be
    bound by AND."""
    if condition is None:
        return None, None, None

    if isinstance(condition, Compare):
        if condition.name != "time":
            return condition, None, None

        return None, *_bound(condition)

    left, since, until = split_time(condition.left)
    right, since2, until2 = split_time(condition.right)
    bound = (since, until, since2, until2) != (None,) * 4
    if condition.operator == "OR" and bound:
        raise QueryError("time may only be bound with AND")

    kept = Logic(condition.operator, left, right) if left and right else left or right
    lows = [bound for bound in (since, since2) if bound is not None]
    highs = [bound for bound in (until, until2) if bound is not None]
    return kept, max(lows, default=None), min(highs, default=None)


def _bound(condition: Compare) -> tuple[int | None, int | None]:
    at = int(condition.value)
    bounds = {
        ">=": (at, None),
        ">": (at + 1, None),
        "<=": (None, at),
        "<": (None, at - 1),
        "=": (at, at),
    }
    if condition.operator not in bounds:
        raise QueryError(f"time cannot be compared with {condition.operator}")

    return bounds[condition.operator]


def sql(
    condition: Condition,
    tags: Collection[str],
    fields: Collection[str],
) -> tuple[str, list[Any]]:
    """SQL of a condition and its parameters. Patterns are RE2, which run in linear time; a tag that
    is not there is an empty text."""
    if isinstance(condition, Logic):
        left, first = sql(condition.left, tags, fields)
        right, second = sql(condition.right, tags, fields)
        return f"({left} {condition.operator} {right})", first + second

    name = condition.name
    operator = condition.operator
    value = condition.value
    if name in fields:
        if operator not in _SQL or isinstance(value, str):
            return "FALSE", []

        return f"({quoted(name)} {_SQL[operator]} ?)", [value]

    if operator in ("=~", "!~"):
        pattern = str(value)
        column = quoted(name) if name in tags else "''"
        return f"({'NOT ' if operator == '!~' else ''}regexp_matches({column}, ?))", [pattern]

    if operator not in ("=", "!=") or not isinstance(value, str):
        return "FALSE", []

    return f"({quoted(name) if name in tags else repr('')} {_SQL[operator]} ?)", [value]


def quoted(name: str) -> str:
    """An identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
