"""A meter on its edge: from the true flow and energy of the edge to what every row of its register map would say.

All evaluators work on numbers and on arrays. `Look` is one look at an edge: energies with the meter's gain and starting totals,
in the unit of the edge's bus, and its flow in that unit per hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from plant.config import Meter, PlantFile
from plant.names import COUNTERS, POWERS, Carrier
from plant.profile import Profile, Row
from plant.units import to_canonical
from simulator import registers
from simulator.config import BusSim, SimConfig
from simulator.layout import Seat
from simulator.lines import greatest
from simulator.noise import flicker, unit

_THIRDS: Final = {"L1": 0.336, "L2": 0.331, "L3": 0.333}
_SQRT3: Final = 3.0**0.5
_VOLUME_AT: Final = {None: 1.0, "0C": 1.0, "15C": 288.15 / 273.15, "20C": 293.15 / 273.15}
STEAM_KJ_PER_KG: Final = 2420.0
_KG_PER_M3: Final = {
    Carrier.STEAM: 4.16,
    Carrier.NATURAL_GAS: 0.75,
    Carrier.COMPRESSED_AIR: 1.293,
    Carrier.WATER: 998.0,
    Carrier.CHILLED_WATER: 999.7,
    Carrier.HEAT: 975.0,
}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a meter. `taken` and `given` in bus units, `flow` in bus units per hour, all as the meter sees them."""

    taken: Any
    given: Any
    flow: Any
    seconds: Any


@dataclass(slots=True)
class Model:
    """One meter. `per_edge` turns an amount of the edge into canonical units; `start` are totals from before, in bus units."""

    id: str
    config: Meter
    seat: Seat
    gain: float
    start: tuple[float, float]
    noise: float
    volts: float
    power_factor: float
    peak: float
    profile: Profile | None
    per_edge: dict[str, float]
    scales: dict[int, int] = field(default_factory=dict)

    @property
    def outward(self) -> bool:
        """Whether the map counts the forward flow as export: inverters do, and meters wired the other way round."""
        return (self.profile is not None and self.profile.category == "inverter") != self.config.reverse

    def look(self, forward: Any, reverse: Any, flow: Any, seconds: Any) -> Look:
        """The meter's view of true energies and flow of its column."""
        share = self.seat.share * self.gain
        taken, given = self.start[0] + share * forward, self.start[1] + share * reverse
        signed = share * flow * (1 + 0.0008 * flicker(seconds, self.noise))
        if self.config.reverse:
            signed = -signed
        return Look(given, taken, signed, seconds) if self.outward else Look(taken, given, signed, seconds)

    def row(self, row: Row, look: Look) -> Any:
        """Value of a row in its own unit, not yet rounded to its register."""
        return self.canonical(row.quantity, row.phase, row.tariff, row.unit, look) / to_canonical(row.unit)[1]

    def canonical(self, quantity: str, phase: str, tariff: int | None, unit_text: str, look: Look) -> Any:
        """Value of a quantity in its canonical unit."""
        if tariff is not None and tariff > 1:
            return 0.0 * look.taken
        made = _ROWS.get(quantity)
        ratio = self.config.ct.factor if self.config.ct and quantity in _BY_CT else 1.0
        return (made(self, look, phase, to_canonical(unit_text)[0]) if made else 0.0 * look.taken) / ratio

    def sf(self, row: Row) -> int:
        """Exponent of the row's scale register."""
        return self.scales.get(row.scale_register, 0) if row.scale_register is not None else 0

    def shown(self, row: Row, look: Look) -> Any:
        """Value of a row in its own unit as a reader gets it."""
        return registers.shown(row, self.row(row, look), self.sf(row))


def build(
    plant: PlantFile, sim: SimConfig, seed: int, key: str, seat: Seat, profile: Profile | None, power_factor: float
) -> Model:
    """The meter `key` of a plant: constant gain inside its class, totals of earlier years, electrical surroundings."""
    config = plant.meters[key]
    gain = 1 + config.class_limit * unit(seed, f"{key}.gain", -0.6, 0.6)
    per_edge = _conversions(config, seat)
    peak_canonical = 2 * greatest(plant, key) if config.max else 500.0
    native = to_canonical((config.max or "kW").strip().lstrip("+-0123456789.eE ") or "kW")[0].removesuffix("/h")
    peak = peak_canonical / per_edge.get("kWh" if native == "kW" else native, 1.0)
    years_h = unit(seed, f"{key}.age", 1500, 9000)
    start = (0.35 * peak * years_h, 0.01 * peak * years_h * (seat.carrier is Carrier.ELECTRICITY))
    volts = sim.buses.get(seat.bus, BusSim()).volts
    model = Model(
        key, config, seat, gain, start, unit(seed, f"{key}.noise", 0, 50), volts, power_factor, peak, profile, per_edge
    )
    if profile is not None:
        model.scales = registers.scale_factors(profile, _peaks(model))
    return model


