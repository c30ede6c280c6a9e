"""Sun and clouds: the power of a roof of PV modules from place, time and weather, in kW."""

from __future__ import annotations

import numpy as np

from plant.arrays import Floats
from simulator.config import PvSim
from simulator.noise import STEP_S, STEPS, smooth, unit

YEAR_DAYS = 365.2425


def sine_of_elevation(
    day: int,
    latitude: float,
    longitude: float,
) -> Floats:
    """Sine of the sun's elevation over UTC day `day` (days since 1970), never below zero.

    Declination and the equation of time in their usual first
    approximation: an hour angle good to a minute.
    """
    solar_h = np.arange(STEPS) * STEP_S / 3600 + longitude / 15
    year_angle = 2 * np.pi * ((day % YEAR_DAYS) + 10) / YEAR_DAYS
    declination = np.radians(-23.44) * np.cos(year_angle)
    equation_min = (
        9.87 * np.sin(2 * year_angle) - 7.53 * np.cos(year_angle) - 1.5 * np.sin(year_angle)
    )
    hour_angle = np.radians(15 * (solar_h + equation_min / 60 - 12))
    place = np.radians(latitude)
    at_noon = np.cos(place) * np.cos(declination)
    height = np.sin(place) * np.sin(declination) + at_noon * np.cos(hour_angle)
    return np.asarray(np.maximum(height, 0.0))


def clearness(
    seed: int,
    name: str,
    day: int,
    mean: float,
) -> Floats:
    """Share of the clear-sky light that comes through:
    weather over half days, clouds over minutes.
    """
    weather = mean + 0.22 * smooth(
        seed,
        f"{name}.weather",
        day,
        43_200,
    )
    clouds = smooth(
        seed,
        f"{name}.clouds",
        day,
        600,
    )
    wisps = smooth(
        seed,
        f"{name}.wisps",
        day,
        60,
    )
    patches = clouds + 0.5 * wisps
    broken = np.where(patches > 0.9, 0.45, 1.0 - 0.04 * np.abs(patches))
    return np.clip(weather, 0.12, 1.0) * broken


def roof_kw(
    sim: PvSim,
    seed: int,
    name: str,
    day: int,
    latitude: float,
    longitude: float,
) -> Floats:
    """AC power of the roof over UTC day `day`."""
    height = sine_of_elevation(day, latitude, longitude)
    light = (
        1.08
        * height**1.12
        * clearness(
            seed,
            name,
            day,
            sim.clear,
        )
    )
    season = 2 * np.pi * ((day % YEAR_DAYS) - 20) / YEAR_DAYS
    ambient_c = 17 - 11 * np.cos(season)
    cell_c = ambient_c + 28 * light
    # crystalline silicon loses 0.35 % of its power for each degree above 25 C
    of_heat = 1 - 0.0035 * (cell_c - 25)
    of_dust = unit(
        seed,
        f"{name}.dust",
        0.98,
        1.0,
    )
    power = sim.kwp * light * sim.performance_ratio * of_heat * of_dust
    return np.asarray(np.minimum(power, 0.95 * sim.kwp))
