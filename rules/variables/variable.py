"""What a rule variable is: its name, its unit, what it is known of,
and how it is read from books or from newest values.

A variable is one row of `rules.variables.table`. Everything else asks the row: the checker for its
unit, the feed for the columns that have to be kept, the view for its value, the docs for its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.figures.figure import Clock
from plant.arrays import Floats
from rules.variables.book_row import BookRow
from rules.variables.newest import NewestSources
from rules.variables.past import Prepare, Sums

KINDS: Final = ("line", "group", "bus", "meter", "site")
"""Kinds of subject: what a variable can be known of."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleColumn:
    """One number a window and subject, which adds up over windows.

    `read` makes it of a book. It is made of `takes`, columns of the tables of
    books such as `source.given`; a back-test reads these from the store. Without
    `read` it is the column of this name of its kind of subject.
    """

    name: str
    read: Callable[[BookRow], Floats] | None = None
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Variable:
    """One row of the table.

    On books a variable is made of the sums of its `columns` by `value`; `over_time` is for
    what no sum tells. On newest values it is `newest`, one value for each subject of a
    kind. `adds_up`: windows of it have a sum; the others are ratios. `when_unseen`: it is
    known too where most of a span was not seen, as coverage is. `family`: the name is the
    beginning of many names, each with a column of its own.
    """

    name: str
    unit: str
    of: tuple[str, ...]
    clock: Clock = "books"
    means: str = ""
    columns: tuple[RuleColumn, ...] = ()
    value: Callable[[Sums], Floats] | None = None
    over_time: Prepare | None = None
    newest: Callable[[NewestSources, str], Floats] | None = None
    adds_up: bool = False
    when_unseen: bool = False
    family: bool = False
