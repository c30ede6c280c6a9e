"""What a protocol is: everything Wattline has to know of one, in one entry."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from plant.document import Finding
from plant.hints import missing
from plant.meter import Connection, Meter, WiredMeter
from plant.names import Carrier
from plant.ports import Tags
from plant.profile import Profile
from plant.quantity import CUMULATIVE
from plant.site import Channel, Swap

# Of a counter whose digit nobody gives: a thousandth of its unit.
DEFAULT_COUNTER_STEP = 1e-3

# Steam less returned condensate, where the plant file gives no enthalpy.
STEAM_KJ_PER_KG = 2763.0
KJ_PER_KWH = 3600.0

# Standard cubic metres (0 C) in a cubic metre at the reference temperature.
NM3_PER_M3 = {
    "0C": 1.0,
    "15C": 273.15 / 288.15,
    "20C": 273.15 / 293.15,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The part of a plant file that speaks one protocol, to be checked."""

    connections: Mapping[str, Connection]
    meters: Mapping[str, Meter]
    profiles: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A meter on the edge that it measures, for its protocol to say which tags count there."""

    key: str
    index: int
    meter: Meter
    connection: Connection
    carrier: Carrier
    unit: str
    profile: Profile | None
    tags: Tags

    def tag(self, name: str) -> int:
        """Tag of one of the meter's values."""
        return self.tags.tag(self.key, name)

    def scale(self, canonical: str) -> float:
        """Booking unit per canonical unit of a counter (or per hour of its flow)."""
        return book_scale(canonical, self.unit, self.meter)

    def counter(
        self,
        name: str,
        *,
        reverse: bool = False,
        scale: float = 1.0,
        step: float,
        float32: bool = False,
        wraps_at: float | None = None,
        factor: float = 1.0,
    ) -> Channel:
        """A channel of this meter that counts; see `plant.site.Channel` for the units.

        `factor`: canonical unit per unit in which the device counts, which swaps are declared in.
        """
        return Channel(
            tag=self.tag(name),
            meter=self.index,
            reverse=reverse,
            kind="counter",
            scale=scale,
            step=step,
            float32=float32,
            wraps_at=wraps_at,
            swaps=self._swaps(factor, reverse=reverse),
        )

    def _swaps(self, factor: float, *, reverse: bool) -> tuple[Swap, ...]:
        """Replacements of the device, for one of its two counters."""
        found: list[Swap] = []
        for declared in self.meter.swaps:
            start = declared.export_starts_at if reverse else declared.starts_at
            found.append(
                Swap(
                    at=declared.at_ns,
                    starts_at=start * factor,
                )
            )

        return tuple(found)

    def by_power(self, power: Power) -> tuple[Channel, ...]:
        """Channels of a meter without counter: its energy is the integral of its power."""
        return (
            Channel(
                tag=power.tag,
                meter=self.index,
                reverse=False,
                kind="power",
            ),
            Channel(
                tag=power.tag,
                meter=self.index,
                reverse=True,
                kind="power",
            ),
        )


@dataclass(frozen=True, slots=True)
class Power:
    """Tag of an instantaneous value and the booking unit an hour per its canonical unit."""

    tag: int
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTags:
    """What counts on an edge, what gives it shape, and where its power factor stands."""

    counters: tuple[Channel, ...] = ()
    power: Power | None = None
    power_factor: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol.

    The parts that do I/O are named as MODULE:FUNCTION and loaded when they are needed, so this page
    needs neither drivers nor simulator: `build` makes the driver of a connection
    (`collector.assignment`), `probe` reads it once, `simulate` plays it (`simulator.devices`).

    `pushed`: a device says its values when they change, so that none of them is ever due.
    """

    connection: type[Connection]
    meter: type[Meter]
    check: Callable[[Declared], Iterator[Finding]]
    channels: Callable[[Edge], EdgeTags]
    build: str
    probe: str
    simulate: str = ""
    pushed: bool = False

    @property
    def word(self) -> str:
        """Its name, and the key of a connection that gives the address."""
        return self.connection.word


def part(reference: str) -> object:
    """What a MODULE:FUNCTION of an entry names."""
    return pkgutil.resolve_name(reference)


def book_scale(
    canonical: str,
    book_unit: str,
    meter: Meter,
) -> float:
    """Booking unit per canonical unit of the counter (or per hour of its flow)."""
    counted = "kWh" if canonical == "kW" else canonical.removesuffix("/h")
    if counted == "kg" and book_unit == "kWh":
        return (meter.enthalpy or STEAM_KJ_PER_KG) / KJ_PER_KWH

    if counted == "m3" and book_unit == "Nm3":
        return NM3_PER_M3[meter.reference or "0C"]

    return 1.0


def check_counter(
    key: str,
    meter: WiredMeter,
    known: Collection[str],
) -> Iterator[Finding]:
    """The quantity that shall rule the books is a counter that the meter can have."""
    counters = [name for name in known if name in CUMULATIVE]
    if meter.counter is not None and meter.counter not in counters:
        yield ("meters", key, "counter"), missing(meter.counter, counters, "counter")
