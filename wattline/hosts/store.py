"""The embedded store's host: carries readings and books from the journal into DuckDB.

The store keeps its place beside its rows, in one
transaction, so a kill repeats work and never rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from engine.book import Book
from engine.figures.products import Columns
from engine.outputs import UnusualSteps
from plant.site import Site
from store.duck import DuckStore, VerdictRow
from store.journal import SqliteJournal
from wattline.hosts.consumer import Consumer
from wattline.hosts.engine import StoredUpTo
from wattline.hosts.outputs import (
    BooksOfSite,
    InForce,
    OutputReader,
    remember_site,
    remembered_site,
)
from wattline.hosts.readings import columns_of

log = logging.getLogger("wattline.store")
NAME: Final = "store"
MEANWHILE: Final = (
    "Readings and books wait in the journal and nothing is lost; history ends at the last window"
    " that was stored."
)
FRAMES: Final = 400
"""Frames of one write."""
GATHER_S: Final = 1.0
"""Readings are written once in so long, since a commit costs as much as thousands of them; books
at once, since whoever gives them wakes the host.
"""
READING_COLUMNS: Final = ("ts", "received", "tag", "value", "quality")
BALANCE: Final = 1e-9
"""Relative; what is above it is no rounding."""


class StoreHost(Consumer):
    """`on_books` is told, in this thread, of each batch of books that was stored.

    `site` is that of books whose own is not known.
    """

    def __init__(
        self,
        journal: SqliteJournal,
        store: DuckStore,
        reader: OutputReader,
        on_books: Callable[[Site, list[Book]], None] = lambda site, books: None,
        site: Site | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(
            NAME,
            MEANWHILE,
            now_ns=now_ns,
            idle_s=GATHER_S,
        )
        self.journal = journal
        self.store = store
        self.reader = reader
        self.on_books = on_books
        self.in_force = remembered_site(journal, NAME, site)
        self.imbalance = 0.0
        self.imbalance_kg = 0.0
        self.begin_again()

    def begin_again(self) -> None:
        """Ask the store how far it is: a commit may have happened although it raised."""
        self.readings_place = self.store.place("readings", self.journal.id)
        self.books_place = self.store.place("books", self.journal.id)

    def passed(self) -> StoredUpTo:
        """What the journal need not keep for this store."""
        return StoredUpTo(
            frames=self.readings_place,
            outputs=self.books_place,
        )

    def turn(self) -> bool:
        """Some readings, then some books; True if there was anything."""
        stored_readings = self._store_readings()
        return self._store_books() or stored_readings

    def caught_up(self) -> bool:
        return (
            self.readings_place >= self.journal.last()
            and self.books_place >= self.journal.last_output()
        )

    def finish(self) -> None:
        """What the engine gave at its end."""
        while self.turn():
            pass

    def _store_readings(self) -> bool:
        rows = self.journal.read(self.readings_place, FRAMES)
        if not rows:
            return False

        place = rows[-1][0]
        columns = columns_of(rows, READING_COLUMNS)
        self.store.write_readings(columns, self.journal.id, place)
        self.readings_place = place
        return True

    def _store_books(self) -> bool:
        batch = self.reader.read(self.books_place, self.in_force)
        if batch is None:
            return False

        verdicts: list[VerdictRow] = []
        for part in batch.parts:
            if isinstance(part.holds, InForce):
                if verdicts:
                    self._commit(None, verdicts, part.place - 1)
                    verdicts = []

                remember_site(self.journal, NAME, part.holds)
                self.in_force = part.holds
            elif isinstance(part.holds, UnusualSteps):
                verdicts += self._verdicts(part.holds)
            else:
                self._store(part.holds, verdicts, part.place)
                verdicts = []

        if self.books_place < batch.place:
            self._commit(None, verdicts, batch.place)

        return True

    def _store(
        self,
        books: BooksOfSite,
        verdicts: list[VerdictRow],
        place: int,
    ) -> None:
        """Books, and the unusual steps that came before them."""
        self._check_balance(books.tables["closed"])
        self._commit(books, verdicts, place)
        self.on_books(self._site(), books.books)

    def _site(self) -> Site:
        if self.in_force is None:
            raise ValueError("the journal gives books before it says of which site they are")

        return self.in_force.site

    def _commit(
        self,
        books: BooksOfSite | None,
        verdicts: list[VerdictRow],
        place: int,
    ) -> None:
        tables = {} if books is None else books.tables
        self.store.write_books(
            tables,
            verdicts,
            self.journal.id,
            place,
        )
        self.books_place = place

    def _check_balance(self, closed: Columns) -> None:
        """The books balance by construction, per source and in kg; if they ever do not, that is a
        fault in this program and is said.
        """
        worst = float(np.nanmax(closed["imbalance"], initial=0.0))
        worst_kg = float(np.nanmax(closed["imbalance_kg"], initial=0.0))
        was_good = max(self.imbalance, self.imbalance_kg) <= BALANCE
        if max(worst, worst_kg) > BALANCE and was_good:
            log.error(
                "the books do not balance: energy by %g, carbon by %g (relative); please report"
                " this with the journal",
                worst,
                worst_kg,
            )

        self.imbalance = max(self.imbalance, worst)
        self.imbalance_kg = max(self.imbalance_kg, worst_kg)

    def _verdicts(self, unusual: UnusualSteps) -> list[VerdictRow]:
        site = self._site()
        rows: list[VerdictRow] = []
        for step in unusual.steps:
            channel = site.channels[step.channel]
            name = f"signal {channel.tag}"
            if channel.meter >= 0:
                name = site.meters[channel.meter].id

            bound = step.bound * channel.scale if np.isfinite(step.bound) else None
            row = VerdictRow(
                ts=step.ts,
                since=step.since or step.ts,
                meter=self.reader.number(name),
                verdict=step.verdict.value,
                amount=step.amount * channel.scale,
                bound=bound,
                reverse=channel.reverse,
            )
            rows.append(row)

        return rows
