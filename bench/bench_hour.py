"""An hour of plant time at full rate, 1,000 meters of 120 values a second: batches as drivers give them,
cut into frames, journalled, folded and stored. What a minute costs, holds and takes on disk must not
grow; the last quarter may cost at most 1.1 of the first.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.bench_peers import plant, profiles
from bench.modbus_peer import METERS, PORTS, VALUES
from bench.product import rss_mb
from bench.record import figure, record
from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from engine.now.now import Now
from plant.clock import ManualClock
from plant.config import PlantFile
from plant.frame import batch
from plant.profile import Profile
from plant.site import Control
from plant.units import SECOND_NS
from wattline.hosts.engine import EngineHost
from wattline.hosts.outputs import OutputReader
from wattline.hosts.store import StoreHost
from wattline.places import DataFolder
from wattline.site_build import build_site

START = 1_764_547_200_000_000_000
CUTS = 4
WARM_MIN = 2


class Plant:
    """The meters and all that reads them, driven by hand on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        catalogue = load_catalogue()
        for given in profiles():
            profile = Profile.model_validate(given)
            catalogue[profile.id] = profile

        declared = PlantFile.model_validate(plant([5020] * PORTS, METERS))
        self.data = DataFolder.open(folder)
        journal = self.data.journal
        self.clock = ManualClock(START)
        with journal.together():
            self.site = build_site(declared, catalogue, journal)
            self.tags = _tags(journal)

        self.now = Now(self.site)
        self.sequencer = Sequencer(
            self.site.id,
            journal,
            journal.id,
            self.clock,
            on_rows=self.now.take,
        )
        self.sequencer.control(Control(site=self.site))
        reader = OutputReader(journal, self.data.store.code)
        self.storing = StoreHost(journal, self.data.store, reader, site=self.site)
        self.engine = EngineHost(journal, passed=self.storing.passed, told=lambda: None)
        self.chance = np.random.default_rng(1)
        self.values = self.chance.uniform(1.0, 500.0, (METERS, VALUES)).astype(np.float32)

    def minute(self, number: int) -> None:
        """A minute of plant time, second by second."""
        for second in range(60 * number, 60 * number + 60):
            # A tenth of the values moves, as those of a plant at work do.
            moved = self.chance.random((METERS, VALUES)) < 0.1
            self.values[moved] *= np.float32(1.01)
            self.values[self.values > 1000.0] = np.float32(1.0)
            for nth in range(CUTS):
                for meter in range(nth, METERS, CUTS):
                    at_ns = self.clock.now() + meter * 1000
                    self.sequencer.take(batch(at_ns, self.tags[meter], self.values[meter]))

                self.clock.advance(1.0 / CUTS)
                self.sequencer.cut()
                while self.engine.turn():
                    pass

            self.now.tick(START + second * SECOND_NS)
            while self.storing.turn():
                pass


def _tags(journal: Any) -> list[np.ndarray[Any, Any]]:
    """Tags of each meter, in the order of its registers."""
    found = []
    for place in range(METERS):
        first = "active_power" if place <= 50 else "voltage"
        names = [f"{first}.total", *(f"current.h{nth}" for nth in range(1, VALUES))]
        found.append(np.array([journal.tag(f"m{place}", name) for name in names], np.int32))

    return found


def main(minutes: int) -> None:
    """Prints each minute, and records."""
    cpu: list[float] = []
    rss: list[float] = []
    journal: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        works = Plant(Path(folder))
        for number in range(minutes):
            began = time.process_time()
            works.minute(number)
            cpu.append(time.process_time() - began)
            rss.append(rss_mb())
            journal.append(works.data.journal.bytes / 2**20)
            print(
                f"{number:3} {cpu[-1]:6.2f} s CPU {rss[-1]:6.0f} MiB {journal[-1]:6.1f} MiB",
                flush=True,
            )

        readings = works.data.store.readings_bytes() / 2**20
        works.data.close()

    steady = max((minutes - WARM_MIN) // 4, 1)
    first, last = cpu[WARM_MIN:][:steady], cpu[-steady:]
    record("hour", [
        figure("a minute, median", statistics.median(cpu[WARM_MIN:]), "s CPU"),
        figure("last quarter by first, CPU", statistics.median(last) / statistics.median(first), "x", 1.1),
        figure("memory after the first quarter", max(rss[: WARM_MIN + steady]), "MiB RSS"),
        figure("memory, last quarter by first", max(rss[-steady:]) / max(rss[: WARM_MIN + steady]), "x", 1.1),
        figure("journal, largest", max(journal), "MiB"),
        figure("raw readings, a day at this rate", readings / minutes * 1440 / 1024, "GiB"),
    ], curves={"cpu_s": cpu, "rss_mib": rss, "journal_mib": journal})  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    given = parser.parse_args()
    main(given.minutes)
