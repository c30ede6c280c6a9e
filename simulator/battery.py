"""A battery that follows its tariff hours between two states of charge.

Power in kW at the bus: charging positive.
"""

from __future__ import annotations

import numpy as np

from plant.arrays import Floats
from plant.config import Storage
from simulator.config import BatterySim
from simulator.noise import STEP_S


def _inside(minutes: Floats, spans: list[str]) -> Floats:
    """1 where the local minute of the day lies in one of the spans HH:MM-HH:MM."""
    mask = np.zeros_like(minutes)
    for span in spans:
        start, end = (_minute(time) for time in span.split("-"))
        after_start = minutes >= start
        before_end = minutes < end
        # a span over midnight has two parts
        inside = after_start & before_end if start <= end else after_start | before_end
        mask[inside] = 1.0

    return mask


def _minute(time: str) -> int:
    """Minute of the day of HH:MM."""
    return int(time[:2]) * 60 + int(time[3:])


def run(
    storage: Storage,
    sim: BatterySim,
    held_kwh: float,
    local_minutes: Floats,
) -> tuple[Floats, float]:
    """Power over one day and the energy held at its end, from the energy held at its start."""
    low_kwh = sim.soc[0] * storage.capacity
    high_kwh = sim.soc[1] * storage.capacity
    direction = _inside(local_minutes, sim.charge) - _inside(local_minutes, sim.discharge)
    wanted_kw = sim.power * direction
    hours = STEP_S / 3600
    taper_kwh = max(sim.power * 0.15, 1e-9)
    power = np.zeros_like(wanted_kw)
    for step in np.flatnonzero(wanted_kw).tolist():
        asked = wanted_kw[step]
        charging = asked > 0
        room_kwh = high_kwh - held_kwh if charging else held_kwh - low_kwh
        # near its limits a battery gives less and less
        given = asked * min(1.0, max(0.0, room_kwh) / taper_kwh)
        if abs(given) < 0.002 * sim.power:
            continue

        kept = storage.charge_efficiency if charging else 1 / storage.discharge_efficiency
        held_kwh += given * hours * kept
        power[step] = given

    return power, held_kwh
