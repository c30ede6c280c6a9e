"""The step on one-minute history of the demo plant (67 meters): watermark per minute against
watermark per block of 15 minutes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench.record import figure, record
from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from engine.state import State
from engine.step import step
from plant.clock import ManualClock
from plant.load import load_plant
from plant.site import Control
from plant.units import HOUR_NS, MINUTE_NS
from simulator.config import load_sim
from simulator.history import batches
from simulator.world import World
from store.journal import SqliteJournal
from wattline.demo.demo import plant_path
from wattline.site_build import build_site

MINUTES, RUNS = 360, 3
START = 1_795_190_400_000_000_000


def once(block: bool) -> float:
    """CPU milliseconds per one-minute frame."""
    catalogue, path = load_catalogue(), plant_path()
    plant = load_plant(path, frozenset(catalogue))
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "j.db")
        world = World(
            plant,
            load_sim(path, plant),
            catalogue,
            START - 2 * HOUR_NS,
            1,
            start_ns=START + 200 * HOUR_NS,
        )
        sequencer = Sequencer(
            "bench",
            journal,
            journal.id,
            ManualClock(START),
        )
        sequencer.control(Control(site=build_site(plant, catalogue, journal)))
        frames = []
        for rows in batches(
            world,
            START,
            START + MINUTES * MINUTE_NS,
            60.0,
            journal,
        ):
            ts = int(rows.ts[-1])
            frames.append(
                sequencer.history(
                    rows,
                    ts if not block or ts % (15 * MINUTE_NS) == MINUTE_NS else 0,
                )
            )

        journal.append_all(frames)
        stored, state = journal.frames(0, 10**6), State()
        began = time.process_time()
        for frame in stored:
            state, _ = step(state, frame)

        spent = time.process_time() - began
        journal.close()

    return spent / MINUTES * 1e3


if __name__ == "__main__":
    runs = [(once(False), once(True)) for _ in range(RUNS)]
    each, block = (statistics.median(r[i] for r in runs) for i in (0, 1))
    record("step", [
        figure("one-minute frame, windows closed each minute", each, "ms CPU"),
        figure("one-minute frame, windows closed a block at a time", block, "ms CPU", 4.0),
        figure("ratio", each / block, "x"),
    ])  # fmt: skip
