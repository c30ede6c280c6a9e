"""What can be watched: figures by what they are worked out from. One kind reads the sums of the books, the other plain values (`now`, and rule tests)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.figures.figures import ALIASES, DERIVED, FIGURES, needed, value

Floats = npt.NDArray[np.float64]
Sums = Mapping[str, Floats]
KNOWN_SHARE = 0.9
"""A span of which less was seen than this is unknown: a silent meter must not look like a saving."""
ALWAYS = ("seen_s", "due_s", "hours")
WATCHED = {name: f for name, f in FIGURES.items() if name not in DERIVED}
UNUSUAL = "counter.unusual"
WRAPPED = "counter.wrapped"
BOUGHT = "power.bought"
TRACED = "energy.source."
"""Figures of traced energy: this and the id of a source or store."""
SUMS = frozenset({*(n for n, f in WATCHED.items() if f.over is None), UNUSUAL, WRAPPED})
"""Figures of which windows add up; the others are ratios."""


class Measures(Protocol):
    """Columns of a ring and what figures are made of them."""

    columns: tuple[str, ...]

    def adds_up(self, figure: str) -> bool:
        """Whether figures of windows add up; the others are ratios."""
        ...

    def value(self, figure: str, sums: Sums) -> Floats: ...


class BookMeasures:
    """Figures of method section 5 from the sums of books. `figures` decides which columns are kept."""

    def __init__(self, figures: Sequence[str], more: Sequence[str] = ()) -> None:
        known = [f for f in figures if ALIASES.get(f, f) in WATCHED]
        traced = [f for f in figures if f.startswith(TRACED)]
        self.columns = tuple(sorted({*needed(known), *ALWAYS, *more, *traced}))

    def adds_up(self, figure: str) -> bool:
        return figure in SUMS or figure.startswith(TRACED)

    def value(self, figure: str, sums: Sums) -> Floats:
        """Values by subject; NaN where it is a ratio of nothing or too little was seen."""
        own = figure in (UNUSUAL, WRAPPED, BOUGHT) or figure.startswith(TRACED)
        found = _own(figure, sums) if own else value(figure, sums)
        if figure.startswith(("coverage.", "seconds.", "counter.")):
            return found
        with np.errstate(invalid="ignore"):
            known = (sums["due_s"] > 0) & (sums["seen_s"] >= KNOWN_SHARE * sums["due_s"])
            return np.where(known, found, np.nan)


def _own(figure: str, sums: Sums) -> Floats:
    """Figures that are columns of their own: traced energy by source (kWh), odd counter steps, and power from the grid (kW)."""
    if figure.startswith(TRACED):
        return sums[figure]
    return (
        sums[figure.partition(".")[2]] if figure != BOUGHT else sums["bought_kwh"] / sums["hours"]
    )


class PlainMeasures:
    """Values as they come, one a window: what is kept is the value and how many there were."""

    def __init__(self, figures: Sequence[str]) -> None:
        self.figures = tuple(sorted(set(figures)))
        self.columns = tuple(c for f in self.figures for c in (f, f"{f} count"))

    def adds_up(self, figure: str) -> bool:
        return False

    def value(self, figure: str, sums: Sums) -> Floats:
        count = sums[f"{figure} count"]
        return np.where(count > 0, sums[figure] / np.where(count > 0, count, 1.0), np.nan)

    def rows(self, values: Mapping[str, Floats], subjects: int) -> Floats:
        """One window [columns, subjects] of values; NaN is not known."""
        out = np.zeros((len(self.columns), subjects))
        for i, name in enumerate(self.figures):
            given = values.get(name)
            if given is not None:
                known = np.isfinite(given)
                out[2 * i] = np.where(known, given, 0.0)
                out[2 * i + 1] = known
        return out
