"""What a meter can say: one row of one table for each quantity.

A row knows the canonical unit, whether the value counts up or flows, and what the wiring does to
it: whether a current transformer multiplies it, and what a meter that is wired the other way round
makes of it. The collector, the probe, the resolver and the simulator all ask this table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from plant.names import Carrier
from plant.units import to_canonical


class Kind(StrEnum):
    """How a quantity behaves in time."""

    COUNTER = "counter"  # grows for ever; its difference is an amount
    FLOW = "flow"  # an amount an hour
    LEVEL = "level"  # a state of the moment, such as a voltage


class Range(NamedTuple):
    """What a value can be; outside it word order, profile or unit id is wrong."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high


ANYTHING: Final = Range(-1e12, 1e12)


class Wiring(NamedTuple):
    """How a meter hangs on its edge: ratio of the current transformer that we multiply, and
    direction.
    """

    ratio: float = 1.0
    reverse: bool = False


STRAIGHT: Final = Wiring()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One quantity.

    `turned`: what it is on a meter wired the other way round, where it has a twin.
    """

    name: str
    unit: str
    kind: Kind
    by_ct: bool = False
    turned: str = ""
    negated: bool = False
    between: Range = ANYTHING
    between_phases: Range | None = None

    @property
    def counts(self) -> bool:
        """Whether it is a counter."""
        return self.kind is Kind.COUNTER

    @property
    def bounded(self) -> bool:
        """Whether its size alone tells a right value from a wrong one."""
        return self.between != ANYTHING

    def plausible(self, phase: str) -> Range:
        """What it can be on this phase; a voltage between phases is higher than one to neutral."""
        to_neutral = phase in ("L1", "L2", "L3", "avg_ln")
        if self.between_phases is None or to_neutral:
            return self.between

        return self.between_phases

    def read_as(self, wiring: Wiring) -> str:
        """The name under which it travels: a reversed meter has import and export change places."""
        if wiring.reverse and self.turned:
            return self.turned

        return self.name

    def factor(self, unit: str, wiring: Wiring = STRAIGHT) -> float:
        """What a value in `unit` is multiplied with to be canonical and as if wired straight."""
        _, to_unit = to_canonical(unit)
        return to_unit * self.wired(wiring)

    def wired(self, wiring: Wiring) -> float:
        """What the wiring alone multiplies: the transformer's ratio, and the sign."""
        ratio = wiring.ratio if self.by_ct else 1.0
        turned = wiring.reverse and self.negated
        return -ratio if turned else ratio

    def factor_unmapped(self, unit: str, wiring: Wiring = STRAIGHT) -> float:
        """The same for a value that comes without a register map, from a meter that counts in
        `unit`.

        Counters are in that unit, flows in that unit an hour; electric and heat power are in kW,
        levels canonical.
        """
        canonical, to_unit = to_canonical(unit)
        in_meters_unit = (
            self.counts_amounts
            # A plain `flow` is whatever the meter counts, an hour.
            or not self.unit
            or (self.flows_matter and canonical != "kWh")
        )
        return (to_unit if in_meters_unit else 1.0) * self.wired(wiring)

    @property
    def counts_amounts(self) -> bool:
        """Whether it is a counter of something in the meter's unit; hours of operation are not."""
        return self.counts and self.unit != "s"

    @property
    def flows_matter(self) -> bool:
        """Whether it is a flow of volume or mass, not of energy."""
        return self.kind is Kind.FLOW and self.unit not in POWER_UNITS


POWER_UNITS: Final = frozenset({"kW", "kvar", "kVA"})


def _electric(
    name: str,
    unit: str,
    *,
    turned: str = "",
    negated: bool = False,
) -> Quantity:
    """A counter that is made from currents, so the ratio of their transformers multiplies it."""
    return Quantity(
        name=name,
        unit=unit,
        kind=Kind.COUNTER,
        by_ct=True,
        turned=turned,
        negated=negated,
    )


def _counter(name: str, unit: str) -> Quantity:
    return Quantity(
        name=name,
        unit=unit,
        kind=Kind.COUNTER,
    )


def _flow(
    name: str,
    unit: str,
    *,
    by_ct: bool = False,
    negated: bool = False,
) -> Quantity:
    return Quantity(
        name=name,
        unit=unit,
        kind=Kind.FLOW,
        by_ct=by_ct,
        negated=negated,
    )


def _level(
    name: str,
    unit: str,
    between: Range = ANYTHING,
    *,
    by_ct: bool = False,
    between_phases: Range | None = None,
) -> Quantity:
    return Quantity(
        name=name,
        unit=unit,
        kind=Kind.LEVEL,
        by_ct=by_ct,
        between=between,
        between_phases=between_phases,
    )


