"""Recorded series in place of the model: a CSV column drives the edge of one meter."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from plant.arrays import Floats
from plant.errors import ConfigError, Mistake
from plant.units import SECOND_NS, to_canonical
from simulator.config import Replay, SimConfig
from simulator.layout import Layout
from simulator.noise import DAY_NS

HOUR_NS = 3600 * SECOND_NS


class FlowSeries(NamedTuple):
    """Times in ns from which on a flow holds, and the flows per hour."""

    times: Floats
    flow: Floats


def load(sim: SimConfig, layout: Layout) -> dict[int, FlowSeries]:
    """The recorded series by column, with flows in bus units per hour."""
    found = {}
    for meter, config in sim.replay.items():
        seat = layout.seats.get(meter)
        if seat is not None:
            series = _series(config)
            found[seat.column] = FlowSeries(series.times, series.flow / seat.share)

    return found


def _series(config: Replay) -> FlowSeries:
    """Read a recorded file; ConfigError names the file and what does not fit."""
    path = Path(config.file)
    try:
        with path.open(
            newline="",
            encoding="utf-8",
        ) as handle:
            rows = list(csv.DictReader(handle))

        moments = [_time(row[config.time_column], config) for row in rows]
        times = np.asarray(_in_order(moments, config), np.float64)
        values = np.asarray([float(row[config.column]) for row in rows])
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    except (KeyError, ValueError) as error:
        raise _refused(path, f"does not fit replay: {error}") from error

    if len(times) < 2:
        raise _refused(path, "has fewer than two rows")

    return _flows(times, values, config)


def _refused(path: Path, why: str) -> ConfigError:
    return ConfigError(
        [
            Mistake(
                str(path),
                1,
                "",
                why,
            )
        ]
    )


def _in_order(times: list[int], config: Replay) -> list[int]:
    """Times that go on from row to row.

    Recorders that label a row by its end often give midnight the date
    of the day that ends: such a row belongs a day later.
    """
    fixed: list[int] = []
    for row, recorded in enumerate(times):
        at = recorded
        if fixed and at <= fixed[-1] and config.label_at_end:
            at += DAY_NS

        if fixed and at <= fixed[-1]:
            raise ValueError(f"row {row + 2}: time does not go on from the row before")

        fixed.append(at)

    return fixed


def _time(text: str, config: Replay) -> int:
    """A recorded time in ns UTC; without an offset it is local time of `timezone`."""
    if config.time_format:
        moment = datetime.strptime(text, config.time_format)
    else:
        moment = datetime.fromisoformat(text)

    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(config.timezone))

    return round(moment.astimezone(UTC).timestamp()) * SECOND_NS


def _flows(
    times: Floats,
    values: Floats,
    config: Replay,
) -> FlowSeries:
    """Flow per hour from the start of each interval; it ends at zero.

    Energies per row are spread over their interval.
    """
    canonical, factor = to_canonical(config.unit)
    to_next = np.diff(times, append=2 * times[-1] - times[-2])
    if config.label_at_end:
        length = np.concatenate((to_next[:1], to_next[:-1]))
        starts = times - length
    else:
        length = to_next
        starts = times

    per_hour = canonical in ("kW", "kvar", "kVA") or canonical.endswith("/h")
    hours = 1.0 if per_hour else length / HOUR_NS
    flow = values * factor / hours
    end = starts[-1] + length[-1]
    return FlowSeries(np.append(starts, end), np.append(flow, 0.0))