def _conversions(config: Meter, seat: Seat) -> dict[str, float]:
    """Canonical amounts per bus unit, by canonical unit."""
    density = _KG_PER_M3.get(seat.carrier, 1.0)
    volume = _VOLUME_AT[config.reference]
    if seat.unit == "kWh":
        kg = 3600 / (config.enthalpy or (25.1 if seat.carrier is Carrier.CHILLED_WATER else STEAM_KJ_PER_KG))
        table = {"kWh": 1.0, "kg": kg, "m3": kg / density, "Nm3": kg / density}
    elif seat.unit == "Nm3":
        table = {"Nm3": 1.0, "m3": volume, "kg": density, "kWh": 10.814}
    else:
        table = {seat.unit: 1.0, "m3": 1.0, "Nm3": 1.0, "kg": density, "kWh": 1.0}
    usual = "kg" if seat.carrier is Carrier.STEAM else next(iter(table))
    return {
        **table,
        "1": table.get("m3", 1.0) / (config.step or 0.1),
        "m3 or kg": table[usual],
        "configured": table[usual],
    }


def _peaks(model: Model) -> dict[str, float]:
    watts = model.peak * 1000
    amps = watts / (_SQRT3 * max(model.volts, 1.0))
    return {"active_power": watts, "apparent_power": 1.1 * watts, "reactive_power": watts, "current": 1.2 * amps, "voltage": 1.1 * model.volts, "frequency": 65.0,
            "power_factor": 1.0, "dc_current": amps, "dc_voltage": 1500.0, "dc_power": 1.1 * watts, "temperature": 90.0}  # fmt: skip


def _part(phase: str) -> float:
    return _THIRDS.get(phase, 1 / 3 if phase in ("avg", "per_phase") else 1.0)


def _amount(which: str) -> Callable[[Model, Look, str, str], Any]:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        value = {"in": look.taken, "out": look.given}.get(which)
        if value is None:
            value = look.taken + look.given if which == "sum" else look.taken - look.given
        return value * model.per_edge.get(unit_text, 1.0) * _part(phase)

    return made


def _reactive_amount(factor: float) -> Callable[[Model, Look, str, str], Any]:
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
    wander = 1 + 0.006 * np.sin(look.seconds / 4100 + model.noise) + 0.0015 * flicker(look.seconds, model.noise + 1)
    between = len(phase) == 4 or phase == "avg_ll"
    return (
        model.volts
        * wander
        * (1.0 if between else 1 / _SQRT3)
        * {"L1": 1.002, "L2": 0.999, "L3": 0.9995}.get(phase, 1.0)
    )


