"""A store beside the embedded one: a host that carries readings and books from the journal into it, at its own pace.

Its places are kept in the journal after each acknowledged write, so a kill or an outage repeats rows (which are the same rows) and loses none. While the store
is away the journal keeps what waits, within its bound; what had to go is counted and said.

Another store is one `Sink` and one entry in `wattline.hosts.table.BESIDE`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol, TypedDict

from engine.outputs import UnusualSteps
from plant.backoff import Backoff
from plant.errors import RetryableError, SinkRefused
from plant.site import Site
from plant.standing import cause_of
from store.journal import SqliteJournal
from store.tables import Columns
from wattline.hosts import earlier_sites
from wattline.hosts.consumer import STOP_S, Consumer
from wattline.hosts.earlier_sites import Earlier, with_zeros
from wattline.hosts.outputs import (
    Books,
    InForce,
    OutputReader,
    remember_site,
    remembered_site,
)
from wattline.hosts.readings import columns_of

FRAMES: Final = 200
"""Frames of one write."""
OUTPUTS: Final = 400
PAUSE_S: Final = 1.0
"""Between writes while it keeps up: few requests of many lines."""
SHORTEST_S: Final = 0.5
LONGEST_S: Final = 4.0
"""So that after an outage it is soon up to date again."""
LOOK_AGAIN_S: Final = 600.0
"""After a refusal: a wrong token or a missing bucket does not become right by asking."""
READING_COLUMNS: Final = ("ts", "tag", "value", "quality")
PLACES: Final = ("frame", "output")
MEANWHILE: Final = "What is meant for it waits in the journal; figures, page and alerts go on."


class State(StrEnum):
    """How a store beside is. What `wattline_store_up` and data health show."""

    STARTING = "starting"
    UP = "up"
    AWAY = "away"
    REFUSED = "refused"
    FAILED = "failed"


class Counts(TypedDict):
    """What a sink has taken in this run, what was too old for it, and what it will never take."""

    points: int
    expired: int
    dead_letters: int


class StoreHealth(Counts):
    """An entry of `stores` in data health, as docs/api.md has it."""

    id: str
    url: str
    state: str
    last_error: str | None
    behind_frames: int
    behind_outputs: int
    lost_frames: int
    lost_outputs: int


class Sink(Protocol):
    """Where rows go. A write that returns is acknowledged; RetryableError: later; SinkRefused: somebody has to act.

    Writing the same again changes nothing. `where` is its address, for people.
    """

    @property
    def where(self) -> str: ...
    def code(self, name: str) -> int: ...
    def counts(self) -> Counts: ...
    def write_readings(
        self, columns: Columns, names: Callable[[], Mapping[int, tuple[str, str]]]
    ) -> None: ...
    def write_books(self, books: Mapping[str, Columns]) -> None: ...
    def close(self) -> None: ...


class BesideHost(Consumer):
    """`site` is that of books whose own is not known. Counts of lost frames and outputs are over all runs."""

    def __init__(
        self,
        name: str,
        journal: SqliteJournal,
        sink: Sink,
        site: Site,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        backoff = Backoff(SHORTEST_S, LONGEST_S, spread=0.3)
        super().__init__(name, MEANWHILE, now_ns=now_ns, idle_s=PAUSE_S, backoff=backoff)
        self.log = logging.getLogger(f"wattline.{name}")
        self.trouble.log = self.log
        self.journal = journal
        self.store = sink
        self.reader = OutputReader(journal, sink.code, at_once=OUTPUTS)
        self.state = State.STARTING
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
        kept = journal.meta(f"earlier.{name}")
        self.earlier = earlier_sites.decode(kept, self.reader.producer_of)

    def turn(self) -> bool:
        """Books first, they are few; True if there is more."""
        self._note_lost()
        before = self._taken()
        more_books = self._books()
        more_readings = self._readings()
        if self._taken() > before:
            self._up()
        return more_books or more_readings

    def _taken(self) -> int:
        counts = self.store.counts()
        return counts["points"] + counts["expired"] + counts["dead_letters"]

    def _up(self) -> None:
        if self.state not in (State.UP, State.STARTING):
            self.log.warning("%s takes data again", self.store.where)
        self.state = State.UP
        self.backoff.reset()

    def note(self, error: Exception) -> float:
        """A store that is away is asked again soon, one that refuses after a while; all else is the policy of every host."""
        if isinstance(error, SinkRefused):
            self._down(State.REFUSED, str(error))
            return LOOK_AGAIN_S
        if isinstance(error, RetryableError):
            self._down(State.AWAY, str(error))
            wait_s = self.backoff.take()
            return wait_s if error.after_s is None else min(error.after_s, LOOK_AGAIN_S)
        self._down(State.FAILED, cause_of(error))
        return super().note(error)
