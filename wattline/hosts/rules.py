"""The host of the rules: carries books from the journal through
`rules.watching.step`, and newest values beside them, to the desk.

What a round led to is committed with its place. The state itself is saved each
hour of event time; after a kill the windows since then are stepped over again, in
silence, so the clocks of all rules stand where they stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from engine.outputs import UnusualSteps
from plant.site import Control, Site, decode_control, encode_control
from plant.units import HOUR_NS
from rules.alert import Alert, HistoryRow, Telling
from rules.desk.alerts import Alerts
from rules.language.config import Rule
from rules.notify.build import Notifier
from rules.variables.newest import Values
from rules.watching import checkpoint
from rules.watching.feed import BookFeed, NowFeed
from rules.watching.ring import RECENT_NS
from rules.watching.run import Run
from rules.watching.step import RuleWindow
from store.alert_book import AlertBook
from store.journal import SqliteJournal
from wattline.hosts import unusual
from wattline.hosts.consumer import Consumer
from wattline.hosts.outputs import Batch, Books, InForce, OutputReader
from wattline.hosts.unusual import Waiting

NAME: Final = "rules"
MEANWHILE: Final = (
    "No alert is raised or told meanwhile; readings and figures go on, and what was missed is"
    " judged afterwards."
)
HELD_WINDOWS: Final = 12
"""A newest value stands for two minutes at most: longer without one is a gap."""
Sample: TypeAlias = Callable[[], "tuple[int, Values] | None"]
"""Event time and newest values by kind of subject and figure; None while there are none."""


class Teller(Protocol):
    """Tells people.

    `put` writes what is to be sent inside the transaction of the caller, and says who will hear, by
    telling; `wake` says that it is committed.
    """

    def put(self, tellings: Sequence[Telling], now_ns: int) -> Mapping[str, str]: ...
    def wake(self) -> None: ...


class OutboxTeller:
    """Puts what is to be told into the outbox, and wakes the sender."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.some = False

    def put(self, tellings: Sequence[Telling], now_ns: int) -> dict[str, str]:
        """Write the messages of some tellings; who is told, by the key of the telling."""
        told: dict[str, str] = {}
        for telling in tellings:
            deliveries = self.notifier.plan(telling, now_ns)
            self.notifier.outbox.put(deliveries)
            self.some = self.some or bool(deliveries)
            receivers = []
            for delivery in deliveries:
                by_person = f"{delivery.person} ({delivery.channel})"
                receivers.append(by_person if delivery.person else delivery.channel)

            told[telling.key] = ", ".join(receivers)

        return told

    def wake(self) -> None:
        """After the commit."""
        if self.some:
            self.notifier.wake()

        self.some = False


@dataclass(slots=True)
class Found:
    """What one round led to, for the desk: rows of history and alerts that changed."""

    history: list[HistoryRow] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)