def _current(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    if phase == "N":
        return 0.01 * np.abs(look.flow) * 1000 / model.volts
    whole = np.abs(look.flow) * 1000 / (model.power_factor * _SQRT3 * model.volts)
    return whole * (3 * _part(phase) if phase in _THIRDS else 3.0 if phase == "sum" else 1.0)


def _constant(value: float, sway: float = 0.0) -> Callable[[Model, Look, str, str], Any]:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        return value + sway * flicker(look.seconds, model.noise + 2)

    return made


def _times(factor: Callable[[Model], float]) -> Callable[[Model, Look, str, str], Any]:
    def made(model: Model, look: Look, phase: str, unit_text: str) -> Any:
        return np.abs(look.flow) * factor(model) * _part(phase)

    return made


def _power_factor(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    return model.power_factor + 0.004 * flicker(look.seconds, model.noise + 3) + 0.0 * look.flow


def _temperature(model: Model, look: Look, phase: str, unit_text: str) -> Any:
    base = {Carrier.STEAM: 175.0, Carrier.HEAT: 85.0, Carrier.CHILLED_WATER: 7.0}.get(model.seat.carrier, 32.0)
    return base + (273.15 if unit_text == "K" else 0.0) + 0.5 * flicker(look.seconds, model.noise + 4)


_ROWS: Final[dict[str, Callable[[Model, Look, str, str], Any]]] = {
    "active_energy_import": _amount("in"), "active_energy_export": _amount("out"), "active_energy_total": _amount("sum"),
    "active_energy_net": _amount("net"), "active_energy_export_daily": _constant(0.0), "counter": _amount("in"), "mass": _amount("in"),
    "volume": _amount("in"), "volume_corrected": _amount("in"), "heat_energy": _amount("in"), "pulse_count": _amount("in"),
    "non_electrical_energy_import": _amount("in"), "non_electrical_energy_export": _amount("out"),
    "reactive_energy_import": _reactive_amount(0.97), "reactive_energy_inductive": _reactive_amount(0.97), "reactive_energy_total": _reactive_amount(1.0),
    "reactive_energy_net": _reactive_amount(0.94), "reactive_energy_export": _reactive_amount(0.03), "reactive_energy_capacitive": _reactive_amount(0.03),
    "active_power": _flow, "heat_power": _flow, "mass_flow": _flow, "volume_flow": _volume_flow, "volume_flow_corrected": _flow, "flow": _flow,
    "active_power_demand": _flow, "dc_power": _times(lambda m: 1.02), "reactive_power": _times(_tangent), "apparent_power": _times(lambda m: 1 / m.power_factor),
    "apparent_energy": lambda m, look, phase, text: (look.taken + look.given) / m.power_factor * _part(phase),
    "power_factor": _power_factor, "cos_phi": _power_factor, "phase_angle": lambda m, look, phase, text: np.degrees(np.arccos(m.power_factor)) + 0.0 * look.flow,
    "voltage": _voltage, "current": _current, "frequency": _constant(50.0, 0.02), "thd_voltage": _constant(0.021, 0.002), "thd_current": _constant(0.06, 0.01),
    "dc_voltage": _constant(1080.0, 15.0), "dc_current": _times(lambda m: 1000 * 1.02 / 1080), "temperature": _temperature, "flow_temperature": _temperature,
    "flow_velocity": _times(lambda m: 24 / max(m.peak, 1e-9)), "density": _constant(4.16, 0.01), "pressure": _constant(7.0, 0.05),
    "operating_time": lambda m, look, phase, text: np.floor(np.asarray(look.seconds, np.float64) % 3.0e7), "ct_ratio": _constant(1.0), "pt_ratio": _constant(1.0),
    "operating_state": lambda m, look, phase, text: np.where(np.abs(look.flow) > 0.5, 4.0, 8.0), "rotation_field": _constant(0.0), "tariff": _constant(1.0),
}  # fmt: skip

_BY_CT: Final = frozenset({
    "active_energy_import", "active_energy_export", "active_energy_total", "active_energy_net", "reactive_energy_import", "reactive_energy_export",
    "reactive_energy_total", "reactive_energy_net", "apparent_energy", "active_power", "reactive_power", "apparent_power", "active_power_demand", "current",
})  # fmt: skip


def basic_rows(model: Model) -> list[Row]:
    """Rows that a collector reads with `read: basic`: whole-meter counters, power and power factor, one row per name."""
    if model.profile is None:
        return []
    carrier = model.seat.carrier
    if model.config.read == "all":
        wanted = None
    else:
        wanted = {
            *COUNTERS[carrier],
            *POWERS[carrier],
            "active_energy_export",
            "power_factor",
            model.config.counter or "counter",
        }
    found: dict[str, Row] = {}
    for row in model.profile.registers:
        if wanted is None or (row.quantity in wanted and row.phase in ("total", "ch0")):
            if row.name not in found or _finer(row, found[row.name]):
                found[row.name] = row
    return list(found.values())


def _finer(row: Row, other: Row) -> bool:
    """Whether of two rows of one name the first resolves more: integers and doubles before float32, then the smaller step."""
    rank = {"float32": 1}
    step = row.scale * to_canonical(row.unit)[1], other.scale * to_canonical(other.unit)[1]
    return (rank.get(row.type, 0), step[0]) < (rank.get(other.type, 0), step[1])
