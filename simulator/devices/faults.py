"""What goes wrong with meters: by schedule (events of the
simulator's file) and by command. Times are event time, ns UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from plant.config import PlantFile
from plant.units import SECOND_NS
from simulator.config import PHYSICAL, EventSim, Outage, SimConfig
from simulator.noise import unit

LASTING: Final = frozenset({"silent", "late", "bad_register", "frozen"})
JUMPS: Final = frozenset({"reset", "preset", "wrap"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one meter from `start` to `end`; `period_ns` brings it back.

    `value` of a preset is in row units.
    """

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

        start = self.start
        if self.period_ns:
            turns = (t_ns - self.start) // self.period_ns
            start += turns * self.period_ns

        lasts_ns = self.end - self.start
        return start if t_ns < start + lasts_ns else None

    def begins(self, after_ns: int, until_ns: int) -> list[int]:
        """Times in (after, until] at which it begins."""
        if not self.period_ns:
            return [self.start] if after_ns < self.start <= until_ns else []

        first_turn = max(0, (after_ns - self.start) // self.period_ns + 1)
        first = self.start + first_turn * self.period_ns
        return list(range(first, until_ns + 1, self.period_ns))


class FaultBook:
    """All faults, by meter."""

    def __init__(
        self,
        plant: PlantFile,
        sim: SimConfig,
        seed: int,
        start_ns: int,
    ) -> None:
        self.faults: dict[str, list[Fault]] = {meter: [] for meter in plant.meters}
        for event in sim.events:
            if event.kind not in PHYSICAL and event.meter is not None:
                self.add(of_event(event, start_ns))

        if sim.faults.outage is not None:
            for meter in plant.meters:
                self.add(
                    _outage(
                        sim.faults.outage,
                        meter,
                        seed,
                        start_ns,
                    )
                )

    def add(self, fault: Fault) -> None:
        self.faults[fault.meter].append(fault)

    def clear(self, meter: str, now_ns: int) -> None:
        """End all lasting faults of a meter, and those that come again for good."""
        kept = []
        for fault in self.faults[meter]:
            if fault.period_ns:
                continue

            ended = replace(fault, end=min(fault.end, now_ns)) if fault.kind in LASTING else fault
            kept.append(ended)

        self.faults[meter] = kept

    def lasting(self, meter: str, t_ns: int) -> dict[str, Fault]:
        """Faults on at this time, by kind."""
        return {
            fault.kind: fault
            for fault in self.faults.get(meter, ())
            if fault.kind in LASTING and fault.on(t_ns)
        }

    def jumps(
        self,
        meter: str,
        after_ns: int,
        until_ns: int,
    ) -> list[tuple[int, Fault]]:
        """Counter jumps in (after, until], oldest first.

        A scheduled wrap is none: the counter was set to be full in time.
        """
        found: list[tuple[int, Fault]] = []
        for fault in self.faults.get(meter, ()):
            by_itself = fault.kind == "wrap" and fault.scheduled
            if fault.kind in JUMPS and not by_itself:
                found += [(at, fault) for at in fault.begins(after_ns, until_ns)]

        return sorted(found, key=lambda jump: jump[0])


def _outage(
    outage: Outage,
    meter: str,
    seed: int,
    start_ns: int,
) -> Fault:
    """The background outages of a meter, at a phase of its own."""
    every_ns = round(outage.every * SECOND_NS)
    phase = unit(seed, f"{meter}.outage")
    first = start_ns + round(phase * outage.every * SECOND_NS)
    return Fault(
        meter=meter,
        kind="silent",
        start=first,
        end=first + round(outage.lasts * SECOND_NS),
        period_ns=every_ns,
    )


def of_event(event: EventSim, start_ns: int) -> Fault:
    """The fault of a scheduled event."""
    first = start_ns + round(event.at * SECOND_NS)
    return Fault(
        meter=str(event.meter),
        kind=event.kind,
        start=first,
        end=first + round(event.lasts * SECOND_NS),
        period_ns=round(event.every * SECOND_NS) if event.every else 0,
        delay_s=event.delay_ms / 1000,
        value=event.value,
    )
