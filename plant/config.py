"""The plant file: one strict YAML that says what a plant is made of.

Field words only, units written out, unknown keys refused. Reading and cross-checking live in `plant.load`; this page is the
grammar, and the JSON schema for editors is made from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from plant import units
from plant.names import Carrier, SourceKind

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$", description="lower-case letters, digits and underscores")]
Seconds = Annotated[float, BeforeValidator(units.seconds), Field(gt=0, description="a duration such as 10s, 15m or 1h")]


def _in(unit: str) -> BeforeValidator:
    return BeforeValidator(lambda value: units.quantity(value, unit))


Name = str | dict[Literal["en", "zh", "de"], str]


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(Strict):
    """What the site means to use, for comparison on the page."""

    electricity_per_day: Annotated[float, _in("kWh")] | None = Field(
        None, description="planned electricity of a day, such as 480 MWh"
    )


class SiteConfig(Strict):
    """The works as a whole: where it is, how its days and shifts run, which method keeps its books."""

    id: Id
    name: Name = ""
    timezone: str = Field(description="IANA name, such as Asia/Shanghai")
    grid: str = Field(description="region of the grid factor, such as CN-ZJ")
    method: Literal["CN-ORG", "GHGP"] = Field("CN-ORG", description="method profile of the books")
    day_starts: str = Field("00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    shifts: dict[Id, Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]] = {}
    plan: Plan = Plan()
    window: Seconds = Field(60.0, description="books window; a divisor of 15m")
    grace: Seconds = Field(15.0, description="how long after its end a window waits for readings")
    factors_year: int | None = Field(None, description="pin the factor year; default: by the method profile")
    factors: dict[str, float] = Field(
        {}, description="own factors by key, kgCO2 per unit, such as grid: 0.4974 or heat_per_gj: 110"
    )

    @field_validator("window")
    @classmethod
    def _divides(cls, value: float) -> float:
        if 3600 % value or (900 % value and value % 900):
            raise ValueError("must divide 15m or be a multiple of 15m that divides 1h, such as 1m")
        return value


class TopicConfig(Strict):
    """One kind of MQTT topic and where its values stand in the JSON payload."""

    filter: str = Field(description="topic filter with {meter} where the meter's id stands, such as gas/{meter}/state")
    value: str = Field("$.value", description="path of the counter in the payload")
    flow: str | None = Field(None, description="path of the instantaneous value")
    time: str | None = Field(
        None, description="path of the sample time (ISO 8601 with offset, or Unix seconds); default: time of receipt"
    )


class Secret(Strict):
    """A secret by reference: an environment variable WATTLINE_SECRET_NAME or a file in the secrets folder."""

    secret: Id


class Connection(Strict):
    """One endpoint: exactly one of modbus, opcua, mqtt."""

    modbus: str | None = Field(None, pattern=r"^tcp://[^/:]+(:\d+)?$", description="tcp://HOST:PORT")
    opcua: str | None = Field(None, pattern=r"^opc\.tcp://.+$")
    mqtt: str | None = Field(None, pattern=r"^mqtts?://[^/:]+(:\d+)?$")
    timeout: Seconds = Field(1.0, description="real time allowed for one answer")
    user: str | None = None
    password: Secret | None = None
    security: Literal["None", "Sign", "SignAndEncrypt"] = "None"
    topics: dict[Id, TopicConfig] = {}
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

    power: Seconds = 1.0
    energy: Seconds = 10.0

    @field_validator("power", "energy")
    @classmethod
    def _floor(cls, value: float) -> float:
        if value < 0.1:
            raise ValueError("must be at least 100ms")
        return value


class Ct(Strict):
    """Current transformer; with `applied_by: wattline` the ratio is multiplied here, otherwise the meter does it."""

    ratio: str = Field(pattern=r"^\d+(\.\d+)?/\d+(\.\d+)?$", description="primary/secondary, such as 400/5")
    applied_by: Literal["meter", "wattline"] = "meter"

    @property
    def factor(self) -> float:
        primary, secondary = self.ratio.split("/")
        return float(primary) / float(secondary) if self.applied_by == "wattline" else 1.0


class Meter(Strict):
    """One measuring point. Which keys apply follows from the protocol of its connection."""

    on: Id
    name: Name = ""
    profile: str | None = Field(None, description="profile of the catalogue (Modbus)")
    unit: int | str | None = Field(
        None, description="Modbus: unit id; MQTT and OPC UA: unit of the counter, such as Nm3"
    )
    address: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="added to every register of the profile (SunSpec model base)"
    )
    topic: Id | None = None
    id: str | None = Field(None, description="MQTT: what stands for {meter} in the topic filter")
    nodes: dict[str, str] = Field({}, description="OPC UA: quantity to node, such as active_power: nsu=...;s=...")
    step: float | None = Field(None, gt=0, description="counter value of one pulse or digit, in its unit")
    wraps_at: float | None = Field(None, gt=0)
    accuracy_class: Annotated[str, BeforeValidator(str), Field(pattern=r"^\d+(\.\d+)?S?$")] | None = Field(
        None, alias="class"
    )
    ct: Ct | None = None
    every: Every = Every()
    max: Annotated[str, BeforeValidator(str)] | None = Field(
        None, description="greatest possible power or flow, such as 12 MW"
    )
    enthalpy: Annotated[float, Field(gt=0)] | None = Field(
        None, description="kJ/kg of steam less returned condensate, for mass meters"
    )
    reference: Literal["0C", "15C", "20C"] | None = Field(None, description="reference state of a gas volume")
    reverse: bool = Field(False, description="wired the other way round: import and export change places")
    read: Literal["basic", "all"] = Field(
        "basic", description="basic: counters, power, power factor; all: every row of the profile"
    )
    counter: str | None = Field(None, description="quantity that rules the books, if not the usual one")

    @property
    def class_limit(self) -> float:
        return float((self.accuracy_class or "1").rstrip("S")) / 100


class Source(Strict):
    """Primary energy that enters a bus. `meter` rules the books; `shape` meters give power only."""

    name: Name = ""
    carrier: Carrier
    kind: SourceKind | None = None
    meter: Id
    shape: list[Id] = []
    into: Id
    exports: bool = Field(False, description="the export register of the meter counts energy leaving the site")
    owner: Literal["own", "third_party"] = "own"


class Store(Strict):
    """A battery: charged from and discharging to one bus; its meter imports what is charged."""

    name: Name = ""
    bus: Id
    meter: Id
    capacity: Annotated[float, _in("kWh")]
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    account: Literal["fifo", "well_mixed"] = "fifo"
    opening: Annotated[float, _in("kWh")] = Field(0.0, description="energy held when the books begin")


class Bus(Strict):
    """Where energy of one carrier mixes."""

    name: Name = ""
    carrier: Carrier
    unit: str | None = Field(None, description="unit of its books; default by carrier")
    mix_over: Seconds | None = None
    holds: Seconds = 3600.0


class Output(Strict):
    """An output of a converter: metered, or its input times an efficiency."""

    meter: Id | None = None
    efficiency: Annotated[float, Field(ge=0)] | None = None
    basis: Literal["net", "gross"] = "net"

    @model_validator(mode="after")
    def _known(self) -> Output:
        if self.meter is None and self.efficiency is None:
            raise ValueError("needs meter or efficiency")
        return self


class Converter(Strict):
    """Takes from buses or sources and feeds buses. Two-way ones (transformers) carry the net direction of a window."""

    name: Name = ""
    inputs: dict[str, Id | list[Id]] = Field(description="bus or source (or `ambient`) to its meter or meters")
    outputs: dict[Id, Output]
    split: Literal["efficiency", "energy_content", "work_potential"] = "efficiency"
    two_way: bool = False
    supply_c: float = 90.0
    ambient_c: float = 25.0


class LineOutput(Strict):
    """Good and scrap counts of a line, as CONNECTION.SIGNAL."""

    good: str | None = None
    scrap: str | None = None
    order: str | None = None
    unit: str = "unit"


class Line(Strict):
    """A production line: what it draws, what it makes, what state it is in."""

    name: Name = ""
    group: Id | None = None
    draws: dict[Id, Id | list[Id]] = Field(description="bus to meter or meters")
    output: LineOutput | None = None
    state: str | None = Field(None, description="CONNECTION.SIGNAL of the machine state")
    feeds_back: bool = Field(
        False, description="the line returns electricity to its bus at times, as battery formation does"
    )


class Contract(Strict):
    """Green power bought with its attributes: a share of a source's energy at its own factor (market-based reading)."""

    name: Name = ""
    source: Id
    share: Annotated[float, Field(gt=0, le=1)]
    factor: Annotated[float, Field(ge=0)] = 0.0
    bundled: bool = True


class Group(Strict):
    """Lines shown and summed together."""

    name: Name = ""


class PlantFile(Strict):
    """The whole file."""

    site: SiteConfig
    connections: dict[Id, Connection] = {}
    meters: dict[Id, Meter] = {}
    sources: dict[Id, Source] = {}
    stores: dict[Id, Store] = {}
    buses: dict[Id, Bus] = {}
    converters: dict[Id, Converter] = {}
    lines: dict[Id, Line] = {}
    groups: dict[Id, Group] = {}
    contracts: dict[Id, Contract] = {}


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
