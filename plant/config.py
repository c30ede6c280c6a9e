"""The plant file: one strict YAML that says what a plant is made of.

Field words only, units written out, unknown keys refused. Reading and cross-checking live in `plant.load`; this page is the
grammar, and the JSON schema for editors is made from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from plant import units
from plant.names import Carrier, SourceKind
from plant.notify import Notify
from plant.quantity import Wiring
from plant.strict import Id, Name, Seconds, Secret, Strict


def _in(unit: str) -> BeforeValidator:
    return BeforeValidator(lambda value: units.quantity(value, unit))


class Plan(Strict):
    """What the site means to use: compared on the page, watched by rules."""

    electricity_per_day: Annotated[float, _in("kWh")] | None = Field(
        None, description="planned electricity of a day, such as 480 MWh"
    )
    demand: Annotated[float, _in("kW")] | None = Field(
        None,
        description="greatest mean power of a quarter of an hour that was agreed with the grid, such as 28 MW",
    )
    intensity: float | None = Field(
        None, gt=0, description="target of carbon per kWh of final energy, by location, in g/kWh"
    )


class SiteConfig(Strict):
    """The works as a whole: where it is, how its days and shifts run, which method keeps its books."""

    id: Id
    name: Name = ""
    timezone: str = Field(description="IANA name, such as Asia/Shanghai")
    grid: str = Field(description="region of the grid factor, such as CN-ZJ")
    method: Literal["CN-ORG", "GHGP"] = Field("CN-ORG", description="method profile of the books")
    day_starts: str = Field(
        "00:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="local time at which a day of the books begins",
    )
    shifts: dict[
        Id, Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
    ] = Field(
        {},
        description="shifts by name, such as night: 22:00-06:00; one over midnight belongs to the day it began",
    )
    plan: Plan = Field(Plan(), description="what the site means to use")
    window: Seconds = Field(60.0, description="books window; a divisor of 15m")
    grace: Seconds = Field(15.0, description="how long after its end a window waits for readings")
    factors_year: int | None = Field(
        None, description="pin the factor year; default: by the method profile"
    )
    factors: dict[str, float] = Field(
        {},
        description="own factors by key, kgCO2 per unit, such as grid: 0.4974 or heat_per_gj: 110",
    )

    @field_validator("window")
    @classmethod
    def _divides(cls, value: float) -> float:
        if 3600 % value or (900 % value and value % 900):
            raise ValueError("must divide 15m or be a multiple of 15m that divides 1h, such as 1m")
        return value


class TopicConfig(Strict):
    """One kind of MQTT topic and where its values stand in the JSON payload."""

    filter: str = Field(
        description="topic filter with {meter} where the meter's id stands, such as gas/{meter}/state"
    )
    value: str = Field("$.value", description="path of the counter in the payload")
    flow: str | None = Field(None, description="path of the instantaneous value")
    time: str | None = Field(
        None,
        description="path of the sample time (ISO 8601 with offset, or Unix seconds); default: time of receipt",
    )


class Connection(Strict):
    """One endpoint: exactly one of modbus, opcua, mqtt."""

    modbus: str | None = Field(
        None, pattern=r"^tcp://[^/:]+(:\d+)?$", description="tcp://HOST:PORT"
    )
    opcua: str | None = Field(
        None, pattern=r"^opc\.tcp://.+$", description="opc.tcp://HOST:PORT/PATH"
    )
    mqtt: str | None = Field(
        None,
        pattern=r"^mqtts?://[^/:]+(:\d+)?$",
        description="mqtt://HOST:PORT, or mqtts:// with TLS",
    )
    timeout: Seconds = Field(1.0, description="real time allowed for one answer")
    user: str | None = Field(None, description="user name at the broker or server")
    password: Secret | None = Field(None, description="its password, by reference: {secret: NAME}")
    security: Literal["None", "Sign", "SignAndEncrypt"] = Field(
        "None", description="OPC UA message security; only None is supported so far"
    )
    topics: dict[Id, TopicConfig] = Field({}, description="MQTT: kinds of topics by name")
    nodes: dict[Id, str] = Field({}, description="OPC UA signals by name: nsu=URI;s=IDENTIFIER")

    @model_validator(mode="after")
    def _one_protocol(self) -> Connection:
        if sum(x is not None for x in (self.modbus, self.opcua, self.mqtt)) != 1:
            raise ValueError("exactly one of modbus, opcua, mqtt is needed")
        return self

    @property
    def protocol(self) -> str:
        return "modbus" if self.modbus else "opcua" if self.opcua else "mqtt"

    @property
    def endpoint(self) -> str:
        return self.modbus or self.opcua or self.mqtt or ""


class Every(Strict):
    """Periods of reading. Shorter than 100 ms real time is not offered."""

    power: Seconds = Field(1.0, description="instantaneous values")
    energy: Seconds = Field(10.0, description="counters")

    @field_validator("power", "energy")
    @classmethod
    def _floor(cls, value: float) -> float:
        if value < 0.1:
            raise ValueError("must be at least 100ms")
        return value


class Ct(Strict):
    """Current transformer; with `applied_by: wattline` the ratio is multiplied here, otherwise the meter does it."""

    ratio: str = Field(
        pattern=r"^\d+(\.\d+)?/\d+(\.\d+)?$", description="primary/secondary, such as 400/5"
    )
    applied_by: Literal["meter", "wattline"] = Field(
        "meter", description="who multiplies with the ratio"
    )

    @property
    def factor(self) -> float:
        primary, secondary = self.ratio.split("/")
        return float(primary) / float(secondary) if self.applied_by == "wattline" else 1.0


class Meter(Strict):
    """One measuring point. Which keys apply follows from the protocol of its connection."""

    on: Id = Field(description="its connection")
    name: Name = ""
    profile: str | None = Field(None, description="profile of the catalogue (Modbus)")
    unit: int | str | None = Field(
        None, description="Modbus: unit id; MQTT and OPC UA: unit of the counter, such as Nm3"
    )
    address: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="added to every register of the profile (SunSpec model base)"
    )
    topic: Id | None = Field(
        None, description="MQTT: kind of topic, a name under the connection's topics"
    )
    id: str | None = Field(None, description="MQTT: what stands for {meter} in the topic filter")
    nodes: dict[str, str] = Field(
        {}, description="OPC UA: quantity to node, such as active_power: nsu=...;s=..."
    )
    step: float | None = Field(
        None, gt=0, description="counter value of one pulse or digit, in its unit"
    )
    wraps_at: float | None = Field(
        None, gt=0, description="counter value at which it begins again from zero, in its unit"
    )
    accuracy_class: (
        Annotated[str, BeforeValidator(str), Field(pattern=r"^\d+(\.\d+)?S?$")] | None
    ) = Field(None, alias="class", description="accuracy class, such as 0.5 or 0.2S (per cent)")
    ct: Ct | None = Field(None, description="current transformer ahead of the meter")
    every: Every = Field(Every(), description="periods of reading")
    max: Annotated[str, BeforeValidator(str)] | None = Field(
        None, description="greatest possible power or flow, such as 12 MW"
    )
    enthalpy: Annotated[float, Field(gt=0)] | None = Field(
        None, description="kJ/kg of steam less returned condensate, for mass meters"
    )
    reference: Literal["0C", "15C", "20C"] | None = Field(
        None, description="reference state of a gas volume"
    )
    reverse: bool = Field(
        False, description="wired the other way round: import and export change places"
    )
    read: Literal["basic", "all"] = Field(
        "basic", description="basic: counters, power, power factor; all: every row of the profile"
    )
    counter: str | None = Field(
        None, description="quantity that rules the books, if not the usual one"
    )

    @property
    def wiring(self) -> Wiring:
        """How it hangs on its edge."""
        return Wiring(self.ct.factor if self.ct else 1.0, self.reverse)

    @property
    def class_limit(self) -> float:
        return float((self.accuracy_class or "1").rstrip("S")) / 100


class Source(Strict):
    """Primary energy that enters a bus. `meter` rules the books; `shape` meters give power only."""

    name: Name = ""
    carrier: Carrier = Field(description="what it delivers")
    kind: SourceKind | None = Field(None, description="where it comes from; default by carrier")
    meter: Id = Field(description="the meter that rules the books")
    shape: list[Id] = Field(
        [],
        description="further meters that give power only, such as the inverters behind a PV meter",
    )
    into: Id = Field(description="the bus it enters")
    exports: bool = Field(
        False, description="the export register of the meter counts energy leaving the site"
    )
    owner: Literal["own", "third_party"] = Field(
        "own", description="whose it is; energy of a third party on the roof is bought"
    )


class Storage(Strict):
    """A battery: charged from and discharging to one bus; its meter imports what is charged."""

    name: Name = ""
    bus: Id = Field(description="the bus it is charged from and discharges to")
    meter: Id = Field(description="its meter; import is charge, export is discharge")
    capacity: Annotated[float, _in("kWh")] = Field(description="usable energy, such as 10 MWh")
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="kWh held / kWh charged"
    )
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="kWh delivered / kWh held"
    )
    account: Literal["fifo", "well_mixed"] = Field("fifo", description="which energy leaves first")
    opening: Annotated[float, _in("kWh")] = Field(
        0.0, description="energy held when the books begin"
    )


class Bus(Strict):
    """Where energy of one carrier mixes."""

    name: Name = ""
    carrier: Carrier = Field(description="electricity, steam, natural_gas, compressed_air, ...")
    unit: str | None = Field(None, description="unit of its books; default by carrier")
    mix_over: Seconds | None = Field(
        None, description="time over which its content mixes; default by carrier"
    )
    holds: Seconds = Field(
        3600.0, description="how long its composition is kept while nothing flows"
    )


class Output(Strict):
    """An output of a converter: metered, or its input times an efficiency."""

    meter: Id | None = Field(None, description="meter of this output")
    efficiency: Annotated[float, Field(ge=0)] | None = Field(
        None, description="output per input, where there is no meter"
    )
    basis: Literal["net", "gross"] = Field("net", description="heat value the efficiency refers to")

    @model_validator(mode="after")
    def _known(self) -> Output:
        if self.meter is None and self.efficiency is None:
            raise ValueError("needs meter or efficiency")
        return self


class Converter(Strict):
    """Takes from buses or sources and feeds buses. Two-way ones (transformers) carry the net direction of a window."""

    name: Name = ""
    inputs: dict[str, Id | list[Id]] = Field(
        description="bus or source (or `ambient`) to its meter or meters"
    )
    outputs: dict[Id, Output] = Field(description="bus to how the output is known")
    split: Literal["efficiency", "energy_content", "work_potential"] = Field(
        "efficiency",
        description="how carbon is shared among several outputs (combined heat and power)",
    )
    two_way: bool = Field(False, description="energy may flow back, as through a transformer")
    supply_c: float = Field(
        90.0, description="temperature of the heat given, for split: work_potential"
    )
    ambient_c: float = Field(
        25.0, description="temperature of the surroundings, for split: work_potential"
    )


class LineOutput(Strict):
    """Good and scrap counts of a line, as CONNECTION.SIGNAL."""

    good: str | None = Field(None, description="count of good pieces")
    scrap: str | None = Field(None, description="count of scrap")
    order: str | None = Field(None, description="id of the order that runs")
    unit: str = Field("unit", description="what is counted, such as panel or kWh cell")


class Line(Strict):
    """A production line: what it draws, what it makes, what state it is in."""

    name: Name = ""
    group: Id | None = Field(None, description="group it is shown and summed in")
    draws: dict[Id, Id | list[Id]] = Field(description="bus to meter or meters")
    output: LineOutput | None = Field(None, description="what it makes")
    state: str | None = Field(None, description="CONNECTION.SIGNAL of the machine state")
    feeds_back: bool = Field(
        False,
        description="the line returns electricity to its bus at times, as battery formation does",
    )


class Contract(Strict):
    """Green power bought with its attributes: a share of a source's energy at its own factor (market-based reading)."""

    name: Name = ""
    source: Id = Field(description="the source whose energy it covers")
    share: Annotated[float, Field(gt=0, le=1)] = Field(description="part of that energy, 0 to 1")
    factor: Annotated[float, Field(ge=0)] = Field(0.0, description="its own factor, kgCO2 per unit")
    bundled: bool = Field(
        True, description="attributes come with the energy; false for certificates bought apart"
    )


