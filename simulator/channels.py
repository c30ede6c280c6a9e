"""What drivers bring from a simulated plant: the values of each
meter by tag name, and the signals of each line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from collector.decode import tag_name, unit_factor
from plant.config import LineOutput, PlantFile
from plant.profile import Row
from plant.quantity import QUANTITIES, Kind
from plant.units import to_canonical
from simulator.meters import Model, basic_rows
from simulator.surroundings import Look, Numbers


class Channel(NamedTuple):
    """One value that a driver brings: its tag name, and what
    makes it from a look, in canonical units.
    """

    name: str
    made: Callable[[Look], Numbers]


class Signal(NamedTuple):
    """One signal of a line:

    `word` is state, good, scrap or order; it is read as `name` of a connection.
    """

    line: str
    word: str
    connection: str
    name: str


def channels(plant: PlantFile, model: Model) -> list[Channel]:
    """Every value that a driver brings from this meter."""
    wiring = model.config.wiring
    if model.profile is not None:
        rows = basic_rows(model)
        return [Channel(tag_name(row, wiring), _register(model, row)) for row in rows]

    connection = plant.connections[model.config.on]
    found = []
    for quantity in connection.quantities(model.config):
        name = QUANTITIES[quantity].read_as(wiring)
        found.append(Channel(f"{name}.total", _plain(model, quantity)))

    return found


def _register(model: Model, row: Row) -> Callable[[Look], Numbers]:
    """What the collector makes of a row: canonical units, its current
    transformer ratio, and the sign of the wiring.
    """
    factor = unit_factor(row, model.config.wiring)
    return lambda look: model.shown(row, look) * factor


def plain(
    model: Model,
    quantity: str,
    look: Look,
) -> Numbers:
    """Value of a quantity of an MQTT or OPC UA meter in its own unit, as it is sent."""
    known = QUANTITIES[quantity]
    canonical, factor = to_canonical(model.config.counter_unit)
    if known.kind is Kind.FLOW:
        rate_unit = "kW" if canonical == "kWh" else f"{canonical}/h"
        rate = model.canonical(
            quantity,
            "total",
            rate_unit,
            look,
        )
        return np.round(rate / known.factor_unmapped(model.config.counter_unit), 4)

    if known.kind is Kind.LEVEL:
        level = model.canonical(
            quantity,
            "total",
            "1",
            look,
        )
        return np.round(level, 4)

    amount = (
        model.canonical(
            quantity,
            "total",
            canonical,
            look,
        )
        / factor
    )
    if model.config.wraps_at:
        amount = np.mod(amount, model.config.wraps_at)

    step = model.config.step or 0.001
    whole_steps = np.floor(amount / step + 1e-9)
    return np.round(whole_steps * step, 6)


def _plain(model: Model, quantity: str) -> Callable[[Look], Numbers]:
    """What the collector makes of a sent value."""
    meter = model.config
    factor = QUANTITIES[quantity].factor_unmapped(
        meter.counter_unit,
        meter.wiring,
    )

    def collected(look: Look) -> Numbers:
        return plain(model, quantity, look) * factor

    return collected


def signals(plant: PlantFile) -> list[Signal]:
    """Every signal that a line reads."""
    found = []
    for key, line in plant.lines.items():
        output = line.output or LineOutput()
        references = {
            "state": line.state,
            "good": output.good,
            "scrap": output.scrap,
            "order": output.order,
        }
        for word, reference in references.items():
            if reference:
                connection, name = reference.split(".", 1)
                found.append(
                    Signal(
                        key,
                        word,
                        connection,
                        name,
                    )
                )

    return found
