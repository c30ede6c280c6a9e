"""Cross-checks of a plant file: what the grammar cannot say. Each finding is (path, message)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plant.config import PlantFile, as_list
from plant.hints import missing
from plant.names import BOOK_UNIT, Carrier

Finding = tuple[tuple[str | int, ...], str]


def cross_check(plant: PlantFile, profiles: Collection[str] = ()) -> list[Finding]:
    """Every finding: references that lead nowhere, keys that do not fit the protocol, carriers that do not match."""
    return [
        *_site(plant),
        *_connections(plant),
        *_meters(plant, profiles),
        *_sources(plant),
        *_stores(plant),
        *_converters(plant),
        *_lines(plant),
        *_contracts(plant),
        *_shared_meters(plant),
    ]


def _site(plant: PlantFile) -> Iterator[Finding]:
    try:
        ZoneInfo(plant.site.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield (
            ("site", "timezone"),
            f"'{plant.site.timezone}' is not an IANA time zone such as Asia/Shanghai",
        )


def _connections(plant: PlantFile) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for key, connection in plant.connections.items():
        other = first.setdefault(connection.endpoint, key)
        if connection.modbus and other != key:
            yield (
                ("connections", key, "modbus"),
                f"is the address of '{other}' too; put all its meters on '{other}', since many devices accept one connection only",
            )
        if connection.security != "None":
            yield (
                ("connections", key, "security"),
                f"'{connection.security}' is not offered yet; only None is, on a network you trust",
            )


def _meters(plant: PlantFile, profiles: Collection[str]) -> Iterator[Finding]:
    taken: dict[tuple[str, object, int], str] = {}
    for key, meter in plant.meters.items():
        at = ("meters", key)
        connection = plant.connections.get(meter.on)
        if connection is None:
            yield (*at, "on"), missing(meter.on, plant.connections, "connection")
            continue
        if connection.protocol == "modbus":
            if meter.profile is None:
                yield (
                    at,
                    "a Modbus meter needs profile: one of the catalogue (wattline check --profiles lists it)",
                )
            elif profiles and meter.profile not in profiles:
                yield (*at, "profile"), missing(meter.profile, profiles, "profile")
            if not isinstance(meter.unit, int) or not 0 <= meter.unit <= 255:
                yield (*at, "unit"), "a Modbus meter needs unit: its unit id, 0 to 255"
            place = (meter.on, meter.unit, meter.address)
            if place in taken:
                yield (
                    at,
                    f"same connection and unit as meter '{taken[place]}'; give each device once",
                )
            taken[place] = key
        elif connection.protocol == "mqtt":
            if meter.topic not in connection.topics:
                yield (
                    (*at, "topic"),
                    missing(
                        str(meter.topic), connection.topics, f"topic on connection '{meter.on}'"
                    ),
                )
            if meter.id is None:
                yield at, "an MQTT meter needs id: what stands for {meter} in the topic filter"
            if not isinstance(meter.unit, str):
                yield at, "an MQTT meter needs unit: that of its counter, such as Nm3 or kg"
        elif not meter.nodes:
            yield at, "an OPC UA meter needs nodes: quantity to node"


def _meter_ref(plant: PlantFile, at: tuple[str | int, ...], meter: str) -> Iterator[Finding]:
    if meter not in plant.meters:
        yield at, missing(meter, plant.meters, "meter")


def _sources(plant: PlantFile) -> Iterator[Finding]:
    for key, source in plant.sources.items():
        at = ("sources", key)
        yield from _meter_ref(plant, (*at, "meter"), source.meter)
        for meter in source.shape:
            yield from _meter_ref(plant, (*at, "shape"), meter)
        bus = plant.buses.get(source.into)
        if bus is None:
            yield (*at, "into"), missing(source.into, plant.buses, "bus")
        elif bus.carrier is not source.carrier:
            yield (
                (*at, "into"),
                f"bus '{source.into}' carries {bus.carrier}, the source gives {source.carrier}",
            )
        if source.carrier is Carrier.NATURAL_GAS and source.meter in plant.meters:
            meter_config = plant.meters[source.meter]
            if meter_config.reference is None and (
                bus is None or (bus.unit or BOOK_UNIT[bus.carrier]) == "Nm3"
            ):
                yield (
                    ("meters", source.meter),
                    "a gas meter needs reference: 0C, 15C or 20C (20C read as Nm3 is 7.3 % too much)",
                )


def _stores(plant: PlantFile) -> Iterator[Finding]:
    for key, store in plant.storages.items():
        yield from _meter_ref(plant, ("storages", key, "meter"), store.meter)
        if store.bus not in plant.buses:
            yield ("storages", key, "bus"), missing(store.bus, plant.buses, "bus")


def _converters(plant: PlantFile) -> Iterator[Finding]:
    for key, converter in plant.converters.items():
        at = ("converters", key)
        for name, meters in converter.inputs.items():
            if name not in plant.buses and name not in plant.sources and name != "ambient":
                yield (
                    (*at, "inputs", name),
                    missing(name, [*plant.buses, *plant.sources, "ambient"], "bus or source"),
                )
            for meter in as_list(meters):
                if not (name == "ambient" and meter == "derived"):
                    yield from _meter_ref(plant, (*at, "inputs", name), meter)
        for name, output in converter.outputs.items():
            if name not in plant.buses:
                yield (*at, "outputs", name), missing(name, plant.buses, "bus")
            if output.meter is not None:
                yield from _meter_ref(plant, (*at, "outputs", name, "meter"), output.meter)
        if converter.two_way and (len(converter.inputs) != 1 or len(converter.outputs) != 1):
            yield at, "a two-way converter has one input and one output"


def _signal(plant: PlantFile, at: tuple[str | int, ...], signal: str | None) -> Iterator[Finding]:
    if signal is None:
        return
    connection, _, name = signal.partition(".")
    if connection not in plant.connections:
        yield at, missing(connection, plant.connections, "connection")
    elif name not in plant.connections[connection].nodes:
        yield (
            at,
            missing(
                name, plant.connections[connection].nodes, f"node on connection '{connection}'"
            ),
        )


def _lines(plant: PlantFile) -> Iterator[Finding]:
    for key, line in plant.lines.items():
        at = ("lines", key)
        if line.group is not None and line.group not in plant.groups:
            yield (*at, "group"), missing(line.group, plant.groups, "group")
        if key in plant.groups or key == "site":
            yield at, "a line must not have the id of a group, nor be called site"
        for bus, meters in line.draws.items():
            if bus not in plant.buses:
                yield (*at, "draws", bus), missing(bus, plant.buses, "bus")
            for meter in as_list(meters):
                yield from _meter_ref(plant, (*at, "draws", bus), meter)
        if line.output is not None:
            for word in ("good", "scrap", "order"):
                yield from _signal(plant, (*at, "output", word), getattr(line.output, word))
        yield from _signal(plant, (*at, "state"), line.state)


def _contracts(plant: PlantFile) -> Iterator[Finding]:
    covered: dict[str, float] = {}
    for key, contract in plant.contracts.items():
        if contract.source not in plant.sources:
            yield ("contracts", key, "source"), missing(contract.source, plant.sources, "source")
        covered[contract.source] = covered.get(contract.source, 0.0) + contract.share
        if covered[contract.source] > 1 + 1e-9:
            yield (
                ("contracts", key, "share"),
                f"contracts cover more than all of source '{contract.source}'",
            )


def _shared_meters(plant: PlantFile) -> Iterator[Finding]:
    """A meter sits on one edge; a boiler's gas meter may be its source's meter too, because nothing else lies between."""
    used: dict[str, str] = {}
    for key, line in plant.lines.items():
        for bus, meters in line.draws.items():
            for meter in as_list(meters):
                if meter in used:
                    yield (
                        ("lines", key, "draws", bus),
                        f"meter '{meter}' already counts for {used[meter]}; energy would be counted twice",
                    )
                used[meter] = f"line '{key}'"
