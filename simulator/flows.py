"""One day of the whole plant: lines draw, buses balance, converters lose, sources give the rest. Flows in bus units
per hour.

For every bus and step: what comes in = what metered edges take out + `rest`. Solved from the lines up to the
sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from plant.config import PlantFile
from plant.names import ON_SITE
from plant.units import SECOND_NS
from simulator import battery, lines, sun
from simulator.config import BatterySim, BusSim, ConverterSim, EventSim, PvSim, SimConfig
from simulator.layout import Key, Layout, demand_first
from simulator.noise import DAY_NS, STEP_NS, STEPS, Floats, smooth, unit
from simulator.states import LEAD, Codes, Timeline


@dataclass(frozen=True, slots=True)
class DayFlows:
    """All flows of one UTC day, (columns, steps), machine states by line, and what the storages hold at its end."""

    power: Floats
    codes: dict[str, Codes]
    held_kwh: dict[str, float]


class Model:
    """The plant's physics: `day(...)` is a pure function of its arguments and the seed."""

    def __init__(
        self, plant: PlantFile, sim: SimConfig, layout: Layout, seed: int, start_ns: int
    ) -> None:
        self.plant = plant
        self.sim = sim
        self.layout = layout
        self.seed = seed
        self.start_ns = start_ns
        self.zone = ZoneInfo(plant.site.timezone)
        self.lines = {key: lines.build(plant, sim, key) for key in plant.lines}
        self.timelines = {
            key: Timeline(key, model.sim, self.zone, seed) for key, model in self.lines.items()
        }
        self.order = demand_first(plant)
        self.events: list[EventSim] = list(sim.events)
        self.replayed: dict[int, tuple[Floats, Floats]] = {}

    def spans(self, kind: str, target: str, day: int) -> list[tuple[int, int, EventSim]]:
        """Scheduled events of a kind that touch a line, source or converter on a day, as (from ns, to ns, event)."""
        found = []
        for event in self.events:
            if event.kind != kind or target not in (event.line, event.source, event.converter):
                continue
            first = self.start_ns + round(event.at * SECOND_NS)
            lasts = round(event.lasts * SECOND_NS)
            turns = [first]
            if event.every:
                period = round(event.every * SECOND_NS)
                turn = max(0, (day * DAY_NS - lasts - first) // period)
                turns = [first + n * period for n in range(turn, turn + DAY_NS // period + 2)]
            found += [
                (at, at + lasts, event)
                for at in turns
                if at < (day + 1) * DAY_NS and at + lasts > day * DAY_NS - LEAD * STEP_NS
            ]
        return found

    def mask(self, kind: str, target: str, day: int) -> Floats:
        """1 in the steps of a day in which such an event is on (cloud: its depth)."""
        mask = np.zeros(STEPS)
        for start, end, event in self.spans(kind, target, day):
            a, b = (max(0, -((day * DAY_NS - x) // STEP_NS)) for x in (start, end))
            mask[a:b] = event.depth if kind == "cloud" else 1.0
        return mask

    def local_minutes(self, day: int) -> Floats:
        """Local minute of the day for every step."""
        hours = [datetime.fromtimestamp(day * 86_400 + h * 3600, self.zone) for h in range(24)]
        first = np.repeat([h.hour * 60 + h.minute for h in hours], STEPS // 24)
        return np.asarray((first + np.tile(np.arange(STEPS // 24) / 6, 24)) % 1440)

    def day(self, day: int, held_kwh: dict[str, float]) -> DayFlows:
        """Flows of UTC day number `day`; `held_kwh` is what the storages hold at its start."""
        power = np.zeros((len(self.layout.keys), STEPS))
        codes = self._run_lines(day, power)
        held = self._run_stores(day, power, held_kwh)
        self._run_sun(day, power)
        for column, (times, flow) in self.replayed.items():
            at = np.searchsorted(times, day * DAY_NS + np.arange(STEPS) * STEP_NS, "right") - 1
            power[column] = np.where(at >= 0, flow[np.maximum(at, 0)], 0.0)
        for bus in self.order:
            self._balance(bus, day, power)
        return DayFlows(power, codes, held)

    def _run_lines(self, day: int, power: Floats) -> dict[str, Codes]:
        index = self.layout.index
        codes = {}
        for key, model in self.lines.items():
            idle = tuple((start, end) for start, end, _ in self.spans("idle", key, day))
            states = self.timelines[key].codes(day, idle)
            for draw in model.draws:
                power[index["draw", key, draw.bus]] = model.flow(draw, states, self.seed, day)
            power[index["good", key, ""]], power[index["scrap", key, ""]] = model.made(
                states, self.seed, day
            )
            codes[key] = states[LEAD:]
        return codes

    def _run_stores(self, day: int, power: Floats, held_kwh: dict[str, float]) -> dict[str, float]:
        held = {}
        minutes = self.local_minutes(day)
        for key, store in self.plant.storages.items():
            config = self.sim.batteries.get(key) or BatterySim(power=store.capacity / 4)
            at = self.layout.index["store", key, store.bus]
            power[at], held[key] = battery.run(
                store, config, held_kwh.get(key, config.start * store.capacity), minutes
            )
        return held

    def _run_sun(self, day: int, power: Floats) -> None:
        for key, source in self.plant.sources.items():
            if source.kind not in ON_SITE:
                continue
            config = self.sim.pv.get(key) or PvSim(kwp=2 * lines.greatest(self.plant, source.meter))
            made = sun.roof_kw(
                config, self.seed, key, day, self.sim.latitude, self.sim.longitude
            ) * (1 - self.mask("cloud", key, day))
            shares = np.asarray(
                [unit(self.seed, f"{key}.{meter}", 0.97, 1.03) for meter in source.shape]
            )
            for meter, share in zip(
                source.shape, shares / shares.sum() if len(shares) else [], strict=True
            ):
                power[self.layout.index["shape", key, meter]] = made * share
            power[self.layout.index["source", key, source.into]] = made * (
                0.995 if source.shape else 1.0
            )

    def _balance(self, bus: str, day: int, power: Floats) -> None:
        """Fill in what nobody decided yet: unmetered use, then sources up to their limit, then converters."""
        index = self.layout.index
        taken = np.zeros(STEPS)
        given = np.zeros(STEPS)
        for key, column in index.items():
            taken += power[column] if self._takes(key, bus) else 0.0
            given += power[column] if self._gives(key, bus) else 0.0
        config = self.sim.buses.get(bus, BusSim())
        wander = np.clip(1 + 0.1 * smooth(self.seed, f"{bus}.rest", day, 1800), 0.4, 1.6)
        unseen = (config.unmetered * np.maximum(taken, 0) + config.constant) * wander
        power[index["rest", bus, bus]] = unseen
        self._supply(bus, taken + unseen - given, day, power)

    def _takes(self, key: Key, bus: str) -> bool:
        kind, _, other = key
        if kind == "in" and other in self.plant.sources:
            return self.plant.sources[other].into == bus
        return kind in ("draw", "store", "in") and other == bus

    def _gives(self, key: Key, bus: str) -> bool:
        kind, owner, other = key
        fixed = kind == "source" and (
            self.plant.sources[owner].kind in ON_SITE or self.layout.index[key] in self.replayed
        )
        return other == bus and (fixed or kind == "out")

    def _supply(self, bus: str, need: Floats, day: int, power: Floats) -> None:
        index = self.layout.index
        bought = [
            k
            for k, s in self.plant.sources.items()
            if s.into == bus
            and s.kind not in ON_SITE
            and index["source", k, bus] not in self.replayed
        ]
        makers = [k for k, c in self.plant.converters.items() if next(iter(c.outputs)) == bus]
        for number, key in enumerate(bought):
            limit = self.sim.sources[key].up_to if key in self.sim.sources else None
            last = number == len(bought) - 1 and not makers
            part = need if last or limit is None else np.clip(need, 0, limit)
            power[index["source", key, bus]] = part
            need = need - part
        if makers:
            self._make(bus, makers, need, day, power)

    def _make(self, bus: str, makers: list[str], need: Floats, day: int, power: Floats) -> None:
        """Share the need among converters by weight; an unloaded one gives nothing and still takes."""
        idle = {key: self.mask("unloaded", key, day) for key in makers}
        weights = {
            key: (self.sim.converters.get(key) or ConverterSim()).weight * (1 - idle[key])
            for key in makers
        }
        total = np.maximum(sum(weights.values(), np.zeros(STEPS)), 1e-9)
        for key in makers:
            out = need * weights[key] / total
            if not self.plant.converters[key].two_way:
                out = np.maximum(out, 0)
            self._convert(key, bus, out, idle[key], power)

    def _convert(self, key: str, bus: str, out: Floats, idle: Floats, power: Floats) -> None:
        node = self.plant.converters[key]
        index = self.layout.index
        config = self.sim.converters.get(key, ConverterSim())
        rated = config.rated or max(float(np.max(np.abs(out))), 1.0)
        per_unit = lines.specific(self.plant, self.sim, key, bus)
        taken = config.no_load + out * per_unit + out * out * config.quadratic / rated
        taken = np.where(out < 0, out / per_unit + config.no_load, taken)
        taken = taken + idle * config.unloaded * rated * per_unit
        power[index["out", key, bus]] = out
        names = [name for name in node.inputs if name != "ambient"]
        power[index["in", key, names[0]]] = taken
        for name in names[1:]:  # auxiliaries, such as pumps
            power[index["in", key, name]] = 0.02 * np.abs(out)
        if "ambient" in node.inputs:
            power[index["in", key, "ambient"]] = np.maximum(out - taken, 0)
        for other in list(node.outputs)[1:]:
            if other in self.plant.buses:
                power[index["out", key, other]] = out * (node.outputs[other].efficiency or 1.0)
