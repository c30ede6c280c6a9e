"""Readings of a silent time that arrive after the counter was back: the books end as if they had
come in time, and nothing else is touched.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.book import Book
from engine.checkpoint import load, save
from engine.step import step
from plant.frame import batch
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: p}}, mill: {draws: {board: m}}}
"""
PRESS, MILL = 1, 2


class Buffered(Rig):
    """A plant whose press meter keeps what it could not send.

    One-minute windows, so a gap is longer than 3.5 minutes.
    """

    def __init__(self, folder: Path, plant: str = PLANT, meters: str = "g p m") -> None:
        super().__init__(text(plant, meters, window="1m"), folder)
        self.kept: dict[int, np.ndarray] = {0: self.counters.copy()}
        self.books: dict[int, Book] = {}

    def minute(
        self, energy: float = 6.0, silent: bool = False, lost: float = 1.0, mill: float = 4.0
    ) -> None:
        self.feed(
            {"g": energy + mill + lost, "p": energy, "m": mill}, silent={"p"} if silent else set()
        )
        self.kept[len(self.kept)] = self.counters.copy()

    def late(self, *minutes: int, meter: str = "p") -> None:
        channels = [self.channel(meter, reverse) for reverse in (False, True)]
        tags = [self.site.channels[c].tag for c in channels]
        for minute in minutes:
            ts = np.full(2, self.start + minute * self.window)
            self.sequencer.take(batch(ts, tags, self.kept[minute][channels]))

    def fold(self) -> dict[int, Book]:
        """What the frames since the last look gave out, by minute."""
        given: dict[int, Book] = {}
        for frame in self.journal.frames(self.state.seq, 10**6):
            self.state, out = step(self.state, frame)
            given |= {(b.start - self.start) // self.window: b for b in out.books}
        self.books |= given
        return given

    def restart(self) -> None:
        self.state = load(save(self.state))

    def column(self, name: str, meter: int = PRESS) -> list[float]:
        found = [getattr(self.books[m], name)[meter] for m in sorted(self.books)]
        return [float(v[0] if np.ndim(v) else v) for v in found]


def silent_from_20_to_40(
    folder: Path, after: int = 5, energies: dict[int, float] | None = None
) -> Buffered:
    """Silent in minutes 20 to 39, so the readings at 21 to 39 are missing."""
    rig = Buffered(folder)
    for minute in range(40 + after):
        rig.minute((energies or {}).get(minute, 6.0), silent=20 <= minute < 39)
    rig.fold()
    return rig


def test_a_gap_alone_is_estimated_and_not_seen(tmp_path: Path) -> None:
    rig = silent_from_20_to_40(tmp_path)
    assert sum(rig.column("meters_seen_s")[20:40]) == 0.0
    assert sum(rig.column("meters_estimated")) == pytest.approx(120.0)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("after", [1, 5, 40, 300])
def test_all_readings_arrive_late(tmp_path: Path, after: int, restart: bool) -> None:
    rig = silent_from_20_to_40(tmp_path, after, {25: 60.0, 30: 0.5})
    if restart:
        rig.restart()
    rig.late(*range(21, 40))
    rig.minute()
    rig.minute()
    rig.fold()
    minutes = len(rig.books)
    truth = [6.0] * minutes
    truth[25], truth[30] = 60.0, 0.5
    assert rig.column("meters") == pytest.approx(truth)
    assert rig.column("meters_seen_s") == pytest.approx([60.0] * minutes)
    assert rig.column("meters_estimated") == [0.0] * minutes
    assert max(book.imbalance(1) for book in rig.books.values()) < 1e-9


@pytest.mark.parametrize("after", [5, 300])
def test_what_is_still_too_long_stays_a_gap_and_is_shaped_again(tmp_path: Path, after: int) -> None:
    rig = silent_from_20_to_40(tmp_path, after, {25: 60.0, 30: 0.5})
    rig.late(*range(21, 30))
    rig.minute()
    rig.minute()
    rig.fold()
    seen, estimated = rig.column("meters_seen_s"), rig.column("meters_estimated")
    assert seen[20:40] == pytest.approx([60.0] * 9 + [0.0] * 11)
    assert estimated[:29] == [0.0] * 29
    assert sum(estimated) == pytest.approx(60.5)
    assert rig.column("meters")[25] == pytest.approx(60.0)
    shape = np.array(
        rig.column("meters")[29:40]
    )  # parent minus siblings: what the press took and a constant loss
    assert shape == pytest.approx(np.array([7.0, 1.5] + [7.0] * 9) / 71.5 * 60.5)
    assert sum(rig.column("meters")) == pytest.approx(6.0 * len(seen) + 54.0 - 5.5)


def test_pieces_within_the_bound_are_seen(tmp_path: Path) -> None:
    rig = silent_from_20_to_40(tmp_path)
    rig.late(23, 26, 29, 32, 35, 38)
    rig.minute()
    rig.fold()
    assert sum(rig.column("meters_seen_s")[20:40]) == pytest.approx(1200.0)
    assert sum(rig.column("meters_estimated")) == 0.0


@pytest.mark.parametrize("after", [5, 100])
def test_only_what_is_touched_gets_a_revision(tmp_path: Path, after: int) -> None:
    """Two gaps; the later one is filled, then the first;
    whatever lies outside is given out once.
    """
    rig = Buffered(tmp_path)
    for minute in range(90 + after):
        rig.minute(6.0 + minute % 7 / 3.0, silent=20 <= minute < 39 or 60 <= minute < 69)
    rig.fold()
    before = {minute: book.revision for minute, book in rig.books.items()}
    rig.late(*range(61, 70))
    rig.minute()
    rig.minute()
    assert {m for m in rig.fold() if m < 88 + after} == set(range(60, 70))
    rig.late(*range(21, 40))
    rig.minute()
    rig.minute()
    assert {m for m in rig.fold() if m < 90 + after} == set(range(20, 40))
    for _ in range(31):  # whole blocks close after the running sums have been shifted
        rig.minute()
        rig.fold()
    for minute in before:
        if not (20 <= minute < 40 or 60 <= minute < 70):
            assert rig.books[minute].revision == 0
    rig.late(*range(1, 80))  # once more the same
    rig.minute()
    rig.minute()
    assert all(minute > 90 + after for minute in rig.fold())


def test_a_second_gap_keeps_its_books_when_the_first_is_filled(tmp_path: Path) -> None:
    """Both in one block that is still open, with a sum that is not round."""
    rig = Buffered(tmp_path)
    for minute in range(56):
        rig.minute(6.0 + minute % 7 / 3.0, silent=46 <= minute < 50 or 51 <= minute < 54)
    rig.fold()
    before = {m: rig.books[m].encode() for m in range(51, 54)}
    rig.late(*range(47, 51))
    for _ in range(30):
        rig.minute()
        rig.fold()
    assert {m: rig.books[m].encode() for m in before} == before
    assert sum(rig.column("meters_estimated")[45:51]) == 0.0


def test_in_order_after_the_windows_were_given_out(tmp_path: Path) -> None:
    """The device was away for a while and sends all in order: no gap is
    ever seen, and every window gets its own energy.
    """
    rig = Buffered(tmp_path)
    for minute in range(50):
        rig.minute(6.0 + minute % 3, silent=minute >= 20)
        rig.fold()
    rig.late(*range(21, 51))
    rig.minute()
    rig.minute()
    rig.fold()
    assert rig.column("meters")[:50] == pytest.approx([6.0 + m % 3 for m in range(50)])
    assert rig.column("meters_seen_s")[:50] == pytest.approx([60.0] * 50)


@pytest.mark.parametrize("value", [-100.0, 1e6])
def test_a_late_reading_that_does_not_fit_is_refused(tmp_path: Path, value: float) -> None:
    rig = silent_from_20_to_40(tmp_path)
    rig.kept[30] = rig.kept[30] + value
    rig.late(30)
    rig.minute()
    rig.minute()
    assert set(rig.fold()) == {44, 45}
    assert rig.state.running is not None
    assert rig.state.running.meters.refused == 2  # import and export


def test_late_while_the_end_of_the_gap_is_not_yet_closed(tmp_path: Path) -> None:
    """The counter is back and its buffer arrives before the
    window of the first new reading has closed.
    """
    rig = silent_from_20_to_40(tmp_path, 0)
    rig.late(*range(21, 40))
    rig.minute()
    rig.minute()
    rig.fold()
    assert rig.column("meters") == pytest.approx([6.0] * len(rig.books))
    assert rig.column("meters_estimated") == [0.0] * len(rig.books)
    assert rig.state.running is not None
    assert rig.state.running.gaps == []


def test_a_state_without_marks_is_read(tmp_path: Path) -> None:
    rig = silent_from_20_to_40(tmp_path)
    data = save(rig.state).replace(b"points.mark", b"points.were")
    rig.state = load(data)
    rig.minute()
    rig.fold()
    assert sum(rig.column("meters")) == pytest.approx(6.0 * len(rig.books))


@settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_late_is_as_good_as_in_time(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any readings of two silent times, late, in any order, in any parcels, with restarts between:
    the books are those of readings in time.
    """
    energies = data.draw(st.lists(st.floats(0.5, 50), min_size=70, max_size=70))
    away = [*range(11, 30), *range(36, 48)]
    came = (
        data.draw(st.lists(st.sampled_from(away), unique=True))
        if data.draw(st.booleans())
        else away
    )
    order = data.draw(st.permutations(came))
    parcels = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=40))
    in_time, late = (Buffered(Path(tmp_path_factory.mktemp(name))) for name in ("t", "l"))
    for minute, energy in enumerate(energies):
        in_time.minute(
            energy, silent=minute + 1 in away and minute + 1 not in came, lost=minute % 5
        )
        late.minute(energy, silent=minute + 1 in away, lost=minute % 5)
        if minute >= 50 and order:
            n = parcels[minute % len(parcels)]
            late.late(*order[:n])
            order = order[n:]
        late.fold()
        if minute % 9 == 0:
            late.restart()
    late.late(*order)
    for rig in (in_time, late):
        rig.minute()
        rig.minute()
        rig.fold()
        assert sum(rig.column("meters")) == pytest.approx(
            float(rig.kept[71][rig.channel("p")] - 1000.0), abs=1e-9
        )
    for name in ("meters", "meters_seen_s", "meters_estimated", "taps", "remainder"):
        for meter in (
            (0, 1) if name == "taps" else (0,) if name == "remainder" else (0, PRESS, MILL)
        ):
            assert late.column(name, meter) == pytest.approx(
                in_time.column(name, meter), abs=1e-9
            ), name
    if len(came) == len(away):
        assert sum(late.column("meters_estimated")) == 0.0
