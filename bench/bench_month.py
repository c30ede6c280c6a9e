"""Thirty days of one-minute windows, of 50 lines, 20 buses and 8 sources, folded and stored as a
back-fill does it: CPU of the step, and of the books with the embedded store.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.record import figure, record
from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from plant.clock import ManualClock
from plant.frame import Batch, batch
from plant.load import load_plant_text
from plant.site import Control, Site
from plant.units import MINUTE_NS
from wattline.hosts.engine import EngineHost
from wattline.hosts.outputs import OutputReader
from wattline.hosts.store import StoreHost
from wattline.places import DataFolder
from wattline.site_build import build_site

START = 1_764_547_200_000_000_000
BUSES, LINES, SOURCES = 20, 50, 8
BLOCK_MIN = 15
AHEAD_MIN = 240
NODES = "active_energy_import: 'nsu=u;s={meter}e', active_power: 'nsu=u;s={meter}p'"


def plant() -> str:
    """Sources into a main board, 19 boards below it behind transformers, lines on those."""
    meters: list[str] = []
    sources: list[str] = []
    for nth in range(SOURCES):
        meters.append(f"s{nth}")
        kind = "grid" if nth < 2 else "pv"
        sources.append(
            f"  s{nth}: {{carrier: electricity, meter: s{nth}, into: main, kind: {kind}}}"
        )

    converters: list[str] = []
    for nth in range(1, BUSES):
        meters.append(f"t{nth}")
        meters.append(f"u{nth}")
        converters.append(
            f"  t{nth}: {{inputs: {{main: t{nth}}}, outputs: {{b{nth}: {{meter: u{nth}}}}}}}"
        )

    lines: list[str] = []
    for nth in range(LINES):
        meters.append(f"l{nth}")
        lines.append(f"  l{nth}: {{draws: {{b{1 + nth % (BUSES - 1)}: l{nth}}}}}")

    declared = [
        f"  {m}: {{on: plc, nodes: {{{NODES.format(meter=m)}}}, max: 9 MW}}" for m in meters
    ]
    buses = [f"  b{nth}: {{carrier: electricity}}" for nth in range(1, BUSES)]
    return "\n".join(
        [
            "site: {id: works, timezone: Asia/Shanghai, grid: CN-ZJ, window: 1m}",
            "connections: {plc: {opcua: 'opc.tcp://127.0.0.1:4840'}}",
            "meters:",
            *declared,
            "sources:",
            *sources,
            "buses:",
            "  main: {carrier: electricity}",
            *buses,
            "converters:",
            *converters,
            "lines:",
            *lines,
        ]
    )


@dataclass(slots=True)
class Works:
    """A data folder with its engine and its store, driven by hand."""

    data: DataFolder
    site: Site
    sequencer: Sequencer
    engine: EngineHost
    storing: StoreHost

    @classmethod
    def at(cls, folder: Path) -> Works:
        """A new folder with the site announced."""
        catalogue = load_catalogue()
        declared = load_plant_text("bench.yaml", plant(), frozenset(catalogue))
        data = DataFolder.open(folder)
        journal = data.journal
        clock = ManualClock(START)
        with journal.together():
            site = build_site(declared, catalogue, journal)

        sequencer = Sequencer(site.id, journal, journal.id, clock)
        sequencer.control(Control(site=site))
        reader = OutputReader(journal, data.store.code)
        storing = StoreHost(journal, data.store, reader, site=site)
        engine = EngineHost(journal, passed=storing.passed, told=lambda: None)
        return cls(data, site, sequencer, engine, storing)

    def minutes(self, begin: int, end: int, chance: np.random.Generator) -> Iterator[Batch]:
        """A reading of every tag each minute."""
        names = self.data.journal.names()
        tags = np.array(sorted(names), np.int32)
        is_power = np.array([names[int(tag)][1].startswith("active_power") for tag in tags])
        share = np.array([_share(names[int(tag)][0]) for tag in tags])
        for minute in range(begin, end):
            power = share * (1.0 + 0.2 * np.sin(minute / 200.0))
            noise = chance.normal(0.0, 0.001, len(tags))
            counter = share / 60.0 * (minute + 10_000)
            ts = np.full(len(tags), START + minute * MINUTE_NS)
            yield batch(ts, tags, np.where(is_power, power * (1.0 + noise), counter))

    def fill(self, days: int) -> dict[str, float]:
        """Days of history; CPU seconds of each part."""
        chance = np.random.default_rng(1)
        spent = {"step": 0.0, "store": 0.0}
        total = days * 24 * 60
        for begin in range(0, total, AHEAD_MIN):
            frames = []
            for nth, rows in enumerate(self.minutes(begin, begin + AHEAD_MIN, chance), begin):
                at_ns = int(rows.ts[0])
                closes = nth % BLOCK_MIN == 1
                frames.append(self.sequencer.history(rows, at_ns if closes else self.sequencer.wm))

            self.data.journal.append_all(frames)
            spent["step"] += _cpu_s(self.engine)
            spent["store"] += _cpu_s(self.storing)

        return spent


def _share(meter: str) -> float:
    """Power in kW that keeps all boards in balance."""
    if meter.startswith("s"):
        return 10.0 * LINES / SOURCES * 1.05

    return 10.0 * LINES / (BUSES - 1) if meter[0] in "tu" else 10.0


def _cpu_s(host: Any) -> float:
    """CPU seconds until a host has caught up, in this thread and those of the database."""
    began = time.process_time()
    while host.turn():
        pass

    return time.process_time() - began


def main(days: int) -> None:
    """Prints and records."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        works = Works.at(Path(folder))
        spent = works.fill(days)
        wall_s = time.monotonic() - began
        windows = works.data.store.query("SELECT count(*) AS n FROM closed")["n"][0]
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        works.data.close()

    share = days / 30.0
    record("month", [
        figure("windows", float(windows), "1"),
        figure("step, CPU", spent["step"], "s", 10.0 * share),
        figure("books and store, CPU", spent["store"], "s", 15.0 * share),
        figure("all with making the readings, wall", wall_s, "s"),
        figure("data folder a day", size / days / 2**20, "MiB"),
    ])  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    main(given.days)
