"""A meter on its edge: from the true flow and energy of the edge to what every row of its register map would say.

All evaluators work on numbers and on arrays. `Look` is one look at an edge: energies with the meter's gain and
starting totals, in the unit of the edge's bus, and its flow in that unit per hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from collector.plan import wanted_rows
from plant.config import Meter, PlantFile
from plant.names import Carrier
from plant.profile import Profile, Row
from plant.quantity import QUANTITIES
from plant.units import to_canonical
from simulator import registers
from simulator.config import BusSim, SimConfig
from simulator.layout import Seat
from simulator.lines import greatest
from simulator.noise import flicker, unit
from simulator.rows import ROWS, SQRT3

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
    """One look at a meter.

    `taken` and `given` in bus units, `flow` in bus units per hour, all as the meter sees them.
    """

    taken: Any
    given: Any
    flow: Any
    seconds: Any


@dataclass(slots=True)
class Model:
    """One meter.

    `per_edge` turns an amount of the edge into canonical units; `start` are totals from before, in bus units.
    """

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
        return (
            self.profile is not None and self.profile.category == "inverter"
        ) != self.config.reverse

    def look(self, forward: Any, reverse: Any, flow: Any, seconds: Any) -> Look:
        """The meter's view of true energies and flow of its column."""
        share = self.seat.share * self.gain
        taken = self.start[0] + share * forward
        given = self.start[1] + share * reverse
        signed = share * flow * (1 + 0.0008 * flicker(seconds, self.noise))
        if self.config.reverse:
            signed = -signed
        return (
            Look(given, taken, signed, seconds)
            if self.outward
            else Look(taken, given, signed, seconds)
        )

    def row(self, row: Row, look: Look) -> Any:
        """Value of a row in its own unit, not yet rounded to its register."""
        return (
            self.canonical(row.quantity, row.phase, row.tariff, row.unit, look)
            / to_canonical(row.unit)[1]
        )

    def canonical(
        self, quantity: str, phase: str, tariff: int | None, unit_text: str, look: Look
    ) -> Any:
        """Value of a quantity in its canonical unit."""
        if tariff is not None and tariff > 1:
            return 0.0 * look.taken
        made = ROWS.get(quantity)
        if made is None:
            return 0.0 * look.taken
        # Behind a current transformer whose ratio we multiply, the meter sees that much less.
        known = QUANTITIES.get(quantity)
        ratio = self.config.wiring.ratio if known is not None and known.by_ct else 1.0
        return made(self, look, phase, to_canonical(unit_text)[0]) / ratio

    def sf(self, row: Row) -> int:
        """Exponent of the row's scale register."""
        return self.scales.get(row.scale_register, 0) if row.scale_register is not None else 0

    def shown(self, row: Row, look: Look) -> Any:
        """Value of a row in its own unit as a reader gets it."""
        return registers.shown(row, self.row(row, look), self.sf(row))


def build(
    plant: PlantFile,
    sim: SimConfig,
    seed: int,
    key: str,
    seat: Seat,
    profile: Profile | None,
    power_factor: float,
) -> Model:
    """The meter `key` of a plant: constant gain inside its class, totals of earlier years, electrical surroundings."""
    config = plant.meters[key]
    gain = 1 + config.class_limit * unit(seed, f"{key}.gain", -0.6, 0.6)
    per_edge = _conversions(config, seat)
    peak_canonical = 2 * greatest(plant, key) if config.max else 500.0
    native = to_canonical((config.max or "kW").strip().lstrip("+-0123456789.eE ") or "kW")[
        0
    ].removesuffix("/h")
    peak = peak_canonical / per_edge.get("kWh" if native == "kW" else native, 1.0)
    years_h = unit(seed, f"{key}.age", 1500, 9000)
    start = (0.35 * peak * years_h, 0.01 * peak * years_h * (seat.carrier is Carrier.ELECTRICITY))
    volts = sim.buses.get(seat.bus, BusSim()).volts
    model = Model(
        key,
        config,
        seat,
        gain,
        start,
        unit(seed, f"{key}.noise", 0, 50),
        volts,
        power_factor,
        peak,
        profile,
        per_edge,
    )
    if profile is not None:
        model.scales = registers.scale_factors(profile, _peaks(model))
    return model


def _conversions(config: Meter, seat: Seat) -> dict[str, float]:
    """Canonical amounts per bus unit, by canonical unit."""
    density = _KG_PER_M3.get(seat.carrier, 1.0)
    volume = _VOLUME_AT[config.reference]
    if seat.unit == "kWh":
        kg = 3600 / (
            config.enthalpy or (25.1 if seat.carrier is Carrier.CHILLED_WATER else STEAM_KJ_PER_KG)
        )
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
    amps = watts / (SQRT3 * max(model.volts, 1.0))
    return {
        "active_power": watts,
        "apparent_power": 1.1 * watts,
        "reactive_power": watts,
        "current": 1.2 * amps,
        "voltage": 1.1 * model.volts,
        "frequency": 65.0,
        "power_factor": 1.0,
        "dc_current": amps,
        "dc_voltage": 1500.0,
        "dc_power": 1.1 * watts,
        "temperature": 90.0,
    }


def basic_rows(model: Model) -> list[Row]:
    """Rows that the collector reads of a Modbus meter, one per name: where a map shows a value twice, the finer one."""
    if model.profile is None:
        return []
    names = dict.fromkeys(row.name for row in wanted_rows(model.config, model.profile))
    finest = preferred(model.profile)
    return [finest[name] for name in names]


def preferred(profile: Profile) -> dict[str, Row]:
    """One row per name: where a map shows a value twice, the one that resolves more."""
    found: dict[str, Row] = {}
    for row in profile.registers:
        if row.name not in found or _finer(row, found[row.name]):
            found[row.name] = row
    return found


def _finer(row: Row, other: Row) -> bool:
    """Whether of two rows of one name the first resolves more: integers and doubles before float32, then the smaller
    step.
    """
    rank = {"float32": 1}
    step = row.scale * to_canonical(row.unit)[1], other.scale * to_canonical(other.unit)[1]
    return (rank.get(row.type, 0), step[0]) < (rank.get(other.type, 0), step[1])
