"""OPC UA in the plant file: a meter names the node of each quantity, a connection those of its
signals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from plant.document import Finding
from plant.hints import missing
from plant.meter import Connection, Login, Meter, WiredMeter
from plant.protocols.base import (
    DEFAULT_COUNTER_STEP,
    Declared,
    Edge,
    EdgeTags,
    Power,
    check_counter,
)
from plant.quantity import COUNTERS, POWER_UNITS, POWERS, QUANTITIES, REVERSE_COUNTER, Wiring
from plant.site import Channel
from plant.strict import Id
from plant.units import to_canonical


class OpcUaConnection(Connection, Login):
    """An OPC UA server."""

    word: ClassVar[str] = "opcua"

    opcua: str = Field(pattern=r"^opc\.tcp://.+$", description="opc.tcp://HOST:PORT/PATH")
    security: Literal["None", "Sign", "SignAndEncrypt"] = Field(
        "None",
        description="message security; only None is supported so far",
    )
    nodes: dict[Id, str] = Field({}, description="signals by name: nsu=URI;s=IDENTIFIER")

    @property
    def signals(self) -> Mapping[str, str]:
        """Signals of the server itself, and their nodes."""
        return self.nodes

    def quantities(self, meter: Meter) -> tuple[str, ...]:
        """What a meter behind it says: each quantity that has a node."""
        return tuple(OpcUaMeter.of(meter).nodes)


class OpcUaMeter(WiredMeter):
    """A meter whose values are nodes of an OPC UA server."""

    nodes: dict[str, str] = Field(
        min_length=1,
        description="quantity to node, such as active_power: nsu=...;s=...",
    )
    unit: str = Field("kWh", description="unit of its counters, such as Nm3")

    @property
    def counter_unit(self) -> str:
        """Unit in which it counts."""
        return self.unit


def check(declared: Declared) -> Iterator[Finding]:
    """Only what is offered is asked for, and nodes are those of known quantities."""
    for key, given in declared.connections.items():
        security = OpcUaConnection.of(given).security
        if security != "None":
            yield (
                ("connections", key, "security"),
                f"'{security}' is not offered yet; only None is, on a network you trust",
            )

    for key, each in declared.meters.items():
        meter = OpcUaMeter.of(each)
        for quantity in meter.nodes:
            if quantity not in QUANTITIES:
                at = ("meters", key, "nodes", quantity)
                yield at, missing(quantity, QUANTITIES, "quantity")

        yield from check_counter(key, meter, meter.nodes)


def channels(edge: Edge) -> EdgeTags:
    """Which nodes count on the edge, by the names under which their values travel."""
    meter = OpcUaMeter.of(edge.meter)
    said = [QUANTITIES[quantity].read_as(meter.wiring) for quantity in meter.nodes]
    counters: list[Channel] = []
    counter = _first(
        said,
        (meter.counter,) if meter.counter else COUNTERS[edge.carrier],
    )
    if counter is not None:
        counters.append(
            _counter(
                edge,
                counter,
                reverse=False,
            )
        )

    if REVERSE_COUNTER in said:
        counters.append(
            _counter(
                edge,
                REVERSE_COUNTER,
                reverse=True,
            )
        )

    power = None
    flow = _first(said, POWERS[edge.carrier])
    if flow is not None:
        power = Power(
            edge.tag(f"{flow}.total"),
            edge.scale(_canonical(meter, flow)),
        )

    if counter is None and power is not None:
        counters += edge.by_power(power)

    with_factor = "power_factor" in said
    return EdgeTags(
        counters=tuple(counters),
        power=power,
        power_factor=(edge.tag("power_factor.total"),) if with_factor else (),
    )


def _first(said: Sequence[str], quantities: tuple[str, ...]) -> str | None:
    """The first of these quantities that the meter says."""
    for quantity in quantities:
        if quantity in said:
            return quantity

    return None


def _canonical(meter: OpcUaMeter, quantity: str) -> str:
    """Canonical unit in which a quantity travels: its own, unless the meter's unit says more."""
    known = QUANTITIES[quantity]
    given, _ = to_canonical(meter.unit)
    return known.unit if given == "kWh" or known.unit in POWER_UNITS else given


def _counter(
    edge: Edge,
    quantity: str,
    *,
    reverse: bool,
) -> Channel:
    meter = OpcUaMeter.of(edge.meter)
    # Step and wrap are those of the device, behind the current transformer.
    through_ct = Wiring(ratio=meter.wiring.ratio)
    factor = QUANTITIES[quantity].factor_unmapped(meter.unit, through_ct)
    return edge.counter(
        f"{quantity}.total",
        reverse=reverse,
        scale=edge.scale(_canonical(meter, quantity)),
        step=(meter.step or DEFAULT_COUNTER_STEP) * factor,
        wraps_at=None if meter.wraps_at is None else meter.wraps_at * factor,
        factor=factor,
    )
