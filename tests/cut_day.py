"""A day of a plant as frames, with all that makes a restart hard, for tests that cut it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from collector.catalogue import load_catalogue
from plant.frame import SCHEMA, Batch, Frame, Header, Kind, control_frame, data_frame
from plant.load import load_plant
from plant.site import Control, Swap, encode_control
from plant.units import HOUR_NS, MINUTE_NS
from simulator.config import load_sim
from simulator.history import batches
from simulator.world import World
from store.journal import SqliteJournal
from wattline.demo.demo import plant_path
from wattline.site_build import build_site

START = 1_795_190_400_000_000_000
MINUTES = 1440


class Day:
    """A day of a plant as frames: silent meters, packets that
    come late, control frames in between.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.random = random.Random(7)
        catalogue = load_catalogue()
        path = plant_path(name)
        plant = load_plant(path, frozenset(catalogue))
        journal = SqliteJournal(folder / f"{name}.db")
        self.site = build_site(plant, catalogue, journal, speed=60.0, simulated=True)
        world = World(plant, load_sim(path, plant), catalogue, START - 2 * HOUR_NS, 1)
        self.meter_of = {channel.tag: channel.meter for channel in self.site.channels}
        self.silent = self._silences()
        self.frames: list[Frame] = []
        self._control(Control(site=self.site))
        self._late: list[tuple[int, Batch]] = []
        for minute, rows in enumerate(
            batches(world, START, START + MINUTES * MINUTE_NS, 60.0, journal)
        ):
            self._minute(minute, rows)
        self.names = journal.names()
        journal.close()

    def copy_names(self, journal: SqliteJournal) -> None:
        """Give an empty journal the tags of the frames."""
        for tag, (meter, quantity) in sorted(self.names.items()):
            assert journal.tag(meter, quantity) == tag

    def _silences(self) -> list[tuple[int, int, int]]:
        """(meter, from minute, to minute): short ones, long
        ones, and one over the end of the day.
        """
        found = []
        for lasts in (3, 7, 25, 70, 190, 400):
            meter = self.random.randrange(len(self.site.meters))
            begins = self.random.randrange(60, MINUTES - 100)
            found.append((meter, begins, begins + lasts))
        return found

    def _minute(self, minute: int, rows: Batch) -> None:
        meters = np.array([self.meter_of.get(int(tag), -1) for tag in rows.tag])
        heard = np.ones(len(rows), bool)
        for meter, begins, ends in self.silent:
            if begins <= minute < ends:
                heard &= meters != meter
        if self.random.random() < 0.05:
            delayed = heard & (meters == self.random.randrange(len(self.site.meters)))
            comes = minute + self.random.choice((1, 2, 5, 20, 45))
            self._late.append((comes, _part(rows, delayed)))
            heard &= ~delayed
        wm = int(rows.ts[-1]) - self.random.choice((0, 0, 0, MINUTE_NS, 5 * MINUTE_NS))
        self._data(_part(rows, heard, rows.events), wm)
        for comes, late in [late for late in self._late if late[0] <= minute]:
            self._data(late, 0)
            self._late.remove((comes, late))
        for control in self._controls(minute):
            self._control(control)

    def _controls(self, minute: int) -> Iterator[Control]:
        """Names, factors, a structure and a swap change during the day, in the middle of blocks."""
        site = self.site
        if minute == 307:
            self.site = msgspec.structs.replace(site, name={"en": "renamed"})
        elif minute == 611:
            first, *others = site.properties
            dearer = msgspec.structs.replace(first, kgce=first.kgce * 1.01)
            self.site = msgspec.structs.replace(site, properties=(dearer, *others))
        elif minute == 903:
            self.site = msgspec.structs.replace(site, lines=site.lines[:-1])
        elif minute == 500:
            meter = self.random.randrange(len(site.meters))
            swap = Swap(at=START + 520 * MINUTE_NS, starts_at=12.0)
            channels = [
                msgspec.structs.replace(channel, swaps=(swap,))
                if channel.meter == meter
                else channel
                for channel in site.channels
            ]
            self.site = msgspec.structs.replace(site, channels=tuple(channels))
        if self.site is not site:
            yield Control(site=self.site)

    def _header(self, kind: Kind, wm: int) -> Header:
        return Header(SCHEMA, self.site.id, "j", len(self.frames) + 1, wm, "", kind)

    def _data(self, rows: Batch, wm: int) -> None:
        self.frames.append(data_frame(self._header(Kind.DATA, wm), rows))

    def _control(self, control: Control) -> None:
        header = self._header(Kind.CONTROL, 0)
        self.frames.append(control_frame(header, encode_control(control)))


def _part(rows: Batch, which: np.ndarray, events: tuple = ()) -> Batch:
    return replace(
        rows,
        ts=rows.ts[which],
        received=rows.received[which],
        tag=rows.tag[which],
        value=rows.value[which],
        quality=rows.quality[which],
        events=events,
    )
