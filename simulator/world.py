"""The truth behind a simulated plant: every flow and energy
at every time, as a function of (seed, time).

Flows are constant over ten seconds, so energies are linear in between and exact. Days are made one
after the other from the first, because storages and totals carry over; a day that was dropped from
memory is made again from what was kept of its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats
from plant.config import PlantFile
from plant.profile import Profile
from plant.quantity import CUMULATIVE
from plant.units import SECOND_NS
from simulator import flows, meters, registers, replay
from simulator.archetypes import STATES
from simulator.channels import channels
from simulator.config import EventSim, SimConfig
from simulator.layout import lay_out
from simulator.noise import DAY_NS, STEP_NS, STEP_S, STEPS
from simulator.surroundings import Look, Numbers

KEPT_DAYS: Final = 4
HOUR_NS: Final = 3600 * SECOND_NS
DEFAULT_POWER_FACTOR: Final = 0.97


@dataclass(frozen=True, slots=True)
class Passed:
    """What passes an edge at a time.

    Energies since the world began in bus units, flow in bus units per hour.
    """

    forward: Numbers
    reverse: Numbers
    flow: Numbers


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: mean flow per step, and energies since the world began at every step's start.

    `power`, `forward` and `reverse` are [columns, steps]; `codes` has the machine states by line.
    """

    start_ns: int
    power: Floats
    forward: Floats
    reverse: Floats
    codes: dict[str, npt.NDArray[np.int8]]

    def passed(self, at: tuple[Numbers, Numbers], hours: Numbers) -> Passed:
        """What passes at (columns, steps), `hours` into the step: within it flow is constant."""
        flow = self.power[at]
        came = np.maximum(flow, 0.0) * hours
        went = np.maximum(-flow, 0.0) * hours
        return Passed(
            forward=self.forward[at] + came,
            reverse=self.reverse[at] + went,
            flow=flow,
        )


