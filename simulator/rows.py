"""What a row of a register map says: one maker per quantity, from a look at the meter's edge to a value in canonical
units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from plant.names import Carrier
from simulator.noise import flicker

if TYPE_CHECKING:
    from simulator.meters import Look, Model

SQRT3: Final = 3.0**0.5
_THIRDS: Final = {"L1": 0.336, "L2": 0.331, "L3": 0.333}
Maker = Callable[["Model", "Look", str, str], Any]


def _part(phase: str) -> float:
    return _THIRDS.get(phase, 1 / 3 if phase in ("avg", "per_phase") else 1.0)


def _amount(which: str) -> Maker:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        value = {"in": look.taken, "out": look.given}.get(which)
        if value is None:
            value = look.taken + look.given if which == "sum" else look.taken - look.given
        return value * model.per_edge.get(unit_text, 1.0) * _part(phase)

    return made


def _reactive_amount(factor: float) -> Maker:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        return (look.taken + look.given) * factor * _tangent(model) * _part(phase)

    return made


def _flow(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    name = unit_text.removesuffix("/h")
    return look.flow * model.per_edge.get("kWh" if name == "kW" else name, 1.0) * _part(phase)


def _volume_flow(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return look.flow * model.per_edge["m3"]


def _tangent(model: Model) -> float:
    return float((1 / model.power_factor**2 - 1) ** 0.5)


def _voltage(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    wander = (
        1
        + 0.006 * np.sin(look.seconds / 4100 + model.noise)
        + 0.0015 * flicker(look.seconds, model.noise + 1)
    )
    between = len(phase) == 4 or phase == "avg_ll"
    return (
        model.volts
        * wander
        * (1.0 if between else 1 / SQRT3)
        * {"L1": 1.002, "L2": 0.999, "L3": 0.9995}.get(phase, 1.0)
    )


def _current(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    if phase == "N":
        return 0.01 * np.abs(look.flow) * 1000 / model.volts
    whole = np.abs(look.flow) * 1000 / (model.power_factor * SQRT3 * model.volts)
    return whole * (3 * _part(phase) if phase in _THIRDS else 3.0 if phase == "sum" else 1.0)


def _constant(value: float, sway: float = 0.0) -> Maker:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        return value + sway * flicker(look.seconds, model.noise + 2)

    return made


def _times(factor: Callable[[Model], float]) -> Maker:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        return np.abs(look.flow) * factor(model) * _part(phase)

    return made


def _power_factor(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return model.power_factor + 0.004 * flicker(look.seconds, model.noise + 3) + 0.0 * look.flow


def _temperature(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    base = {Carrier.STEAM: 175.0, Carrier.HEAT: 85.0, Carrier.CHILLED_WATER: 7.0}.get(
        model.seat.carrier, 32.0
    )
    return (
        base + (273.15 if unit_text == "K" else 0.0) + 0.5 * flicker(look.seconds, model.noise + 4)
    )


def _apparent_amount(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return (look.taken + look.given) / model.power_factor * _part(phase)


def _phase_angle(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return np.degrees(np.arccos(model.power_factor)) + 0.0 * look.flow


def _operating_time(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return np.floor(np.asarray(look.seconds, np.float64) % 3.0e7)


def _operating_state(model: Model, look: Look, phase: str, unit_text: str) -> Any:
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
    "dc_power": _times(lambda m: 1.02),
    "reactive_power": _times(_tangent),
    "apparent_power": _times(lambda m: 1 / m.power_factor),
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
    "dc_current": _times(lambda m: 1000 * 1.02 / 1080),
    "temperature": _temperature,
    "flow_temperature": _temperature,
    "flow_velocity": _times(lambda m: 24 / max(m.peak, 1e-9)),
    "density": _constant(4.16, 0.01),
    "pressure": _constant(7.0, 0.05),
    "operating_time": _operating_time,
    "ct_ratio": _constant(1.0),
    "pt_ratio": _constant(1.0),
    "operating_state": _operating_state,
    "rotation_field": _constant(0.0),
    "tariff": _constant(1.0),
}
