"""Modbus TCP in the plant file: a register map of the catalogue says what a meter tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plant.document import Finding
from plant.hints import missing
from plant.meter import Connection, WiredMeter
from plant.names import Carrier
from plant.profile import Profile, Row
from plant.protocols.base import (
    DEFAULT_COUNTER_STEP,
    Declared,
    Edge,
    EdgeTags,
    Power,
    check_counter,
)
from plant.quantity import COUNTERS, CUMULATIVE, POWERS, QUANTITIES, REVERSE_COUNTER
from plant.site import Channel
from plant.units import to_canonical


class ModbusConnection(Connection):
    """A Modbus TCP endpoint; many devices accept one connection only, so each address is given
    once.
    """

    word: ClassVar[str] = "modbus"

    modbus: str = Field(
        pattern=r"^(rtu\+)?tcp://[^/:]+(:\d+)?$",
        description=(
            "tcp://HOST:PORT; rtu+tcp://HOST:PORT where a serial server passes RTU frames through"
        ),
    )


class ModbusMeter(WiredMeter):
    """A unit behind a Modbus TCP endpoint."""

    profile: str = Field(
        description="profile of the catalogue (wattline check --profiles lists it)",
    )
    unit: int = Field(ge=0, le=255, description="its unit id, 0 to 255")
    address: Annotated[int, Field(ge=0, le=65535)] = Field(
        0,
        description="added to every register of the profile (SunSpec model base)",
    )
    read: Literal["basic", "all"] = Field(
        "basic",
        description="basic: counters, power, power factor; all: every row of the profile",
    )

    @property
    def register_map(self) -> str:
        """Id of its profile in the catalogue."""
        return self.profile


def check(declared: Declared) -> Iterator[Finding]:
    """Addresses and units are given once, and every profile is in the catalogue."""
    yield from _endpoints(declared)
    yield from _units(declared)
    for key, given in declared.meters.items():
        meter = ModbusMeter.of(given)
        yield from check_counter(key, meter, CUMULATIVE)
        if declared.profiles and meter.profile not in declared.profiles:
            at = ("meters", key, "profile")
            yield at, missing(meter.profile, declared.profiles, "profile")


def _endpoints(declared: Declared) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for key, connection in declared.connections.items():
        other = first.setdefault(connection.endpoint, key)
        if other != key:
            yield (
                ("connections", key, "modbus"),
                f"is the address of '{other}' too; put all its meters on '{other}', "
                "since many devices accept one connection only",
            )


def _units(declared: Declared) -> Iterator[Finding]:
    taken: dict[tuple[str, int, int], str] = {}
    for key, given in declared.meters.items():
        meter = ModbusMeter.of(given)
        device = (meter.on, meter.unit, meter.address)
        other = taken.get(device)
        if other is not None:
            yield (
                ("meters", key),
                f"same connection and unit as meter '{other}'; give each device once",
            )

        taken[device] = key


def channels(edge: Edge) -> EdgeTags:
    """Which rows of the register map count on the edge."""
    profile = edge.profile
    if profile is None:
        return EdgeTags()

    forward = _forward_rows(edge, profile)
    backward = _backward_rows(edge, profile)
    counters = [
        *(
            _counter(
                edge,
                row,
                reverse=False,
            )
            for row in forward
        ),
        *(
            _counter(
                edge,
                row,
                reverse=True,
            )
            for row in backward
        ),
    ]
    power = _power(edge, profile)
    if not forward and power is not None:
        counters += edge.by_power(power)

    return EdgeTags(
        counters=tuple(counters),
        power=power,
        power_factor=_power_factor(edge, profile),
    )


def _forward_rows(edge: Edge, profile: Profile) -> list[Row]:
    meter = ModbusMeter.of(edge.meter)
    if profile.category == "inverter":
        # What an inverter exports is what it gives to the plant.
        return best_rows(profile, (REVERSE_COUNTER,))

    wanted = (meter.counter,) if meter.counter else COUNTERS[edge.carrier]
    return best_rows(profile, wanted)


def _backward_rows(edge: Edge, profile: Profile) -> list[Row]:
    if profile.category == "inverter" or edge.carrier is not Carrier.ELECTRICITY:
        return []

    return best_rows(profile, (REVERSE_COUNTER,))


def best_rows(profile: Profile, quantities: tuple[str, ...]) -> list[Row]:
    """The rows that count a quantity.

    That is the widest total register, or the tariff registers together where there is no total.
    """
    for quantity in quantities:
        rows = [
            row
            for row in profile.registers
            if row.quantity == quantity and row.phase in ("total", "ch0")
        ]
        totals = [row for row in rows if row.tariff is None]
        if totals:
            return [max(totals, key=_resolution)]

        if rows:
            return rows

    return []


def _resolution(row: Row) -> tuple[int, bool]:
    """Wider registers tell more, and of equal ones a whole number tells more than a float."""
    return row.registers, row.type != "float32"


def _counter(
    edge: Edge,
    row: Row,
    *,
    reverse: bool,
) -> Channel:
    canonical, unit_factor = to_canonical(row.unit)
    # Step and wrap are those of the register, behind the current transformer.
    by_ct = QUANTITIES[row.quantity].by_ct
    factor = unit_factor * edge.meter.wiring.ratio if by_ct else unit_factor
    digit = DEFAULT_COUNTER_STEP if row.is_float else abs(row.scale)
    wraps_at = edge.meter.wraps_at or row.wraps_at
    return edge.counter(
        row.name,
        reverse=reverse,
        scale=edge.scale(canonical),
        step=(edge.meter.step or digit) * factor,
        float32=row.type == "float32",
        wraps_at=None if wraps_at is None else wraps_at * factor,
        factor=factor,
    )


def _power(edge: Edge, profile: Profile) -> Power | None:
    for quantity in POWERS[edge.carrier]:
        for row in profile.registers:
            if row.quantity == quantity and row.phase == "total":
                canonical, _ = to_canonical(row.unit)
                return Power(edge.tag(row.name), edge.scale(canonical))

    return None


def _power_factor(edge: Edge, profile: Profile) -> tuple[int, ...]:
    """Tags of the power factor: of all phases together where the meter gives it, else of each."""
    together: list[str] = []
    by_phase: list[str] = []
    for row in profile.registers:
        if row.quantity != "power_factor":
            continue

        names = together if row.phase == "total" else by_phase
        names.append(row.name)

    read = together or by_phase
    return tuple(edge.tag(name) for name in read)