@dataclass(frozen=True, slots=True)
class _Carry:
    """What a day takes over from the one before."""

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
        self.model = flows.Model(
            plant,
            sim,
            self.layout,
            self.seed,
            self.start_ns,
        )
        self._first = epoch_ns // DAY_NS
        zero = np.zeros(len(self.layout.keys))
        self._carries: dict[int, _Carry] = {self._first: _Carry(zero, zero, {})}
        self._days: dict[int, Day] = {}
        self.meters = self._build_meters(catalogue)
        self.model.replayed = replay.load(sim, self.layout)
        for event in sim.events:
            if event.kind == "wrap" and event.meter in self.meters:
                self._set_to_wrap(self.meters[event.meter], event)

    def _build_meters(self, catalogue: Mapping[str, Profile]) -> dict[str, meters.Model]:
        """The meters of the plant on their columns."""
        power_factors = self._power_factors()
        found = {}
        for key, seat in self.layout.seats.items():
            profile = self.plant.meters[key].register_map
            found[key] = meters.build(
                self.plant,
                self.sim,
                self.seed,
                key,
                seat=seat,
                profile=catalogue.get(profile),
                power_factor=power_factors.get(seat.column, DEFAULT_POWER_FACTOR),
            )

        return found

    def _power_factors(self) -> dict[int, float]:
        """Power factor by column, of the edges that are draws of lines."""
        found = {}
        for key, line in self.model.lines.items():
            for draw in line.draws:
                found[self.layout.index["draw", key, draw.bus]] = line.power_factor

        return found

    def _set_to_wrap(self, model: meters.Model, event: EventSim) -> None:
        """Choose the starting total so that the counter is full at the event."""
        counters = [row for row in meters.basic_rows(model) if row.quantity in CUMULATIVE]
        if not counters:
            return

        row = counters[0]
        full = registers.modulus(row, model.exponent(row))
        if full is None:
            return

        seen = self.look(
            model.id,
            self.start_ns + round(event.at * SECOND_NS),
        )
        counted = float(seen.given if model.outward else seen.taken) - model.start[0]
        of_one_unit = Look(
            taken=1.0,
            given=1.0,
            flow=0.0,
            seconds=0.0,
        )
        per_unit = float(model.row(row, of_one_unit))
        model.start = (full / per_unit - counted, model.start[1])

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

        newest_kept = max(day for day in self._carries if day <= number)
        for missing in range(newest_kept, number + 1):
            self._make(missing)

        return self._days[number]

    def _make(self, number: int) -> None:
        """Make a day from what the one before left, and keep what it leaves itself."""
        carry = self._carries[number]
        made = self.model.day(number, carry.held_kwh)
        day = Day(
            start_ns=number * DAY_NS,
            power=made.power,
            forward=_totals(carry.forward, np.maximum(made.power, 0)),
            reverse=_totals(carry.reverse, np.maximum(-made.power, 0)),
            codes=made.codes,
        )
        self._days[number] = day
        self._carries[number + 1] = _Carry(
            forward=day.forward[:, -1].copy(),
            reverse=day.reverse[:, -1].copy(),
            held_kwh=made.held_kwh,
        )
        while len(self._days) > KEPT_DAYS:
            oldest = next(iter(self._days))
            del self._days[oldest]

    def prepare(self, t_ns: int) -> None:
        """Make the day of `t_ns` now, so that nobody waits for it later."""
        self.day(max(t_ns // DAY_NS, self._first))

    def happen(self, event: EventSim) -> None:
        """Add a physical event that begins in the future of all that
        was shown; days it touches are made again.
        """
        self.model.events.append(event)
        touched = (self.start_ns + round(event.at * SECOND_NS)) // DAY_NS
        for day in [number for number in self._days if number >= touched]:
            del self._days[day]

        for day in [number for number in self._carries if number > touched]:
            del self._carries[day]

    # looking

    def _at(self, t_ns: int) -> tuple[Day, int, float]:
        """Day, step in it and hours into that step."""
        known_ns = max(t_ns, self._first * DAY_NS)
        day = self.day(known_ns // DAY_NS)
        into_the_day = known_ns - day.start_ns
        step, rest = divmod(into_the_day, STEP_NS)
        hours = rest / HOUR_NS
        return day, step, hours

    def flow(self, column: int, t_ns: int) -> float:
        """True flow of a column in bus units per hour."""
        day, step, _ = self._at(t_ns)
        return float(day.power[column, step])

    def passed(self, column: int, t_ns: int) -> Passed:
        """What passes the edge of a column at a time."""
        day, step, hours = self._at(t_ns)
        return day.passed((column, step), hours)

    def passed_over(self, column: int, times: npt.NDArray[np.int64]) -> Passed:
        """What passes the edge of a column at times of one UTC day."""
        day = self.day(int(times[0]) // DAY_NS)
        into_the_day = times - day.start_ns
        steps, rest = np.divmod(into_the_day, STEP_NS)
        hours = rest / HOUR_NS
        return day.passed((column, steps), hours)

    def energies(self, t_ns: int) -> Passed:
        """What passes all edges at a time, in the order of `layout.keys`."""
        day, step, hours = self._at(t_ns)
        return day.passed((slice(None), step), hours)

    def power_kw(self, meter: str, t_ns: int) -> float:
        """True flow past a meter in the unit of its bus per hour: kW, Nm3/h, m3/h."""
        seat = self.layout.seats[meter]
        return self.flow(seat.column, t_ns) * seat.share

    def look(self, meter: str, t_ns: int) -> Look:
        """What a meter sees at a time."""
        model = self.meters[meter]
        seen = self.passed(model.seat.column, t_ns)
        return model.look(
            seen.forward,
            seen.reverse,
            seen.flow,
            t_ns / SECOND_NS,
        )

    def looks(self, meter: str, times: npt.NDArray[np.int64]) -> Look:
        """What a meter sees at times of one UTC day."""
        model = self.meters[meter]
        seen = self.passed_over(model.seat.column, times)
        return model.look(
            seen.forward,
            seen.reverse,
            seen.flow,
            times / SECOND_NS,
        )

    def registered(self, meter: str, t_ns: int) -> tuple[float, float]:
        """Import and export as registered, continuous, before
        registers cut them, in the unit of the bus.
        """
        seen = self.look(meter, t_ns)
        return float(seen.taken), float(seen.given)

    def values(self, meter: str, t_ns: int) -> dict[str, float]:
        """Every row of a Modbus meter's map in its own unit, before
        registers cut it; for the others see `readings`.
        """
        model = self.meters[meter]
        if model.profile is None:
            return {}

        seen = self.look(meter, t_ns)
        rows = meters.preferred(model.profile)
        return {name: float(model.row(row, seen)) for name, row in rows.items()}

    def readings(self, meter: str, t_ns: int) -> dict[str, float]:
        """What a driver brings from this meter, by tag name, in
        canonical units, as its registers show it.
        """
        seen = self.look(meter, t_ns)
        brought = channels(self.plant, self.meters[meter])
        return {channel.name: float(channel.made(seen)) for channel in brought}

    def signal(
        self,
        line: str,
        word: str,
        t_ns: int,
    ) -> float | str:
        """`good` and `scrap` counts, `state` name or `order` id of a line."""
        if word == "order":
            orders = self.model.timelines[line].orders(t_ns, t_ns + 1)
            return orders[-1][1]

        if word == "state":
            day, step, _ = self._at(t_ns)
            return str(STATES[int(day.codes[line][step])])

        pieces = self.passed(self.layout.index[word, line, ""], t_ns)
        return float(np.floor(pieces.forward))


def _totals(start: Floats, flow: Floats) -> Floats:
    """Energies at the start of each step of a day, and at its end [columns, steps + 1]."""
    totals = np.empty((len(flow), STEPS + 1))
    totals[:, 0] = start
    np.cumsum(
        flow,
        axis=1,
        out=totals[:, 1:],
    )
    totals[:, 1:] *= STEP_S / 3600
    totals[:, 1:] += start[:, None]
    return totals
