"""The newest of all: `now` each second, `books` when windows close, `backfill` while history is filled."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from api.answers.base import Answer, Figures
from api.answers.figures import Flows


class SiteNow(Answer):
    """The whole site; `coverage` is the share of its meters that are heard (0 to 1)."""

    power_kw: float | None
    figures: Figures
    coverage: float | None


class LineNow(Answer):
    """A line or a group; `power` by carrier in the carrier's own unit an hour. A group says how many members run."""

    state: str
    state_since_ms: int | None
    power: dict[str, float]
    final_kw: float | None
    figures: Figures
    sources_kw: dict[str, float]
    stale_since_ms: int | None
    running: int | UnsetType = UNSET
    members: int | UnsetType = UNSET


class StorageNow(Answer):
    """A storage: positive while it discharges; what it holds, once books have been closed."""

    power_kw: float
    held_kwh: float | UnsetType = UNSET
    held_kg: float | UnsetType = UNSET


class ConverterNow(Answer):
    """What a converter takes, and since when it takes something and gives nothing."""

    taken: float | None
    unloaded_since_ms: int | None


class Now(Answer):
    """What the newest powers say, at event time `at_ms`; `speed` is that of the clock."""

    at_ms: int
    site: SiteNow
    lines: dict[str, LineNow]
    flows: Flows
    sources: dict[str, float]
    storages: dict[str, StorageNow]
    converters: dict[str, ConverterNow]
    remainder_kw: dict[str, float]
    speed: float


class AttentionParams(Answer):
    """The numbers of a sentence; each code has its own."""

    seconds: float | UnsetType = UNSET
    minutes: float | UnsetType = UNSET
    kw: float | UnsetType | None = UNSET
    amount: float | UnsetType | None = UNSET
    bound: float | UnsetType | None = UNSET
    converter: str | UnsetType = UNSET


class Attention(Answer):
    """Something that somebody should look at."""

    code: str
    severity: str
    since_ms: int
    until_ms: int | None
    meter: str | None
    line: str | None
    params: AttentionParams


class ShiftNow(Answer):
    """The shift up to which books are closed."""

    id: str
    from_ms: int


class Today(Answer):
    """Sums of the local day so far; coverage and estimated in percent."""

    from_ms: int
    electricity_kwh: float | None
    plan_kwh: float | None
    gas_basis: str
    coverage: float | None
    estimated: float | None
    carbon_kg: Figures


class LastWeek(Answer):
    """Against the same hours a week ago."""

    electricity_pct: float | None


class Books(Answer):
    """Sums of closed windows up to `to_ms`; `lines` are those of the shift so far."""

    to_ms: int
    shift: ShiftNow
    today: Today
    last_week: LastWeek
    lines: dict[str, Figures]
    attention: list[Attention]


class Backfill(Answer):
    """How far history is filled, in windows."""

    done: int
    total: int
    from_ms: int
    to_ms: int


class Live(Answer):
    """The newest of each kind."""

    now: Now | None
    books: Books | None
    backfill: Backfill | None
