"""Recorded series in place of the model: a CSV column drives the edge of one meter."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from plant.errors import ConfigError, Mistake
from plant.units import SECOND_NS, to_canonical
from simulator.config import Replay
from simulator.noise import Floats

if TYPE_CHECKING:
    from simulator.world import World


def load(world: World) -> dict[int, tuple[Floats, Floats]]:
    """Per column: times in ns from which on a flow holds, and the flows in bus units per hour."""
    found = {}
    for meter, config in world.sim.replay.items():
        if meter in world.layout.seats:
            seat = world.layout.seats[meter]
            times, flow = _series(config)
            found[seat.column] = (times, flow / seat.share)
    return found


def _series(config: Replay) -> tuple[Floats, Floats]:
    path = Path(config.file)
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        times = np.asarray(
            _in_order([_time(row[config.time_column], config) for row in rows], config), np.float64
        )
        values = np.asarray([float(row[config.column]) for row in rows])
    except OSError as error:
        raise ConfigError(
            [Mistake(str(path), 1, "", f"cannot be read: {error.strerror}")]
        ) from error
    except (KeyError, ValueError) as error:
        raise ConfigError([Mistake(str(path), 1, "", f"does not fit replay: {error}")]) from error
    if len(times) < 2:
        raise ConfigError([Mistake(str(path), 1, "", "has fewer than two rows")])
    return _flows(times, values, config)


def _in_order(times: list[int], config: Replay) -> list[int]:
    """Recorders that label a row by its end often give midnight the date of the day that ends: such a row belongs a day later."""
    fixed: list[int] = []
    for row, at in enumerate(times):
        if fixed and at <= fixed[-1] and config.label_at_end:
            at += 86_400 * SECOND_NS
        if fixed and at <= fixed[-1]:
            raise ValueError(f"row {row + 2}: time does not go on from the row before")
        fixed.append(at)
    return fixed


def _time(text: str, config: Replay) -> int:
    moment = (
        datetime.strptime(text, config.time_format)
        if config.time_format
        else datetime.fromisoformat(text)
    )
    aware = moment.replace(tzinfo=ZoneInfo(config.timezone)) if moment.tzinfo is None else moment
    return round(aware.astimezone(UTC).timestamp()) * SECOND_NS


def _flows(times: Floats, values: Floats, config: Replay) -> tuple[Floats, Floats]:
    """Flow per hour from the start of each interval; energies per row are spread over their interval.

    It ends at zero.
    """
    canonical, factor = to_canonical(config.unit)
    width = np.diff(times, append=2 * times[-1] - times[-2])
    starts = times - np.concatenate((width[:1], width[:-1])) if config.label_at_end else times
    length = np.concatenate((width[:1], width[:-1])) if config.label_at_end else width
    per_hour = canonical in ("kW", "kvar", "kVA") or canonical.endswith("/h")
    flow = values * factor / (1.0 if per_hour else length / (3600 * SECOND_NS))
    return np.append(starts, starts[-1] + length[-1]), np.append(flow, 0.0)
