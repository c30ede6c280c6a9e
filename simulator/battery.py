"""A battery that follows its tariff hours between two states of charge. Power in kW at the bus: charging positive."""

from __future__ import annotations

import numpy as np

from plant.config import Storage
from simulator.config import BatterySim
from simulator.noise import STEP_S, Floats


def _inside(minutes: Floats, spans: list[str]) -> Floats:
    """1 where the local minute of the day lies in one of the spans HH:MM-HH:MM."""
    mask = np.zeros_like(minutes)
    for span in spans:
        start, end = (int(x[:2]) * 60 + int(x[3:]) for x in span.split("-"))
        inside = (
            (minutes >= start) & (minutes < end)
            if start <= end
            else (minutes >= start) | (minutes < end)
        )
        mask[inside] = 1.0
    return mask


def run(
    store: Storage, sim: BatterySim, held_kwh: float, local_minutes: Floats
) -> tuple[Floats, float]:
    """Power over one day and the energy held at its end, from the energy held at its start."""
    low, high = (x * store.capacity for x in sim.soc)
    wanted = sim.power * (
        _inside(local_minutes, sim.charge) - _inside(local_minutes, sim.discharge)
    )
    hours = STEP_S / 3600
    taper_kwh = max(sim.power * 0.15, 1e-9)
    power = np.zeros_like(wanted)
    for index in np.flatnonzero(wanted).tolist():
        ask = wanted[index]
        room_kwh = high - held_kwh if ask > 0 else held_kwh - low
        give = ask * min(1.0, max(0.0, room_kwh) / taper_kwh)
        if abs(give) < 0.002 * sim.power:
            continue
        held_kwh += (
            give * hours * (store.charge_efficiency if give > 0 else 1 / store.discharge_efficiency)
        )
        power[index] = give
    return power, held_kwh
