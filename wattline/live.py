"""What viewers see live:

`now` each second, `books` when windows have closed, and how far a back-fill is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from api.hub import Hub
from books.answers import Books
from books.attention import stands
from books.health import HealthOf
from books.history import History
from books.summary import Seen, books
from engine.book import Book
from engine.figures.weights import Weights
from engine.now.now import Now
from plant.calendar import Span
from plant.clock import Clock
from plant.site import Site
from plant.standing import Standing, Trouble

TICK_S: Final = 1.0
MILLISECOND_NS: Final = 1_000_000
BACKFILL_PAUSE_S: Final = 4.0
"""Between summaries while history is made: history goes first."""
LATE_TICK_S: Final = 10.0
"""While nothing closes, "needs attention" is looked at this often all the same."""


@dataclass(frozen=True, slots=True)
class InStorage:
    """What a storage holds at the end of the newest window: energy and the carbon of its origin."""

    kwh: float
    kg: float


class Live:
    """Publishes to the hub.

    `on_books` comes from the thread of the store, everything else from the event loop.
    """

    def __init__(
        self,
        site: Site,
        clock: Clock,
        history: History,
    ) -> None:
        self.site = site
        self.clock = clock
        self.history = history
        self.hub = Hub()
        self.now = Now(site, latency_s=clock.speed if clock.speed > 1 else 0.0)
        self.window_ns = round(site.window_s * 1e9)
        self.closed_ns = 0
        self.since_ns: int | None = None
        self.backfill: Span | None = None
        self._weights = Weights.of_site(site)
        self._held: dict[str, InStorage] = {}
        self._summary: Books | None = None
        self._trouble = Trouble(
            who="summary",
            meanwhile="The page shows the sums of before; live figures go on.",
            now_ns=clock.now,
            log=logging.getLogger("wattline.summary"),
        )
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def on_books(self, books_site: Site, new: list[Book]) -> None:
        """In the thread of the store: windows were stored."""
        newest = max(new, key=lambda book: book.start)
        if newest.end >= self.closed_ns:
            self.closed_ns = newest.end
            self.now.set_storages(newest.layers)
            self._hold(books_site, newest)

        self.look_again()

    def _hold(self, books_site: Site, newest: Book) -> None:
        """What is in the storages now.

        The carbon is that of its origin: the formula of the books themselves.
        """
        if books_site is not self.site:
            self._weights = Weights.of_site(books_site)

        kg = self._weights.kg_of(newest.layers)
        held: dict[str, InStorage] = {}
        for index, storage in enumerate(books_site.storages):
            held[storage.id] = InStorage(float(newest.held_kwh[index]), float(kg[index]))

        self._held = held

    def look_again(self) -> None:
        """From any thread: something has changed that the next summary shows."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._due.set)

    def behind_ns(self) -> int:
        """Event time between the newest window that is booked and
        now; 0 while nothing was booked in this run.
        """
        if self.closed_ns == 0:
            return 0

        return max(self.clock.now() - self.closed_ns, 0)

    async def tick(self) -> None:
        """`now` each second, for ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            picture = self.now.tick(self.clock.now())
            picture["speed"] = self.clock.speed
            for name, storage in picture["storages"].items():
                held = self._held.get(name)
                if held is not None:
                    storage["held_kwh"] = held.kwh
                    storage["held_kg"] = held.kg

            await self.hub.publish("now", picture)
            await self._progress()

    async def _progress(self) -> None:
        """How far a back-fill is, and once that it is done."""
        span = self.backfill
        if span is None:
            return

        length_ns = span.end - span.start
        done_ns = min(max(self.closed_ns - span.start, 0), length_ns)
        if self.closed_ns >= span.end - 2 * self.window_ns:
            self.backfill = None
            self.look_again()
            await self.hub.publish("backfill", None)
            return

        progress = {
            "done": done_ns // self.window_ns,
            "total": length_ns // self.window_ns,
            "from_ms": span.start // MILLISECOND_NS,
            "to_ms": span.end // MILLISECOND_NS,
        }
        await self.hub.publish("backfill", progress)

    async def summarise(self, health: HealthOf, standing: Callable[[], Sequence[Standing]]) -> None:
        """BOOKS when windows have closed or a host has stopped or
        gone on, once a second at most, for ever.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                # When nothing closes any more, that is just what has to be seen.
                await asyncio.wait_for(self._due.wait(), LATE_TICK_S)

            self._due.clear()
            if self.backfill is not None:
                await asyncio.sleep(BACKFILL_PAUSE_S)

            if self.closed_ns:
                await asyncio.to_thread(
                    self._trouble.attempt,
                    lambda: self._sum_up(health, standing()),
                )

            if self._summary is not None:
                await self.hub.publish("books", self._summary)

            await asyncio.sleep(TICK_S)

    def _sum_up(self, health: HealthOf, standing: Sequence[Standing]) -> None:
        urgent = [stands(host) for host in standing]
        seen = Seen(
            now_ns=self.clock.now(),
            picture=self.hub.latest["now"],
            meters=health().meters,
            urgent=urgent,
            behind=self.backfill is not None,
        )
        self._summary = books(
            self.site,
            self.history,
            self.closed_ns,
            seen,
        )

    def last_powers(self) -> list[float | None]:
        """Newest power of each meter; None for one that was not heard."""
        heard = (self.now.at > 0).tolist()
        powers = self.now.power.tolist()
        return [
            power if known else None
            for power, known in zip(
                powers,
                heard,
                strict=True,
            )
        ]
