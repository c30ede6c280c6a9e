"""Carriers, quantities, kinds: the closed lists of words used in files, API, page and docs."""

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
    """Where primary energy comes from; decides factor, colour and whether it is on-site or renewable."""

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

# carriers whose mix is taken over 15 minutes unless the plant file says otherwise (method, section 1, slow media)
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

# counters that can rule the books of a carrier, best first, and the instantaneous quantities that give their shape
COUNTERS: Final = {
    Carrier.ELECTRICITY: ("active_energy_import",),
    Carrier.NATURAL_GAS: ("volume_corrected", "volume", "pulse_count", "counter"),
    Carrier.STEAM: ("heat_energy", "mass", "counter"),
    Carrier.HEAT: ("heat_energy",),
    Carrier.COMPRESSED_AIR: ("volume_corrected", "volume", "pulse_count", "counter"),
    Carrier.CHILLED_WATER: ("heat_energy",),
    Carrier.WATER: ("volume", "pulse_count", "counter"),
}
POWERS: Final = {
    Carrier.ELECTRICITY: ("active_power",),
    Carrier.NATURAL_GAS: ("volume_flow_corrected", "volume_flow"),
    Carrier.STEAM: ("heat_power", "mass_flow"),
    Carrier.HEAT: ("heat_power",),
    Carrier.COMPRESSED_AIR: ("volume_flow_corrected", "volume_flow"),
    Carrier.CHILLED_WATER: ("heat_power",),
    Carrier.WATER: ("volume_flow",),
}
REVERSE_COUNTER: Final = "active_energy_export"

# cumulative quantities: read at the pace of `every.energy`; all others at the pace of `every.power`
CUMULATIVE: Final = frozenset(
    {
        "active_energy_import",
        "active_energy_export",
        "active_energy_total",
        "active_energy_net",
        "active_energy_export_daily",
        "reactive_energy_import",
        "reactive_energy_export",
        "reactive_energy_total",
        "reactive_energy_net",
        "reactive_energy_inductive",
        "reactive_energy_capacitive",
        "apparent_energy",
        "charge",
        "volume",
        "volume_corrected",
        "mass",
        "heat_energy",
        "non_electrical_energy_import",
        "non_electrical_energy_export",
        "counter",
        "pulse_count",
        "operating_time",
    }
)


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
