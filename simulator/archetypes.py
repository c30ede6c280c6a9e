"""Line archetypes: energy per unit at full rate, how much of it
never switches off, and what a machine state draws.

Per-unit figures and base fractions are those of the project's line archetypes; the base is the mean
of its stations weighted by their share of the line's energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plant.names import State


@dataclass(frozen=True, slots=True)
class Archetype:
    """One kind of line.

    Energies per unit: electricity and heat in kWh, gas in
    Nm3; `base` is drawn in every state but OFF.
    """

    electricity_kwh: float
    heat_kwh: float = 0.0
    gas_nm3: float = 0.0
    rate_per_h: float = 100.0
    base: float = 0.3
    heat_base: float = 0.2
    power_factor: float = 0.93
    unit: str = "unit"


GJ: Final = 1000 / 3.6

ARCHETYPES: Final[dict[str, Archetype]] = {
    "A1p": Archetype(500, gas_nm3=69.4, rate_per_h=20, base=0.60, power_factor=0.90, unit="body"),
    "A1": Archetype(
        1100,
        heat_kwh=0.2 * GJ,
        gas_nm3=74.0,
        rate_per_h=20,
        base=0.55,
        power_factor=0.88,
        unit="vehicle",
    ),
    "A2": Archetype(
        20, heat_kwh=0.054 * GJ, rate_per_h=250, base=0.55, heat_base=0.40, unit="kWh cell"
    ),
    "A2e": Archetype(28, rate_per_h=250, base=0.52, unit="kWh cell"),
    "A3c": Archetype(
        55,
        heat_kwh=0.010 * GJ,
        rate_per_h=125,
        base=0.75,
        heat_base=0.50,
        power_factor=0.95,
        unit="kWp",
    ),
    "A3m": Archetype(13.5, rate_per_h=125, base=0.40, power_factor=0.95, unit="kWp"),
    "A4": Archetype(0.40, rate_per_h=110, base=0.30, power_factor=0.90, unit="panel"),
    "A5": Archetype(
        1.2,
        heat_kwh=0.0165 * GJ,
        gas_nm3=0.12,
        rate_per_h=625,
        base=0.25,
        heat_base=0.15,
        power_factor=0.88,
        unit="kg fabric",
    ),
    "A6e": Archetype(
        420, gas_nm3=6, rate_per_h=100, base=0.08, power_factor=0.82, unit="t liquid steel"
    ),
    "A6r": Archetype(
        80, gas_nm3=30.824, rate_per_h=100, base=0.25, power_factor=0.85, unit="t product"
    ),
}

STATES: Final = tuple(State)

# power of a state as a fraction of RUN; the base fraction of the line lifts all but OFF
STATE_POWER: Final = {
    State.OFF: 0.02,
    State.STANDBY: 0.15,
    State.WARMUP: 1.20,
    State.IDLE: 0.45,
    State.RUN: 1.0,
    State.CHANGEOVER: 0.40,
    State.FAULT: 0.20,
    State.UNKNOWN: 0.20,
}
