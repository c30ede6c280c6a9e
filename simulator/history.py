"""Back-fill: the readings of days, as the drivers would have brought them, one batch per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from plant.arrays import Floats, Ints
from plant.frame import Batch, Event, Quality
from plant.ports import Tags
from plant.units import SECOND_NS
from simulator.archetypes import STATES
from simulator.channels import channels, signals
from simulator.noise import DAY_NS, STEP_NS
from simulator.surroundings import Look, Numbers
from simulator.world import World

_COUNTED = ("good", "scrap")


@dataclass(frozen=True, slots=True)
class _Value:
    """A column of the table that is a value of a meter."""

    meter: str
    tag: int
    made: Callable[[Look], Numbers]


@dataclass(frozen=True, slots=True)
class _Signal:
    """A count (a column of the table) or a text of a line."""

    line: str
    word: str
    tag: int


def batches(
    world: World,
    start_ns: int,
    end_ns: int,
    step_s: float,
    tags: Tags,
) -> Iterator[Batch]:
    """One batch per step of [start, end); states and orders
    come with the first and whenever they change.
    """
    step_ns = round(step_s * SECOND_NS)
    values = _values(world, tags)
    line_signals = [
        _Signal(
            signal.line,
            signal.word,
            tags.tag(signal.connection, signal.name),
        )
        for signal in signals(world.plant)
    ]
    counts = [signal for signal in line_signals if signal.word in _COUNTED]
    texts = [signal for signal in line_signals if signal.word not in _COUNTED]
    tag_of_column = [value.tag for value in values] + [count.tag for count in counts]
    columns = np.asarray(tag_of_column, np.int32)
    good = np.full(len(columns), Quality.GOOD, np.uint8)
    last: dict[int, str] = {}
    at = start_ns
    while at < end_ns:
        next_day = (at // DAY_NS + 1) * DAY_NS
        times = np.arange(
            at,
            min(end_ns, next_day),
            step_ns,
            dtype=np.int64,
        )
        table = _table(
            world,
            times,
            values,
            counts,
        )
        events = _events(
            world,
            times,
            texts,
            last,
        )
        for index, ts in enumerate(times.tolist()):
            stamp = np.broadcast_to(np.int64(ts), columns.shape)
            seen = tuple(events.get(index, ()))
            yield Batch(
                stamp,
                stamp,
                columns,
                table[index],
                good,
                events=seen,
            )

        at = int(times[-1]) + step_ns


def _values(world: World, tags: Tags) -> list[_Value]:
    found = []
    for meter, model in world.meters.items():
        for channel in channels(world.plant, model):
            found.append(_Value(meter, tags.tag(meter, channel.name), channel.made))

    return found


def _table(
    world: World,
    times: Ints,
    values: list[_Value],
    counts: list[_Signal],
) -> Floats:
    """(steps, values) of one day."""
    table = np.empty((len(times), len(values) + len(counts)))
    looks: dict[str, Look] = {}
    for position, value in enumerate(values):
        if value.meter not in looks:
            looks[value.meter] = world.looks(value.meter, times)

        table[:, position] = value.made(looks[value.meter])

    for position, count in enumerate(counts, len(values)):
        column = world.layout.index[count.word, count.line, ""]
        table[:, position] = np.floor(world.passed_over(column, times).forward)

    return table


def _events(
    world: World,
    times: Ints,
    texts: list[_Signal],
    last: dict[int, str],
) -> dict[int, list[Event]]:
    """Text events by index of the step at which they are
    seen; `last` is what each tag said before.
    """
    found: dict[int, list[Event]] = {}
    for signal in texts:
        begun = _orders if signal.word == "order" else _states
        seen = begun(world, signal.line, times)
        for index, text in seen:
            if last.get(signal.tag) != text and index < len(times):
                event = Event(int(times[index]), signal.tag, text)
                found.setdefault(index, []).append(event)
                last[signal.tag] = text

    return found


def _states(
    world: World,
    line: str,
    times: Ints,
) -> list[tuple[int, str]]:
    """States of a line and the index at which each begins."""
    day = world.day(int(times[0]) // DAY_NS)
    codes = day.codes[line][(times - day.start_ns) // STEP_NS]
    turns = np.flatnonzero(np.diff(codes)) + 1
    begins = [0, *turns.tolist()]
    return [(index, str(STATES[int(codes[index])])) for index in begins]


def _orders(
    world: World,
    line: str,
    times: Ints,
) -> list[tuple[int, str]]:
    """Orders of a line and the index from which each is seen."""
    orders = world.model.timelines[line].orders(
        int(times[0]),
        int(times[-1]) + 1,
    )
    return [(int(np.searchsorted(times, since)), order) for since, order in orders]
