"""Carriers, kinds, states: the closed lists of words used in files, API, page and docs.

What a meter can say stands in `plant.quantity`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Carrier(StrEnum):
    """What a bus carries and a line draws."""

    ELECTRICITY = "electricity"
    NATURAL_GAS = "natural_gas"
    STEAM = "steam"
    HEAT = "heat"
    COMPRESSED_AIR = "compressed_air"
    CHILLED_WATER = "chilled_water"
    WATER = "water"


class SourceKind(StrEnum):
    """Where primary energy comes from; decides factor, colour, and whether it is on-site or
    renewable.
    """

    GRID = "grid"
    PV = "pv"
    WIND = "wind"
    GEOTHERMAL = "geothermal"
    GAS = "gas"
    HEAT = "heat"
    WATER = "water"
    AMBIENT = "ambient"
    UNKNOWN = "unknown"


ON_SITE: Final = frozenset({SourceKind.PV, SourceKind.WIND, SourceKind.GEOTHERMAL})
RENEWABLE: Final = frozenset({SourceKind.PV, SourceKind.WIND, SourceKind.GEOTHERMAL})

PSEUDO_SOURCES: Final = ("ambient", "unknown", "opening_stock")
"""What energy may come from besides the sources of a plant, in the order of the books."""

# carrier -> unit in which its buses and draws are booked
BOOK_UNIT: Final = {
    Carrier.ELECTRICITY: "kWh",
    Carrier.NATURAL_GAS: "Nm3",
    Carrier.STEAM: "kWh",
    Carrier.HEAT: "kWh",
    Carrier.COMPRESSED_AIR: "Nm3",
    Carrier.CHILLED_WATER: "kWh",
    Carrier.WATER: "m3",
}

# carriers that count in final energy as the electricity behind them (method, section 5)
AS_ELECTRICITY: Final = frozenset({Carrier.COMPRESSED_AIR, Carrier.CHILLED_WATER})

# carriers whose mix is taken over 15 minutes unless the plant file says otherwise
# (method, section 1, slow media)
SLOW: Final = frozenset(
    {Carrier.STEAM, Carrier.HEAT, Carrier.COMPRESSED_AIR, Carrier.CHILLED_WATER}
)

DEFAULT_KIND: Final = {
    Carrier.ELECTRICITY: SourceKind.GRID,
    Carrier.NATURAL_GAS: SourceKind.GAS,
    Carrier.STEAM: SourceKind.HEAT,
    Carrier.HEAT: SourceKind.HEAT,
    Carrier.WATER: SourceKind.WATER,
}


class State(StrEnum):
    """Machine states of a line."""

    OFF = "OFF"
    STANDBY = "STANDBY"
    WARMUP = "WARMUP"
    IDLE = "IDLE"
    RUN = "RUN"
    CHANGEOVER = "CHANGEOVER"
    FAULT = "FAULT"
    UNKNOWN = "UNKNOWN"


class Verdict(StrEnum):
    """What one counter step is (design, section 1, rule 2)."""

    NORMAL = "normal"
    WRAP = "wrap"
    RESET = "reset"
    SWAP = "swap"
    GLITCH = "glitch"
    UNKNOWN = "unknown"
    GAP = "gap"
