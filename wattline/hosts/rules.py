"""The host of the rules: one thread that carries books from the journal through `rules.watching.step`, and newest values beside them, to the desk.

What a round led to is committed with its place. The state itself is saved each hour of event time; after a kill the windows since then are stepped over
again, in silence, so the clocks of all rules stand where they stood.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from engine.book import MAGIC as BOOK
from engine.book import Book
from engine.figures.products import Producer
from engine.outputs import SITE
from engine.outputs import UNUSUAL as ODD
from plant.site import Control, Site, decode_control, encode_control
from rules.alert import Alert, Row, Telling
from rules.desk.alerts import Alerts
from rules.language.config import Rule
from rules.notify.build import Notifier
from rules.variables.book_row import Odd
from rules.variables.columns import ODD_KINDS
from rules.watching import checkpoint
from rules.watching.feed import Feed, NowFeed
from rules.watching.ring import RECENT_NS
from rules.watching.run import Run
from rules.watching.step import Noted, Window
from store.alert_book import AlertBook
from store.journal import SqliteJournal
from wattline.hosts.engine import HOUR

log = logging.getLogger("wattline.rules")
NAME = "rules"
AT_ONCE = 100
HELD_WINDOWS = 12
"""A newest value stands for two minutes at most: longer without one is a gap."""
PAUSE_S = 10.0
Sample = Callable[[], "tuple[int, Mapping[str, Mapping[str, Any]]] | None"]


class Teller(Protocol):
    """Tells people. `put` writes what is to be sent inside the transaction of the caller, and says who will hear, by telling; `wake` says that it is committed."""

    def put(self, tellings: Sequence[Telling], now_ns: int) -> Mapping[str, str]: ...
    def wake(self) -> None: ...


class OutboxTeller:
    """Puts what is to be told into the outbox, and wakes the sender."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.some = False

    def put(self, tellings: Sequence[Telling], now_ns: int) -> dict[str, str]:
        planned = {t.key: self.notifier.plan(t, now_ns) for t in tellings}
        deliveries = [d for found in planned.values() for d in found]
        self.notifier.outbox.put(deliveries)
        self.some |= bool(deliveries)
        return {
            key: ", ".join(f"{d.person} ({d.channel})" if d.person else d.channel for d in found)
            for key, found in planned.items()
        }

    def wake(self) -> None:
        if self.some:
            self.notifier.wake()
        self.some = False


