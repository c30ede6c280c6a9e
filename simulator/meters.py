"""A meter on its edge: from the true flow and energy of the edge
to what every row of its register map would say.

All evaluators work on numbers and on arrays. Energies carry the meter's gain and starting totals,
in the unit of the edge's bus; flows are in that unit per hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from collector.plan import wanted_rows
from plant.config import PlantFile
from plant.meter import Meter
from plant.names import Carrier
from plant.profile import Profile, Row
from plant.protocols.modbus import ModbusMeter
from plant.quantity import QUANTITIES
from plant.units import to_canonical
from simulator import registers
from simulator.config import BusSim, SimConfig
from simulator.layout import Seat
from simulator.lines import greatest
from simulator.noise import flicker, unit
from simulator.rows import ROWS
from simulator.surroundings import SQRT3, Look, Numbers, Surroundings

_VOLUME_AT: Final = {None: 1.0, "0C": 1.0, "15C": 288.15 / 273.15, "20C": 293.15 / 273.15}
"""Cubic metres of gas at a reference temperature that one standard cubic metre (0 C) makes."""

_KG_PER_M3: Final = {
    Carrier.STEAM: 4.16,
    Carrier.NATURAL_GAS: 0.75,
    Carrier.COMPRESSED_AIR: 1.293,
    Carrier.WATER: 998.0,
    Carrier.CHILLED_WATER: 999.7,
    Carrier.HEAT: 975.0,
}
STEAM_KJ_PER_KG: Final = 2420.0
_CHILLED_WATER_KJ_PER_KG: Final = 25.1
_GAS_KWH_PER_NM3: Final = 10.814
_PEAK_WITHOUT_MAX: Final = 500.0
_NUMBER: Final = "+-0123456789.eE "


@dataclass(slots=True)
class Model:
    """One meter.

    `start` are totals of earlier years, in bus units; `scales`
    are the exponents that its scale registers show.
    """

    id: str
    config: Meter
    seat: Seat
    gain: float
    start: tuple[float, float]
    around: Surroundings
    profile: Profile | None
    scales: dict[int, int] = field(default_factory=dict)

    @property
    def outward(self) -> bool:
        """Whether the map counts the forward flow as export:
        inverters do, and meters wired the other way round.
        """
        inverter = self.profile is not None and self.profile.category == "inverter"
        return inverter != self.config.wiring.reverse

    def look(
        self,
        forward: Numbers,
        reverse: Numbers,
        flow: Numbers,
        seconds: Numbers,
    ) -> Look:
        """The meter's view of true energies and flow of its column."""
        share = self.seat.share * self.gain
        along = self.start[0] + share * forward
        against = self.start[1] + share * reverse
        sway = 1 + 0.0008 * flicker(seconds, self.around.noise)
        signed = share * flow * sway
        if self.config.wiring.reverse:
            signed = -signed

        if self.outward:
            return Look(
                taken=against,
                given=along,
                flow=signed,
                seconds=seconds,
            )

        return Look(
            taken=along,
            given=against,
            flow=signed,
            seconds=seconds,
        )

    def row(self, row: Row, look: Look) -> Numbers:
        """Value of a row in its own unit, not yet rounded to its register."""
        unit_name, factor = to_canonical(row.unit)
        value = self.canonical(
            row.quantity,
            row.phase,
            unit_name,
            look,
            tariff=row.tariff,
        )
        return value / factor

    def canonical(
        self,
        quantity: str,
        phase: str,
        unit_name: str,
        look: Look,
        *,
        tariff: int | None = None,
    ) -> Numbers:
        """Value of a quantity in its canonical unit, as the meter
        has it behind its current transformer.
        """
        nothing = 0.0 * look.taken
        if tariff is not None and tariff > 1:
            return nothing

        made = ROWS.get(quantity)
        if made is None:
            return nothing

        value = made(
            self.around,
            look,
            phase,
            unit_name,
        )
        # Behind a current transformer whose ratio is multiplied
        # later, the meter sees that much less.
        known = QUANTITIES.get(quantity)
        through_ct = known is not None and known.by_ct
        return value / self.config.wiring.ratio if through_ct else value

    def exponent(self, row: Row) -> int:
        """What the row's scale register shows."""
        return self.scales.get(row.scale_register, 0) if row.scale_register is not None else 0

    def shown(self, row: Row, look: Look) -> Numbers:
        """Value of a row in its own unit as a reader gets it."""
        return registers.shown(
            row,
            self.row(row, look),
            self.exponent(row),
        )


