"""A disk that fills under a running plant: nothing is lost or doubled,
it is said while it lasts, and it is over by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from books.answers import Attention
from collector.catalogue import load_catalogue
from plant.clock import ScaledClock
from plant.errors import StoreFull
from plant.frame import batch
from plant.load import load_plant_text
from plant.units import SECOND_NS
from tests.rig import START, text
from tests.small_disk import SmallDisk, small_disk
from wattline.application import application
from wattline.ending import Ending
from wattline.options import Options
from wattline.places import DataFolder
from wattline.runtime import Runtime

BODY = (
    "sources: {grid: {carrier: electricity, meter: grid, into: board}}\n"
    "buses: {board: {carrier: electricity}}\n"
    "lines: {press: {draws: {board: la}}}\n"
)
SPEED = 60.0
WINDOW_S = 10
MEGABYTES = 24


class Running:
    """A plant on a small disk whose readings come from here instead of drivers."""

    def __init__(self, disk: SmallDisk) -> None:
        plant_text = text(BODY, "grid la", window=f"{WINDOW_S}s")
        clock = ScaledClock(time.monotonic_ns(), START, SPEED)
        self.disk = disk
        self.runtime = Runtime(
            load_plant_text("plant.yaml", plant_text),
            load_catalogue(),
            clock,
            Options(disk.folder / "data", simulated=True),
        )
        self.runtime.parts.drivers.clear()
        self.taken = 0
        self.counter = 1000.0
        self.ending: Ending | None = None

    async def feed(self) -> None:
        """Both meters, about once a second of event time."""
        tags = [channel.tag for channel in self.runtime.parts.site.channels if not channel.reverse]
        while True:
            now = self.runtime.parts.clock.now()
            self.counter += 0.01
            values = np.full(len(tags), self.counter)
            self.runtime.parts.sequencer.take(batch(np.full(len(tags), now), tags, values))
            self.taken += len(tags)
            await asyncio.sleep(1.0 / SPEED)

    async def until(self, holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.runtime.parts.troubles.standing()}"
            await asyncio.sleep(0.02)

    def windows(self) -> int:
        return self.runtime.parts.live.closed_ns // (WINDOW_S * SECOND_NS)

    async def more_windows(self, count: int) -> None:
        due = self.windows() + count
        await self.until(lambda: self.windows() >= due, f"{count} more windows")


@asynccontextmanager
async def running(disk: SmallDisk) -> AsyncIterator[Running]:
    plant = Running(disk)
    stop = asyncio.Event()
    run = asyncio.create_task(plant.runtime.run(stop, None, serve=False))
    feeding = asyncio.create_task(plant.feed())
    try:
        await plant.until(lambda: plant.runtime.parts.live.closed_ns > 0, "the first window")
        yield plant
    finally:
        feeding.cancel()
        stop.set()
        plant.ending = await run
        await asyncio.get_running_loop().shutdown_default_executor()
        try:
            check_nothing_is_lost_or_doubled(plant)
        finally:
            plant.runtime.close()


def check_nothing_is_lost_or_doubled(plant: Running) -> None:
    """Every reading that was taken is stored once, and every window
    between the first and the last is booked once.
    """
    store = plant.runtime.parts.store
    rows = store.query(
        "SELECT count(*) AS rows, count(DISTINCT (ts, tag)) AS distinct_rows FROM reading"
    )
    assert int(rows["rows"][0]) == int(rows["distinct_rows"][0]) == plant.taken
    starts = np.sort(store.query("SELECT start FROM closed")["start"])
    assert len(starts) > 5
    assert set(np.diff(starts)) == {WINDOW_S * SECOND_NS}
    assert plant.runtime.parts.sequencer.dropped == 0


@pytest.mark.parametrize("seconds", [0.3, 4.0])
async def test_a_disk_that_was_full_for_a_while(
    tmp_path: Path, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        async with running(disk) as plant:
            disk.fill()
            await asyncio.sleep(seconds)
            disk.free()
            await plant.until(lambda: not plant.runtime.parts.troubles.standing(), "going on")
            await plant.more_windows(6)
        assert plant.ending == Ending()
    said = [
        record.getMessage()
        for record in caplog.records
        if "polling stands still" in record.getMessage()
    ]
    assert len(said) <= 1, "said once"


async def test_figures_without_room_wait_in_the_journal(tmp_path: Path) -> None:
    """The journal is on another disk, so readings go on, and what follows it stands still."""
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        (disk.folder / "data").mkdir()
        (disk.folder / "data" / "journal.db").symlink_to(tmp_path / "journal.db")
        async with running(disk) as plant:
            disk.fill()
            journal = plant.runtime.parts.journal
            await plant.until(lambda: _stands(plant, "store"), "the store standing still")
            frames = journal.last()
            await plant.until(lambda: journal.last() > frames + 4, "readings going on")
            assert "store has stood still for" in (plant.runtime.parts.operations.not_ready() or "")
            disk.free()
            await plant.until(lambda: not plant.runtime.parts.troubles.standing(), "going on")
            await plant.more_windows(6)
        assert plant.ending == Ending()


def _stands(plant: Running, who: str) -> bool:
    return who in [host.who for host in plant.runtime.parts.troubles.standing()]


async def test_while_it_is_full_everybody_can_see_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        async with running(disk) as plant:
            operations = plant.runtime.parts.operations
            assert operations.not_ready() is None
            assert 'wattline_host_up{host="polling"} 1.0' in operations.metrics()
            disk.fill()
            await plant.until(
                lambda: bool(plant.runtime.parts.troubles.standing()), "standing still"
            )
            transport = httpx.ASGITransport(application(plant.runtime.parts, None))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                assert (await client.get("/healthz")).status_code == 200, "it lives"
                answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert "polling has stood still for" in answer.text
            assert "there is no room on the disk" in answer.text
            assert 'wattline_host_up{host="polling"} 0.0' in operations.metrics()
            await plant.until(lambda: _attention(plant) != [], "needs attention")
            assert "no room on the disk" in str(_attention(plant)[0].params.cause)
            disk.free()
            await plant.until(lambda: operations.not_ready() is None, "ready again")
            await plant.until(lambda: _attention(plant) == [], "nothing to attend to")
            await plant.more_windows(6)


def _attention(plant: Running) -> list[Attention]:
    books = plant.runtime.parts.live.hub.latest["books"]
    found = [] if books is None else books.attention
    return [item for item in found if item.code == "host_stands"]


async def test_the_end_says_what_could_not_be_stored(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        plant = Running(disk)
        stop = asyncio.Event()
        run = asyncio.create_task(plant.runtime.run(stop, None, serve=False))
        feeding = asyncio.create_task(plant.feed())
        await plant.until(lambda: plant.runtime.parts.live.closed_ns > 0, "the first window")
        disk.fill()
        await plant.until(lambda: bool(plant.runtime.parts.troubles.standing()), "standing still")
        feeding.cancel()
        stop.set()
        ending = await run
        await asyncio.get_running_loop().shutdown_default_executor()
        plant.runtime.close()
    assert "ended, but not everything is stored" in ending.text()
    assert (
        "readings could not be stored and are lost: there is no room on the disk" in ending.text()
    )


def test_a_disk_that_is_full_at_the_start_is_a_sentence(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        disk.fill()
        with pytest.raises(StoreFull, match="there is no room on the disk"):
            DataFolder.open(disk.folder / "data")
        disk.free()
        DataFolder.open(disk.folder / "data").close()
