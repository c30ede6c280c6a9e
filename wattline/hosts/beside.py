"""A store beside the embedded one: a host that carries readings
and books from the journal into it, at its own pace.

Its places are kept in the journal after each acknowledged write, so a kill or an outage repeats
rows (which are the same rows) and loses none. While the store is away the journal keeps what waits,
within its bound; what had to go is counted and said.

Another store is one `Sink` and one entry in `wattline.hosts.table.BESIDE`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypedDict

from engine.figures.products import Producer
from plant.backoff import Backoff
from plant.errors import RetryableError, SinkRefused, StoreFull
from plant.ports import Columns
from plant.reports import Counts
from plant.site import Site
from plant.standing import cause_of
from store.journal import SqliteJournal
from wattline.hosts import earlier_sites
from wattline.hosts.consumer import Consumer
from wattline.hosts.earlier_sites import Earlier, with_zeros
from wattline.hosts.outputs import (
    BooksOfSite,
    InForce,
    OutputReader,
    remember_site,
    remembered_site,
)
from wattline.hosts.readings import columns_of

READING_COLUMNS: Final = ("ts", "tag", "value", "quality")
PLACES: Final = ("frame", "output")
MEANWHILE: Final = "What is meant for it waits in the journal; figures, page and alerts go on."


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how often.

    Between writes while it keeps up there is a pause: few requests of many lines. After an outage
    the longest wait is short, so that the store is soon up to date again. After a refusal it is
    long: a wrong token or a missing bucket does not become right by asking.
    """

    frames: int = 200
    outputs: int = 400
    pause_s: float = 1.0
    shortest_s: float = 0.5
    longest_s: float = 4.0
    refused_s: float = 600.0


class BesideState(StrEnum):
    """How a store beside is. What `wattline_store_up` and data health show."""

    STARTING = "starting"
    UP = "up"
    AWAY = "away"
    REFUSED = "refused"
    FAILED = "failed"


class StoreHealth(TypedDict):
    """An entry of `stores` in data health, as docs/api.md has it."""

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


class Sink(Protocol):
    """Where rows go. A write that returns is acknowledged;
    RetryableError: later; SinkRefused: somebody has to act.

    Writing the same again changes nothing. `where` names it for people, `url` is its address alone.
    """

    @property
    def where(self) -> str: ...
    @property
    def url(self) -> str: ...
    def code(self, name: str) -> int: ...
    def counts(self) -> Counts: ...
    def write_readings(
        self, columns: Columns, names: Callable[[], Mapping[int, tuple[str, str]]]
    ) -> None: ...
    def write_books(self, books: Mapping[str, Columns]) -> None: ...
    def close(self) -> None: ...


