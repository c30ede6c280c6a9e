"""What the plant is made of, how its meters are, and which emission factors are in force."""

from __future__ import annotations

from msgspec import field

from api.answers.base import Answer, Names
from books.answers import Factor, Gap, Journal, Meter, OddStep


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
    """What makes one carrier of another: ids of what it takes from and gives to."""

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


class MeterName(Answer):
    """What a meter is called."""

    id: str
    name: Names


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
    meters: list[MeterName]


class Connection(Answer):
    """One connection to devices; `counts` by kind of event."""

    id: str
    protocol: str
    endpoint: str
    state: str
    reconnects: int
    last_error: str | None
    counts: dict[str, int]


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


class DataHealth(Answer):
    """How connections, meters, counters and stores are, without figures."""

    connections: list[Connection]
    meters: list[Meter]
    verdicts: list[OddStep]
    gaps: list[Gap]
    journal: Journal
    stores: list[FurtherStore]


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


class SourceFactors(Answer):
    """The factors in force of one source, by location and by market."""

    source: str
    scope: str
    contract_share: float
    kwh_per_unit: float
    kgce_per_unit: float
    location: Factor
    market: Factor
