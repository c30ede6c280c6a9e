"""Back-fill: the readings of days, as the drivers would have brought them, one batch per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from collector.decode import tag_name, unit_factor
from plant.config import LineOutput
from plant.frame import Batch, Event, Quality
from plant.ports import Tags
from plant.profile import Row
from plant.quantity import QUANTITIES, Kind
from plant.units import SECOND_NS, to_canonical
from simulator.archetypes import STATES
from simulator.meters import Look, Model, basic_rows
from simulator.noise import DAY_NS, STEP_NS, Floats

if TYPE_CHECKING:
    from simulator.world import World

Channel = tuple[str, Callable[[Look], Any]]
DEFAULT_UNIT: Final = "kWh"


def channels(world: World, meter: str) -> list[Channel]:
    """Name and maker of every value that a driver brings from this meter, in canonical units."""
    model = world.meters[meter]
    protocol = world.plant.connections[model.config.on].protocol
    if protocol == "modbus":
        wiring = model.config.wiring
        return [(tag_name(row, wiring), _register(model, row)) for row in basic_rows(model)]
    if protocol == "mqtt":
        topic = world.plant.connections[model.config.on].topics[str(model.config.topic)]
        found: list[Channel] = [("counter.total", _plain(model, "counter"))]
        return found + ([("flow.total", _plain(model, "flow"))] if topic.flow else [])
    return [(f"{quantity}.total", _plain(model, quantity)) for quantity in model.config.nodes]


def _register(model: Model, row: Row) -> Callable[[Look], Any]:
    """What the collector makes of a row: canonical units, its current transformer ratio, and the sign of the wiring."""
    factor = unit_factor(row, model.config.wiring)
    return lambda look: model.shown(row, look) * factor


def counter_unit(model: Model) -> str:
    """Unit in which an MQTT or OPC UA meter counts."""
    return model.config.unit if isinstance(model.config.unit, str) else DEFAULT_UNIT


def plain(model: Model, quantity: str, look: Look) -> Any:
    """Value of a quantity of an MQTT or OPC UA meter in its own unit, as it is sent."""
    known = QUANTITIES[quantity]
    canonical, factor = to_canonical(counter_unit(model))
    if known.kind is Kind.FLOW:
        rate = "kW" if canonical == "kWh" else f"{canonical}/h"
        own = known.factor_unmapped(counter_unit(model))
        return np.round(model.canonical("flow", "total", None, rate, look) / own, 4)
    if known.kind is Kind.LEVEL:
        return np.round(model.canonical(quantity, "total", None, "1", look), 4)
    step = model.config.step or 0.001
    amount = model.canonical(quantity, "total", None, canonical, look) / factor
    if model.config.wraps_at:
        amount = np.mod(amount, model.config.wraps_at)
    return np.round(np.floor(amount / step + 1e-9) * step, 6)


def _plain(model: Model, quantity: str) -> Callable[[Look], Any]:
    factor = QUANTITIES[quantity].factor_unmapped(counter_unit(model))
    return lambda look: plain(model, quantity, look) * factor


def signals(world: World) -> list[tuple[str, str, str, str]]:
    """(line, word, connection, signal) of every signal that a line reads."""
    found = []
    for key, line in world.plant.lines.items():
        refs = [("state", line.state)] + [
            (word, getattr(line.output or LineOutput(), word))
            for word in ("good", "scrap", "order")
        ]
        found += [(key, word, *ref.split(".", 1)) for word, ref in refs if ref]
    return [(line, word, connection, name) for line, word, connection, name in found]


def batches(world: World, start_ns: int, end_ns: int, step_s: float, tags: Tags) -> Iterator[Batch]:
    """One batch per step of [start, end); states and orders come with the first and whenever they change."""
    step_ns = round(step_s * SECOND_NS)
    meter_channels = [
        (meter, tags.tag(meter, name), made)
        for meter in world.meters
        for name, made in channels(world, meter)
    ]
    counts = [
        (line, word, tags.tag(connection, name))
        for line, word, connection, name in signals(world)
        if word in ("good", "scrap")
    ]
    texts = [
        (line, word, tags.tag(connection, name))
        for line, word, connection, name in signals(world)
        if word in ("state", "order")
    ]
    codes = np.asarray(
        [tag for _, tag, _ in meter_channels] + [tag for _, _, tag in counts], np.int32
    )
    last: dict[int, str] = {}
    at = start_ns
    while at < end_ns:
        until = min(end_ns, (at // DAY_NS + 1) * DAY_NS)
        times = np.arange(at, until, step_ns, dtype=np.int64)
        table = _table(world, times, meter_channels, counts)
        events = _events(world, times, texts, last)
        good = np.full(len(codes), Quality.GOOD, np.uint8)
        for index, ts in enumerate(times.tolist()):
            stamp = np.broadcast_to(np.int64(ts), codes.shape)
            yield Batch(stamp, stamp, codes, table[index], good, tuple(events.get(index, ())))
        at = int(times[-1]) + step_ns


def _table(
    world: World,
    times: Any,
    meter_channels: list[tuple[str, int, Any]],
    counts: list[tuple[str, str, int]],
) -> Floats:
    """(steps, values) of one day."""
    table = np.empty((len(times), len(meter_channels) + len(counts)))
    day = world.day(int(times[0]) // DAY_NS)
    step, rest = np.divmod(times - day.start_ns, STEP_NS)
    hours = rest / (3600 * SECOND_NS)
    seconds = times / SECOND_NS
    looks: dict[str, Look] = {}
    for position, (meter, _, made) in enumerate(meter_channels):
        if meter not in looks:
            column = world.meters[meter].seat.column
            flow = day.power[column, step]
            forward = day.forward[column, step] + np.maximum(flow, 0) * hours
            reverse = day.reverse[column, step] + np.maximum(-flow, 0) * hours
            looks[meter] = world.meters[meter].look(forward, reverse, flow, seconds)
        table[:, position] = made(looks[meter])
    for position, (line, word, _) in enumerate(counts, len(meter_channels)):
        column = world.layout.index[word, line, ""]
        table[:, position] = np.floor(day.forward[column, step] + day.power[column, step] * hours)
    return table


def _events(
    world: World, times: Any, texts: list[tuple[str, str, int]], last: dict[int, str]
) -> dict[int, list[Event]]:
    """Text events by index of the step at which they are seen."""
    found: dict[int, list[Event]] = {}
    day = world.day(int(times[0]) // DAY_NS)
    steps = (times - day.start_ns) // STEP_NS
    for line, word, tag in texts:
        if word == "state":
            codes = day.codes[line][steps]
            turns = np.concatenate(([0], np.flatnonzero(np.diff(codes)) + 1))
            seen = [(int(i), str(STATES[int(codes[i])])) for i in turns]
        else:
            orders = world.model.timelines[line].orders(int(times[0]), int(times[-1]) + 1)
            seen = [(int(np.searchsorted(times, at)), text) for at, text in orders]
        for index, text in seen:
            if last.get(tag) != text and index < len(times):
                found.setdefault(index, []).append(Event(int(times[index]), tag, text))
                last[tag] = text
    return found
