"""What state a line is in, and which order it works on: shifts, warm-up, change-overs, short stops, and scheduled
idling.

Everything is laid out per local day, so that a state is a function of (seed, time) and any day can be made alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from plant.names import State
from plant.units import SECOND_NS
from simulator.archetypes import STATES
from simulator.config import LineSim
from simulator.noise import DAY_NS, STEP_NS, STEPS, rng, unit

Codes = npt.NDArray[np.int8]
Piece = tuple[int, int, State]  # from ns, to ns, state

CODE: Final = {state: index for index, state in enumerate(STATES)}
SHIFT: Final = {"continuous": (0.0, 24.0), "two_shift": (6.0, 22.0), "one_shift": (8.0, 17.0)}
LEAD: Final = 360  # steps of the day before, for slow responses


@dataclass(frozen=True, eq=False)
class Timeline:
    """States and orders of one line. `idle` are scheduled idle spans (from ns, to ns)."""

    line: str
    sim: LineSim
    zone: ZoneInfo
    seed: int

    def codes(self, day: int, idle: tuple[tuple[int, int], ...] = ()) -> Codes:
        """State codes of UTC day `day` on the ten-second grid, with LEAD steps of the day before in front."""
        first = day * DAY_NS - LEAD * STEP_NS
        codes = np.full(LEAD + STEPS, CODE[State.STANDBY], np.int8)
        for start, end, state in self._pieces(first, (day + 1) * DAY_NS):
            codes[_step(start, first) : _step(end, first)] = CODE[state]
        for start, end in idle:
            span = codes[_step(start + STEP_NS - 1, first) : _step(end + STEP_NS - 1, first)]
            span[span == CODE[State.RUN]] = CODE[State.IDLE]
        return codes

    def orders(self, start_ns: int, end_ns: int) -> list[tuple[int, str]]:
        """(from ns, order id) of the orders begun between two times, and the one before."""
        found = [
            order
            for local in self._days(start_ns - DAY_NS, end_ns)
            for order in _orders(self, local)
        ]
        before = [order for order in found if order[0] <= start_ns]
        return before[-1:] + [order for order in found if start_ns < order[0] < end_ns]

    def _pieces(self, start_ns: int, end_ns: int) -> Iterator[Piece]:
        for local in self._days(start_ns, end_ns):
            yield from _layout(self, local)

    def _days(self, start_ns: int, end_ns: int) -> Iterator[date]:
        local = datetime.fromtimestamp(start_ns // SECOND_NS, self.zone).date()
        last = datetime.fromtimestamp(end_ns // SECOND_NS, self.zone).date()
        while local <= last:
            yield local
            local += timedelta(days=1)

    def at(self, local: date, hours: float) -> int:
        """UTC ns of `hours` after local midnight."""
        midnight = datetime(local.year, local.month, local.day, tzinfo=self.zone)
        return round(midnight.timestamp()) * SECOND_NS + round(hours * 3600) * SECOND_NS


def _step(ns: int, first: int) -> int:
    return max(0, (ns - first) // STEP_NS)


@lru_cache(maxsize=4096)
def _layout(timeline: Timeline, local: date) -> tuple[Piece, ...]:
    """One local day: shift, warm-up, change-overs, short stops, in the order in which they are painted."""
    sim = timeline.sim
    if local.weekday() >= 5 and not sim.weekend:
        return ((timeline.at(local, 0), timeline.at(local, 24), State.OFF),)
    begin, end = SHIFT[sim.pattern]
    pieces: list[Piece] = [(timeline.at(local, begin), timeline.at(local, end), State.RUN)]
    if begin > 0:
        pieces.append(
            (
                timeline.at(local, begin) - round(sim.warmup) * SECOND_NS,
                timeline.at(local, begin),
                State.WARMUP,
            )
        )
    pieces += [
        (at, at + round(lasts) * SECOND_NS, State.CHANGEOVER)
        for at, lasts in _changes(timeline, local)
    ]
    return (*pieces, *_stops(timeline, local, begin, end))


def _changes(timeline: Timeline, local: date) -> list[tuple[int, float]]:
    change = timeline.sim.changeover
    if change is None:
        return []
    begin, end = SHIFT[timeline.sim.pattern]
    every_h = change.every / 3600
    first = begin + every_h * unit(timeline.seed, f"{timeline.line}.changeover", 0.15, 0.95)
    return [
        (timeline.at(local, hour), change.lasts)
        for hour in np.arange(first, end - change.lasts / 3600, every_h).tolist()
    ]


def _stops(timeline: Timeline, local: date, begin: float, end: float) -> Iterator[Piece]:
    """Short stops: two thirds faults, one third waiting, together 1 - availability of the shift."""
    generator = rng(timeline.seed, f"{timeline.line}.stops", local.toordinal())
    lost_h = (1 - timeline.sim.availability) * (end - begin)
    while lost_h > 0.02:
        lasts = min(lost_h, float(generator.uniform(0.05, 0.3)))
        hour = float(generator.uniform(begin, end - lasts))
        state = State.FAULT if generator.uniform() < 0.67 else State.IDLE
        yield timeline.at(local, hour), timeline.at(local, hour + lasts), state
        lost_h -= lasts


@lru_cache(maxsize=4096)
def _orders(timeline: Timeline, local: date) -> tuple[tuple[int, str], ...]:
    prefix = "".join(part[0] for part in timeline.line.split("_")).upper() + (
        timeline.line.split("_")[-1] if timeline.line[-1].isdigit() else ""
    )
    starts = [timeline.at(local, SHIFT[timeline.sim.pattern][0])] + [
        at + round(lasts) * SECOND_NS for at, lasts in _changes(timeline, local)
    ]
    return tuple(
        (at, f"{prefix}-{local:%y%m%d}-{number:02d}") for number, at in enumerate(starts, 1)
    )