class RulesHost(threading.Thread):
    """`sample` gives event time and newest values by kind of subject and figure, or None while there are none. `teller`: who tells people, if anybody."""

    def __init__(
        self,
        journal: SqliteJournal,
        book: AlertBook,
        site: Site,
        rules: Sequence[Rule],
        now_ns: Callable[[], int],
        sample: Sample,
        teller: Teller | None = None,
        books_site: Site | None = None,
    ) -> None:
        super().__init__(name=NAME, daemon=True)
        self.journal = journal
        self.book = book
        self.rules = list(rules)
        self.now_ns = now_ns
        self.sample = sample
        self.teller = teller
        self.plant = site
        self.site = books_site or site
        self.alerts = Alerts(
            book,
            site,
            {r.id: r for r in rules if r.enabled},
            None if teller is None else teller.put,
        )
        self.codes = dict[str, int]()
        self.unusual: dict[int, dict[tuple[str, int], int]] = {}
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.failed: str | None = None
        self._begin()

    def _begin(self) -> None:
        """The state as it was saved, and then what was already judged, once more and in silence."""
        self.place = int(
            self.book.meta(f"place.{self.journal.id}") or self.journal.held(NAME, "output")
        )
        saved_site = self.book.part("site")
        saved = self.book.part(f"books.{self.journal.id}")
        self.saved_place = self.journal.held(NAME, "output") if saved is None else saved[0]
        if saved_site is not None:
            self.site = decode_control(saved_site[1]).site or self.site
        self._use(self.site, None if saved is None else saved[1])
        odd = self.book.part("odd")
        self.unusual = {} if odd is None else _odd_of(msgspec.json.decode(odd[1]))
        at = self.saved_place
        self.saved_at = self.run_.state.newest
        while at < self.place and (rows := self.journal.outputs(at, min(AT_ONCE, self.place - at))):
            self._judge([(p, b) for p, b in rows if p <= self.place], silent=True)
            at = rows[-1][0]
        self.journal.hold(NAME, "output", self.saved_place)
        self._begin_now()

    def _begin_now(self) -> None:
        """Rules on newest values look at the plant as it is, whatever the books have come to."""
        self.now_feed = NowFeed(self.plant, self.rules)
        self.now_run = Run("now", self.plant, self.now_feed.start())
        saved = self.book.part("now")
        if saved is not None:
            checkpoint.load(saved[1], self.now_run.state)
        newest = self.now_run.state.newest
        if newest > 0 and newest > self.now_ns() + self.now_feed.window_ns:
            self.now_run = Run("now", self.plant, self.now_feed.start())  # the clock was ahead once

    def _use(self, site: Site, body: bytes | None) -> None:
        self.site, self.feed = site, Feed(site, self.rules, self._code)
        self.producer = Producer(site, self._code)
        state = self.feed.start()
        self.run_ = Run("books", site, state if body is None else checkpoint.load(body, state))

    def _code(self, name: str) -> int:
        """The integer that stands for a name in tables that are only looked at here."""
        return self.codes.setdefault(name, len(self.codes))

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                while not self.stopping.is_set():
                    if not self.turn():
                        self.wake.wait(0.5)
                        self.wake.clear()
                    self.failed = None
                self.save()
            except Exception as error:
                if self.stopping.is_set():
                    return  # its files were closed under it: said in `stop`
                self._again(error)

    def _again(self, error: Exception) -> None:
        """Said once; then begun again from what was saved, until it goes."""
        if self.failed is None:
            log.exception(
                "the rules stopped and begin again in %g s: no alert is raised meanwhile; figures go on",
                PAUSE_S,
            )
        self.failed = f"{type(error).__name__}: {error}"
        self.stopping.wait(PAUSE_S)
        if not self.stopping.is_set():
            with contextlib.suppress(sqlite3.Error):
                self.alerts.reload()
                self._begin()

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()
        if self.is_alive():
            self.join(8.0)
        if self.is_alive():
            log.warning(
                "the rules did not end in time; what they were at is done again at the next start"
            )

    def turn(self) -> bool:
        """One round: books, newest values, the desk. True if there may be more at once."""
        rows = self.journal.outputs(self.place, AT_ONCE)
        with self.book.together():
            history, changed = self._judge(rows)
            if rows:
                self.place = rows[-1][0]
                self.book.set_meta(f"place.{self.journal.id}", str(self.place))
            self._newest(history, changed)
            self.alerts.note(history, changed)
            self.alerts.turn(self.now_ns())
        if self.teller is not None:
            self.teller.wake()
        if self.run_.state.newest - self.saved_at >= HOUR:
            self.save()
        return len(rows) == AT_ONCE

    def _judge(
        self, rows: Sequence[tuple[int, bytes]], *, silent: bool = False
    ) -> tuple[list[Row], list[Alert]]:
        """History and changed alerts of outputs, in order; `silent`: only the state is wanted."""
        history: list[Row] = []
        changed: list[Alert] = []
        pending: list[Book] = []
        for _, body in [*rows, (0, b"")]:
            if body.startswith(BOOK):
                pending.append(Book.decode(body))
                continue
            for noted, end_ns in self._step(pending):
                if not silent:
                    changed += self.run_.agree(self.alerts.desk, noted, end_ns)
                    history += self.run_.rows(noted)
            pending = []
            if body.startswith(SITE):
                self._site(decode_control(body[len(SITE) :]).site)
            elif body.startswith(ODD):
                self._odd(body)
        return history, changed

    def _step(self, books: list[Book]) -> Iterator[tuple[list[Noted], int]]:
        """Step over books; for each new window what became known, and its end."""
        tables = self.producer.tables(books) if books else {}
        for row, book in enumerate(books):
            new = book.start > self.run_.state.newest
            noted = self.run_.take(
                self.feed.window(self.run_.state, tables, row, self._unusual_in(book.start))
            )
            if new:
                yield noted, book.end

    def _site(self, site: Site | None) -> None:
        """Another plant is in force: rules go on with what stayed the same."""
        assert site is not None
        body = checkpoint.save(self.run_.state)
        self._use(site, body)

    def _odd(self, body: bytes) -> None:
        """Counter steps that were no plain ones, by window and meter."""
        window = self.feed.window_ns
        for channel, ts, verdict, *_ in msgspec.json.decode(body[len(ODD) :]):
            node = self.site.channels[channel]
            if node.meter >= 0 and verdict in ODD_KINDS and not node.reverse:
                found = self.unusual.setdefault(ts - ts % window, {})
                key = (ODD_KINDS[verdict], node.meter)
                found[key] = found.get(key, 0) + 1

    def _unusual_in(self, start_ns: int) -> Odd:
        """Those of a window; of one that is corrected, what was known of it before too."""
        found: dict[tuple[str, int], int] = dict(self.unusual.pop(start_ns, {}))
        meter = self.run_.state.views.get("meter")
        if start_ns <= self.run_.state.newest and meter is not None:
            row = meter.ring.row(start_ns)
            held = meter.ring.recent[row] if 0 <= row < len(meter.ring.recent) else None
            for kind in sorted(set(ODD_KINDS.values())) if held is not None else ():
                counts = np.nan_to_num(held[meter.measures.columns.index(kind)])  # type: ignore[index]
                for m in np.flatnonzero(counts).tolist():
                    found[kind, m] = found.get((kind, m), 0) + int(counts[m])
        return found

    def _newest(self, history: list[Row], changed: list[Alert]) -> None:
        """Judge the rules on newest values if ten seconds of event time have passed."""
        run = self.now_run
        width = self.now_feed.window_ns
        if not run.state.rules.size:
            changed += run.agree(
                self.alerts.desk, [], self.now_ns()
            )  # what an earlier rule left open is over
            return
        if self.now_ns() - run.state.newest < 2 * width:
            return
        found = self.sample()
        if found is None:
            return
        window = self.now_feed.window(run.state, *found)
        if window.start <= run.state.newest:
            return
        before = run.state.newest
        first = (
            window.start
            if before < 0 or window.start - before > HELD_WINDOWS * width
            else before + width
        )
        for start_ns in range(first, window.start + 1, width):
            noted = run.take(Window(start_ns, window.rows))
            changed += run.agree(self.alerts.desk, noted, start_ns + width)
            history += run.rows(noted)
        self.book.set_part("now", 0, checkpoint.save(run.state, rings=False))

    def save(self) -> None:
        """Save the state: the journal may let go of what it was made of. Odd steps of windows that never came are let go of too."""
        self.unusual = {
            s: found for s, found in self.unusual.items() if s > self.run_.state.newest - RECENT_NS
        }
        with self.book.together():
            self.book.set_part("site", self.place, encode_control(Control(site=self.site)))
            self.book.set_part(
                f"books.{self.journal.id}", self.place, checkpoint.save(self.run_.state)
            )
            odd = [
                [s, kind, meter, n]
                for s, found in self.unusual.items()
                for (kind, meter), n in found.items()
            ]
            self.book.set_part("odd", self.place, msgspec.json.encode(odd))
        self.saved_at = self.run_.state.newest
        self.saved_place = self.place
        self.journal.hold(NAME, "output", self.place)


def _odd_of(rows: list[list[Any]]) -> dict[int, dict[tuple[str, int], int]]:
    """Odd counter steps of windows that have no book yet, as they were saved."""
    found: dict[int, dict[tuple[str, int], int]] = {}
    for start, kind, meter, count in rows:
        found.setdefault(int(start), {})[str(kind), int(meter)] = int(count)
    return found
