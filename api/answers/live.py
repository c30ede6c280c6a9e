"""The newest of all: `now` each second, `books` when windows close, `backfill` while history is
filled."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.answers.base import Answer, Figures
from api.answers.figures import Flows
from books.answers import Books


class SiteNow(Answer):
    """The whole site; `coverage` is the share of its meters that are heard (0 to 1)."""

    power_kw: float | None
    figures: Figures
    coverage: float | None


class LineNow(Answer):
    """A line or a group; `power` by carrier in the carrier's own unit an hour.

    A group says how many members run. `unknown` says why nothing is known: its meters were never
    heard, or are silent now. `order` is the one that runs, on a line that reads its id.
    """

    state: str
    state_since_ms: int | None
    power: Figures
    final_kw: float | None
    figures: Figures
    sources_kw: dict[str, float]
    stale_since_ms: int | None
    unknown: Literal["never", "silent"] | UnsetType | None = UNSET
    order: str | UnsetType | None = UNSET
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
