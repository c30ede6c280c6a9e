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
        """The columns that it is made of."""
        share = self.without
        sides = [self.top, self.over or {}]
        if share is not None:
            sides += [share.part, share.whole]

        return frozenset(column for side in sides for column in side)

    @property
    def adds_up(self) -> bool:
        """Whether spans of it have a sum; a ratio has none."""
        return self.over is None

    def above(self, sums: Sums) -> Floats:
        """What stands above the line."""
        top = weighted(self.top, sums)
        if self.without is None:
            return top

        whole = weighted(self.without.whole, sums)
        per_one = top / np.where(whole > 0, whole, np.nan)
        return np.asarray(
            top - per_one * weighted(self.without.part, sums),
            np.float64,
        )

    def below(self, sums: Sums) -> Floats | None:
        """What stands below the line; None for a plain sum."""
        return None if self.over is None else weighted(self.over, sums)

    def value(self, sums: Sums, least: float = 0.0) -> Floats:
        """Values from sums of equal length; NaN where nothing is known, or where no more than
        `least` stands below the line."""
        top = self.above(sums)
        over = self.below(sums)
        if over is None:
            return top * self.scale

        is_some = over > least
        divisor = np.where(is_some, over, 1.0)
        return np.where(is_some, self.scale * top / divisor, np.nan)


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
    """The weighted sum of columns, in the order of the weights."""
    parts = [weight * sums[column] for column, weight in weights.items()]
    return np.asarray(sum(parts[1:], parts[0]), np.float64)