def build(
    plant: PlantFile,
    sim: SimConfig,
    seed: int,
    key: str,
    *,
    seat: Seat,
    profile: Profile | None,
    power_factor: float,
) -> Model:
    """The meter `key` of a plant: constant gain inside its
    class, totals of earlier years, surroundings.
    """
    config = plant.meters[key]
    per_edge = _conversions(config, seat)
    peak = _peak(plant, key, per_edge)
    around = Surroundings(
        carrier=seat.carrier,
        volts=sim.buses.get(seat.bus, BusSim()).volts,
        power_factor=power_factor,
        peak=peak,
        noise=unit(
            seed,
            f"{key}.noise",
            0,
            50,
        ),
        per_edge=per_edge,
    )
    years_h = unit(
        seed,
        f"{key}.age",
        1500,
        9000,
    )
    given_before = 0.01 if seat.carrier is Carrier.ELECTRICITY else 0.0
    model = Model(
        id=key,
        config=config,
        seat=seat,
        gain=1
        + config.class_limit
        * unit(
            seed,
            f"{key}.gain",
            -0.6,
            0.6,
        ),
        start=(0.35 * peak * years_h, given_before * peak * years_h),
        around=around,
        profile=profile,
    )
    if profile is not None:
        model.scales = registers.scale_factors(profile, _peaks(around))

    return model


def _peak(
    plant: PlantFile,
    key: str,
    per_edge: dict[str, float],
) -> float:
    """Greatest flow of a meter, in bus units per hour."""
    text = plant.meters[key].max
    if not text:
        return _PEAK_WITHOUT_MAX / per_edge.get("kWh", 1.0)

    word = text.strip().lstrip(_NUMBER) or "kW"
    rate = to_canonical(word)[0].removesuffix("/h")
    amount = "kWh" if rate == "kW" else rate
    return 2 * greatest(plant, key) / per_edge.get(amount, 1.0)


def _conversions(config: Meter, seat: Seat) -> dict[str, float]:
    """Canonical amounts per bus unit, by canonical unit."""
    table = _amounts(config, seat)
    usual = table["kg"] if seat.carrier is Carrier.STEAM else next(iter(table.values()))
    per_pulse = config.step or 0.1
    return {
        **table,
        "1": table.get("m3", 1.0) / per_pulse,
        "m3 or kg": usual,
        "configured": usual,
    }


def _amounts(config: Meter, seat: Seat) -> dict[str, float]:
    """What one bus unit is in each unit that a meter of this
    carrier may count in; the bus's own comes first.
    """
    density = _KG_PER_M3.get(seat.carrier, 1.0)
    if seat.unit == "kWh":
        chilled = seat.carrier is Carrier.CHILLED_WATER
        usual = _CHILLED_WATER_KJ_PER_KG if chilled else STEAM_KJ_PER_KG
        mass = 3600 / (config.enthalpy or usual)
        return {
            "kWh": 1.0,
            "kg": mass,
            "m3": mass / density,
            "Nm3": mass / density,
        }

    if seat.unit == "Nm3":
        volume = _VOLUME_AT[config.reference]
        return {
            "Nm3": 1.0,
            "m3": volume,
            "kg": density,
            "kWh": _GAS_KWH_PER_NM3,
        }

    return {
        seat.unit: 1.0,
        "m3": 1.0,
        "Nm3": 1.0,
        "kg": density,
        "kWh": 1.0,
    }


def _peaks(around: Surroundings) -> dict[str, float]:
    """Greatest value of each quantity, for which scale registers must have room."""
    watts = around.peak * 1000
    amps = watts / (SQRT3 * max(around.volts, 1.0))
    return {
        "active_power": watts,
        "apparent_power": 1.1 * watts,
        "reactive_power": watts,
        "current": 1.2 * amps,
        "voltage": 1.1 * around.volts,
        "frequency": 65.0,
        "power_factor": 1.0,
        "dc_current": amps,
        "dc_voltage": 1500.0,
        "dc_power": 1.1 * watts,
        "temperature": 90.0,
    }


def basic_rows(model: Model) -> list[Row]:
    """Rows that the collector reads of a Modbus meter, one per name; see `preferred`."""
    if model.profile is None:
        return []

    meter = ModbusMeter.of(model.config)
    names = dict.fromkeys(row.name for row in wanted_rows(meter, model.profile))
    finest = preferred(model.profile)
    return [finest[name] for name in names]


def preferred(profile: Profile) -> dict[str, Row]:
    """One row per name: where a map shows a value twice, the one that resolves more."""
    found: dict[str, Row] = {}
    for row in profile.registers:
        if row.name not in found or _coarseness(row) < _coarseness(found[row.name]):
            found[row.name] = row

    return found


def _coarseness(row: Row) -> tuple[int, float]:
    """Order of rows of one name: integers and doubles before float32, then the smaller step."""
    single = int(row.type == "float32")
    step = row.scale * to_canonical(row.unit)[1]
    return (single, step)
