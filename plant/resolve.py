"""From the plant file to the resolved `Site`: names to indexes, units to factors, quantities to tags."""

from __future__ import annotations

from collections.abc import Mapping

from plant import units
from plant.config import Meter, PlantFile, as_list, names
from plant.names import BOOK_UNIT, DEFAULT_KIND, SLOW, Carrier
from plant.ports import Tags
from plant.profile import Profile, Row
from plant.quantity import COUNTERS, POWERS, REVERSE_COUNTER
from plant.site import (
    BusNode,
    Channel,
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

GAS_AT_0C = {"0C": 1.0, "15C": 273.15 / 288.15, "20C": 273.15 / 293.15}
GAS_NCV_KWH_PER_NM3 = 0.038931 / units.GJ_PER_KWH
DEFAULT_COUNTER_STEP = 1e-3


class Resolver:
    """Builds one `Site`. `catalogue` are the profiles by id, `tags` the registry."""

    def __init__(self, plant: PlantFile, catalogue: Mapping[str, Profile], tags: Tags) -> None:
        self.plant = plant
        self.catalogue = catalogue
        self.tags = tags
        self.bus_index = {key: i for i, key in enumerate(plant.buses)}
        self.source_index = {key: i for i, key in enumerate(plant.sources)}
        self.meter_index = {key: i for i, key in enumerate(plant.meters)}
        self.carrier = self._carriers()
        self.channels: list[Channel] = []
        self.counts: dict[str, int] = {}

    def site(self, simulated: bool) -> Site:
        """The resolved site, without source properties."""
        plant = self.plant
        config = self.plant.site
        meters = tuple(self._meter(key, meter) for key, meter in plant.meters.items())
        lines = tuple(self._line(key) for key in plant.lines)
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
            storages=(*(self._store(key) for key in plant.storages), *self._returns()),
            buses=tuple(self._bus(key) for key in plant.buses),
            converters=tuple(self._converter(key) for key in plant.converters),
            lines=lines,
            groups=tuple(
                GroupNode(id=key, name=names(g.name, key)) for key, g in plant.groups.items()
            ),
            shifts=dict(config.shifts),
            plan_kwh_per_day=config.plan.electricity_per_day,
            plan_kw=config.plan.demand,
            plan_g_per_kwh=config.plan.intensity,
            simulated=simulated,
        )

    def _carriers(self) -> dict[str, tuple[Carrier, str, str]]:
        """Meter id to carrier, booking unit, and kind of source if it measures one."""
        plant = self.plant
        found = {}

        def put(meter: str, bus: str, kind: str = "") -> None:
            if meter in plant.meters and meter not in found and bus in plant.buses:
                carrier = plant.buses[bus].carrier
                found[meter] = (carrier, plant.buses[bus].unit or BOOK_UNIT[carrier], kind)

        for source in plant.sources.values():
            for meter in (source.meter, *source.shape):
                put(meter, source.into, str(source.kind or DEFAULT_KIND.get(source.carrier) or ""))
        for store in plant.storages.values():
            put(store.meter, store.bus)
        for converter in plant.converters.values():
            for name, meters in converter.inputs.items():
                bus = plant.sources[name].into if name in plant.sources else name
                for meter in as_list(meters):
                    put(meter, bus)
            for bus, output in converter.outputs.items():
                if output.meter:
                    put(output.meter, bus)
        for line in plant.lines.values():
            for bus, meters in line.draws.items():
                for meter in as_list(meters):
                    put(meter, bus)
        return found

    def _meter(self, key: str, meter: Meter) -> MeterPoint:
        carrier, unit, _ = self.carrier.get(key, (Carrier.ELECTRICITY, "kWh", ""))
        protocol = self.plant.connections[meter.on].protocol
        profile = self.catalogue.get(meter.profile or "")
        if protocol == "modbus" and profile is not None:
            power = self._from_profile(key, meter, profile, carrier, unit)
        elif protocol == "mqtt":
            power = self._from_topic(key, meter, carrier, unit)
        else:
            power = self._from_nodes(key, meter, carrier, unit)
        tag, scale = power
        most = _most(meter, carrier, unit)
        return MeterPoint(
            id=key,
            name=names(meter.name, key),
            carrier=carrier.value,
            unit=unit,
            connection=meter.on,
            profile=meter.profile or protocol,
            class_limit=meter.class_limit,
            power_tag=tag,
            power_scale=scale,
            max_per_hour=most,
            power_every_s=meter.every.power,
            energy_every_s=meter.every.energy,
            books=key in self.carrier,
            power_factor_tags=self._power_factor(key, meter, profile),
        )

    def _power_factor(self, key: str, meter: Meter, profile: Profile | None) -> tuple[int, ...]:
        """Tags of the power factor: of all phases together where the meter gives it, else of each."""
        rows = [r for r in profile.registers if r.quantity == "power_factor"] if profile else []
        names = [r.name for r in rows if r.phase == "total"] or [r.name for r in rows]
        names += ["power_factor.total"] if "power_factor" in meter.nodes else []
        return tuple(self.tags.tag(key, name) for name in names)

    def _channel(
        self,
        key: str,
        tag: int,
        *,
        reverse: bool,
        scale: float,
        kind: str = "counter",
        step: float = 0.0,
        float32: bool = False,
        wraps_at: float | None = None,
    ) -> None:
        self.channels.append(
            Channel(
                tag=tag,
                meter=self.meter_index[key],
                reverse=reverse,
                scale=scale,
                kind=kind,
                step=step,
                float32=float32,
                wraps_at=wraps_at,
            )
        )

    def _from_profile(
        self, key: str, meter: Meter, profile: Profile, carrier: Carrier, unit: str
    ) -> tuple[int | None, float]:
        inverter = profile.category == "inverter"
        wanted = (meter.counter,) if meter.counter else COUNTERS[carrier]
        forward = best_rows(profile, (REVERSE_COUNTER,) if inverter else wanted)
        backward = (
            []
            if inverter or carrier is not Carrier.ELECTRICITY
            else best_rows(profile, (REVERSE_COUNTER,))
        )
        for rows, reverse in ((forward, False), (backward, True)):
            for row in rows:
                self._profile_channel(key, meter, row, reverse, carrier, unit)
        power = next(
            (
                r
                for q in POWERS[carrier]
                for r in profile.registers
                if r.quantity == q and r.phase == "total"
            ),
            None,
        )
        tag = None if power is None else self.tags.tag(key, power.name)
        scale = 1.0 if power is None else book_scale(units.to_canonical(power.unit)[0], unit, meter)
        if not forward and tag is not None:
            self._channel(key, tag, reverse=False, scale=1.0, kind="power")
            self._channel(key, tag, reverse=True, scale=1.0, kind="power")
        return tag, scale

    def _profile_channel(
        self, key: str, meter: Meter, row: Row, reverse: bool, carrier: Carrier, unit: str
    ) -> None:
        canonical, factor = units.to_canonical(row.unit)
        ratio = meter.ct.factor if meter.ct and carrier is Carrier.ELECTRICITY else 1.0
        whole = row.type not in ("float32", "float64")
        step = (meter.step or (abs(row.scale) if whole else DEFAULT_COUNTER_STEP)) * factor * ratio
        wraps = meter.wraps_at or row.wraps_at
        self._channel(
            key,
            self.tags.tag(key, row.name),
            reverse=reverse,
            scale=book_scale(canonical, unit, meter),
            step=step,
            float32=row.type == "float32",
            wraps_at=None if wraps is None else wraps * factor * ratio,
        )

    def _from_topic(
        self, key: str, meter: Meter, carrier: Carrier, unit: str
    ) -> tuple[int | None, float]:
        canonical, factor = units.to_canonical(str(meter.unit))
        scale = book_scale(canonical, unit, meter)
        wraps = None if meter.wraps_at is None else meter.wraps_at * factor
        self._channel(
            key,
            self.tags.tag(key, "counter.total"),
            reverse=False,
            scale=scale,
            step=(meter.step or DEFAULT_COUNTER_STEP) * factor,
            wraps_at=wraps,
        )
        topic = self.plant.connections[meter.on].topics[str(meter.topic)]
        return (self.tags.tag(key, "flow.total"), scale) if topic.flow else (None, scale)

    def _from_nodes(
        self, key: str, meter: Meter, carrier: Carrier, unit: str
    ) -> tuple[int | None, float]:
        counters = [q for q in COUNTERS[carrier] if q in meter.nodes][:1]
        power = next((q for q in POWERS[carrier] if q in meter.nodes), None)
        tag = None if power is None else self.tags.tag(key, f"{power}.total")
        for quantity in counters:
            self._channel(
                key,
                self.tags.tag(key, f"{quantity}.total"),
                reverse=False,
                scale=1.0,
                step=meter.step or DEFAULT_COUNTER_STEP,
            )
        if REVERSE_COUNTER in meter.nodes:
            self._channel(
                key,
                self.tags.tag(key, f"{REVERSE_COUNTER}.total"),
                reverse=True,
                scale=1.0,
                step=meter.step or DEFAULT_COUNTER_STEP,
            )
        if not counters and tag is not None:
            self._channel(key, tag, reverse=False, scale=1.0, kind="power")
            self._channel(key, tag, reverse=True, scale=1.0, kind="power")
        return tag, 1.0

    def _bus(self, key: str) -> BusNode:
        bus = self.plant.buses[key]
        slow = 900.0 if bus.carrier in SLOW else self.plant.site.window
        return BusNode(
            id=key,
            name=names(bus.name, key),
            carrier=bus.carrier.value,
            unit=bus.unit or BOOK_UNIT[bus.carrier],
            mix_over_s=bus.mix_over or max(slow, self.plant.site.window),
            holds_s=bus.holds,
        )

    def _source(self, key: str) -> SourceNode:
        source = self.plant.sources[key]
        bus = self.plant.buses[source.into]
        return SourceNode(
            id=key,
            name=names(source.name, key),
            carrier=source.carrier.value,
            kind=(source.kind or DEFAULT_KIND[source.carrier]).value,
            bus=self.bus_index[source.into],
            meter=self.meter_index[source.meter],
            shape=tuple(self.meter_index[m] for m in source.shape),
            exports=source.exports,
            own=source.owner == "own",
            unit=bus.unit or BOOK_UNIT[bus.carrier],
        )

    def _store(self, key: str) -> StorageNode:
        store = self.plant.storages[key]
        return StorageNode(
            id=key,
            name=names(store.name, key),
            bus=self.bus_index[store.bus],
            meter=self.meter_index[store.meter],
            capacity_kwh=store.capacity,
            charge_efficiency=store.charge_efficiency,
            discharge_efficiency=store.discharge_efficiency,
            account=store.account,
            opening_kwh=store.opening,
        )

    def _converter(self, key: str) -> ConverterNode:
        converter = self.plant.converters[key]
        inputs = tuple(
            self._input(name, as_list(meters)) for name, meters in converter.inputs.items()
        )
        per_unit = self._kwh_per_input_unit(next(iter(converter.inputs)))
        outputs = tuple(
            OutputEdge(
                bus=self.bus_index[bus],
                meter=None if o.meter is None else self.meter_index[o.meter],
                efficiency=o.efficiency,
                kwh_per_input_unit=per_unit / (0.9024 if o.basis == "gross" else 1.0),
            )
            for bus, o in converter.outputs.items()
        )
        return ConverterNode(
            id=key,
            name=names(converter.name, key),
            inputs=inputs,
            outputs=outputs,
            split=converter.split,
            two_way=converter.two_way,
            supply_c=converter.supply_c,
            ambient_c=converter.ambient_c,
        )

    def _input(self, name: str, meters: list[str]) -> Input:
        known = tuple(self.meter_index[m] for m in meters if m != "derived")
        if name == "ambient":
            return Input(kind="ambient", index=0, meters=known)
        if name in self.bus_index:
            return Input(kind="bus", index=self.bus_index[name], meters=known)
        return Input(kind="source", index=self.source_index[name], meters=known)

    def _kwh_per_input_unit(self, name: str) -> float:
        bus = self.plant.buses.get(name) or self.plant.buses.get(
            self.plant.sources[name].into if name in self.plant.sources else ""
        )
        gas = (
            bus is not None and bus.carrier is Carrier.NATURAL_GAS and (bus.unit or "Nm3") == "Nm3"
        )
        return GAS_NCV_KWH_PER_NM3 if gas else 1.0

    def _returns(self) -> list[StorageNode]:
        """An account for every electricity draw of a line that feeds back (method, section 1)."""
        found = []
        for at, (key, line) in enumerate(self.plant.lines.items()):
            for bus, meters in line.draws.items() if line.feeds_back else ():
                if self.plant.buses[bus].carrier is Carrier.ELECTRICITY:
                    meter = self.meter_index[as_list(meters)[0]]
                    found.append(
                        StorageNode(
                            id=f"{key}.returned",
                            name=names(line.name, key),
                            bus=self.bus_index[bus],
                            meter=meter,
                            capacity_kwh=0.0,
                            charge_efficiency=1.0,
                            discharge_efficiency=1.0,
                            account="fifo",
                            line=at,
                        )
                    )
        return found

    def _count(self, signal: str | None) -> int | None:
        """Channel of a piece counter; one signal is one channel however many use it."""
        if signal is None:
            return None
        if signal not in self.counts:
            connection, _, name = signal.partition(".")
            self.counts[signal] = len(self.channels)
            self.channels.append(
                Channel(
                    tag=self.tags.tag(connection, name),
                    meter=-1,
                    reverse=False,
                    kind="count",
                    step=1.0,
                )
            )
        return self.counts[signal]

    def _text(self, signal: str | None) -> int | None:
        if signal is None:
            return None
        connection, _, name = signal.partition(".")
        return self.tags.tag(connection, name)

    def _line(self, key: str) -> LineNode:
        line = self.plant.lines[key]
        output = line.output
        draws = tuple(
            Draw(
                bus=self.bus_index[bus], meters=tuple(self.meter_index[m] for m in as_list(meters))
            )
            for bus, meters in line.draws.items()
        )
        return LineNode(
            id=key,
            name=names(line.name, key),
            draws=draws,
            group=line.group,
            good_channel=self._count(output.good if output else None),
            scrap_channel=self._count(output.scrap if output else None),
            state_tag=self._text(line.state),
            order_tag=self._text(output.order if output else None),
            unit=output.unit if output else "",
        )


