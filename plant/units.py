"""Units: one canonical unit per dimension inside, conversions at the edges.

Canonical: kWh, kW, kvarh, kvar, kVAh, kVA, m3 (Nm3 keeps its own name), m3/h, kg, kg/h, V, A, Hz,
degC, bar, s, 1.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

# unit -> (canonical unit, factor): value in canonical = value * factor
_UNITS: Final[dict[str, tuple[str, float]]] = {
    "Wh": ("kWh", 1e-3),
    "kWh": ("kWh", 1.0),
    "MWh": ("kWh", 1e3),
    "GWh": ("kWh", 1e6),
    "J": ("kWh", 1 / 3.6e6),
    "kJ": ("kWh", 1 / 3.6e3),
    "MJ": ("kWh", 1 / 3.6),
    "GJ": ("kWh", 1e3 / 3.6),
    "W": ("kW", 1e-3),
    "kW": ("kW", 1.0),
    "MW": ("kW", 1e3),
    "J/h": ("kW", 1 / 3.6e6),
    "varh": ("kvarh", 1e-3),
    "kvarh": ("kvarh", 1.0),
    "var": ("kvar", 1e-3),
    "kvar": ("kvar", 1.0),
    "VAh": ("kVAh", 1e-3),
    "kVAh": ("kVAh", 1.0),
    "VA": ("kVA", 1e-3),
    "kVA": ("kVA", 1.0),
    "Ah": ("Ah", 1.0),
    "l": ("m3", 1e-3),
    "m3": ("m3", 1.0),
    "Nm3": ("Nm3", 1.0),
    "m3/h": ("m3/h", 1.0),
    "m3/min": ("m3/h", 60.0),
    "m3/s": ("m3/h", 3600.0),
    "l/min": ("m3/h", 0.06),
    "Nm3/h": ("Nm3/h", 1.0),
    "kg": ("kg", 1.0),
    "t": ("kg", 1e3),
    "kg/h": ("kg/h", 1.0),
    "kg/s": ("kg/h", 3600.0),
    "t/h": ("kg/h", 1e3),
    "V": ("V", 1.0),
    "A": ("A", 1.0),
    "Hz": ("Hz", 1.0),
    "%": ("1", 1e-2),
    "1": ("1", 1.0),
    "deg": ("deg", 1.0),
    "degC": ("degC", 1.0),
    "K": ("K", 1.0),
    "bar": ("bar", 1.0),
    "s": ("s", 1.0),
    "m/s": ("m/s", 1.0),
    "kg/m3": ("kg/m3", 1.0),
}

_DURATION: Final[dict[str, float]] = {
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_NUMBER_AND_UNIT: Final = re.compile(
    r"^\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z0-9/%]*)\s*$"
)

KWH_PER_GJ: Final = 1e3 / 3.6
GJ_PER_KWH: Final = 0.0036
HOUR_NS: Final = 3_600_000_000_000
MINUTE_NS: Final = 60_000_000_000
SECOND_NS: Final = 1_000_000_000


def to_canonical(unit: str) -> tuple[str, float]:
    """Canonical unit and factor of `unit`; a unit not in the table is its own canonical unit."""
    return _UNITS.get(unit, (unit, 1.0))


def known_unit(unit: str) -> bool:
    """Whether `unit` is in the table of units."""
    return unit in _UNITS


def quantity(text: str | float, expected: str) -> float:
    """Number of `text` ("30 MW", "10 MWh", 5) in the canonical unit `expected`.

    ValueError says what is accepted.
    """
    if isinstance(text, int | float):
        return float(text)

    number, unit = number_and_unit(text, example=f"5 {expected}")
    canonical, factor = to_canonical(unit or expected)
    if canonical != expected:
        raise ValueError(f"expected a unit of {expected}, not {unit!r}")

    return number * factor


def number_and_unit(text: str, example: str) -> tuple[float, str]:
    """Number of "12 MW" and its unit, which may be missing; ValueError shows `example`."""
    match = _NUMBER_AND_UNIT.match(text)
    if match is None:
        raise ValueError(f"expected a number with a unit such as '{example}', not {text!r}")

    number, unit = match.groups()
    return float(number), unit


def seconds(text: str | float) -> float:
    """Seconds of a duration ("1s", "15m", "250ms", "1h").

    ValueError says what is accepted.
    """
    if isinstance(text, int | float):
        return float(text)

    match = _NUMBER_AND_UNIT.match(text)
    if match is None or match[2] not in _DURATION:
        raise ValueError(f"expected a duration such as '10s', '15m' or '1h', not {text!r}")

    number, unit = match.groups()
    found = float(number) * _DURATION[unit]
    if not isfinite(found):
        raise ValueError(f"{text!r} is longer than can be counted")

    return found
