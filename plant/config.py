"""The plant file: one strict YAML that says what a plant is made of.

Field words only, units written out, unknown keys refused. Reading and cross-checking live in
`plant.load`; this page is the grammar, and the JSON schema for editors is made from it. What a
connection and a meter may say depends on their protocol: see `plant.protocols`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from plant import units
from plant.languages import Name
from plant.meter import Connection, Meter
from plant.names import Carrier, SourceKind
from plant.notify import Notify
from plant.protocols.choice import ByAddress, ByConnection, note_protocols
from plant.strict import ClockTime, Id, Seconds, Secret, Shift, Strict


def _in(unit: str) -> BeforeValidator:
    return BeforeValidator(lambda value: units.quantity(value, unit))


class Plan(Strict):
    """What the site means to use: compared on the page, watched by rules."""

    electricity_per_day: Annotated[float, _in("kWh")] | None = Field(
        None, description="planned electricity of a day, such as 480 MWh"
    )
    demand: Annotated[float, _in("kW")] | None = Field(
        None,
        description="greatest mean power of a quarter of an hour that was agreed with the grid, "
        "such as 28 MW",
    )
    intensity: float | None = Field(
        None, gt=0, description="target of carbon per kWh of final energy, by location, in g/kWh"
    )


class SiteConfig(Strict):
    """The works as a whole: where it is, how its days and shifts run, and its method of books."""

    id: Id
    name: Name = ""
    timezone: str = Field(description="IANA name, such as Asia/Shanghai")
    grid: str = Field(description="region of the grid factor, such as CN-ZJ")
    method: Literal["CN-ORG", "GHGP"] = Field("CN-ORG", description="method profile of the books")
    day_starts: ClockTime = Field(
        "00:00",
        description="local time at which a day of the books begins",
    )
    shifts: dict[Id, Shift] = Field(
        {},
        description="shifts by name, such as night: 22:00-06:00; "
        "one over midnight belongs to the day it began",
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
        divides_an_hour = 3600 % value == 0
        fits_quarters = 900 % value == 0 or value % 900 == 0
        if not (divides_an_hour and fits_quarters):
            raise ValueError("must divide 15m or be a multiple of 15m that divides 1h, such as 1m")

        return value


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
    """Takes from buses or sources and feeds buses.

    Two-way ones (transformers) carry the net direction of a window.
    """

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
    """Green power bought with its attributes.

    A share of a source's energy has a factor of its own in the market-based reading.
    """

    name: Name = ""
    source: Id = Field(description="the source whose energy it covers")
    share: Annotated[float, Field(gt=0, le=1)] = Field(description="part of that energy, 0 to 1")
    factor: Annotated[float, Field(ge=0)] = Field(0.0, description="its own factor, kgCO2 per unit")


class Group(Strict):
    """Lines shown and summed together."""

    name: Name = ""


class Influx(Strict):
    """An InfluxDB (1.8, 2.x or 3 Core) that gets figures and readings too, beside the own store."""

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
        None,
        description="API token; user:password for 1.8; none where there is no access control",
    )


class Rules(Strict):
    """Which rules watch the plant: the packs that ship, less what is off, and files of its own."""

    packs: bool = Field(True, description="run the rules that ship with Wattline")
    off: list[Id] = Field([], description="ids of shipped rules that are not wanted here")
    files: list[str] = Field(
        [],
        description="rule files, relative to the plant file; "
        "a rule with the id of a shipped one replaces it",
    )


class Comparison(Strict):
    """Two lines that make the same, in one figure: the first judged by the second."""

    name: Name = ""
    lines: Annotated[list[Id], Field(min_length=2, max_length=2)] = Field(
        description="the two lines, the one that is judged first"
    )
    figure: str = Field(description="figure of the books, such as per_good.carbon")


class PlantFile(Strict):
    """The whole file."""

    site: SiteConfig = Field(description="the works as a whole")
    connections: dict[Id, Annotated[Connection, ByAddress()]] = Field(
        {}, description="endpoints that meters answer at"
    )
    meters: dict[Id, Annotated[Meter, ByConnection()]] = Field({}, description="measuring points")
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
    compare: dict[Id, Comparison] = Field(
        {}, description="pairs of lines that the page shows beside each other"
    )
    notify: Notify | None = Field(None, description="telling people about alerts")

    @model_validator(mode="before")
    @classmethod
    def _protocols(cls, value: object) -> object:
        """A meter is read by the model of the protocol that its connection speaks."""
        return note_protocols(value)

    def behind(self, connection: str) -> dict[str, Meter]:
        """The meters of a connection."""
        return {key: meter for key, meter in self.meters.items() if meter.on == connection}


def as_list(value: str | list[str]) -> list[str]:
    """One or several, as a list."""
    return list(value) if isinstance(value, list) else [value]
