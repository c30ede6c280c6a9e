"""Seeded randomness: every number is a function of (seed,
name, day), so any day can be made again alone.

Called by every model of the world. Times are UTC days of 8,640 steps of ten seconds.
"""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

from plant.arrays import Floats
from plant.units import SECOND_NS
from simulator.surroundings import Numbers

STEP_S: Final = 10
STEP_NS: Final = STEP_S * SECOND_NS
STEPS: Final = 86_400 // STEP_S
DAY_NS: Final = STEPS * STEP_NS


def rng(
    seed: int,
    name: str,
    day: int = 0,
) -> np.random.Generator:
    """The generator of `name` on UTC day number `day`."""
    key = [
        seed,
        zlib.crc32(name.encode()),
        day & 0xFFFFFFFF,
    ]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def smooth(
    seed: int,
    name: str,
    day: int,
    every_s: int,
    lead: int = 0,
) -> Floats:
    """Noise of unit variance that wanders over `every_s` seconds, continuous over midnight.

    `lead` steps of the day before come first.
    """
    count = 86_400 // every_s
    three_days = (day - 1, day, day + 1)
    knots = np.concatenate([rng(seed, name, each).standard_normal(count) for each in three_days])
    knot_s = (np.arange(3 * count) - count) * float(every_s)
    step_s = np.arange(-lead, STEPS) * STEP_S
    return np.asarray(np.interp(step_s, knot_s, knots))


def unit(
    seed: int,
    name: str,
    low: float = 0.0,
    high: float = 1.0,
) -> float:
    """A constant of `name` between `low` and `high`."""
    return float(rng(seed, name).uniform(low, high))


def flicker(seconds: Numbers, phase: float) -> Numbers:
    """Fast noise between -1 and 1, a pure function of time in
    seconds and a phase; costs no state.
    """
    turned = np.sin(seconds * 0.7310585 + phase * 78.233) * 43758.5453123
    return (turned - np.floor(turned)) * 2.0 - 1.0
