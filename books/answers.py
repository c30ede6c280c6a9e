"""The shapes in which books and data health are told, in the words of docs/api.md.

Times are milliseconds since 1970 UTC (`*_ms`), energy is kWh, power kW, mass kg. None means
unknown, never zero. A field that is left out where it does not apply is UNSET by default; all
others are always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from plant.names import Verdict
from plant.reports import LinkReport
from plant.silence import Heard

Names = dict[str, str]
"""Texts by language."""

StoreReport = Mapping[str, Any]
"""What a store beside the embedded one says of itself, under the names of the API."""

FigureValues = dict[str, float | None]
"""Values by name of the figure."""


class Answer(msgspec.Struct, kw_only=True):
    """One JSON object."""


class AttentionParams(Answer):
    """The numbers and names of a sentence; each code has its own."""

    seconds: float | UnsetType = UNSET
    minutes: float | UnsetType = UNSET
    kw: float | UnsetType | None = UNSET
    amount: float | UnsetType | None = UNSET
    bound: float | UnsetType | None = UNSET
    converter: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    cause: str | UnsetType = UNSET


class Attention(Answer):
    """Something that somebody should look at. `until_ms` is None as long as it lasts."""

    code: str
    severity: str
    since_ms: int | None
    until_ms: int | None
    meter: str | None
    line: str | None
    params: AttentionParams


class ShiftNow(Answer):
    """The shift up to which books are closed."""

    id: str
    from_ms: int


class Today(Answer):
    """Sums of one local day so far, which `date` names; coverage and estimated in percent. No plan
    is given while books are late."""

    from_ms: int
    date: str
    electricity_kwh: float | None
    plan_kwh: float | None
    gas_basis: str
    coverage: float | None
    estimated: float | None
    carbon_kg: FigureValues


class LastWeek(Answer):
    """Against the same hours a week ago; None while books are late, or where that week was booked
    less."""

    electricity_pct: float | None


class Books(Answer):
    """Sums of closed windows up to `to_ms`; `lines` and `comparisons` are those of the shift so
    far.

    `unknown` has the lines of which nothing was seen in it, and why: their meters were never heard,
    or are silent.

    `late`: books are behind the clock, so that they speak of the time up to `to_ms` and not of now.
    """

    to_ms: int
    late: bool
    shift: ShiftNow
    today: Today
    last_week: LastWeek
    lines: dict[str, FigureValues]
    unknown: dict[str, Heard]
    comparisons: dict[str, list[float | None]]
    attention: list[Attention]


class Factor(Answer):
    """An emission factor with where it comes from; `fallback` says what was wanted where another
    was taken."""

    value_kg: float
    unit: str
    source: str
    year: int
    region: str
    gas_basis: str
    status: str
    fallback: str


class Part(Answer):
    """What one source has in a figure.

    `value` is its share of the figure's numerator, so that all parts add up to it; `via` is the
    storage that it came through.
    """

    source: str
    via: str | None
    amount: float
    unit: str
    kg: float
    value: float
    factor: Factor


class Contribution(Answer):
    """What has a part in a figure's numerator: a `line`, what is unmetered on a `bus`, or what the
    `converters` on a bus kept; `of` is the id of the line or bus."""

    kind: str
    of: str
    value: float | None


class Series(Answer):
    """Figures over time, by column; `start_ms` holds the begin of each bucket. `every_s` is None
    for local days."""

    of: str
    from_ms: int
    to_ms: int
    every_s: float | None
    units: dict[str, str]
    gas_basis: str
    columns: dict[str, list[float | None]]


class OddStep(Answer):
    """An unusual step of a counter, and at most how much it may hide (`bound`)."""

    at_ms: int
    from_ms: int
    meter: str
    verdict: Verdict
    amount: float | None
    bound: float | None


class Gap(OddStep):
    """A silence that is over: its energy is known, its course over time was taken from
    `shaped_by`."""

    to_ms: int
    unit: str
    shaped_by: str


class Meter(Answer):
    """One meter: who reads it, how often it answers, and its newest power in `power_unit`."""

    id: str
    name: Names
    connection: str
    profile: str
    class_limit: float | None
    state: Heard
    last_ms: int | None
    lag_s: float | None
    period_s: float | None
    effective_period_s: float | None
    answer_s: float | None
    refused: list[str]
    due: int
    answered: int
    failed: dict[str, int]
    skipped: int
    power: float | None
    power_unit: str
    counter_unit: str


class Journal(Answer):
    """The journal, and up to which frame each consumer has come."""

    frames: int
    bytes: int
    behind_s: float
    consumers: dict[str, int]


class Health(Answer):
    """How good the data are, but for figures. Connections and further stores tell of themselves."""

    connections: list[LinkReport]
    meters: list[Meter]
    verdicts: list[OddStep]
    gaps: list[Gap]
    journal: Journal
    stores: list[StoreReport]
