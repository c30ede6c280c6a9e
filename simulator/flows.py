"""One day of the whole plant: lines draw, buses balance, converters
lose, sources give the rest. Flows in bus units per hour.

For every bus and step: what comes in = what metered edges take out
+ `rest`. Solved from the lines up to the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from plant.arrays import Floats
from plant.config import PlantFile, Source
from plant.names import ON_SITE
from plant.units import SECOND_NS
from simulator import battery, lines, sun
from simulator.config import BatterySim, BusSim, ConverterSim, EventSim, PvSim, SimConfig
from simulator.layout import Key, Layout, demand_first
from simulator.noise import DAY_NS, STEP_NS, STEP_S, STEPS, smooth, unit
from simulator.replay import FlowSeries
from simulator.states import LEAD, Codes, LineStates, Stay


@dataclass(frozen=True, slots=True)
class DayFlows:
    """All flows of one UTC day, (columns, steps), machine states by
    line, and what the storages hold at its end.
    """

    power: Floats
    codes: dict[str, Codes]
    held_kwh: dict[str, float]


class Happening(NamedTuple):
    """One turn of a scheduled event."""

    from_ns: int
    to_ns: int
    event: EventSim


class Model:
    """The plant's physics: `day(...)` is a pure function of its arguments and the seed."""

    def __init__(
        self,
        plant: PlantFile,
        sim: SimConfig,
        layout: Layout,
        seed: int,
        start_ns: int,
    ) -> None:
        self.plant = plant
        self.sim = sim
        self.layout = layout
        self.seed = seed
        self.start_ns = start_ns
        self.zone = ZoneInfo(plant.site.timezone)
        self.lines = {key: lines.build(plant, sim, key) for key in plant.lines}
        self.timelines = {}
        for key, model in self.lines.items():
            self.timelines[key] = LineStates(
                key,
                model.sim,
                self.zone,
                seed,
            )

        self.order = demand_first(plant)
        self.events: list[EventSim] = list(sim.events)
        self.replayed: dict[int, FlowSeries] = {}

    def happenings(
        self,
        kind: str,
        target: str,
        day: int,
    ) -> list[Happening]:
        """Scheduled events of a kind that touch a line, source or converter on a day."""
        from_ns = day * DAY_NS - LEAD * STEP_NS
        to_ns = (day + 1) * DAY_NS
        found = []
        for event in self.events:
            if event.kind != kind or target not in (event.line, event.source, event.converter):
                continue

            lasts_ns = round(event.lasts * SECOND_NS)
            for begun_ns in self._turns(event, day):
                if begun_ns < to_ns and begun_ns + lasts_ns > from_ns:
                    found.append(Happening(begun_ns, begun_ns + lasts_ns, event))

        return found

    def _turns(self, event: EventSim, day: int) -> list[int]:
        """When an event begins, around a day: once, or again and again."""
        first_ns = self.start_ns + round(event.at * SECOND_NS)
        if not event.every:
            return [first_ns]

        period_ns = round(event.every * SECOND_NS)
        lasts_ns = round(event.lasts * SECOND_NS)
        turn = max(0, (day * DAY_NS - lasts_ns - first_ns) // period_ns)
        in_a_day = DAY_NS // period_ns + 2
        return [first_ns + number * period_ns for number in range(turn, turn + in_a_day)]

    def mask(
        self,
        kind: str,
        target: str,
        day: int,
    ) -> Floats:
        """1 in the steps of a day in which such an event is on (cloud: its depth)."""
        mask = np.zeros(STEPS)
        for happening in self.happenings(kind, target, day):
            begin = _step_after(happening.from_ns, day)
            end = _step_after(happening.to_ns, day)
            mask[begin:end] = happening.event.depth if kind == "cloud" else 1.0

        return mask

    def local_minutes(self, day: int) -> Floats:
        """Local minute of the day for every step."""
        per_hour = STEPS // 24
        at_hour = []
        for hour in range(24):
            local = datetime.fromtimestamp(
                day * 86_400 + hour * 3600,
                self.zone,
            )
            at_hour.append(local.hour * 60 + local.minute)

        within_hour = np.arange(per_hour) * STEP_S / 60
        minutes = np.repeat(at_hour, per_hour) + np.tile(within_hour, 24)
        return np.asarray(minutes % 1440)

    def day(self, day: int, held_kwh: dict[str, float]) -> DayFlows:
        """Flows of UTC day number `day`; `held_kwh` is what the storages hold at its start."""
        power = np.zeros((len(self.layout.keys), STEPS))
        codes = self._run_lines(day, power)
        held = self._run_storages(day, power, held_kwh)
        self._run_sun(day, power)
        self._play_back(day, power)
        for bus in self.order:
            self._balance(bus, day, power)

        return DayFlows(power, codes, held)

    def _play_back(self, day: int, power: Floats) -> None:
        """Recorded series take the place of what the model made;
        before their beginning nothing flows.
        """
        times = day * DAY_NS + np.arange(STEPS) * STEP_NS
        for column, series in self.replayed.items():
            row = np.searchsorted(series.times, times, "right") - 1
            power[column] = np.where(row >= 0, series.flow[np.maximum(row, 0)], 0.0)

    def _run_lines(self, day: int, power: Floats) -> dict[str, Codes]:
        """Draws and pieces of all lines; returns their machine states."""
        index = self.layout.index
        codes = {}
        for key, model in self.lines.items():
            scheduled = self.happenings("idle", key, day)
            idle = tuple(Stay(each.from_ns, each.to_ns) for each in scheduled)
            states = self.timelines[key].codes(day, idle)
            for draw in model.draws:
                power[index["draw", key, draw.bus]] = model.flow(
                    draw,
                    states,
                    self.seed,
                    day,
                )

            good, scrap = model.made(states, self.seed, day)
            power[index["good", key, ""]] = good
            power[index["scrap", key, ""]] = scrap
            codes[key] = states[LEAD:]

        return codes

    def _run_storages(
        self,
        day: int,
        power: Floats,
        held_kwh: dict[str, float],
    ) -> dict[str, float]:
        """Power of all storages; returns what they hold at the end of the day."""
        held = {}
        minutes = self.local_minutes(day)
        for key, storage in self.plant.storages.items():
            config = self.sim.batteries.get(key) or BatterySim(power=storage.capacity / 4)
            held_before = held_kwh.get(key, config.start * storage.capacity)
            column = self.layout.index["store", key, storage.bus]
            power[column], held[key] = battery.run(
                storage,
                config,
                held_before,
                minutes,
            )

        return held

    def _run_sun(self, day: int, power: Floats) -> None:
        """What the sun makes on all roofs."""
        for key, source in self.plant.sources.items():
            if source.kind in ON_SITE:
                self._run_roof(
                    key,
                    source,
                    day,
                    power,
                )

    def _run_roof(
        self,
        key: str,
        source: Source,
        day: int,
        power: Floats,
    ) -> None:
        """The roof's inverters share what it makes; their connection meter sees a little less."""
        config = self.sim.pv.get(key) or PvSim(kwp=2 * lines.greatest(self.plant, source.meter))
        bright_kw = sun.roof_kw(
            config,
            self.seed,
            key,
            day,
            self.sim.latitude,
            self.sim.longitude,
        )
        made = bright_kw * (1 - self.mask("cloud", key, day))
        weights = {
            name: unit(
                self.seed,
                f"{key}.{name}",
                0.97,
                1.03,
            )
            for name in source.shape
        }
        total = sum(weights.values())
        for name, weight in weights.items():
            power[self.layout.index["shape", key, name]] = made * (weight / total)

        cable = 0.995 if source.shape else 1.0
        power[self.layout.index["source", key, source.into]] = made * cable

    def _balance(
        self,
        bus: str,
        day: int,
        power: Floats,
    ) -> None:
        """Fill in what nobody decided yet: unmetered use, then
        sources up to their limit, then converters.
        """
        index = self.layout.index
        taken = np.zeros(STEPS)
        given = np.zeros(STEPS)
        for key, column in index.items():
            if self._takes(key, bus):
                taken += power[column]

            if self._gives(key, bus):
                given += power[column]

        config = self.sim.buses.get(bus, BusSim())
        wander = np.clip(
            1
            + 0.1
            * smooth(
                self.seed,
                f"{bus}.rest",
                day,
                1800,
            ),
            0.4,
            1.6,
        )
        unseen = (config.unmetered * np.maximum(taken, 0) + config.constant) * wander
        power[index["rest", bus, bus]] = unseen
        self._supply(
            bus,
            taken + unseen - given,
            day,
            power,
        )

    def _takes(self, key: Key, bus: str) -> bool:
        """Whether an edge takes energy out of a bus."""
        kind, _, other = key
        if kind == "in" and other in self.plant.sources:
            return self.plant.sources[other].into == bus

        return kind in ("draw", "store", "in") and other == bus

    def _gives(self, key: Key, bus: str) -> bool:
        """Whether an edge brings energy into a bus that is known before the bus is balanced."""
        kind, owner, other = key
        if other != bus:
            return False

        if kind != "source":
            return kind == "out"

        recorded = self.layout.index[key] in self.replayed
        return recorded or self.plant.sources[owner].kind in ON_SITE

    def _supply(
        self,
        bus: str,
        need: Floats,
        day: int,
        power: Floats,
    ) -> None:
        """Bought sources in turn, each up to its limit; converters
        make what is left, or the last source gives it.
        """
        index = self.layout.index
        makers = [
            key for key, node in self.plant.converters.items() if next(iter(node.outputs)) == bus
        ]
        bought = self._bought(bus)
        for number, key in enumerate(bought):
            limit = self.sim.sources[key].up_to if key in self.sim.sources else None
            last = number == len(bought) - 1 and not makers
            part = need if last or limit is None else np.clip(need, 0, limit)
            power[index["source", key, bus]] = part
            need = need - part

        if makers:
            self._make(
                makers,
                bus,
                need,
                day,
                power,
            )

    def _bought(self, bus: str) -> list[str]:
        """Sources into a bus that give what is asked of them."""
        return [
            key
            for key, source in self.plant.sources.items()
            if source.into == bus
            and source.kind not in ON_SITE
            and self.layout.index["source", key, bus] not in self.replayed
        ]

    def _make(
        self,
        makers: list[str],
        bus: str,
        need: Floats,
        day: int,
        power: Floats,
    ) -> None:
        """Share the need among converters by weight; an
        unloaded one gives nothing and still takes.
        """
        unloaded = {key: self.mask("unloaded", key, day) for key in makers}
        weights = {}
        for key in makers:
            config = self.sim.converters.get(key, ConverterSim())
            weights[key] = config.weight * (1 - unloaded[key])

        total = np.maximum(sum(weights.values(), np.zeros(STEPS)), 1e-9)
        for key in makers:
            out = need * weights[key] / total
            if not self.plant.converters[key].two_way:
                out = np.maximum(out, 0)

            self._convert(
                key,
                bus,
                out,
                unloaded[key],
                power,
            )

    def _convert(
        self,
        key: str,
        bus: str,
        out: Floats,
        unloaded: Floats,
        power: Floats,
    ) -> None:
        """What a converter takes and gives when its first output is `out`."""
        node = self.plant.converters[key]
        index = self.layout.index
        taken = self._input(
            key,
            bus,
            out,
            unloaded,
        )
        power[index["out", key, bus]] = out
        main, *auxiliaries = [name for name in node.inputs if name != "ambient"]
        power[index["in", key, main]] = taken
        for name in auxiliaries:
            # pumps and fans run with the output
            power[index["in", key, name]] = 0.02 * np.abs(out)

        if "ambient" in node.inputs:
            power[index["in", key, "ambient"]] = np.maximum(out - taken, 0)

        others = [name for name in list(node.outputs)[1:] if name in self.plant.buses]
        for name in others:
            efficiency = node.outputs[name].efficiency or 1.0
            power[index["out", key, name]] = out * efficiency

    def _input(
        self,
        key: str,
        bus: str,
        out: Floats,
        unloaded: Floats,
    ) -> Floats:
        """Input for an output, by the law of `ConverterSim`.

        Backwards (a two-way transformer) it gives what is
        left; unloaded it takes and gives nothing.
        """
        config = self.sim.converters.get(key, ConverterSim())
        rated = config.rated or max(float(np.max(np.abs(out))), 1.0)
        per_unit = lines.specific(
            self.plant,
            self.sim,
            key,
            bus,
        )
        load_losses = out * out * config.quadratic / rated
        forward = config.no_load + out * per_unit + load_losses
        backward = config.no_load + out / per_unit
        idling = unloaded * config.unloaded * rated * per_unit
        return np.where(out < 0, backward, forward) + idling


def _step_after(at_ns: int, day: int) -> int:
    """First step of a day that begins at or after a time."""
    return max(0, -((day * DAY_NS - at_ns) // STEP_NS))
