"""Engine and store dropped at random moments and built anew from what is on disk, as a kill leaves
it, end with the tables of a run that nobody disturbed."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from plant.ports import Columns
from store.duck import DuckStore
from store.journal import SqliteJournal
from store.tables import BOOK_TABLES
from tests.by_hand import ByHand
from tests.cut_day import Day

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FRAMES_AT_ONCE = 37
"""Frames that come between two rounds: no divisor of an hour, so that cuts fall anywhere."""
RESTARTS = 0.3
"""Share of the rounds after which everything is dropped."""


def stored(
    day: Day,
    folder: Path,
    *,
    restarts: float,
) -> dict[str, Columns]:
    """The tables after a day."""
    folder.mkdir()
    chance = random.Random(5)
    journal = SqliteJournal(folder / "journal.db")
    day.copy_names(journal)
    store = DuckStore(folder / "figures.duckdb")
    host = ByHand(journal, store)
    for begin in range(0, len(day.frames), FRAMES_AT_ONCE):
        journal.append_all(day.frames[begin : begin + FRAMES_AT_ONCE])
        # Now and then the engine is ahead of the store, or the other way round.
        host.engine.turn()
        if chance.random() < 0.7:
            host.storing.turn()

        if chance.random() < restarts:
            journal.close()
            store.close()
            journal = SqliteJournal(folder / "journal.db")
            store = DuckStore(folder / "figures.duckdb")
            host = ByHand(journal, store)

    host.all()
    tables = {}
    for table in BOOK_TABLES:
        for name in (table, f"{table}_superseded"):
            tables[name] = dict(store.query(f"SELECT * FROM {name} ORDER BY ALL"))

    journal.close()
    store.close()
    return tables


@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
def test_tables_are_those_of_an_undisturbed_run(name: str, tmp_path: Path) -> None:
    day = Day(name, tmp_path)
    whole = stored(day, tmp_path / "whole", restarts=0.0)
    cut = stored(day, tmp_path / "cut", restarts=RESTARTS)
    assert len(whole["closed"]["start"]) > 1000
    assert len(whole["closed_superseded"]["start"]) > 100, "nothing was corrected"
    for table, columns in whole.items():
        for column, values in columns.items():
            same = np.ma.filled(np.ma.asarray(cut[table][column]))
            np.testing.assert_array_equal(same, np.ma.filled(np.ma.asarray(values)), table)

    starts = whole["closed"]["start"]
    assert len(np.unique(starts)) == len(starts), "a window stands in two revisions"
