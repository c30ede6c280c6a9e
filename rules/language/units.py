"""Units of conditions.

Energy and power are compared in kWh and kW, intensities in
g/kWh, shares in per cent as figures give them.
"""

from __future__ import annotations

from typing import Final

from plant.units import known_unit, to_canonical

PLAIN: Final = "1"
_OWN: Final = {
    "": (PLAIN, 1.0),
    "%": ("%", 1.0),
    "g/kWh": ("g/kWh", 1.0),
    "kg/kWh": ("g/kWh", 1e3),
    "kgce": ("kgce", 1.0),
    "t/tce": ("t/tce", 1.0),
}
_MORE: Final = {
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86400.0),
    "unit": ("unit", 1.0),
    "units": ("unit", 1.0),
}


def canonical(unit: str) -> tuple[str, float] | None:
    """Unit in which values of `unit` are compared, and the factor; None where it is no unit."""
    found = _OWN.get(unit) or _MORE.get(unit)
    if found is None and known_unit(unit):
        found = to_canonical(unit)

    return found
