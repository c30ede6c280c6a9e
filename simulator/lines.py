"""A production line over one day: what it draws from each bus and
how many good and scrap units it makes, per state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.arrays import Floats
from plant.config import PlantFile, as_list
from plant.names import Carrier, State
from plant.units import SECOND_NS, quantity, to_canonical
from simulator.archetypes import ARCHETYPES, STATE_POWER, STATES, Archetype
from simulator.config import Cycle, LineSim, SimConfig
from simulator.layout import bus_unit
from simulator.noise import DAY_NS, STEP_S, smooth, unit
from simulator.states import CODE, LEAD, Codes

GAS_KWH_PER_NM3 = 10.814

LAG_STEPS = {
    Carrier.ELECTRICITY: 4,
    Carrier.COMPRESSED_AIR: 6,
    Carrier.CHILLED_WATER: 60,
    Carrier.STEAM: 60,
    Carrier.HEAT: 60,
    Carrier.NATURAL_GAS: 12,
}


@dataclass(frozen=True, slots=True)
class Draw:
    """One bus of one line: flow at full rate in bus units per
    hour, and the share of it that never stops.
    """

    bus: str
    carrier: Carrier
    full: float
    base: float
    cycle: Cycle | None


@dataclass(frozen=True, slots=True)
class LineModel:
    """A line ready to run."""

    id: str
    sim: LineSim
    rate_per_h: float
    power_factor: float
    draws: tuple[Draw, ...]

    def flow(
        self,
        draw: Draw,
        codes: Codes,
        seed: int,
        day: int,
    ) -> Floats:
        """Flow from the bus over a day, in bus units per hour.

        `codes` has LEAD steps of the day before in front.
        """
        level = _levels(draw.base, self.sim.performance)[codes]
        level = _lagging(level, LAG_STEPS.get(draw.carrier, 6))[LEAD:]
        name = f"{self.id}.{draw.bus}"
        slow = 0.7 * smooth(
            seed,
            name,
            day,
            1200,
        )
        fast = 0.5 * smooth(
            seed,
            f"{name}.fast",
            day,
            20,
        )
        wander = 1 + self.sim.noise * (slow + fast)
        flow = draw.full * level * np.clip(wander, 0.3, 1.7)
        if draw.cycle is not None:
            flow = flow * _batches(
                draw.cycle,
                day,
                seed,
                name,
            )

        return np.asarray(flow)

    def made(
        self,
        codes: Codes,
        seed: int,
        day: int,
    ) -> tuple[Floats, Floats]:
        """Good and scrap units per hour over a day."""
        running = (codes[LEAD:] == CODE[State.RUN]).astype(np.float64)
        speed = self.rate_per_h * self.sim.performance * running
        wander = 1 + 0.35 * smooth(
            seed,
            f"{self.id}.scrap",
            day,
            3600,
        )
        bad = np.clip(self.sim.scrap * wander, 0, 1)
        return np.asarray(speed * (1 - bad)), np.asarray(speed * bad)


def _lagging(level: Floats, steps: int) -> Floats:
    """Mean of the last `steps` steps: a medium answers later than the machine."""
    before = np.full(steps, level[0])
    whole = np.concatenate((before, level))
    # The difference of two running totals is the sum of the steps between them.
    total = np.cumsum(whole)
    sums = total[steps:] - total[:-steps]
    return np.asarray(sums / steps)


def _levels(base: float, performance: float) -> Floats:
    """Draw by state code, as a share of the draw at full rate."""
    run = base + (1 - base) * performance
    levels = np.empty(len(STATES))
    for code, state in enumerate(STATES):
        never_below = 0.0 if state is State.OFF else base
        levels[code] = max(STATE_POWER[state] * run, never_below)

    levels[CODE[State.STANDBY]] = max(0.7 * base, STATE_POWER[State.STANDBY] * run)
    return levels


def _batches(
    cycle: Cycle,
    day: int,
    seed: int,
    name: str,
) -> Floats:
    """Mean of the machines' batch shapes, scaled to a mean of
    one; every machine has its own phase.
    """
    seconds = np.arange(0, 86_400, STEP_S) + day * (DAY_NS // SECOND_NS)
    holds_until = 0.9 * cycle.period
    total = np.zeros(len(seconds))
    for machine in range(cycle.machines):
        phase = unit(seed, f"{name}.jet{machine}") * cycle.period
        place = (seconds + phase) % cycle.period
        holding = np.where(place < holds_until, cycle.hold, 0.0)
        total += np.where(place < cycle.on, 1.0, holding)

    mean = (cycle.on + cycle.hold * (holds_until - cycle.on)) / cycle.period
    return total / cycle.machines / mean


def greatest(plant: PlantFile, meters: str | list[str]) -> float:
    """Half of what the meters of an edge can show at most, per hour in
    their own unit: the draw of a line without an archetype.
    """
    total = 0.0
    for meter in as_list(meters):
        text = plant.meters[meter].max
        total += _number(text) if text else 100.0

    return 0.5 * total


def _number(text: str) -> float:
    """Canonical number of a text such as `12 MW`, whatever its unit."""
    word = text.strip().lstrip("+-0123456789.eE ").strip()
    return quantity(text, to_canonical(word)[0]) if word else float(text)


def edge_per_canonical(
    plant: PlantFile,
    meter: str,
    unit_of_bus: str,
) -> float:
    """Bus units per canonical unit of a meter's flow: a mass meter
    on a steam bus in kWh has its enthalpy between.
    """
    enthalpy = plant.meters[meter].enthalpy
    text = plant.meters[meter].max or ""
    by_mass = "t" in text or "g" in text
    return enthalpy / 3600 if enthalpy and unit_of_bus == "kWh" and by_mass else 1.0


def build(
    plant: PlantFile,
    sim: SimConfig,
    line: str,
) -> LineModel:
    """The model of one line from its archetype, or from the
    size of its meters where there is none.
    """
    config = sim.lines.get(line, LineSim())
    kind = ARCHETYPES.get(config.archetype or "")
    rate = config.rate or (kind.rate_per_h if kind else 60.0)
    buses = list(plant.lines[line].draws)
    electric = [bus for bus in buses if plant.buses[bus].carrier is Carrier.ELECTRICITY]
    draws = []
    for bus in buses:
        carrier = plant.buses[bus].carrier
        draw = Draw(
            bus=bus,
            carrier=carrier,
            full=_full(
                plant,
                sim,
                line,
                bus,
                rate=rate,
                main=bus in electric[:1],
            ),
            base=_base(config, kind, carrier),
            cycle=config.cycle.get(bus),
        )
        draws.append(draw)

    factor = config.power_factor or (kind.power_factor if kind else 0.92)
    return LineModel(
        line,
        config,
        rate,
        factor,
        draws=tuple(draws),
    )


def _base(
    config: LineSim,
    kind: Archetype | None,
    carrier: Carrier,
) -> float:
    """Share of the draw that never stops."""
    if config.base is not None and carrier is Carrier.ELECTRICITY:
        return config.base

    if kind is None:
        return 0.3

    return kind.heat_base if carrier in (Carrier.STEAM, Carrier.HEAT) else kind.base


def _full(
    plant: PlantFile,
    sim: SimConfig,
    line: str,
    bus: str,
    *,
    rate: float,
    main: bool,
) -> float:
    """Flow at full rate, in bus units per hour; `main` is the line's first bus of electricity."""
    config = sim.lines.get(line, LineSim())
    kind = ARCHETYPES.get(config.archetype or "")
    carrier = plant.buses[bus].carrier
    if bus in config.full:
        return config.full[bus]

    if kind is not None:
        electricity = kind.electricity_kwh * rate
        if main:
            return electricity * (1 - sum(config.via.values()))

        if bus in config.via:
            return electricity * config.via[bus] / input_per_unit(plant, sim, bus)

        if carrier in (Carrier.STEAM, Carrier.HEAT):
            return kind.heat_kwh * rate

        if carrier is Carrier.NATURAL_GAS and bus_unit(plant, bus) == "Nm3":
            return kind.gas_nm3 * rate

    total = 0.0
    for meter in as_list(plant.lines[line].draws[bus]):
        total += greatest(plant, meter) * edge_per_canonical(plant, meter, bus_unit(plant, bus))

    return total


