"""A journal that reaches its bound: nothing more is acknowledged, what is there is worked on, and
when there is room again readings go on, in the same run and after a start.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from collector.sequencer import Sequencer
from plant.clock import ManualClock
from plant.errors import JournalFull
from plant.site import Control
from plant.units import SECOND_NS
from store.duck import DuckStore
from store.journal import SqliteJournal
from tests.by_hand import ByHand
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}}
"""
BOUND = 40_000


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(text(PLANT, "g l", window="1m"), tmp_path)


def fill(rig: Rig) -> int:
    """Frames until the journal takes no more; how many it took. Less than an hour of event time."""
    for taken in range(10_000):
        rig.at += SECOND_NS // 4
        try:
            rig.sequencer.cut(rig.at)
        except JournalFull:
            return taken

    raise AssertionError("the journal has no bound")


def test_what_was_worked_on_makes_room_at_once(tmp_path: Path, rig: Rig) -> None:
    rig.journal.most_bytes = BOUND
    parts = ByHand(rig.journal, DuckStore(tmp_path / "figures.duckdb"))
    fill(rig)
    parts.all()
    assert rig.journal.bytes < BOUND / 2
    assert fill(rig) > 10


def test_room_comes_when_the_store_has_caught_up(tmp_path: Path, rig: Rig) -> None:
    rig.journal.most_bytes = BOUND
    parts = ByHand(rig.journal, DuckStore(tmp_path / "figures.duckdb"))
    fill(rig)
    while parts.engine.turn():
        pass

    assert rig.journal.bytes > BOUND
    while parts.storing.turn():
        pass

    assert not parts.engine.turn()
    assert rig.journal.bytes < BOUND / 2


def test_a_folder_at_its_bound_starts(tmp_path: Path, rig: Rig) -> None:
    rig.journal.most_bytes = BOUND
    last = fill(rig)
    rig.journal.close()

    journal = SqliteJournal(tmp_path / "journal.db", BOUND)
    sequencer = Sequencer("works", journal, journal.id, ManualClock(rig.at))
    renamed = msgspec.structs.replace(rig.site.lines[0], name={"en": "Press 1"})
    site = msgspec.structs.replace(rig.site, lines=(renamed,))
    assert sequencer.control(Control(site=site)) == journal.last() > last
    parts = ByHand(journal, DuckStore(tmp_path / "figures.duckdb"))
    parts.all()
    assert parts.site == site
    assert sequencer.cut(rig.at + SECOND_NS) == journal.last()
    assert journal.bytes < BOUND / 2
