"""What a query says, as a tree. Times and durations are ns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

FUNCTIONS: Final = ("count", "first", "last", "max", "mean", "min", "sum")
SELECTORS: Final = ("first", "last", "max", "min")
Fill = Literal["null", "none", "previous", "linear", "number"]


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Ref:
    """A field or a tag by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one field."""

    function: str
    of: str


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expr
    right: Expr


Expr = Number | Ref | Call | Binary


@dataclass(frozen=True, slots=True)
class Compare:
    """`name` against a text, a number or a pattern (operators =~ and !~)."""

    name: str
    operator: str
    value: str | float


@dataclass(frozen=True, slots=True)
class Logic:
    operator: Literal["AND", "OR"]
    left: Condition
    right: Condition


Condition = Compare | Logic


@dataclass(frozen=True, slots=True)
class Column:
    expr: Expr
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """`since` and `until` bound time on both sides, inclusive; None where open."""

    columns: tuple[Column, ...]
    source: str | Select
    where: Condition | None = None
    since: int | None = None
    until: int | None = None
    every: int | None = None
    offset: int = 0
    tags: tuple[str, ...] = ()
    all_tags: bool = False
    fill: Fill | None = None
    fill_number: float = 0.0
    descending: bool = False
    limit: int | None = None
    skip: int = 0
    series_limit: int | None = None
    series_skip: int = 0
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW of `what`: measurements, tag keys, tag values, field keys, retention policies or
    databases."""

    what: str
    source: str | None = None
    keys: tuple[str, ...] = ()
    pattern: str | None = None
    where: Condition | None = None
    limit: int | None = None
    skip: int = field(default=0)


Statement = Select | Show
