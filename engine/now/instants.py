"""The ratios of `now`: one row each, from which the picture takes its values and explain its parts.

A column is a number of each place where energy is used (a tap of a line, what is left on a bus):
`kwh` and `kg` of the sources behind it (an hour at this power), what of that is `renewable` or
`claimed` as such, and `final`, the energy that is delivered there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.tracing.graph import Array

Places = npt.NDArray[np.int64]
"""Indexes of places."""
LEAST: Final = 1e-9
"""Less than this is nothing, and a ratio over nothing is unknown."""


@dataclass(frozen=True, slots=True)
class Instant:
    """`top` over `over`, times `scale`; `electric`: only where electricity is used, above or below."""

    top: str
    over: str
    scale: float
    electric_top: bool = True
    electric_over: bool = True


INSTANTS: Final = {
    "intensity.electricity": Instant(
        top="kg",
        over="final",
        scale=1e3,
    ),
    "intensity.final": Instant(
        top="kg",
        over="final",
        scale=1e3,
        electric_top=False,
        electric_over=False,
    ),
    "electrification.calorific@final": Instant(
        top="final",
        over="final",
        scale=100.0,
        electric_over=False,
    ),
    "renewable.physical": Instant(
        top="renewable",
        over="kwh",
        scale=100.0,
    ),
    "renewable.claimed": Instant(
        top="claimed",
        over="kwh",
        scale=100.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of one moment: what stands above and below the line, and the value."""

    top: float
    over: float
    value: float | None


def ratio(
    instant: Instant,
    columns: dict[str, Array],
    places: Places,
    electric: Places,
) -> Ratio:
    """The figure of some places; `electric` are those of them where electricity is used."""
    top_places = electric if instant.electric_top else places
    over_places = electric if instant.electric_over else places
    top = float(columns[instant.top][top_places].sum())
    over = float(columns[instant.over][over_places].sum())
    value = instant.scale * top / over if over > LEAST else None
    return Ratio(top, over, value)
