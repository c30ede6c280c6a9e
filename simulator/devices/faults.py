"""What goes wrong with meters: by schedule (events of the simulator's file) and by command. Times are event time, ns
UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from plant.config import PlantFile
from plant.units import SECOND_NS
from simulator.config import PHYSICAL, EventSim, SimConfig
from simulator.noise import unit

LASTING: Final = frozenset({"silent", "late", "bad_register", "frozen"})
JUMPS: Final = frozenset({"reset", "preset", "wrap"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one meter from `start` to `end`; `period_ns` brings it back. `value` of a preset is in row units."""

    meter: str
    kind: str
    start: int
    end: int
    period_ns: int = 0
    delay_s: float = 0.4
    value: float = 0.0
    scheduled: bool = True

    def on(self, t_ns: int) -> bool:
        """Whether it lasts at this time."""
        return self.turn(t_ns) is not None

    def turn(self, t_ns: int) -> int | None:
        """Start of the turn that lasts at this time."""
        if t_ns < self.start:
            return None
        start = self.start + (
            (t_ns - self.start) // self.period_ns * self.period_ns if self.period_ns else 0
        )
        return start if t_ns < start + self.end - self.start else None


class FaultBook:
    """All faults, by meter."""

    def __init__(self, plant: PlantFile, sim: SimConfig, seed: int, start_ns: int) -> None:
        self.faults: dict[str, list[Fault]] = {meter: [] for meter in plant.meters}
        for event in sim.events:
            if event.kind not in PHYSICAL and event.meter is not None:
                self.add(of_event(event, start_ns))
        outage = sim.faults.outage
        if outage is not None:
            for meter in plant.meters:
                first = start_ns + round(unit(seed, f"{meter}.outage") * outage.every * SECOND_NS)
                self.add(
                    Fault(
                        meter,
                        "silent",
                        first,
                        first + round(outage.lasts * SECOND_NS),
                        round(outage.every * SECOND_NS),
                    )
                )

    def add(self, fault: Fault) -> None:
        self.faults[fault.meter].append(fault)

    def clear(self, meter: str, now_ns: int) -> None:
        """End all lasting faults of a meter."""
        self.faults[meter] = [
            replace(f, end=min(f.end, now_ns)) if f.kind in LASTING and not f.period_ns else f
            for f in self.faults[meter]
            if not f.period_ns
        ]

    def lasting(self, meter: str, t_ns: int) -> dict[str, Fault]:
        """Faults on at this time, by kind."""
        return {
            fault.kind: fault
            for fault in self.faults.get(meter, ())
            if fault.kind in LASTING and fault.on(t_ns)
        }

    def jumps(self, meter: str, after_ns: int, until_ns: int) -> list[tuple[int, Fault]]:
        """Counter jumps in (after, until], oldest first.

        A scheduled wrap is none: the counter was set to be full in time.
        """
        found = []
        for fault in self.faults.get(meter, ()):
            if fault.kind not in JUMPS or (fault.kind == "wrap" and fault.scheduled):
                continue
            at = fault.start
            while at <= until_ns:
                if at > after_ns:
                    found.append((at, fault))
                if not fault.period_ns:
                    break
                at += fault.period_ns
        return sorted(found, key=lambda item: item[0])


def of_event(event: EventSim, start_ns: int) -> Fault:
    """The fault of a scheduled event."""
    first = start_ns + round(event.at * SECOND_NS)
    period = round(event.every * SECOND_NS) if event.every else 0
    return Fault(
        str(event.meter),
        event.kind,
        first,
        first + round(event.lasts * SECOND_NS),
        period,
        event.delay_ms / 1000,
        event.value,
    )