class RulesHost(Consumer):
    """`site` is the plant as it is; `books_site` that of the oldest books, where it differs.

    `teller`: who tells people, if anybody.
    """

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
        reader: OutputReader | None = None,
        save_every_ns: int = HOUR_NS,
    ) -> None:
        super().__init__(
            NAME,
            MEANWHILE,
            now_ns=now_ns,
            idle_s=0.5,
        )
        self.journal = journal
        self.book = book
        self.rules = list(rules)
        self.now_ns = now_ns
        self.sample = sample
        self.teller = teller
        self.plant = site
        self.reader = reader or OutputReader(journal, own_codes())
        self.save_every_ns = save_every_ns
        self.waiting = Waiting()
        self.alerts = Alerts(
            book,
            site,
            {rule.id: rule for rule in rules if rule.enabled},
            None if teller is None else teller.put,
        )
        self._begin(books_site or site)

    @property
    def site(self) -> Site:
        """The site of the books that are judged now."""
        return self.in_force.site

    def begin_again(self) -> None:
        """Back to what was committed: the desk, and the clocks of all rules."""
        self.alerts.reload()
        self._begin(self.site)

    def _begin(self, site: Site) -> None:
        """The state as it was saved, and then what was already judged, once more and in silence."""
        noted_place = self.book.meta(f"place.{self.journal.id}")
        held_place = self.journal.held(NAME, "output")
        self.place = int(noted_place or held_place)
        saved_site = self.book.part("site")
        if saved_site is not None:
            site = decode_control(saved_site[1]).site or site

        saved = self.book.part(f"books.{self.journal.id}")
        self.saved_place = held_place if saved is None else saved[0]
        self._use(
            InForce.of(site),
            None if saved is None else saved[1],
        )
        odd = self.book.part("odd")
        self.waiting = Waiting() if odd is None else unusual.decode(odd[1])
        self.saved_at = self.run_.state.newest
        self._replay()
        self.journal.hold(NAME, "output", self.saved_place)
        self._begin_now()

    def _replay(self) -> None:
        """Step over what was judged since the state was saved."""
        at = self.saved_place
        while at < self.place:
            batch = self.reader.read(
                at,
                self.in_force,
                until=self.place,
            )
            if batch is None:
                return

            self._judge(batch, None)
            at = batch.place

    def _begin_now(self) -> None:
        """Rules on newest values look at the plant as it is, whatever the books have come to."""
        self.now_feed = NowFeed(self.plant, self.rules)
        self.now_run = Run("now", self.plant, self.now_feed.start())
        saved = self.book.part("now")
        if saved is not None:
            checkpoint.load(saved[1], self.now_run.state)

        newest = self.now_run.state.newest
        if newest > 0 and newest > self.now_ns() + self.now_feed.window_ns:
            # The clock was ahead once.
            self.now_run = Run("now", self.plant, self.now_feed.start())

    def _use(self, now: InForce, body: bytes | None) -> None:
        """Judge the books of a site; `body` is a saved state,
        which goes on with what stayed the same.
        """
        self.in_force = now
        self.feed = BookFeed(now.site, self.rules, self.reader.number)
        state = self.feed.start()
        if body is not None:
            state = checkpoint.load(body, state)

        self.run_ = Run("books", now.site, state)

    def turn(self) -> bool:
        """One round: books, newest values, the desk. True if there may be more at once."""
        batch = self.reader.read(self.place, self.in_force)
        found = Found()
        with self.book.together():
            if batch is not None:
                self._judge(batch, found)
                self.place = batch.place
                self.book.set_meta(
                    f"place.{self.journal.id}",
                    str(self.place),
                )

            self._judge_newest(found)
            self.alerts.note(found.history, found.changed)
            self.alerts.turn(self.now_ns())

        if self.teller is not None:
            self.teller.wake()

        if self.run_.state.newest - self.saved_at >= self.save_every_ns:
            self.save()

        return batch is not None and batch.more

    def caught_up(self) -> bool:
        return self.place >= self.journal.last_output()

    def _judge(self, batch: Batch, found: Found | None) -> None:
        """Step over outputs in order; without `found` only the state is wanted."""
        for part in batch.parts:
            if isinstance(part.holds, InForce):
                self._use(part.holds, checkpoint.save(self.run_.state))
            elif isinstance(part.holds, UnusualSteps):
                self.waiting.add(part.holds, self.site, self.feed.window_ns)
            else:
                self._step(part.holds, found)

    def _step(self, books: Books, found: Found | None) -> None:
        for row, book in enumerate(books.books):
            state = self.run_.state
            is_new = book.start > state.newest
            odd = unusual.together(
                self.waiting.take(book.start),
                unusual.known_before(state, book.start),
            )
            window = self.feed.window(
                state,
                books.tables,
                row,
                odd,
            )
            noted = self.run_.take(window)
            if is_new and found is not None:
                found.changed += self.run_.agree(self.alerts.desk, noted, book.end)
                found.history += self.run_.rows(noted)

    def _judge_newest(self, found: Found) -> None:
        """Judge the rules on newest values if ten seconds of event time have passed."""
        run = self.now_run
        width_ns = self.now_feed.window_ns
        if not run.state.rules.size:
            # What an earlier rule left open is over.
            found.changed += run.agree(self.alerts.desk, [], self.now_ns())
            return

        if self.now_ns() - run.state.newest < 2 * width_ns:
            return

        sampled = self.sample()
        if sampled is None:
            return

        window = self.now_feed.window(run.state, *sampled)
        if window.start <= run.state.newest:
            return

        # A value stands for the windows since the last look too, unless that is too long ago.
        before = run.state.newest
        is_gap = before < 0 or window.start - before > HELD_WINDOWS * width_ns
        first = window.start if is_gap else before + width_ns
        for start_ns in range(first, window.start + 1, width_ns):
            noted = run.take(RuleWindow(start_ns, window.rows))
            found.changed += run.agree(self.alerts.desk, noted, start_ns + width_ns)
            found.history += run.rows(noted)

        self.book.set_part(
            "now",
            0,
            checkpoint.save(run.state, rings=False),
        )

    def save(self) -> None:
        """Save the state: the journal may let go of what it was made of."""
        newest = self.run_.state.newest
        self.waiting.forget_before(newest - RECENT_NS)
        site = encode_control(Control(site=self.site))
        state = checkpoint.save(self.run_.state)
        with self.book.together():
            self.book.set_part("site", self.place, site)
            self.book.set_part(
                f"books.{self.journal.id}",
                self.place,
                state,
            )
            self.book.set_part("odd", self.place, self.waiting.encode())

        self.saved_at = newest
        self.saved_place = self.place
        self.journal.hold(NAME, "output", self.place)

    def finish(self) -> None:
        """So that the next start has nothing to step over again."""
        self.save()


def own_codes() -> Callable[[str], int]:
    """Integers for names in tables that only one host looks at."""
    codes: dict[str, int] = {}
    return lambda name: codes.setdefault(name, len(codes))
