"""What state a line is in, and which order it works on: shifts,
warm-up, change-overs, short stops, and scheduled idling.

Everything is laid out per local day, so that a state is a
function of (seed, time) and any day can be made alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from plant.names import State
from plant.units import SECOND_NS
from simulator.archetypes import STATES
from simulator.config import LineSim
from simulator.noise import DAY_NS, STEP_NS, STEPS, rng, unit

Codes = npt.NDArray[np.int8]


class Piece(NamedTuple):
    """A span of time in one state."""

    from_ns: int
    to_ns: int
    state: State


class Order(NamedTuple):
    """An order and when it was begun."""

    from_ns: int
    id: str


class Span(NamedTuple):
    """From a time to a time, in ns."""

    from_ns: int
    to_ns: int


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

    def codes(self, day: int, idle: tuple[Span, ...] = ()) -> Codes:
        """State codes of UTC day `day` on the ten-second grid.

        LEAD steps of the day before stand in front, for media that answer slowly.
        """
        first_ns = day * DAY_NS - LEAD * STEP_NS
        codes = np.full(LEAD + STEPS, CODE[State.STANDBY], np.int8)
        for piece in self._pieces(first_ns, (day + 1) * DAY_NS):
            begin = _step(piece.from_ns, first_ns)
            end = _step(piece.to_ns, first_ns)
            codes[begin:end] = CODE[piece.state]

        for span in idle:
            # a step counts as idle once the whole of it is
            begin = _step(span.from_ns + STEP_NS - 1, first_ns)
            end = _step(span.to_ns + STEP_NS - 1, first_ns)
            steps = codes[begin:end]
            steps[steps == CODE[State.RUN]] = CODE[State.IDLE]

        return codes

    def orders(self, start_ns: int, end_ns: int) -> list[Order]:
        """Orders begun between two times, and the one before."""
        found: list[Order] = []
        for local in self._days(start_ns - DAY_NS, end_ns):
            found += _orders(self, local)

        before = [order for order in found if order.from_ns <= start_ns]
        begun = [order for order in found if start_ns < order.from_ns < end_ns]
        return [*before[-1:], *begun]

    def _pieces(self, start_ns: int, end_ns: int) -> Iterator[Piece]:
        for local in self._days(start_ns, end_ns):
            yield from _layout(self, local)

    def _days(self, start_ns: int, end_ns: int) -> Iterator[date]:
        local = datetime.fromtimestamp(start_ns // SECOND_NS, self.zone).date()
        last = datetime.fromtimestamp(end_ns // SECOND_NS, self.zone).date()
        while local <= last:
            yield local
            local += timedelta(days=1)

    def for_seconds(
        self,
        from_ns: int,
        lasts_s: float,
        state: State,
    ) -> Piece:
        """A state that begins at a time and lasts for whole seconds."""
        return Piece(from_ns, from_ns + round(lasts_s) * SECOND_NS, state)

    def at(self, local: date, hours: float) -> int:
        """UTC ns of `hours` after local midnight."""
        midnight = datetime(
            local.year,
            local.month,
            local.day,
            tzinfo=self.zone,
        )
        return round(midnight.timestamp()) * SECOND_NS + round(hours * 3600) * SECOND_NS


def _step(ns: int, first: int) -> int:
    return max(0, (ns - first) // STEP_NS)


@lru_cache(maxsize=4096)
def _layout(timeline: Timeline, local: date) -> tuple[Piece, ...]:
    """One local day: shift, warm-up, change-overs, short
    stops, in the order in which they are painted.
    """
    sim = timeline.sim
    if local.weekday() >= 5 and not sim.weekend:
        return (
            Piece(
                timeline.at(local, 0),
                timeline.at(local, 24),
                State.OFF,
            ),
        )

    begin_h, end_h = SHIFT[sim.pattern]
    begin_ns = timeline.at(local, begin_h)
    pieces = [Piece(begin_ns, timeline.at(local, end_h), State.RUN)]
    if begin_h > 0:
        warm_from_ns = begin_ns - round(sim.warmup) * SECOND_NS
        pieces.append(Piece(warm_from_ns, begin_ns, State.WARMUP))

    pieces += _changes(timeline, local)
    pieces += _stops(
        timeline,
        local,
        begin_h,
        end_h,
    )
    return tuple(pieces)


def _changes(timeline: Timeline, local: date) -> list[Piece]:
    """Change-overs of a local day."""
    change = timeline.sim.changeover
    if change is None:
        return []

    begin_h, end_h = SHIFT[timeline.sim.pattern]
    every_h = change.every / 3600
    first_h = begin_h + every_h * unit(
        timeline.seed,
        f"{timeline.line}.changeover",
        0.15,
        0.95,
    )
    last_h = end_h - change.lasts / 3600
    found = []
    for hour in np.arange(first_h, last_h, every_h).tolist():
        begun = timeline.at(local, hour)
        found.append(timeline.for_seconds(begun, change.lasts, State.CHANGEOVER))

    return found


def _stops(
    timeline: Timeline,
    local: date,
    begin_h: float,
    end_h: float,
) -> Iterator[Piece]:
    """Short stops: two thirds faults, one third waiting, together 1 - availability of the shift."""
    generator = rng(
        timeline.seed,
        f"{timeline.line}.stops",
        local.toordinal(),
    )
    lost_h = (1 - timeline.sim.availability) * (end_h - begin_h)
    while lost_h > 0.02:
        lasts_h = min(lost_h, float(generator.uniform(0.05, 0.3)))
        hour = float(generator.uniform(begin_h, end_h - lasts_h))
        state = State.FAULT if generator.uniform() < 0.67 else State.IDLE
        yield Piece(
            timeline.at(local, hour),
            timeline.at(local, hour + lasts_h),
            state,
        )
        lost_h -= lasts_h


@lru_cache(maxsize=4096)
def _orders(timeline: Timeline, local: date) -> tuple[Order, ...]:
    """Orders of a local day: one at the start of the shift, one after each change-over."""
    shift_h = SHIFT[timeline.sim.pattern][0]
    begins = [timeline.at(local, shift_h)]
    begins += [change.to_ns for change in _changes(timeline, local)]
    prefix = _initials(timeline.line)
    return tuple(
        Order(begun, f"{prefix}-{local:%y%m%d}-{number:02d}")
        for number, begun in enumerate(begins, 1)
    )


def _initials(line: str) -> str:
    """`smt_12` -> S112, `cells_steam` -> CS: first letters, and
    the number at the end where there is one.
    """
    parts = line.split("_")
    letters = "".join(part[0] for part in parts).upper()
    return letters + (parts[-1] if line[-1].isdigit() else "")
