"""Cross-checks of a plant file: what the grammar cannot say. Each finding is (place, message)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plant.config import Converter, Line, Output, PlantFile, Source, as_list
from plant.document import Finding, Place
from plant.hints import missing
from plant.names import BOOK_UNIT, Carrier
from plant.protocols import PROTOCOLS
from plant.protocols.base import Declared, Protocol

# Words that stand for something else where a line's id could stand.
SITE_WORD = "site"
AMBIENT = "ambient"
DERIVED = "derived"

# Shares of several contracts add up to all of a source at most; this much is rounding.
ROUNDING = 1e-9


def cross_check(
    plant: PlantFile,
    profiles: Collection[str] = (),
    figures: Collection[str] = (),
) -> list[Finding]:
    """Every finding.

    References that lead nowhere, what a protocol needs of its meters, carriers that do not match,
    and energy that would be counted twice.
    """
    return [
        *_time_zone(plant),
        *_connections_of_meters(plant),
        *_protocols(plant, profiles),
        *_sources(plant),
        *_storages(plant),
        *_converters(plant),
        *_lines(plant),
        *_contracts(plant),
        *_comparisons(plant, figures),
        *_shared_meters(plant),
    ]


def _leads_nowhere(
    at: Place,
    word: str,
    known: Mapping[str, object],
    what: str,
) -> Iterator[Finding]:
    """A finding if `word` is none of the known ones."""
    if word not in known:
        yield at, missing(word, known, what)


def _time_zone(plant: PlantFile) -> Iterator[Finding]:
    """Shifts and days need a time zone that there is."""
    zone = plant.site.timezone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        at = ("site", "timezone")
        yield at, f"'{zone}' is not an IANA time zone such as Asia/Shanghai"


def _connections_of_meters(plant: PlantFile) -> Iterator[Finding]:
    """Every meter answers at a connection of the file."""
    for key, meter in plant.meters.items():
        at = ("meters", key, "on")
        yield from _leads_nowhere(
            at,
            meter.on,
            plant.connections,
            "connection",
        )


def _protocols(plant: PlantFile, profiles: Collection[str]) -> Iterator[Finding]:
    """What each protocol says of its own connections and meters."""
    for protocol in PROTOCOLS.values():
        yield from protocol.check(_declared(plant, protocol, profiles))


def _declared(
    plant: PlantFile,
    protocol: Protocol,
    profiles: Collection[str],
) -> Declared:
    """The part of the file that speaks one protocol."""
    connections = {
        key: connection
        for key, connection in plant.connections.items()
        if connection.protocol == protocol.word
    }
    meters = {key: meter for key, meter in plant.meters.items() if meter.on in connections}
    return Declared(
        connections=connections,
        meters=meters,
        profiles=profiles,
    )


def _meter(
    plant: PlantFile,
    at: Place,
    meter: str,
) -> Iterator[Finding]:
    yield from _leads_nowhere(
        at,
        meter,
        plant.meters,
        "meter",
    )


def _bus(
    plant: PlantFile,
    at: Place,
    bus: str,
) -> Iterator[Finding]:
    yield from _leads_nowhere(
        at,
        bus,
        plant.buses,
        "bus",
    )


def _sources(plant: PlantFile) -> Iterator[Finding]:
    """A source enters a bus of its own carrier, and is metered there."""
    for key, source in plant.sources.items():
        at = ("sources", key)
        yield from _meter(plant, (*at, "meter"), source.meter)
        for meter in source.shape:
            yield from _meter(plant, (*at, "shape"), meter)

        into = (*at, "into")
        yield from _bus(plant, into, source.into)
        bus = plant.buses.get(source.into)
        if bus is not None and bus.carrier is not source.carrier:
            yield (
                into,
                f"bus '{source.into}' carries {bus.carrier}, the source gives {source.carrier}",
            )

        yield from _gas_reference(plant, source)


def _gas_reference(plant: PlantFile, source: Source) -> Iterator[Finding]:
    """A volume of gas means nothing without the state it refers to."""
    meter = plant.meters.get(source.meter)
    if source.carrier is not Carrier.NATURAL_GAS or meter is None:
        return

    bus = plant.buses.get(source.into)
    booked_in = "Nm3" if bus is None else bus.unit or BOOK_UNIT[bus.carrier]
    if meter.reference is None and booked_in == "Nm3":
        yield (
            ("meters", source.meter),
            "a gas meter needs reference: 0C, 15C or 20C (20C read as Nm3 is 7.3 % too much)",
        )


def _storages(plant: PlantFile) -> Iterator[Finding]:
    """A storage hangs on a bus, and one meter counts both ways."""
    for key, storage in plant.storages.items():
        at = ("storages", key)
        yield from _meter(plant, (*at, "meter"), storage.meter)
        yield from _bus(plant, (*at, "bus"), storage.bus)


def _converters(plant: PlantFile) -> Iterator[Finding]:
    """A converter takes from buses or sources and feeds buses."""
    for key, converter in plant.converters.items():
        at = ("converters", key)
        for name, meters in converter.inputs.items():
            here = (*at, "inputs", name)
            yield from _input(
                plant,
                here,
                name,
                as_list(meters),
            )

        for name, output in converter.outputs.items():
            here = (*at, "outputs", name)
            yield from _output(
                plant,
                here,
                name,
                output,
            )

        if converter.two_way and not _has_two_ends(converter):
            yield at, "a two-way converter has one input and one output"


def _has_two_ends(converter: Converter) -> bool:
    """Whether energy can only come from one side and go to the other."""
    return len(converter.inputs) == 1 and len(converter.outputs) == 1


def _input(
    plant: PlantFile,
    at: Place,
    name: str,
    meters: list[str],
) -> Iterator[Finding]:
    """Heat of the surroundings has no bus, and need not be metered: it follows from the output."""
    known = {
        **plant.buses,
        **plant.sources,
        AMBIENT: None,
    }
    yield from _leads_nowhere(
        at,
        name,
        known,
        "bus or source",
    )
    for meter in meters:
        is_derived = name == AMBIENT and meter == DERIVED
        if not is_derived:
            yield from _meter(plant, at, meter)


def _output(
    plant: PlantFile,
    at: Place,
    name: str,
    output: Output,
) -> Iterator[Finding]:
    """What a converter gives, where it is metered."""
    yield from _bus(plant, at, name)
    if output.meter is not None:
        yield from _meter(plant, (*at, "meter"), output.meter)


def _lines(plant: PlantFile) -> Iterator[Finding]:
    """A line draws from buses, by meters of its own."""
    for key, line in plant.lines.items():
        at = ("lines", key)
        if line.group is not None:
            yield from _leads_nowhere(
                (*at, "group"),
                line.group,
                plant.groups,
                "group",
            )

        if key in plant.groups or key == SITE_WORD:
            yield at, "a line must not have the id of a group, nor be called site"

        for bus, meters in line.draws.items():
            here = (*at, "draws", bus)
            yield from _bus(plant, here, bus)
            for meter in as_list(meters):
                yield from _meter(plant, here, meter)

        yield from _signals(plant, at, line)


def _signals(
    plant: PlantFile,
    at: Place,
    line: Line,
) -> Iterator[Finding]:
    """Where a line reads its state and its counts."""
    if line.state is not None:
        yield from _signal(plant, (*at, "state"), line.state)

    if line.output is None:
        return

    for word in ("good", "scrap", "order"):
        signal = getattr(line.output, word)
        if signal is not None:
            yield from _signal(plant, (*at, "output", word), signal)


def _signal(
    plant: PlantFile,
    at: Place,
    signal: str,
) -> Iterator[Finding]:
    """CONNECTION.SIGNAL names a signal that the connection has."""
    key, _, name = signal.partition(".")
    connection = plant.connections.get(key)
    if connection is None:
        yield at, missing(key, plant.connections, "connection")
    else:
        yield from _leads_nowhere(
            at,
            name,
            connection.signals,
            f"node on connection '{key}'",
        )


def _contracts(plant: PlantFile) -> Iterator[Finding]:
    """No more than all of a source is covered by contracts."""
    covered: dict[str, float] = {}
    for key, contract in plant.contracts.items():
        at = ("contracts", key)
        source = contract.source
        yield from _leads_nowhere(
            (*at, "source"),
            source,
            plant.sources,
            "source",
        )
        covered[source] = covered.get(source, 0.0) + contract.share
        if covered[source] > 1 + ROUNDING:
            yield (*at, "share"), f"contracts cover more than all of source '{source}'"


def _comparisons(plant: PlantFile, figures: Collection[str]) -> Iterator[Finding]:
    """A comparison is of two lines of the file, in a figure that there is."""
    for key, comparison in plant.compare.items():
        at = ("compare", key)
        if figures and comparison.figure not in figures:
            yield (*at, "figure"), missing(comparison.figure, figures, "figure")

        for index, line in enumerate(comparison.lines):
            yield from _leads_nowhere(
                (*at, "lines", index),
                line,
                plant.lines,
                "line",
            )

        first, second = comparison.lines
        if first == second:
            yield (*at, "lines"), "a line cannot be compared with itself"


def _shared_meters(plant: PlantFile) -> Iterator[Finding]:
    """A meter counts for one line only.

    A boiler's gas meter may be its source's meter too, because nothing else lies between.
    """
    used: dict[str, str] = {}
    for key, line in plant.lines.items():
        for bus, meters in line.draws.items():
            for meter in as_list(meters):
                if meter in used:
                    yield (
                        ("lines", key, "draws", bus),
                        f"meter '{meter}' already counts for {used[meter]}; "
                        "energy would be counted twice",
                    )

                used[meter] = f"line '{key}'"
