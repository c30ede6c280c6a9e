"""The columns that figures of `now` are made of: those of the books, for one moment.

Powers stand in for the energies of one hour. A place is where energy is used: a tap of a line, or
what is left on a bus. A row of the table of figures whose columns all stand here can be taken of a
moment as it is of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.figures.figure import Figure, Sums
from engine.figures.figures import nulls, of_now
from engine.figures.weights import By
from plant.arrays import Floats
from plant.names import AS_ELECTRICITY, Carrier

Places = npt.NDArray[np.int64]
"""Indexes of places."""

LEAST: Final = 1e-9
"""Less than this is nothing, and a ratio over nothing is unknown."""


class Where(Enum):
    """Places by what is used there."""

    ANY = "any"
    ELECTRICITY = "electricity"
    BEHIND = "compressed air and chilled water, which are the electricity behind them"
    ELECTRIC = "electricity, or what counts as it"


@dataclass(frozen=True, slots=True)
class Column:
    """A number of each place, zero elsewhere: its final energy, or what the sources behind it weigh
    `by`."""

    by: By | None
    where: Where


COLUMNS: Final = {
    "electricity_kwh": Column(None, Where.ELECTRICITY),
    "electric_behind_kwh": Column(None, Where.BEHIND),
    "final_kwh": Column(None, Where.ANY),
    "scope1_kg": Column(By.SCOPE1, Where.ANY),
    "scope2_location_kg": Column(By.SCOPE2_LOCATION, Where.ANY),
    "electric_location_kg": Column(By.LOCATION, Where.ELECTRIC),
    "traced_electric": Column(By.KWH, Where.ELECTRIC),
    "traced_renewable": Column(By.RENEWABLE, Where.ELECTRIC),
    "traced_claimed": Column(By.CLAIMED, Where.ELECTRIC),
}
"""By the names that the books have for them."""


class Moment:
    """The columns of all places.

    `carriers` and `final` (kW) by place; `amounts` [places, columns of the tracing] in the unit of
    each source; `weights` [By, columns of the tracing] per such unit.
    """

    def __init__(
        self,
        carriers: Sequence[Carrier],
        final: Floats,
        amounts: Floats,
        weights: Floats,
    ) -> None:
        self.final = final
        electricity = np.array(
            [carrier is Carrier.ELECTRICITY for carrier in carriers],
            bool,
        )
        behind = np.array(
            [carrier in AS_ELECTRICITY for carrier in carriers],
            bool,
        )
        self._masks = {
            Where.ANY: np.ones(len(carriers), bool),
            Where.ELECTRICITY: electricity,
            Where.BEHIND: behind,
            Where.ELECTRIC: electricity | behind,
        }
        behind_it = amounts @ weights.T
        columns = []
        for column in COLUMNS.values():
            values = final if column.by is None else behind_it[:, column.by]
            columns.append(np.where(self._masks[column.where], values, 0.0))

        self._columns = np.array(columns)

    def sums(self, subjects: Sequence[Places]) -> Sums:
        """Each column summed over the places of each subject."""
        found = np.zeros((len(COLUMNS), len(subjects)))
        for index, places in enumerate(subjects):
            found[:, index] = self._columns[:, places].sum(1)

        return dict(
            zip(
                COLUMNS,
                found,
                strict=True,
            )
        )

    def figures(self, subjects: Sequence[Places]) -> list[dict[str, float | None]]:
        """All figures of `now` for each subject; None where nothing is below the line."""
        sums = self.sums(subjects)
        found: list[dict[str, float | None]] = [{} for _ in subjects]
        for figure in of_now():
            values = nulls(figure.value(sums, LEAST))
            for of_subject, value in zip(
                found,
                values,
                strict=True,
            ):
                of_subject[figure.name] = value

        return found

    def above(self, figure: Figure, places: Places) -> Places:
        """Those of some places that count above the line of a figure."""
        counts = np.zeros(len(self.final), bool)
        for column in figure.top:
            counts |= self._masks[COLUMNS[column].where]

        return places[counts[places]]


def is_energy(figure: Figure) -> bool:
    """Whether energy stands above the line of a figure, not what its sources weigh."""
    return all(COLUMNS[column].by is None for column in figure.top)


def worth(figure: Figure, by_source: Floats) -> Floats:
    """What a unit of each source counts above the line of a figure; `by_source` [By, sources]."""
    total = np.zeros(by_source.shape[1])
    for name, weight in figure.top.items():
        by = COLUMNS[name].by
        if by is not None:
            total += weight * by_source[by]

    return total
