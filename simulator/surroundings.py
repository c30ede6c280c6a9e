"""What a meter sits in: the electrical surroundings of its edge, and one look at that edge.

Meters and the makers of register values both use these, so neither has to know the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from plant.names import Carrier

Numbers: TypeAlias = Any
"""A float or an array of float64.

Whatever goes in comes out in the same form, which types cannot say.
"""

SQRT3: Final = 3.0**0.5


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a meter.

    `taken` and `given` in bus units, `flow` in bus units per hour,
    all as the meter sees them; `seconds` of event time.
    """

    taken: Numbers
    given: Numbers
    flow: Numbers
    seconds: Numbers


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stays the same around a meter.

    `peak` in bus units per hour; `per_edge` turns an amount of the edge into canonical units, by
    their name; `noise` is the phase of the meter's own flicker.
    """

    carrier: Carrier
    volts: float
    power_factor: float
    peak: float
    noise: float
    per_edge: dict[str, float]

    @property
    def tangent(self) -> float:
        """Reactive by active power."""
        return float((1 / self.power_factor**2 - 1) ** 0.5)
