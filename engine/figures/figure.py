"""What a figure is: weights over additive columns, above and below a line (method, section 5).

A figure of any span, line, group or site is a ratio of sums, never a mean of ratios. So the
columns are summed first, whatever their source: closed windows, powers of one moment, or the
fields of InfluxDB. Then one row says what becomes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from plant.arrays import Floats

Sums = Mapping[str, Floats]
"""Sums of columns by name, all of one length. NaN is unknown."""

Weights = Mapping[str, float]
"""Columns by name, each with what it is multiplied with before they are added up."""

Clock: TypeAlias = Literal["books", "now"]
"""Closed windows, counted; or newest values, for what must be early."""


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """`part` of `whole`, such as the good pieces of all pieces."""

    part: Weights
    whole: Weights


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Figure:
    """One row of the table of figures: value = scale * top / over, or scale * top.

    `also` are further names of it. `without` is a share of the top that is taken off it. `per`
    names the kinds of subject of which rules can watch it; `clock` where it is known: in books
    only, or of the newest moment too. Where `summed` is false, its column is no sum of rows of
    lines: it is made of other tables when it is read (`books.derived`).
    """

    name: str
    unit: str
    means: str
    top: Weights
    over: Weights | None = None
    scale: float = 1.0
    without: Share | None = None
    also: tuple[str, ...] = ()
    per: tuple[str, ...] = ("line", "group", "site")
    clock: tuple[Clock, ...] = ("books",)
    summed: bool = True

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it is made of: those of the top, of the bottom and of the share."""
        found = set(self.top)
        if self.over is not None:
            found.update(self.over)

        if self.without is not None:
            found.update(self.without.part)
            found.update(self.without.whole)

        return frozenset(found)

    @property
    def adds_up(self) -> bool:
        """Whether spans of it have a sum; a ratio has none."""
        return self.over is None

    def above(self, sums: Sums) -> Floats:
        """What stands above the line, of as many spans or subjects as the sums have."""
        top = weighted(self.top, sums)
        if self.without is None:
            return top

        # What the part carries is taken off: as much for each of it as each of the whole carries.
        # Where there is no whole at all, nobody can say what one of it carries.
        part = weighted(self.without.part, sums)
        whole = weighted(self.without.whole, sums)
        is_some = whole > 0
        per_one = top / np.where(is_some, whole, np.nan)
        taken_off = per_one * part
        return np.asarray(top - taken_off, np.float64)

    def below(self, sums: Sums) -> Floats | None:
        """What stands below the line; None for a plain sum."""
        if self.over is None:
            return None

        return weighted(self.over, sums)

    def value(self, sums: Sums, least: float = 0.0) -> Floats:
        """Values in `unit`, from sums of equal length; NaN where nothing is known, or where no more
        than `least` stands below the line."""
        top = self.above(sums)
        over = self.below(sums)
        scaled = self.scale * top
        if over is None:
            return scaled

        # A ratio over nothing is unknown. It is divided by one in the meantime, so that numpy has
        # no division by zero to warn of.
        is_some = over > least
        divisor = np.where(is_some, over, 1.0)
        ratio = scaled / divisor
        return np.where(is_some, ratio, np.nan)


def plus(*columns: str) -> dict[str, float]:
    """The columns added up."""
    return dict.fromkeys(columns, 1.0)


def minus(column: str, *less: str) -> dict[str, float]:
    """A column less others."""
    return {
        column: 1.0,
        **dict.fromkeys(less, -1.0),
    }


def weighted(weights: Weights, sums: Sums) -> Floats:
    """The columns that `weights` names, each times its weight, added up."""
    parts = []
    for column, weight in weights.items():
        part = weight * sums[column]
        parts.append(part)

    # Sums of floats depend on their order. That of the weights is kept, so that a figure is the
    # same to the last digit wherever it is worked out.
    total = parts[0]
    for part in parts[1:]:
        total = total + part

    return np.asarray(total, np.float64)
