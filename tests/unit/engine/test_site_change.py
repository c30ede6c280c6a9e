"""A plant file that is changed while its meters stay the same:
counting goes on, and what storages hold is kept.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.book import Book
from engine.checkpoint import load, save
from engine.plant_change import take_site
from engine.step import step
from plant.site import Control
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
storages: {battery: {bus: board, meter: b, capacity: 100 kWh}}
lines: {press: {draws: {board: l}}}
"""


def feed(rig: Rig, minutes: int) -> None:
    for _ in range(minutes):
        rig.feed({"g": 8.0, "b": 2.0, "l": 5.0})


@pytest.mark.parametrize("minutes", [1, 14, 15, 16, 40])
def test_a_new_name_changes_no_energy(tmp_path: Path, minutes: int) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, minutes)
    held = rig.close()[-1].held_kwh[0]
    lines = (msgspec.structs.replace(rig.site.lines[0], name={"en": "Press 1"}),)
    rig.sequencer.control(Control(site=msgspec.structs.replace(rig.site, lines=lines)))
    rig.at += 60 * rig.window  # an hour passed in `close`
    feed(rig, 20)
    books = rig.close()
    assert sum(b.taps[0] for b in books) == pytest.approx(5.0 * (minutes + 20))
    assert books[-1].held_kwh[0] > held
    assert max(b.imbalance(1) for b in books) < 1e-9


def test_another_line_begins_where_the_block_stands(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, 20)
    rig.sequencer.cut(rig.at)
    for frame in rig.journal.frames(0, 1000):
        rig.state, out = step(rig.state, frame)
        rig.outs.append(out)
    second = msgspec.structs.replace(rig.site.lines[0], id="mill", draws=())
    rig.sequencer.control(
        Control(site=msgspec.structs.replace(rig.site, lines=(*rig.site.lines, second)))
    )
    feed(rig, 20)
    books = rig.close()
    assert sum(b.taps[0] for b in books) == pytest.approx(200.0)
    assert books[-1].held_kwh[0] > books[19].held_kwh[0] > 0


def test_a_new_factor_changes_no_energy(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g b l", window="1m"), tmp_path)
    feed(rig, 20)
    rig.close()
    factors = msgspec.structs.replace(rig.site, electricity_kgce_per_kwh=0.2)
    rig.sequencer.control(Control(site=factors))
    rig.at += 60 * rig.window
    feed(rig, 5)
    assert sum(b.taps[0] for b in rig.close()) == pytest.approx(125.0)


MORE = PLANT.replace("lines: {", "lines: {mill: {draws: {board: a}}, ")


def change(rig: Rig, other: Rig) -> None:
    """The plant of `other` comes into force in the journal of `rig`;
    measuring points that are in both keep what they stand at.
    """
    tags = {(rig.site.meters[c.meter].id, c.reverse): i for i, c in enumerate(rig.site.channels)}
    channels, stand = [], []
    for c in other.site.channels:
        old = tags.get((other.site.meters[c.meter].id, c.reverse))
        channels.append(
            msgspec.structs.replace(
                c, tag=rig.site.channels[old].tag if old is not None else 1000 + c.tag
            )
        )
        stand.append(rig.counters[old] if old is not None else 1000.0)
    rig.site = msgspec.structs.replace(other.site, channels=tuple(channels))
    rig.counters = np.array(stand)
    rig.sequencer.control(Control(site=rig.site))


def fold(rig: Rig) -> None:
    for frame in rig.journal.frames(rig.state.seq, 10_000):
        rig.state, out = step(rig.state, frame)
        rig.outs.append(out)


def last_books(rig: Rig) -> list[Book]:
    last = {book.start: book for out in rig.outs for book in out.books}
    return [last[start] for start in sorted(last)]


@pytest.mark.parametrize("minutes", [1, 14, 15, 16, 40])
@pytest.mark.parametrize("restart", [False, True])
def test_a_meter_more_and_a_meter_less_lose_no_energy_of_the_others(
    tmp_path: Path, minutes: int, restart: bool
) -> None:
    """`a` comes before the others in the plant file, so every index moves."""
    plants = {"few": text(PLANT, "g b l", window="1m"), "more": text(MORE, "a g b l", window="1m")}
    for name in ("more", "few"):
        (tmp_path / name).mkdir()
    rig, more = Rig(plants["few"], tmp_path), Rig(plants["more"], tmp_path / "more")
    few = Rig(plants["few"], tmp_path / "few")
    feed(rig, minutes)
    fold(rig)
    change(rig, more)
    for _ in range(20):
        rig.feed({"g": 11.0, "b": 2.0, "l": 5.0, "a": 3.0})
    fold(rig)
    if restart:
        rig.state = load(save(rig.state))
    change(rig, few)
    feed(rig, 20)
    rig.feed({})
    rig.feed({})
    fold(rig)
    books = last_books(rig)
    assert sum(b.taps[-1] for b in books) == pytest.approx(
        5.0 * (minutes + 40)
    )  # the press comes last
    assert sum(b.primary[0] for b in books) == pytest.approx(8.0 * (minutes + 40) + 3.0 * 20)
    assert sum(b.charge[0] for b in books) == pytest.approx(2.0 * (minutes + 40))
    assert max(b.imbalance(1) for b in books) < 1e-9


def test_states_of_machines_go_with_their_line(tmp_path: Path) -> None:
    rig = Rig(text(MORE, "g b l a", window="1m"), tmp_path)
    rig.feed({"g": 8.0, "b": 2.0, "l": 5.0, "a": 1.0})
    rig.close()
    running = rig.state.running
    assert running is not None
    names = [line.id for line in rig.site.lines]
    running.states.change(names.index("press"), rig.at, "RUN")
    turned = msgspec.structs.replace(rig.site, lines=rig.site.lines[::-1])
    states = take_site(running, turned).states
    assert [len(changes) for changes in states.changes] == [
        int(line.id == "press") for line in turned.lines
    ]
