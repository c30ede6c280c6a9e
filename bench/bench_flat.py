"""`make bench-flat`: CPU of the step in each minute of plant time, meters at 1 Hz.

Meters of power alone, and meters with a counter besides, of which all are silent for two minutes and
come back at once. What a minute costs must not grow with the minutes before it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bench.record import figure, record
from collector.catalogue import load_catalogue
from engine.factors.registry import properties
from engine.state import State
from engine.step import step
from plant.frame import EMPTY, Header, Kind, batch, control_frame, data_frame
from plant.load import load_plant_text
from plant.resolve import resolve
from plant.site import Control, Site, encode_control
from plant.units import SECOND_NS
from store.journal import SqliteJournal

START = 1_767_225_600_000_000_000
MINUTES = 60
WARM = 3
POWER = "active_power: 'nsu=u;s=m{place}p'"
COUNTER = "active_energy_import: 'nsu=u;s=m{place}e'"
HEAD = """\
site: {id: works, timezone: UTC, grid: CN-ZJ, window: 1m}
connections: {plc: {opcua: 'opc.tcp://127.0.0.1:4840'}}
sources: {grid: {carrier: electricity, meter: m0, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
"""


def plant(meters: int, nodes: str) -> str:
    """A plant file of one source and a line for each further meter."""
    text = HEAD + "meters:\n"
    for place in range(meters):
        read = nodes.format(place=place)
        text += f"  m{place}: {{on: plc, nodes: {{{read}}}, max: 900 MW, every: {{energy: 1s}}}}\n"

    text += "lines:\n"
    for place in range(1, meters):
        text += f"  l{place}: {{draws: {{board: m{place}}}}}\n"

    return text


class Feed:
    """Readings of all tags of a site, a frame a second."""

    def __init__(self, site: Site, journal: SqliteJournal) -> None:
        names = journal.names()
        self.tags = np.array(sorted(names))
        self.is_power = np.array(
            [names[int(tag)][1].startswith("active_power") for tag in self.tags]
        )
        self.site = site
        self.counter = np.full(len(self.tags), 1000.0)
        self.chance = np.random.default_rng(1)
        self.state = State()
        control = encode_control(Control(site=site))
        self.fold(control_frame(self.header(Kind.CONTROL, START), control))

    def header(self, kind: Kind, watermark: int) -> Header:
        return Header(1, "works", "bench", 0, watermark, "bench", kind)

    def fold(self, frame: object) -> float:
        """CPU seconds of one frame."""
        began = time.process_time()
        self.state, _ = step(self.state, frame)  # type: ignore[arg-type]
        return time.process_time() - began

    def second(self, number: int, silent: bool) -> float:
        """CPU seconds of the frame of one second."""
        ts = START + number * SECOND_NS
        self.counter += 50.0 / 3600.0
        power = 50.0 + self.chance.normal(0.0, 1.0, len(self.tags))
        rows = EMPTY
        if not silent:
            values = np.where(self.is_power, power, self.counter)
            rows = batch(np.full(len(self.tags), ts), self.tags, values)

        return self.fold(data_frame(self.header(Kind.DATA, ts - SECOND_NS // 2), rows))


def run(
    meters: int, nodes: str, minutes: int, silent: range = range(0)
) -> tuple[list[float], float]:
    """CPU seconds of each minute, and of the slowest frame after the silence."""
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "journal.db")
        declared = load_plant_text("bench.yaml", plant(meters, nodes))
        resolved = resolve(declared, load_catalogue(), journal)
        site = msgspec.structs.replace(resolved, properties=properties(declared, resolved))
        feed = Feed(site, journal)
        spent = []
        slowest = 0.0
        for minute in range(minutes):
            frames = [
                feed.second(number, number in silent)
                for number in range(60 * minute, 60 * minute + 60)
            ]
            spent.append(sum(frames))
            if silent and 60 * minute >= silent.stop:
                slowest = max(slowest, *frames)

        journal.close()

    return spent, slowest


def main(minutes: int) -> None:
    """Both sizes, power alone and with counters."""
    figures = []
    for meters, goal in ((300, 0.3), (1000, 1.0)):
        spent, _ = run(meters, POWER, minutes)
        steady = spent[WARM:]
        quarter = max(len(steady) // 4, 1)
        first = statistics.median(steady[:quarter])
        last = statistics.median(steady[-quarter:])
        name = f"{meters} meters of power alone, a minute"
        figures.append(figure(f"{name}, median", statistics.median(steady), "s CPU", goal))
        figures.append(figure(f"{name}, last quarter of the hour by first", last / first, "x"))

    for meters, goal in ((300, 0.2), (1000, 0.5)):
        _, slowest = run(meters, f"{POWER}, {COUNTER}", 7, range(120, 240))
        name = f"{meters} meters back after two minutes, slowest frame"
        figures.append(figure(name, slowest, "s CPU", goal))

    record("flat", figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    main(parser.parse_args().minutes)
