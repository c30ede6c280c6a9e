"""Books of a simulated plant without devices, with gaps, judged by
the rule pack: what fires although nothing is wrong.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from engine.book import Book
from engine.figures.products import Producer
from engine.state import State as StepState
from engine.step import step as fold
from plant.clock import ManualClock
from plant.frame import Batch
from plant.load import load_plant
from plant.names import State
from plant.site import Control, Site
from plant.units import HOUR_NS, MINUTE_NS
from rules.alert import AlertState
from rules.language.load import rules_for
from rules.watching.feed import BookFeed
from rules.watching.step import RuleState, step
from simulator.config import load_sim
from simulator.history import batches
from simulator.world import World
from store.journal import SqliteJournal
from wattline.demo.demo import plant_path
from wattline.site_build import build_site

START = 1_795_190_400_000_000_000
DAY_NS = 24 * HOUR_NS
BLOCK_NS = 15 * MINUTE_NS


@dataclass(slots=True)
class Fired:
    """One alert: its rule and subject, when it fired, and whether it was true: a gap of ours lay
    behind it, or the world says that the line stood idle.
    """

    rule: str
    subject: str
    at_ns: int
    true: bool


@dataclass(slots=True)
class Gaps:
    """Silences of single meters: at random times, two to forty
    minutes long, about six a day in the plant.
    """

    site: Site
    seed: int
    days: int
    spans: list[tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        chance = np.random.default_rng(self.seed)
        count = 6 * self.days
        begins = START + (chance.uniform(0, self.days * DAY_NS, count)).astype(np.int64)
        lengths = (chance.uniform(2, 40, count) * MINUTE_NS).astype(np.int64)
        meters = chance.integers(0, len(self.site.meters), count)
        self.spans = [
            (int(b), int(b + n), int(m))
            for b, n, m in zip(
                begins,
                lengths,
                meters,
                strict=True,
            )
        ]

    def without(self, rows: Batch, tags_of: dict[int, np.ndarray]) -> Batch:
        """Rows that are not in a gap."""
        keep = np.ones(len(rows.ts), bool)
        lo, hi = int(rows.ts.min()), int(rows.ts.max())
        for begin, end, meter in self.spans:
            if begin <= hi and end > lo:
                keep &= ~((rows.ts >= begin) & (rows.ts < end) & np.isin(rows.tag, tags_of[meter]))

        return Batch(
            rows.ts[keep],
            rows.received[keep],
            rows.tag[keep],
            rows.value[keep],
            rows.quality[keep],
            rows.events,
        )

    def before(self, at_ns: int) -> bool:
        return any(b <= at_ns and e > at_ns - 2 * HOUR_NS for b, e, _ in self.spans)


def judged(
    seed: int,
    days: int,
    warm_days: int,
) -> list[Fired]:
    """All alerts of the rules on books in the days after the warm-up."""
    catalogue, path = load_catalogue(), plant_path()
    plant = load_plant(path, frozenset(catalogue))
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "j.db")
        site = build_site(plant, catalogue, journal)
        names: dict[str, int] = {}
        code = lambda name: names.setdefault(name, len(names))  # noqa: E731
        feed = BookFeed(site, rules_for(path, plant), code)
        state, found = feed.start(), list[Fired]()
        gaps = Gaps(site, seed, days)
        world = World(
            plant,
            load_sim(path, plant),
            catalogue,
            START - 2 * HOUR_NS,
            seed,
            start_ns=START + 400 * HOUR_NS,
        )
        producer = Producer(site, code)
        for books in _books(
            world,
            journal,
            site,
            gaps,
            days,
        ):
            found += _judge(
                feed,
                state,
                producer,
                books,
                lambda rule, subject, at: _is_true(
                    world,
                    gaps,
                    rule,
                    subject,
                    at,
                ),
            )

        journal.close()

    return [f for f in found if f.at_ns >= START + warm_days * DAY_NS]


def _books(
    world: World,
    journal: SqliteJournal,
    site: Site,
    gaps: Gaps,
    days: int,
) -> Iterator[list[Book]]:
    sequencer, state = (
        Sequencer(
            site.id,
            journal,
            journal.id,
            ManualClock(START),
        ),
        StepState(),
    )
    sequencer.control(Control(site=site))
    for frame in journal.frames(0, 10):
        fold(state, frame)

    tags_of: dict[int, np.ndarray] = {}
    wm = 0
    for rows in batches(
        world,
        START,
        START + days * DAY_NS,
        60.0,
        journal,
    ):
        tags_of = tags_of or _tags(site, journal)
        ts = int(rows.ts[-1])
        wm = ts if ts % BLOCK_NS == MINUTE_NS else wm
        frame = sequencer.history(gaps.without(rows, tags_of), wm)
        state, out = fold(
            state,
            replace(frame, header=msgspec.structs.replace(frame.header, seq=state.seq + 1)),
        )
        yield out.books


def _tags(site: Site, journal: SqliteJournal) -> dict[int, np.ndarray]:
    names = journal.names()
    return {
        i: np.array([t for t, (meter, _) in names.items() if meter == m.id])
        for i, m in enumerate(site.meters)
    }


def _is_true(
    world: World,
    gaps: Gaps,
    rule: str,
    subject: str,
    at_ns: int,
) -> bool:
    """Idle load: the line was idle for as long as the rule waits,
    as the world knows it and not as it was read.
    """
    if rule == "idle_load":
        return all(
            world.signal(subject, "state", at_ns - m * MINUTE_NS) == State.IDLE
            for m in range(1, 20)
        )

    return gaps.before(at_ns)


Truth = Callable[[str, str, int], bool]


def _judge(
    feed: BookFeed,
    state: RuleState,
    producer: Producer,
    books: list[Book],
    true: Truth,
) -> list[Fired]:
    if not books:
        return []

    tables, out = producer.tables(books), []
    for row in range(len(books)):
        for n in step(
            state,
            feed.window(
                state,
                tables,
                row,
                {},
            ),
        ):
            if n.change.state is AlertState.FIRING and not n.withdrawn:
                watch, subject = state.rules.subject(n.change.instance, state.views)
                out.append(
                    Fired(
                        watch.rule.id,
                        subject,
                        n.change.at,
                        true(watch.rule.id, subject, n.change.at),
                    )
                )

    return out
