"""Outputs of the step as the hosts read them: typed, in order, and each book decoded and multiplied
once for all who read side by side.

Hosts stand close to each other while a plant runs, so what one has just read is what the next one
asks for. A few batches are kept for that; a host that is far behind reads for itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from engine.book import Book
from engine.figures.products import Columns, Producer
from engine.outputs import SiteInForce, UnusualSteps, decode
from plant.site import Control, Site, config_hash, decode_control, encode_control
from store.journal import SqliteJournal

AT_ONCE: Final = 400
"""Outputs of one batch.

Batches end at multiples of this, so that hosts that catch up ask for the same ones.
"""
KEPT: Final = 3
Rows: TypeAlias = Sequence[tuple[int, bytes]]
"""Place and bytes of each output."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A site and its hash, by which what was made of it is known again."""

    site: Site
    config: str

    @classmethod
    def of(cls, site: Site) -> InForce:
        return cls(site, config_hash(site))


@dataclass(frozen=True, slots=True)
class BooksOfSite:
    """Books of one site that follow each other, and the tables made of them."""

    books: list[Book]
    tables: Mapping[str, Columns]


@dataclass(frozen=True, slots=True)
class Outputs:
    """One or more outputs of one kind; `place` is that of the last of them."""

    place: int
    holds: InForce | UnusualSteps | BooksOfSite


@dataclass(frozen=True, slots=True)
class OutputBatch:
    """What follows a place.

    `place` is that of its last output; `more`: there may be more behind it.
    """

    parts: list[Outputs]
    place: int
    more: bool


@dataclass(slots=True)
class OutputReader:
    """Reads the journal for hosts whose tables use the same codes.

    `code` gives the integer of a name.
    """

    journal: SqliteJournal
    code: Callable[[str], int]
    at_once: int = AT_ONCE
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _kept: OrderedDict[tuple[int, int, str], OutputBatch] = field(default_factory=OrderedDict)
    _producers: dict[str, Producer] = field(default_factory=dict)

    def read(
        self,
        after: int,
        now: InForce | None,
        until: int | None = None,
    ) -> OutputBatch | None:
        """The batch after a place, where `now` is in force, and
        up to `until`; None if there is nothing.
        """
        limit = self.at_once - after % self.at_once
        rows = self.journal.outputs(after, limit)
        if until is not None:
            rows = [row for row in rows if row[0] <= until]

        if not rows:
            return None

        last = rows[-1][0]
        key = (after, last, "" if now is None else now.config)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                parts = self._parts(rows, now)
                found = OutputBatch(
                    parts,
                    last,
                    more=len(rows) == limit,
                )
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)

        return found

    def number(self, name: str) -> int:
        """The integer that stands for a name in the tables."""
        with self._lock:
            return self.code(name)

    def producer(self, of: InForce) -> Producer:
        """What makes tables of the books of a site; that of the newest one asked for is kept."""
        with self._lock:
            if of.config not in self._producers:
                self._producers.clear()
                self._producers[of.config] = Producer(of.site, self.code)

            return self._producers[of.config]

    def _parts(self, rows: Rows, now: InForce | None) -> list[Outputs]:
        parts: list[Outputs] = []
        books: list[Book] = []
        place = 0
        for output_place, body in rows:
            output = decode(body)
            if isinstance(output, Book):
                books.append(output)
                place = output_place
                continue

            self._close(
                parts,
                books,
                place,
                now,
            )
            books = []
            if isinstance(output, SiteInForce):
                now = InForce.of(output.site)
                parts.append(Outputs(output_place, now))
            else:
                parts.append(Outputs(output_place, output))

        self._close(
            parts,
            books,
            place,
            now,
        )
        return parts

    def _close(
        self,
        parts: list[Outputs],
        books: list[Book],
        place: int,
        now: InForce | None,
    ) -> None:
        """Turn books that came one after the other into tables."""
        if not books:
            return

        if now is None:
            raise ValueError("the journal gives books before it says of which site they are")

        tables = self.producer(now).tables(books)
        parts.append(Outputs(place, BooksOfSite(books, tables)))


def remember_site(
    journal: SqliteJournal,
    consumer: str,
    now: InForce,
) -> None:
    """Keep which site is in force where a consumer stands, for its next start."""
    text = encode_control(Control(site=now.site)).decode()
    journal.set_meta(f"site.{consumer}", text)


def remembered_site(
    journal: SqliteJournal,
    consumer: str,
    otherwise: Site | None,
) -> InForce | None:
    """The site in force where a consumer stands; `otherwise` where that was never noted."""
    text = journal.meta(f"site.{consumer}")
    noted = None if text is None else decode_control(text.encode()).site
    site = noted or otherwise
    return None if site is None else InForce.of(site)