class BesideHost(Consumer):
    """`site` is that of books whose own is not known.

    Counts of lost frames and outputs are over all runs.
    """

    needed = False

    def __init__(
        self,
        name: str,
        journal: SqliteJournal,
        sink: Sink,
        site: Site,
        *,
        pace: Pace | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.pace = pace or Pace()
        super().__init__(
            name,
            MEANWHILE,
            now_ns=now_ns,
            idle_s=self.pace.pause_s,
            backoff=Backoff(
                self.pace.shortest_s,
                self.pace.longest_s,
                spread=0.3,
            ),
        )
        self.log = self.trouble.log
        self.journal = journal
        self.store = sink
        self.reader = OutputReader(
            journal,
            sink.code,
            at_once=self.pace.outputs,
        )
        self.state = BesideState.STARTING
        self.error = ""
        self.places: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        for of in PLACES:
            self.places[of] = journal.held(name, of)
            self.lost[of] = journal.lost(name, of)
            journal.hold(name, of, self.places[of])

        in_force = remembered_site(journal, name, site)
        assert in_force is not None
        self.in_force = in_force
        self.producer = self.reader.producer(in_force)
        kept = journal.meta(f"earlier.{name}")
        self.earlier = earlier_sites.decode(kept, self._producer)

    def _producer(self, site: Site) -> Producer:
        return Producer(site, self.reader.number)

    def turn(self) -> bool:
        """Books first, they are few; True if there is more."""
        self._note_lost()
        before = self.store.counts().taken
        more_books = self._books()
        more_readings = self._readings()
        if self.store.counts().taken > before or self.standing is not None:
            self.state = BesideState.UP

        return more_books or more_readings

    def note(self, error: Exception) -> float:
        """A store that is away is asked again soon, or when it
        says; one that refuses after a while.
        """
        self.error = cause_of(error)
        wait_s = super().note(error)
        if isinstance(error, SinkRefused):
            self.state = BesideState.REFUSED
            return self.pace.refused_s

        if isinstance(error, RetryableError) and not isinstance(error, StoreFull):
            self.state = BesideState.AWAY
            return wait_s if error.after_s is None else min(error.after_s, self.pace.refused_s)

        self.state = BesideState.FAILED
        return wait_s

    def _took(self, of: str, place: int) -> None:
        self.journal.hold(self.name, of, place)
        self.places[of] = place

    def _note_lost(self) -> None:
        """Say once what the journal had to let go."""
        for of in PLACES:
            lost = self.journal.lost(self.name, of)
            if lost > self.lost[of]:
                self.log.error(
                    "%d %ss were let go before %s had them: it was away for longer than the journal"
                    " can hold",
                    lost - self.lost[of],
                    of,
                    self.store.where,
                )

            self.lost[of] = lost

    def _readings(self) -> bool:
        rows = self.journal.read(self.places["frame"], self.pace.frames)
        if not rows:
            return False

        columns = columns_of(rows, READING_COLUMNS)
        if columns:
            self.store.write_readings(columns, self.journal.names)

        self._took("frame", rows[-1][0])
        return len(rows) == self.pace.frames

    def _books(self) -> bool:
        batch = self.reader.read(self.places["output"], self.in_force)
        if batch is None:
            return False

        for part in batch.parts:
            if isinstance(part.holds, InForce):
                self._change_site(part.holds)
            elif isinstance(part.holds, BooksOfSite):
                self._write(part.holds)

            self._took("output", part.place)

        return batch.more

    def _write(self, books: BooksOfSite) -> None:
        fresh = [earlier for earlier in self.earlier if earlier.note(books.books)]
        if fresh:
            self._keep()

        tables = books.tables
        for earlier in self.earlier:
            tables = with_zeros(tables, earlier, self.producer)

        self.store.write_books(tables)

    def _change_site(self, now: InForce) -> None:
        """Another site is in force from here on."""
        before = self.in_force.site
        if now.site != before:
            gone = Earlier(before, self._producer(before))
            self.earlier = [*self.earlier, gone][-earlier_sites.KEPT :]
            self._keep()

        remember_site(self.journal, self.name, now)
        self.in_force = now
        self.producer = self.reader.producer(now)

    def _keep(self) -> None:
        self.journal.set_meta(
            f"earlier.{self.name}",
            earlier_sites.encode(self.earlier),
        )

    def finish(self) -> None:
        """What the end of a run booked, where the store takes
        data; the rest is sent at the next start.
        """
        if self.state is BesideState.UP:
            self.turn()

    def stop(self) -> list[str]:
        left = super().stop()
        if not left:
            self.store.close()

        return left

    def health(self) -> StoreHealth:
        """What docs/api.md calls an entry of `stores`."""
        counts = self.store.counts()
        return {
            "id": self.name,
            "url": self.store.url,
            "state": self.state.value,
            "last_error": self.error or None,
            "behind_frames": max(self.journal.last() - self.places["frame"], 0),
            "behind_outputs": max(self.journal.last_output() - self.places["output"], 0),
            "points": counts.points,
            "expired": counts.expired,
            "dead_letters": counts.dead_letters,
            "lost_frames": self.lost["frame"],
            "lost_outputs": self.lost["output"],
        }

    def caught_up(self) -> bool:
        return (
            self.places["frame"] >= self.journal.last()
            and self.places["output"] >= self.journal.last_output()
        )
