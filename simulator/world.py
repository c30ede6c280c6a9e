"""The truth behind a simulated plant: every flow and energy at every time, as a function of (seed, time).

Flows are constant over ten seconds, so energies are linear in between and exact. Days are made one after the other
from the first, because storages and totals carry over; a day that was dropped from memory is made again from what was
kept of its start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plant.config import PlantFile
from plant.frame import Batch
from plant.ports import Tags
from plant.profile import Profile
from plant.quantity import CUMULATIVE
from plant.units import SECOND_NS
from simulator import flows, history, meters, registers, replay, truth
from simulator.archetypes import STATES
from simulator.config import EventSim, SimConfig
from simulator.layout import lay_out
from simulator.noise import DAY_NS, STEP_NS, STEP_S, STEPS, Floats

KEPT_DAYS: Final = 4


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: mean flow per step, and forward and reverse energy since the world began at every step's start."""

    start_ns: int
    power: Floats
    forward: Floats
    reverse: Floats
    codes: dict[str, npt.NDArray[np.int8]]


@dataclass(frozen=True, slots=True)
class _Carry:
    forward: Floats
    reverse: Floats
    held_kwh: dict[str, float]


class World:
    """True flows and energies, and what meters make of them.

    Event time in ns UTC; energies in the unit of the edge's bus.
    """

    def __init__(
        self,
        plant: PlantFile,
        sim: SimConfig,
        catalogue: Mapping[str, Profile],
        epoch_ns: int,
        seed: int | None = None,
        *,
        start_ns: int | None = None,
    ) -> None:
        self.plant = plant
        self.sim = sim
        self.epoch_ns = epoch_ns
        self.seed = sim.seed if seed is None else seed
        self.start_ns = epoch_ns if start_ns is None else start_ns
        self.layout = lay_out(plant)
        self.model = flows.Model(plant, sim, self.layout, self.seed, self.start_ns)
        self._first = epoch_ns // DAY_NS
        zero = np.zeros(len(self.layout.keys))
        self._carries: dict[int, _Carry] = {self._first: _Carry(zero, zero, {})}
        self._days: dict[int, Day] = {}
        factors = self._power_factors()
        self.meters = {
            key: meters.build(
                plant,
                sim,
                self.seed,
                key,
                seat,
                catalogue.get(plant.meters[key].profile or ""),
                factors.get(seat.column, 0.97),
            )
            for key, seat in self.layout.seats.items()
        }
        self.model.replayed = replay.load(self)
        for event in sim.events:
            if event.kind == "wrap" and event.meter in self.meters:
                self._set_to_wrap(self.meters[event.meter], event)

    def _power_factors(self) -> dict[int, float]:
        return {
            self.layout.index["draw", key, draw.bus]: line.power_factor
            for key, line in self.model.lines.items()
            for draw in line.draws
        }

    def _set_to_wrap(self, model: meters.Model, event: EventSim) -> None:
        """Choose the starting total so that the counter is full at the event."""
        row = next((r for r in meters.basic_rows(model) if r.quantity in CUMULATIVE), None)
        around = registers.modulus(row, model.sf(row)) if row else None
        if row is None or around is None:
            return
        at = self.start_ns + round(event.at * SECOND_NS)
        seen = self.look(model.id, at)
        per_row = float(model.row(row, meters.Look(1.0, 1.0, 0.0, 0.0)))
        here = float(seen.given if model.outward else seen.taken) - model.start[0]
        model.start = (around / per_row - here, model.start[1])

    @property
    def first_ns(self) -> int:
        """Earliest time that the world knows: the start of the UTC day of its epoch."""
        return self._first * DAY_NS

    # days

    def day(self, number: int) -> Day:
        """UTC day `number`; earlier days than the first are refused."""
        if number in self._days:
            return self._days[number]
        if number < self._first:
            raise ValueError(f"the world begins on UTC day {self._first}, day {number} was asked")
        for missing in range(max(n for n in self._carries if n <= number), number + 1):
            self._make(missing)
        return self._days[number]

    def _make(self, number: int) -> None:
        carry = self._carries[number]
        made = self.model.day(number, carry.held_kwh)
        hours = STEP_S / 3600
        forward = _totals(carry.forward, np.maximum(made.power, 0), hours)
        reverse = _totals(carry.reverse, np.maximum(-made.power, 0), hours)
        self._days[number] = Day(number * DAY_NS, made.power, forward, reverse, made.codes)
        self._carries[number + 1] = _Carry(
            forward[:, -1].copy(), reverse[:, -1].copy(), made.held_kwh
        )
        while len(self._days) > KEPT_DAYS:
            del self._days[next(iter(self._days))]

    def prepare(self, t_ns: int) -> None:
        """Make the day of `t_ns` now, so that nobody waits for it later."""
        self.day(max(t_ns // DAY_NS, self._first))

    def happen(self, event: EventSim) -> None:
        """Add a physical event that begins in the future of all that was shown; days it touches are made again."""
        self.model.events.append(event)
        touched = (self.start_ns + round(event.at * SECOND_NS)) // DAY_NS
        self._days = {n: d for n, d in self._days.items() if n < touched}
        self._carries = {n: c for n, c in self._carries.items() if n <= touched}

    # looking

    def _at(self, t_ns: int) -> tuple[Day, int, float]:
        """Day, step in it and hours into that step."""
        t_ns = max(t_ns, self._first * DAY_NS)
        day = self.day(t_ns // DAY_NS)
        step, rest = divmod(t_ns - day.start_ns, STEP_NS)
        return day, step, rest / (3600 * SECOND_NS)

    def flow(self, column: int, t_ns: int) -> float:
        """True flow of a column in bus units per hour."""
        day, step, _ = self._at(t_ns)
        return float(day.power[column, step])

    def energies(self, column: int, t_ns: int) -> tuple[float, float]:
        """True forward and reverse energy of a column since the world began, in bus units."""
        day, step, hours = self._at(t_ns)
        flow = day.power[column, step]
        return float(day.forward[column, step] + max(flow, 0) * hours), float(
            day.reverse[column, step] + max(-flow, 0) * hours
        )

    def all_energies(self, t_ns: int) -> tuple[Floats, Floats]:
        """Forward and reverse energies of all columns, in the order of `layout.keys`."""
        day, step, hours = self._at(t_ns)
        flow = day.power[:, step]
        return day.forward[:, step] + np.maximum(flow, 0) * hours, day.reverse[
            :, step
        ] + np.maximum(-flow, 0) * hours

    def power_kw(self, meter: str, t_ns: int) -> float:
        """True flow past a meter in the unit of its bus per hour: kW, Nm3/h, m3/h."""
        seat = self.layout.seats[meter]
        return self.flow(seat.column, t_ns) * seat.share

    def look(self, meter: str, t_ns: int) -> meters.Look:
        """What a meter sees at a time."""
        model = self.meters[meter]
        column = model.seat.column
        day, step, hours = self._at(t_ns)
        flow = float(day.power[column, step])
        forward = day.forward[column, step] + max(flow, 0.0) * hours
        reverse = day.reverse[column, step] + max(-flow, 0.0) * hours
        return model.look(float(forward), float(reverse), flow, t_ns / SECOND_NS)

    def registered(self, meter: str, t_ns: int) -> tuple[float, float]:
        """Import and export as registered, continuous, before registers cut them, in the unit of the bus."""
        seen = self.look(meter, t_ns)
        return float(seen.taken), float(seen.given)

    def values(self, meter: str, t_ns: int) -> dict[str, float]:
        """Every row of a Modbus meter's map in its own unit, before registers cut it; for the others see `readings`."""
        model = self.meters[meter]
        seen = self.look(meter, t_ns)
        rows = meters.preferred(model.profile) if model.profile else {}
        return {name: float(model.row(row, seen)) for name, row in rows.items()}

    def readings(self, meter: str, t_ns: int) -> dict[str, float]:
        """What a driver brings from this meter, by tag name, in canonical units, as its registers show it."""
        seen = self.look(meter, t_ns)
        return {name: float(made(seen)) for name, made in history.channels(self, meter)}

    def signal(self, line: str, word: str, t_ns: int) -> float | str:
        """`good` and `scrap` counts, `state` name or `order` id of a line."""
        if word == "order":
            return self.model.timelines[line].orders(t_ns, t_ns + 1)[-1][1]
        if word == "state":
            day, step, _ = self._at(t_ns)
            return str(STATES[int(day.codes[line][step])])
        return float(np.floor(self.energies(self.layout.index[word, line, ""], t_ns)[0]))

    def history(self, start_ns: int, end_ns: int, step_s: float, tags: Tags) -> Iterator[Batch]:
        """One batch per step of [start, end): what drivers would have brought, with states, orders and counts."""
        return history.batches(self, start_ns, end_ns, step_s, tags)

    def truth(self, t0_ns: int, t1_ns: int) -> dict[str, Any]:
        """True energy between two times per line and bus, source, converter, store and bus, in bus units."""
        return truth.between(self, t0_ns, t1_ns)


def _totals(start: Floats, flow: Floats, hours: float) -> Floats:
    totals = np.empty((len(flow), STEPS + 1))
    totals[:, 0] = start
    np.cumsum(flow, axis=1, out=totals[:, 1:])
    totals[:, 1:] *= hours
    totals[:, 1:] += start[:, None]
    return totals
