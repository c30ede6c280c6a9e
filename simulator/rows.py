"""What a row of a register map says: one maker per quantity.

A maker goes from a look at the meter's edge to a value in the canonical unit that it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from plant.names import Carrier
from simulator.noise import flicker
from simulator.surroundings import SQRT3, Look, Numbers, Surroundings

Maker = Callable[[Surroundings, Look, str, str], Numbers]
"""(surroundings, look, phase, canonical unit) -> value."""

_PHASE_SHARE: Final = {"L1": 0.336, "L2": 0.331, "L3": 0.333}
_PHASE_VOLTS: Final = {"L1": 1.002, "L2": 0.999, "L3": 0.9995}
_MEDIUM_C: Final = {Carrier.STEAM: 175.0, Carrier.HEAT: 85.0, Carrier.CHILLED_WATER: 7.0}
_CABINET_C: Final = 32.0
_KELVIN: Final = 273.15
_YEAR_S: Final = 3.0e7


def _share(phase: str) -> float:
    """What one phase has of all three: loads are never quite even."""
    if phase in ("avg", "per_phase"):
        return 1 / 3

    return _PHASE_SHARE.get(phase, 1.0)


def _energy(look: Look, which: str) -> Numbers:
    """The total that a counter of this kind shows, in bus units."""
    if which == "in":
        return look.taken

    if which == "out":
        return look.given

    if which == "sum":
        return look.taken + look.given

    return look.taken - look.given


def _amount(which: str) -> Maker:
    """A counter of what came `in`, went `out`, their `sum` or their `net`."""

    def made(
        around: Surroundings,
        look: Look,
        phase: str,
        unit: str,
    ) -> Numbers:
        per_edge = around.per_edge.get(unit, 1.0)
        return _energy(look, which) * per_edge * _share(phase)

    return made


def _reactive_amount(factor: float) -> Maker:
    """A counter of reactive energy: the tangent's part of all active energy, times `factor`."""

    def made(
        around: Surroundings,
        look: Look,
        phase: str,
        unit: str,
    ) -> Numbers:
        active = look.taken + look.given
        return active * factor * around.tangent * _share(phase)

    return made


def _apparent_amount(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    active = look.taken + look.given
    return active / around.power_factor * _share(phase)


def _flow(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    """Flow in the unit that is asked for, per hour."""
    amount = unit.removesuffix("/h")
    per_edge = around.per_edge.get(
        "kWh" if amount == "kW" else amount,
        1.0,
    )
    return look.flow * per_edge * _share(phase)


def _volume_flow(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    return look.flow * around.per_edge["m3"]


def _voltage(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    """Nominal voltage with a slow wander and a fast flicker."""
    slow = 0.006 * np.sin(look.seconds / 4100 + around.noise)
    fast = 0.0015 * flicker(look.seconds, around.noise + 1)
    # `L1-L2` and `avg_ll` are between two phases, the others between a phase and neutral
    between_phases = len(phase) == 4 or phase == "avg_ll"
    nominal = around.volts if between_phases else around.volts / SQRT3
    return nominal * (1 + slow + fast) * _PHASE_VOLTS.get(phase, 1.0)


def _current(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    """Current from power, power factor and voltage, as of a balanced load."""
    watts = np.abs(look.flow) * 1000
    if phase == "N":
        return 0.01 * watts / around.volts

    even = watts / (around.power_factor * SQRT3 * around.volts)
    if phase in _PHASE_SHARE:
        return even * 3 * _share(phase)

    return even * (3.0 if phase == "sum" else 1.0)


def _constant(value: float, sway: float = 0.0) -> Maker:
    """A value that hardly moves, with a little flicker."""

    def made(
        around: Surroundings,
        look: Look,
        phase: str,
        unit: str,
    ) -> Numbers:
        return value + sway * flicker(look.seconds, around.noise + 2)

    return made


def _times(factor: Callable[[Surroundings], float]) -> Maker:
    """The size of the flow, times a factor of the surroundings."""

    def made(
        around: Surroundings,
        look: Look,
        phase: str,
        unit: str,
    ) -> Numbers:
        return np.abs(look.flow) * factor(around) * _share(phase)

    return made


def _power_factor(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    sway = 0.004 * flicker(look.seconds, around.noise + 3)
    return around.power_factor + sway + 0.0 * look.flow


def _phase_angle(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    return np.degrees(np.arccos(around.power_factor)) + 0.0 * look.flow


def _temperature(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    """Temperature of the medium, or of the cabinet, in C or K."""
    celsius = _MEDIUM_C.get(around.carrier, _CABINET_C)
    zero = _KELVIN if unit == "K" else 0.0
    return celsius + zero + 0.5 * flicker(look.seconds, around.noise + 4)


def _operating_time(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    return np.floor(np.asarray(look.seconds, np.float64) % _YEAR_S)


def _operating_state(
    around: Surroundings,
    look: Look,
    phase: str,
    unit: str,
) -> Numbers:
    """As SunSpec has it: 4 = producing, 8 = standing by."""
    return np.where(np.abs(look.flow) > 0.5, 4.0, 8.0)


ROWS: Final[dict[str, Maker]] = {
    "active_energy_import": _amount("in"),
    "active_energy_export": _amount("out"),
    "active_energy_total": _amount("sum"),
    "active_energy_net": _amount("net"),
    "active_energy_export_daily": _constant(0.0),
    "counter": _amount("in"),
    "mass": _amount("in"),
    "volume": _amount("in"),
    "volume_corrected": _amount("in"),
    "heat_energy": _amount("in"),
    "pulse_count": _amount("in"),
    "non_electrical_energy_import": _amount("in"),
    "non_electrical_energy_export": _amount("out"),
    "reactive_energy_import": _reactive_amount(0.97),
    "reactive_energy_inductive": _reactive_amount(0.97),
    "reactive_energy_total": _reactive_amount(1.0),
    "reactive_energy_net": _reactive_amount(0.94),
    "reactive_energy_export": _reactive_amount(0.03),
    "reactive_energy_capacitive": _reactive_amount(0.03),
    "active_power": _flow,
    "heat_power": _flow,
    "mass_flow": _flow,
    "volume_flow": _volume_flow,
    "volume_flow_corrected": _flow,
    "flow": _flow,
    "active_power_demand": _flow,
    "dc_power": _times(lambda around: 1.02),
    "reactive_power": _times(lambda around: around.tangent),
    "apparent_power": _times(lambda around: 1 / around.power_factor),
    "apparent_energy": _apparent_amount,
    "power_factor": _power_factor,
    "cos_phi": _power_factor,
    "phase_angle": _phase_angle,
    "voltage": _voltage,
    "current": _current,
    "frequency": _constant(50.0, 0.02),
    "thd_voltage": _constant(0.021, 0.002),
    "thd_current": _constant(0.06, 0.01),
    "dc_voltage": _constant(1080.0, 15.0),
    "dc_current": _times(lambda around: 1000 * 1.02 / 1080),
    "temperature": _temperature,
    "flow_temperature": _temperature,
    "flow_velocity": _times(lambda around: 24 / max(around.peak, 1e-9)),
    "density": _constant(4.16, 0.01),
    "pressure": _constant(7.0, 0.05),
    "operating_time": _operating_time,
    "ct_ratio": _constant(1.0),
    "pt_ratio": _constant(1.0),
    "operating_state": _operating_state,
    "rotation_field": _constant(0.0),
    "tariff": _constant(1.0),
}
