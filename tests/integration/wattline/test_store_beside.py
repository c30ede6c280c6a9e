"""The promise: another store beside is one sink and one entry.

It gets every reading and every book once, and its failures are the policy of all hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from collector.catalogue import load_catalogue
from plant.clock import ManualClock
from plant.errors import RetryableError
from plant.load import load_plant_text
from plant.ports import Columns
from store.influx import Counts
from tests.rig import START, Rig, text
from wattline.hosts.beside import BesideHost, Pace
from wattline.hosts.table import BESIDE, Around
from wattline.options import Options
from wattline.runtime import Runtime

BODY = (
    "sources: {grid: {carrier: electricity, meter: grid, into: board}}\n"
    "buses: {board: {carrier: electricity}}\n"
    "lines: {press: {draws: {board: la}}}\n"
)
QUICK = Pace(frames=7, outputs=5, pause_s=0.01, shortest_s=0.01, longest_s=0.02)


class ToySink:
    """Keeps rows in memory; away for the first attempts."""

    where = "the toy store"
    url = "toy:"

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.readings: list[tuple[int, int]] = []
        self.windows: dict[int, float] = {}
        self.away_for = 3
        self.closed = False

    def code(self, name: str) -> int:
        return self.codes.setdefault(name, len(self.codes))

    def counts(self) -> Counts:
        return Counts(len(self.readings) + len(self.windows), 0, 0)

    def write_readings(
        self, columns: Columns, names: Callable[[], Mapping[int, tuple[str, str]]]
    ) -> None:
        rows = zip(columns["ts"].tolist(), columns["tag"].tolist(), strict=True)
        self.readings += rows

    def write_books(self, books: Mapping[str, Columns]) -> None:
        if self.away_for:
            self.away_for -= 1
            raise RetryableError("the toy store is away")
        line = books["line"]
        mine = line["line"] == self.codes["press"]
        energies = zip(line["start"][mine], line["final_kwh"][mine], strict=True)
        self.windows |= {int(start): float(kwh) for start, kwh in energies}

    def close(self) -> None:
        self.closed = True


async def test_another_store_is_one_sink_and_one_entry(tmp_path: Path) -> None:
    plant_text = text(BODY, "grid la", window="1m")
    rig = Rig(plant_text, tmp_path)
    for minute in range(90):
        rig.feed({"grid": 2.0 + minute, "la": 1.0 + minute})
    rig.sequencer.cut(rig.at + 3_600_000_000_000)
    rig.journal.close()
    sink = ToySink()

    def open_toy(around: Around) -> BesideHost:
        return BesideHost("toy", around.journal, sink, around.site, pace=QUICK)

    runtime = Runtime(
        load_plant_text("plant.yaml", plant_text),
        load_catalogue(),
        ManualClock(rig.at),
        Options(tmp_path, beside={**BESIDE, "toy": open_toy}),
    )
    runtime.parts.drivers.clear()
    (host,) = runtime.parts.beside
    stop = asyncio.Event()
    run = asyncio.create_task(runtime.run(stop, None, serve=False))
    while not await asyncio.to_thread(host.drain, 1.0) or not runtime.parts.storing.caught_up():
        await asyncio.sleep(0.01)
    assert runtime.parts.operations.not_ready() in (None, "no figures yet"), (
        "a store beside is no fault"
    )
    assert 'wattline_store_up{store="toy"} 1.0' in runtime.parts.operations.metrics()
    assert 'wattline_host_up{host="toy"} 1.0' in runtime.parts.operations.metrics()
    stop.set()
    assert (await run).left == ()
    assert sink.away_for == 0
    assert sink.closed
    stored = runtime.parts.store.query("SELECT ts, tag FROM reading ORDER BY ts, tag")
    rows = list(zip(stored["ts"].tolist(), stored["tag"].tolist(), strict=True))
    assert sorted(sink.readings) == rows
    lines = runtime.parts.store.query(
        "SELECT start, final_kwh FROM line WHERE line = ? ORDER BY start",
        [runtime.parts.store.code("press")],
    )
    assert list(sink.windows) == lines["start"].tolist()
    assert np.allclose(list(sink.windows.values()), lines["final_kwh"])
    assert len(sink.windows) >= 90
    assert min(sink.windows) == START
    runtime.close()