class Group(Strict):
    """Lines shown and summed together."""

    name: Name = ""


class Influx(Strict):
    """An InfluxDB (1.8, 2.x or 3 Core) that gets all figures and readings too, beside the embedded store."""

    url: str = Field(pattern=r"^https?://[^/]+$", description="http://HOST:PORT")
    org: str = Field("wattline", description="organisation (2.x; others ignore it)")
    bucket: str = Field(
        "wattline",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="bucket or database of the figures; no slash",
    )
    raw_bucket: str = Field(
        "wattline_raw",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="bucket or database of the raw readings",
    )
    token: Secret | None = Field(
        None, description="API token; user:password for 1.8; none where there is no access control"
    )


class Rules(Strict):
    """Which rules watch the plant: the packs that ship, less what is off, and files of its own."""

    packs: bool = Field(True, description="run the rules that ship with Wattline")
    off: list[Id] = Field([], description="ids of shipped rules that are not wanted here")
    files: list[str] = Field(
        [],
        description="rule files, relative to the plant file; a rule with the id of a shipped one replaces it",
    )


class PlantFile(Strict):
    """The whole file."""

    site: SiteConfig = Field(description="the works as a whole")
    connections: dict[Id, Connection] = Field({}, description="endpoints that meters answer at")
    meters: dict[Id, Meter] = Field({}, description="measuring points")
    sources: dict[Id, Source] = Field({}, description="primary energy that enters")
    storages: dict[Id, Storage] = Field({}, description="batteries and tanks: what holds energy")
    buses: dict[Id, Bus] = Field({}, description="where energy of one carrier mixes")
    converters: dict[Id, Converter] = Field(
        {}, description="transformers, boilers, compressors, chillers"
    )
    lines: dict[Id, Line] = Field({}, description="production lines")
    groups: dict[Id, Group] = Field({}, description="lines shown and summed together")
    contracts: dict[Id, Contract] = Field({}, description="green power bought")
    influx: Influx | None = Field(None, description="InfluxDB beside the embedded store")
    rules: Rules = Field(Rules(), description="rules that raise alerts")
    notify: Notify | None = Field(None, description="telling people about alerts")


def names(value: Name, fallback: str) -> dict[str, str]:
    """Display names by language; a plain string serves all, and an id serves where there is none."""
    if isinstance(value, dict):
        first = value.get("en") or next(iter(value.values()), fallback)
        return {language: value.get(language, first) for language in ("en", "zh", "de")}
    text = value or fallback.replace("_", " ")
    return dict.fromkeys(("en", "zh", "de"), text)


def as_list(value: Any) -> list[Any]:
    """One or several, as a list."""
    return list(value) if isinstance(value, list) else [value]
