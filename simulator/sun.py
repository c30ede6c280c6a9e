"""Sun and clouds: the power of a roof of PV modules from place, time and weather, in kW."""

from __future__ import annotations

import numpy as np

from simulator.config import PvSim
from simulator.noise import STEP_S, STEPS, Floats, smooth, unit


def sine_of_elevation(day: int, latitude: float, longitude: float) -> Floats:
    """Sine of the sun's elevation over UTC day `day` (days since 1970), never below zero."""
    hours = np.arange(STEPS) * STEP_S / 3600 + longitude / 15
    year_angle = 2 * np.pi * ((day % 365.2425) + 10) / 365.2425
    declination = np.radians(-23.44) * np.cos(year_angle)
    equation_h = (
        9.87 * np.sin(2 * year_angle) - 7.53 * np.cos(year_angle) - 1.5 * np.sin(year_angle)
    ) / 60
    turn = np.radians(15 * (hours + equation_h - 12))
    place = np.radians(latitude)
    height = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(
        turn
    )
    return np.asarray(np.maximum(height, 0.0))


def clearness(seed: int, name: str, day: int, mean: float) -> Floats:
    """Share of the clear-sky light that comes through: weather over half days, clouds over minutes."""
    weather = mean + 0.22 * smooth(seed, f"{name}.weather", day, 43_200)
    patches = smooth(seed, f"{name}.clouds", day, 600) + 0.5 * smooth(
        seed, f"{name}.wisps", day, 60
    )
    broken = np.where(patches > 0.9, 0.45, 1.0 - 0.04 * np.abs(patches))
    return np.asarray(np.clip(weather, 0.12, 1.0) * broken)


def roof_kw(
    sim: PvSim, seed: int, name: str, day: int, latitude: float, longitude: float
) -> Floats:
    """AC power of the roof over UTC day `day`."""
    light = (
        1.08
        * sine_of_elevation(day, latitude, longitude) ** 1.12
        * clearness(seed, name, day, sim.clear)
    )
    ambient_c = 17 - 11 * np.cos(2 * np.pi * ((day % 365.2425) - 20) / 365.2425)
    cell_c = ambient_c + 28 * light
    power = (
        sim.kwp
        * light
        * sim.performance_ratio
        * (1 - 0.0035 * (cell_c - 25))
        * unit(seed, f"{name}.dust", 0.98, 1.0)
    )
    return np.asarray(np.minimum(power, 0.95 * sim.kwp))
