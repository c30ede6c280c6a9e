"""What drivers bring from a simulated plant: the values of each
meter by tag name, and the signals of each line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from plant.config import LineOutput, PlantFile
from plant.profile import Row
from plant.units import to_canonical
from simulator.meters import Model, basic_rows
from simulator.rows import BY_CT
from simulator.surroundings import Look, Numbers

DEFAULT_UNIT: Final = "kWh"
_FLOWS: Final = ("flow", "mass_flow", "volume_flow", "volume_flow_corrected")
_RATES: Final = (*_FLOWS, "active_power", "heat_power")
_MOMENTS: Final = ("power_factor", "voltage", "current", "frequency")
_COUNTERS: Final = (
    "counter",
    "active_energy_import",
    "active_energy_export",
    "heat_energy",
    "mass",
    "volume",
    "volume_corrected",
)
_TURNED: Final = {
    "active_energy_import": "active_energy_export",
    "active_energy_export": "active_energy_import",
}


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
    connection = plant.connections[model.config.on]
    if connection.protocol == "modbus":
        rows = basic_rows(model)
        return [Channel(_read_as(model, row), _register(model, row)) for row in rows]

    if connection.protocol == "mqtt":
        topic = connection.topics[str(model.config.topic)]
        found = [Channel("counter.total", _plain(model, "counter"))]
        if topic.flow:
            found.append(Channel("flow.total", _plain(model, "flow")))

        return found

    return [Channel(f"{name}.total", _plain(model, name)) for name in model.config.nodes]


def _read_as(model: Model, row: Row) -> str:
    """Name under which the collector brings a row: a meter wired the
    other way round has its counters changed back.
    """
    if not model.config.reverse or not row.quantity.startswith("active_energy_"):
        return row.name

    quantity = _TURNED.get(row.quantity, row.quantity)
    return row.model_copy(update={"quantity": quantity}).name


def _register(model: Model, row: Row) -> Callable[[Look], Numbers]:
    """What the collector makes of a row: canonical units, its current
    transformer ratio, and the sign of the wiring.
    """
    factor = to_canonical(row.unit)[1]
    if model.config.ct and row.quantity in BY_CT:
        factor *= model.config.ct.factor

    if model.config.reverse and row.quantity in ("active_power", "reactive_power"):
        factor = -factor

    return lambda look: model.shown(row, look) * factor


def counter_unit(model: Model) -> str:
    """Unit in which an MQTT or OPC UA meter counts."""
    return model.config.unit if isinstance(model.config.unit, str) else DEFAULT_UNIT


def plain(
    model: Model,
    quantity: str,
    look: Look,
) -> Numbers:
    """Value of a quantity of an MQTT or OPC UA meter in its own unit, as it is sent."""
    canonical, factor = to_canonical(counter_unit(model))
    if quantity in _RATES:
        if canonical == "kWh":
            return np.round(
                model.canonical(
                    quantity,
                    "total",
                    "kW",
                    look,
                ),
                4,
            )

        rate = model.canonical(
            quantity,
            "total",
            f"{canonical}/h",
            look,
        )
        return np.round(rate / factor, 4)

    if quantity in _MOMENTS:
        return np.round(
            model.canonical(
                quantity,
                "total",
                "1",
                look,
            ),
            4,
        )

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
    """What the collector makes of a sent value.

    Counters and flows come in canonical units, except that a flow beside a counter of energy is
    sent as power, and power is canonical already.
    """
    canonical, factor = to_canonical(counter_unit(model))
    is_flow = quantity in _FLOWS and canonical != "kWh"
    is_counter = quantity in _COUNTERS
    scaled = factor if is_counter or is_flow else 1.0
    return lambda look: plain(model, quantity, look) * scaled


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