def best_rows(profile: Profile, quantities: tuple[str, ...]) -> list[Row]:
    """The rows that count a quantity: the widest total register, or the tariff registers together where there is no total."""
    for quantity in quantities:
        rows = [
            r for r in profile.registers if r.quantity == quantity and r.phase in ("total", "ch0")
        ]
        totals = [r for r in rows if r.tariff is None]
        if totals:
            return [max(totals, key=lambda r: (r.registers, r.type != "float32"))]
        if rows:
            return rows
    return []


def book_scale(canonical: str, book_unit: str, meter: Meter) -> float:
    """Booking unit per canonical unit of the counter (or per hour of its flow)."""
    base = canonical.removesuffix("/h") if canonical != "kW" else "kWh"
    if base == book_unit:
        return 1.0
    if base == "kg" and book_unit == "kWh":
        return (meter.enthalpy or 2763.0) / 3600.0
    if base == "m3" and book_unit == "Nm3":
        return GAS_AT_0C[meter.reference or "0C"]
    return 1.0


def _most(meter: Meter, carrier: Carrier, unit: str) -> float | None:
    """Greatest possible amount an hour, in the booking unit."""
    if meter.max is None:
        return None
    text = meter.max.strip()
    word = text.lstrip("0123456789.eE+- ")
    canonical, factor = units.to_canonical(word)
    number = float(text[: len(text) - len(word)])
    return number * factor * book_scale(canonical, unit, meter)


def resolve(
    plant: PlantFile, catalogue: Mapping[str, Profile], tags: Tags, *, simulated: bool = False
) -> Site:
    """The resolved site, without source properties (`engine.factors.registry.properties` gives those)."""
    return Resolver(plant, catalogue, tags).site(simulated)