_COSINE: Final = Range(-1.02, 1.02)  # a little over 1, as meters round

_ROWS: Final = (
    # Electricity that is counted.
    _electric("active_energy_import", "kWh", turned="active_energy_export"),
    _electric("active_energy_export", "kWh", turned="active_energy_import"),
    _electric("active_energy_total", "kWh"),
    _electric("active_energy_net", "kWh", negated=True),
    _electric("active_energy_export_daily", "kWh"),
    _electric("reactive_energy_import", "kvarh", turned="reactive_energy_export"),
    _electric("reactive_energy_export", "kvarh", turned="reactive_energy_import"),
    _electric("reactive_energy_total", "kvarh"),
    _electric("reactive_energy_net", "kvarh"),
    _electric("reactive_energy_inductive", "kvarh"),
    _electric("reactive_energy_capacitive", "kvarh"),
    _electric("apparent_energy", "kVAh"),
    _electric("charge", "Ah"),
    # Other media, and what pulses and hours count.
    _counter("volume", "m3"),
    _counter("volume_corrected", "Nm3"),
    _counter("mass", "kg"),
    _counter("heat_energy", "kWh"),
    _counter("non_electrical_energy_import", "kWh"),
    _counter("non_electrical_energy_export", "kWh"),
    _counter("counter", ""),
    _counter("pulse_count", "1"),
    _counter("operating_time", "s"),
    # Amounts an hour.
    _flow("active_power", "kW", by_ct=True, negated=True),
    _flow("reactive_power", "kvar", by_ct=True, negated=True),
    _flow("apparent_power", "kVA", by_ct=True),
    _flow("active_power_demand", "kW", by_ct=True, negated=True),
    _flow("dc_power", "kW"),
    _flow("heat_power", "kW"),
    _flow("volume_flow", "m3/h"),
    _flow("volume_flow_corrected", "Nm3/h"),
    _flow("mass_flow", "kg/h"),
    _flow("flow", ""),
    # States of the moment.
    _level("voltage", "V", Range(80.0, 480.0), between_phases=Range(120.0, 830.0)),
    _level("current", "A", by_ct=True),
    _level("frequency", "Hz", Range(45.0, 65.0)),
    _level("power_factor", "1", _COSINE),
    _level("cos_phi", "1", _COSINE),
    _level("phase_angle", "deg"),
    _level("thd_voltage", "1"),
    _level("thd_current", "1"),
    _level("dc_voltage", "V"),
    _level("dc_current", "A"),
    _level("temperature", "degC"),
    _level("flow_temperature", "degC"),
    _level("flow_velocity", "m/s"),
    _level("density", "kg/m3"),
    _level("pressure", "bar"),
    _level("ct_ratio", "1"),
    _level("pt_ratio", "1"),
    _level("operating_state", "1"),
    _level("rotation_field", "1"),
    _level("tariff", "1"),
    _level("status", "1"),
)

QUANTITIES: Final = {row.name: row for row in _ROWS}

# cumulative quantities: read at the pace of `every.energy`; all others at the pace of `every.power`
CUMULATIVE: Final = frozenset(row.name for row in _ROWS if row.counts)

# what an export, or a meter's way back, is counted by
REVERSE_COUNTER: Final = "active_energy_export"

# counters that can rule the books of a carrier, best first
COUNTERS: Final = {
    Carrier.ELECTRICITY: ("active_energy_import",),
    Carrier.NATURAL_GAS: ("volume_corrected", "volume", "pulse_count", "counter"),
    Carrier.STEAM: ("heat_energy", "mass", "counter"),
    Carrier.HEAT: ("heat_energy",),
    Carrier.COMPRESSED_AIR: ("volume_corrected", "volume", "pulse_count", "counter"),
    Carrier.CHILLED_WATER: ("heat_energy",),
    Carrier.WATER: ("volume", "pulse_count", "counter"),
}

# the instantaneous quantities that give a carrier's counters their shape, best first
POWERS: Final = {
    Carrier.ELECTRICITY: ("active_power",),
    Carrier.NATURAL_GAS: ("volume_flow_corrected", "volume_flow"),
    Carrier.STEAM: ("heat_power", "mass_flow"),
    Carrier.HEAT: ("heat_power",),
    Carrier.COMPRESSED_AIR: ("volume_flow_corrected", "volume_flow"),
    Carrier.CHILLED_WATER: ("heat_power",),
    Carrier.WATER: ("volume_flow",),
}


def _all_of(by_carrier: dict[Carrier, tuple[str, ...]]) -> Iterable[str]:
    return (name for names in by_carrier.values() for name in names)


# read of every meter, whatever else its map holds
BASIC: Final = frozenset(
    {*_all_of(COUNTERS), *_all_of(POWERS), REVERSE_COUNTER, "power_factor"},
)
