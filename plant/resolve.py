"""From the plant file to the resolved `Site`: names to indexes, units to factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plant import units
from plant.check import AMBIENT, DERIVED
from plant.config import Bus, Output, PlantFile, as_list
from plant.languages import names
from plant.meter import Meter
from plant.names import BOOK_UNIT, DEFAULT_KIND, SLOW, Carrier
from plant.ports import Tags
from plant.profile import Profile
from plant.protocols import PROTOCOLS
from plant.protocols.base import Edge, EdgeTags, book_scale
from plant.site import (
    BusNode,
    Channel,
    ComparisonNode,
    ConverterNode,
    Draw,
    GroupNode,
    Input,
    LineNode,
    MeterPoint,
    OutputEdge,
    Site,
    SourceNode,
    StorageNode,
)

GAS_NCV_GJ_PER_NM3 = 0.038931
GAS_NCV_KWH_PER_NM3 = GAS_NCV_GJ_PER_NM3 / units.GJ_PER_KWH

# Net over gross heat value of natural gas.
NET_PER_GROSS = 0.9024

# Slow media mix over a quarter of an hour, unless the plant file says otherwise.
SLOW_MIX_S = 900.0

# A meter on no edge is taken for one of electricity.
NOWHERE_UNIT = BOOK_UNIT[Carrier.ELECTRICITY]


def resolve(
    plant: PlantFile,
    catalogue: Mapping[str, Profile],
    tags: Tags,
    *,
    simulated: bool = False,
) -> Site:
    """The resolved site, without source properties.

    `engine.factors.registry.properties` gives those.
    """
    return Resolver(plant, catalogue, tags).site(simulated)


class _Booked(NamedTuple):
    """What the edge of a meter carries, and the unit it is booked in."""

    carrier: Carrier
    unit: str


class Resolver:
    """Builds one `Site`. `catalogue` are the profiles by id, `tags` the registry."""

    def __init__(
        self,
        plant: PlantFile,
        catalogue: Mapping[str, Profile],
        tags: Tags,
    ) -> None:
        self.plant = plant
        self.catalogue = catalogue
        self.tags = tags
        self.bus_index = _indexes(plant.buses)
        self.source_index = _indexes(plant.sources)
        self.meter_index = _indexes(plant.meters)
        self.line_index = _indexes(plant.lines)
        self.booked = _booked(plant)
        self.channels: list[Channel] = []
        self.counts: dict[str, int] = {}

    def site(self, simulated: bool) -> Site:
        """The resolved site, without source properties."""
        plant = self.plant
        config = plant.site
        plan = config.plan
        # Meters and lines first: they bring the channels.
        meters = tuple(self._meter(key, meter) for key, meter in plant.meters.items())
        lines = tuple(self._line(key) for key in plant.lines)
        storages = [self._storage(key) for key in plant.storages]
        return Site(
            id=config.id,
            name=names(config.name, config.id),
            timezone=config.timezone,
            method=config.method,
            grid=config.grid,
            day_starts=config.day_starts,
            window_s=config.window,
            grace_s=config.grace,
            meters=meters,
            channels=tuple(self.channels),
            sources=tuple(self._source(key) for key in plant.sources),
            storages=(*storages, *self._returns()),
            buses=tuple(self._bus(key, bus) for key, bus in plant.buses.items()),
            converters=tuple(self._converter(key) for key in plant.converters),
            lines=lines,
            groups=tuple(self._groups()),
            comparisons=tuple(self._comparisons()),
            shifts=dict(config.shifts),
            plan_kwh_per_day=plan.electricity_per_day,
            plan_kw=plan.demand,
            plan_g_per_kwh=plan.intensity,
            simulated=simulated,
        )

    def _meter(self, key: str, meter: Meter) -> MeterPoint:
        edge = self._edge(key, meter)
        protocol = PROTOCOLS[edge.connection.protocol]
        read: EdgeTags = protocol.channels(edge)
        self.channels += read.counters
        return MeterPoint(
            id=key,
            name=names(meter.name, key),
            carrier=edge.carrier.value,
            unit=edge.unit,
            connection=meter.on,
            profile=meter.register_map or protocol.word,
            class_limit=meter.class_limit,
            power_tag=read.power.tag if read.power else None,
            power_scale=read.power.scale if read.power else 1.0,
            max_per_hour=_most_per_hour(meter, edge.unit),
            power_every_s=meter.every.power,
            energy_every_s=meter.every.energy,
            books=key in self.booked,
            power_factor_tags=read.power_factor,
        )

    def _edge(self, key: str, meter: Meter) -> Edge:
        """A meter with what the edge it sits on carries."""
        nowhere = _Booked(Carrier.ELECTRICITY, NOWHERE_UNIT)
        booked = self.booked.get(key, nowhere)
        return Edge(
            key=key,
            index=self.meter_index[key],
            meter=meter,
            connection=self.plant.connections[meter.on],
            carrier=booked.carrier,
            unit=booked.unit,
            profile=self.catalogue.get(meter.register_map),
            tags=self.tags,
        )

    def _meters(self, keys: Iterable[str]) -> tuple[int, ...]:
        """Indexes of these meters."""
        return tuple(self.meter_index[key] for key in keys)

    def _bus(self, key: str, bus: Bus) -> BusNode:
        """A bus in the unit of its books, with the time over which it mixes."""
        window = self.plant.site.window
        usual = max(window, SLOW_MIX_S) if bus.carrier in SLOW else window
        return BusNode(
            id=key,
            name=names(bus.name, key),
            carrier=bus.carrier.value,
            unit=book_unit(bus),
            mix_over_s=bus.mix_over or usual,
            holds_s=bus.holds,
        )

    def _source(self, key: str) -> SourceNode:
        """A source on its bus; without a kind given, that of its carrier."""
        source = self.plant.sources[key]
        kind = source.kind or DEFAULT_KIND[source.carrier]
        return SourceNode(
            id=key,
            name=names(source.name, key),
            carrier=source.carrier.value,
            kind=kind.value,
            bus=self.bus_index[source.into],
            meter=self.meter_index[source.meter],
            shape=self._meters(source.shape),
            exports=source.exports,
            own=source.owner == "own",
            unit=book_unit(self.plant.buses[source.into]),
        )

    def _storage(self, key: str) -> StorageNode:
        storage = self.plant.storages[key]
        return StorageNode(
            id=key,
            name=names(storage.name, key),
            bus=self.bus_index[storage.bus],
            meter=self.meter_index[storage.meter],
            capacity_kwh=storage.capacity,
            charge_efficiency=storage.charge_efficiency,
            discharge_efficiency=storage.discharge_efficiency,
            account=storage.account,
            opening_kwh=storage.opening,
        )

    def _returns(self) -> list[StorageNode]:
        """An account for every electricity draw of a line that feeds back (method, section 1)."""
        found: list[StorageNode] = []
        for key, line in self.plant.lines.items():
            if not line.feeds_back:
                continue

            for bus, meters in line.draws.items():
                if self.plant.buses[bus].carrier is Carrier.ELECTRICITY:
                    first_meter = as_list(meters)[0]
                    found.append(self._return(key, bus, first_meter))

        return found

    def _return(
        self,
        line: str,
        bus: str,
        meter: str,
    ) -> StorageNode:
        return StorageNode(
            id=f"{line}.returned",
            name=names(self.plant.lines[line].name, line),
            bus=self.bus_index[bus],
            meter=self.meter_index[meter],
            capacity_kwh=0.0,
            charge_efficiency=1.0,
            discharge_efficiency=1.0,
            account="fifo",
            line=self.line_index[line],
        )

    def _converter(self, key: str) -> ConverterNode:
        converter = self.plant.converters[key]
        inputs: list[Input] = []
        for name, meters in converter.inputs.items():
            inputs.append(self._input(name, as_list(meters)))

        first_input = next(iter(converter.inputs))
        per_unit = self._kwh_per_input_unit(first_input)
        outputs: list[OutputEdge] = []
        for bus, output in converter.outputs.items():
            outputs.append(self._output(bus, output, per_unit))

        return ConverterNode(
            id=key,
            name=names(converter.name, key),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            split=converter.split,
            two_way=converter.two_way,
            supply_c=converter.supply_c,
            ambient_c=converter.ambient_c,
        )

    def _input(self, name: str, meters: list[str]) -> Input:
        """What a converter takes: from a bus, from a source, or from the surroundings."""
        known = self._meters(meter for meter in meters if meter != DERIVED)
        if name == AMBIENT:
            return Input(
                kind="ambient",
                index=0,
                meters=known,
            )

        if name in self.bus_index:
            return Input(
                kind="bus",
                index=self.bus_index[name],
                meters=known,
            )

        return Input(
            kind="source",
            index=self.source_index[name],
            meters=known,
        )

    def _output(
        self,
        bus: str,
        output: Output,
        kwh_per_input_unit: float,
    ) -> OutputEdge:
        # An efficiency on gross heat value is of more energy than the net one that is booked.
        basis = NET_PER_GROSS if output.basis == "gross" else 1.0
        return OutputEdge(
            bus=self.bus_index[bus],
            meter=None if output.meter is None else self.meter_index[output.meter],
            efficiency=output.efficiency,
            kwh_per_input_unit=kwh_per_input_unit / basis,
        )

    def _kwh_per_input_unit(self, name: str) -> float:
        """Energy of a unit of an input: gas is booked as volume, all else as energy already."""
        source = self.plant.sources.get(name)
        bus = self.plant.buses.get(source.into if source is not None else name)
        is_gas_volume = (
            bus is not None and bus.carrier is Carrier.NATURAL_GAS and book_unit(bus) == "Nm3"
        )
        return GAS_NCV_KWH_PER_NM3 if is_gas_volume else 1.0

    def _line(self, key: str) -> LineNode:
        """A line by what it draws and what it makes."""
        line = self.plant.lines[key]
        output = line.output
        draws: list[Draw] = []
        for bus, meters in line.draws.items():
            draws.append(
                Draw(
                    bus=self.bus_index[bus],
                    meters=self._meters(as_list(meters)),
                )
            )

        return LineNode(
            id=key,
            name=names(line.name, key),
            draws=tuple(draws),
            group=line.group,
            good_channel=self._count(output.good if output else None),
            scrap_channel=self._count(output.scrap if output else None),
            state_tag=self._signal(line.state),
            order_tag=self._signal(output.order if output else None),
            unit=output.unit if output else "",
        )

    def _count(self, signal: str | None) -> int | None:
        """Channel of a piece counter; one signal is one channel however many use it."""
        tag = self._signal(signal)
        if signal is None or tag is None:
            return None

        if signal not in self.counts:
            self.counts[signal] = len(self.channels)
            self.channels.append(
                Channel(
                    tag=tag,
                    meter=-1,
                    reverse=False,
                    kind="count",
                    step=1.0,
                ),
            )

        return self.counts[signal]

    def _signal(self, signal: str | None) -> int | None:
        """Tag of CONNECTION.SIGNAL."""
        if signal is None:
            return None

        connection, _, name = signal.partition(".")
        return self.tags.tag(connection, name)

    def _groups(self) -> Iterable[GroupNode]:
        for key, group in self.plant.groups.items():
            yield GroupNode(
                id=key,
                name=names(group.name, key),
            )

    def _comparisons(self) -> Iterable[ComparisonNode]:
        for key, comparison in self.plant.compare.items():
            first, second = comparison.lines
            yield ComparisonNode(
                id=key,
                name=names(comparison.name, key),
                lines=(self.line_index[first], self.line_index[second]),
                figure=comparison.figure,
            )


def book_unit(bus: Bus) -> str:
    """Unit in which the books of a bus are kept."""
    return bus.unit or BOOK_UNIT[bus.carrier]


def _indexes(nodes: Iterable[str]) -> dict[str, int]:
    """Place of each node in the order of the file."""
    return {key: index for index, key in enumerate(nodes)}


def _booked(plant: PlantFile) -> dict[str, _Booked]:
    """Meter id to what its edge carries; a meter on two edges belongs to the first."""
    found: dict[str, _Booked] = {}
    for meter, bus_id in _edges(plant):
        bus = plant.buses.get(bus_id)
        if meter in plant.meters and bus is not None:
            found.setdefault(
                meter,
                _Booked(bus.carrier, book_unit(bus)),
            )

    return found


def _edges(plant: PlantFile) -> Iterable[tuple[str, str]]:
    """Every meter with the bus of the edge it sits on: sources, storages, converters, lines."""
    for source in plant.sources.values():
        for meter in (source.meter, *source.shape):
            yield meter, source.into

    for storage in plant.storages.values():
        yield storage.meter, storage.bus

    for converter in plant.converters.values():
        for name, meters in converter.inputs.items():
            input_source = plant.sources.get(name)
            bus = input_source.into if input_source is not None else name
            for meter in as_list(meters):
                yield meter, bus

        for bus, output in converter.outputs.items():
            if output.meter is not None:
                yield output.meter, bus

    for line in plant.lines.values():
        for bus, meters in line.draws.items():
            for meter in as_list(meters):
                yield meter, bus


def _most_per_hour(meter: Meter, book_unit: str) -> float | None:
    """Greatest possible amount an hour, in the booking unit."""
    if meter.max is None:
        return None

    number, unit = units.number_and_unit(meter.max, example="12 MW")
    canonical, factor = units.to_canonical(unit)
    return number * factor * book_scale(canonical, book_unit, meter)
