"""What the plant is made of, how its meters are, and which emission factors are in force."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from api.answers.base import Answer, Names
from plant.names import Verdict


class Source(Answer):
    """Where energy comes into the plant; `unit` is what its carrier is counted in."""

    id: str
    name: Names
    kind: str
    carrier: str
    unit: str


class Storage(Answer):
    """A battery or a tank that feeds a bus."""

    id: str
    name: Names
    capacity_kwh: float | None


class Bus(Answer):
    """A rail or a net of one carrier."""

    id: str
    name: Names
    carrier: str
    unit: str


class Converter(Answer):
    """What makes one carrier of another: ids of the buses and sources it takes from and gives to."""

    id: str
    name: Names
    takes_from: list[str] = field(name="from")
    gives_to: list[str] = field(name="to")


class Line(Answer):
    """A production line: its group, carriers, what it counts, and its meters."""

    id: str
    name: Names
    group: str | None
    carriers: list[str]
    output_unit: str
    meters: list[str]


class Group(Answer):
    """Lines that are shown together."""

    id: str
    name: Names
    lines: list[str]


class Comparison(Answer):
    """Two lines beside each other in one figure of the books; the first is judged by the second."""

    id: str
    name: Names
    lines: list[str]
    figure: str


class Site(Answer):
    """What the plant is made of."""

    id: str
    name: Names
    version: str
    simulated: bool
    timezone: str
    grid: str
    method: str
    window_s: float
    day_starts: str
    shifts: dict[str, str]
    gas_basis: str
    plan_kwh_per_day: float | None
    sources: list[Source]
    storages: list[Storage]
    buses: list[Bus]
    converters: list[Converter]
    lines: list[Line]
    groups: list[Group]
    comparisons: list[Comparison]


class Meter(Answer):
    """One meter: who reads it, how often it answers, and its newest power in `power_unit`."""

    id: str
    name: Names
    connection: str
    profile: str
    class_limit: float | None
    state: str
    last_ms: int | None
    lag_s: float | None
    period_s: float | None
    effective_period_s: float | None
    due: int
    answered: int
    failed: dict[str, int]
    skipped: int
    power: float | None
    power_unit: str
    counter_unit: str
    answer_s: float | UnsetType | None = UNSET
    refused: list[str] | UnsetType = UNSET


class Connection(Answer):
    """One connection to devices; `counts` by kind of event."""

    id: str
    protocol: str
    endpoint: str
    state: str
    reconnects: int
    last_error: str | None
    counts: dict[str, int]


class OddStep(Answer):
    """An unusual step of a counter, and at most how much it may hide (`bound`)."""

    at_ms: int
    from_ms: int
    meter: str
    verdict: Verdict
    amount: float | None
    bound: float | None


class Gap(OddStep):
    """A silence that is over: its energy is known, its course over time was taken from `shaped_by`."""

    to_ms: int
    unit: str
    shaped_by: str


class Journal(Answer):
    """The journal, and up to which frame each consumer has come."""

    frames: int
    bytes: int
    behind_s: float
    consumers: dict[str, int]


class FurtherStore(Answer):
    """A store beside the embedded one: what it has taken, and what it still waits for."""

    id: str
    url: str
    state: str
    last_error: str | None
    behind_frames: int
    behind_outputs: int
    points: int
    expired: int
    dead_letters: int
    lost_frames: int
    lost_outputs: int


class Health(Answer):
    """How good the data are; coverage and estimated are percent of today."""

    at_ms: int
    coverage: float | None
    estimated: float | None
    connections: list[Connection]
    meters: list[Meter]
    verdicts: list[OddStep]
    gaps: list[Gap]
    journal: Journal
    stores: list[FurtherStore]


class Factor(Answer):
    """An emission factor with where it comes from; `fallback` says what was wanted where another was taken."""

    value_kg: float
    unit: str
    source: str
    year: int
    region: str
    gas_basis: str
    status: str
    fallback: str


class SourceFactors(Answer):
    """The factors in force of one source, by location and by market."""

    source: str
    scope: str
    contract_share: float
    kwh_per_unit: float
    kgce_per_unit: float
    location: Factor
    market: Factor
