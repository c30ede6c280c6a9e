"""What a ring keeps of each window, and what variables are made of it.

One kind keeps the sums of the books, the other plain values (`now`, and rule tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from plant.arrays import Floats
from rules.variables.past import OverTime, Sums
from rules.variables.table import ALWAYS
from rules.variables.variable import RuleColumn, Variable

KNOWN_SHARE: Final = 0.9
"""A span of which less was seen than this is unknown: a
silent meter must not look like a saving.
"""


class Measures(Protocol):
    """Columns of a ring and what variables are made of them."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def adds_up(self, name: str) -> bool:
        """Whether windows of a variable add up; the others are ratios."""
        ...

    def value(self, name: str, sums: Sums) -> Floats: ...


class BookMeasures:
    """Variables from the sums of books.

    `variables` decide which columns are kept, besides `more`.
    """

    def __init__(self, variables: Iterable[Variable], more: Sequence[RuleColumn] = ()) -> None:
        self.variables = {variable.name: variable for variable in variables}
        wanted = [*ALWAYS, *more]
        for variable in self.variables.values():
            wanted += variable.columns

        # Two variables that are made of one column share it.
        by_name = {column.name: column for column in wanted}
        self.kept = tuple(by_name[name] for name in sorted(by_name))
        self.columns = tuple(column.name for column in self.kept)

    def adds_up(self, name: str) -> bool:
        return self.variables[name].adds_up

    def value(self, name: str, sums: Sums) -> Floats:
        """Values by subject; NaN where it is a ratio of nothing or too little was seen."""
        variable = self.variables[name]
        assert variable.value is not None, name
        found = variable.value(sums)
        if variable.when_unseen:
            return found

        with np.errstate(invalid="ignore"):
            was_seen = sums["seen_s"] >= KNOWN_SHARE * sums["due_s"]
            known = was_seen & (sums["due_s"] > 0)
            return np.where(known, found, np.nan)


class PlainMeasures:
    """Values as they come, one a window: what is kept is the value and how many there were."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(set(names)))
        columns: list[str] = []
        for name in self.names:
            columns += [name, _count_of(name)]

        self.columns = tuple(columns)

    def adds_up(self, name: str) -> bool:
        return False

    def value(self, name: str, sums: Sums) -> Floats:
        """The mean of what came."""
        count = sums[_count_of(name)]
        came = count > 0
        divisor = np.where(came, count, 1.0)
        mean = sums[name] / divisor
        return np.where(came, mean, np.nan)

    def rows(self, values: Mapping[str, Floats], subjects: int) -> Floats:
        """One window [columns, subjects] of values; NaN is not known."""
        window = np.zeros((len(self.columns), subjects))
        for index, name in enumerate(self.names):
            given = values.get(name)
            if given is None:
                continue

            known = np.isfinite(given)
            window[2 * index] = np.where(known, given, 0.0)
            window[2 * index + 1] = known

        return window


def _count_of(name: str) -> str:
    """Column that counts the values of a variable."""
    return f"{name} count"


def plain_state(measures: PlainMeasures) -> OverTime:
    """Machine states where they are given as codes (rule tests)."""
    return lambda past, count: measures.value("state", past.sums(1))