SPECIFIC = {
    (Carrier.ELECTRICITY, Carrier.ELECTRICITY): 1.008,
    (Carrier.ELECTRICITY, Carrier.COMPRESSED_AIR): 0.11,  # kWh per Nm3
    (Carrier.ELECTRICITY, Carrier.CHILLED_WATER): 0.2,  # COP 5
    (Carrier.NATURAL_GAS, Carrier.STEAM): 1 / (0.92 * GAS_KWH_PER_NM3),  # Nm3 per kWh of steam
    (Carrier.NATURAL_GAS, Carrier.HEAT): 1 / (0.94 * GAS_KWH_PER_NM3),
    (Carrier.NATURAL_GAS, Carrier.ELECTRICITY): 1 / (0.38 * GAS_KWH_PER_NM3),
    (Carrier.ELECTRICITY, Carrier.STEAM): 1 / 0.98,
    (Carrier.ELECTRICITY, Carrier.HEAT): 1 / 3.0,
    (Carrier.WATER, Carrier.WATER): 1.02,
}


def specific(
    plant: PlantFile,
    sim: SimConfig,
    converter: str,
    bus: str,
) -> float:
    """Input units per output unit of a converter at light load, without its no-load part."""
    config = sim.converters.get(converter)
    if config is not None and config.specific is not None:
        return config.specific

    node = plant.converters[converter]
    name = next(each for each in node.inputs if each != "ambient")
    feed = plant.sources[name].carrier if name in plant.sources else plant.buses[name].carrier
    efficiency = node.outputs[bus].efficiency
    if efficiency:
        per_input = GAS_KWH_PER_NM3 if feed is Carrier.NATURAL_GAS else 1.0
        return 1 / (efficiency * per_input)

    return SPECIFIC.get((feed, plant.buses[bus].carrier), 1.1)


def input_per_unit(
    plant: PlantFile,
    sim: SimConfig,
    bus: str,
) -> float:
    """Electricity behind one unit of air or cold: of the first
    converter that makes it, at three quarters of its rating.
    """
    makers = [key for key, node in plant.converters.items() if bus in node.outputs]
    if not makers:
        return SPECIFIC.get(
            (Carrier.ELECTRICITY, plant.buses[bus].carrier),
            1.0,
        )

    config = sim.converters.get(makers[0])
    light = specific(
        plant,
        sim,
        makers[0],
        bus,
    )
    if config is None or not config.rated:
        return light

    load = 0.75
    return light + config.quadratic * load + config.no_load / (load * config.rated)
