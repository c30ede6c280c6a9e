"""Meters as devices show them: the world's values with frozen times
and jumped counters on top, noted in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from plant.config import PlantFile
from plant.profile import Row
from plant.quantity import CUMULATIVE
from simulator import registers
from simulator.channels import plain
from simulator.devices.faults import Fault, FaultBook
from simulator.devices.ledger import Ledger
from simulator.meters import Model, preferred
from simulator.surroundings import Look
from simulator.world import World

WRAPS_AFTER_NS: Final = 30_000_000_000
"""A commanded wrap comes half a minute after the command."""


class _Counter(NamedTuple):
    """How to read the continuous total of a counter, and where it begins again at zero."""

    read: Callable[[Look], float]
    wraps_at: float | None


@dataclass(slots=True)
class _Standing:
    """Jumps of one meter so far: what is added to each counter, in the unit it is served in."""

    until_ns: int
    generation: int = 0
    added: dict[str, float] = field(default_factory=dict)


class Instruments:
    """All meters of a plant as their devices show them at an event time."""

    def __init__(
        self,
        world: World,
        faults: FaultBook,
        ledger: Ledger,
    ) -> None:
        self.world = world
        self.faults = faults
        self.ledger = ledger
        self._preferred: dict[str, dict[str, Row]] = {}
        for meter, model in world.meters.items():
            self._preferred[meter] = preferred(model.profile) if model.profile else {}

        self._standing = {meter: _Standing(world.start_ns) for meter in world.meters}

    @property
    def plant(self) -> PlantFile:
        return self.world.plant

    def time_of(self, meter: str, now_ns: int) -> int:
        """Time whose values the meter shows: now, or when it froze."""
        frozen = self.faults.lasting(meter, now_ns).get("frozen")
        since = frozen.turn(now_ns) if frozen else None
        return now_ns if since is None else since

    def look(self, meter: str, t_ns: int) -> Look:
        """Look at a meter; jumps due until then are taken."""
        standing = self._standing[meter]
        for at, fault in self.faults.jumps(meter, standing.until_ns, t_ns):
            self._jump(
                self.world.meters[meter],
                standing,
                at,
                fault,
            )

        standing.until_ns = max(standing.until_ns, t_ns)
        return self.world.look(meter, t_ns)

    def words(
        self,
        meter: str,
        row: Row,
        look: Look,
        t_ns: int,
    ) -> tuple[int, ...]:
        """Registers of one row; counters are noted in the ledger."""
        model = self.world.meters[meter]
        value = float(model.row(row, look))
        exponent = model.exponent(row)
        if row.quantity in CUMULATIVE:
            name = self._name(meter, row)
            standing = self._standing[meter]
            registered = value
            value = registered + standing.added.get(name, 0.0)
            seen = float(registers.shown(row, value, exponent))
            self.ledger.counter(
                meter,
                name,
                t_ns,
                seen,
                registered,
                standing.generation,
            )

        order = model.profile.defaults.word_order if model.profile else "high_first"
        return registers.words(
            row,
            value,
            order,
            exponent,
        )

    def _name(self, meter: str, row: Row) -> str:
        """Name of a row in the ledger; a coarser twin of the same name carries its address."""
        if self._preferred[meter].get(row.name) is row:
            return row.name

        return f"{row.name}@{row.address}"

    def plain(
        self,
        meter: str,
        quantity: str,
        look: Look,
        t_ns: int,
    ) -> float:
        """Value of an MQTT or OPC UA meter in its own unit; counters are noted in the ledger."""
        registered = float(plain(self.world.meters[meter], quantity, look))
        if quantity not in CUMULATIVE:
            return registered

        standing = self._standing[meter]
        value = round(registered + standing.added.get(quantity, 0.0), 6)
        name = f"{quantity}.total"
        self.ledger.counter(
            meter,
            name,
            t_ns,
            value,
            registered,
            standing.generation,
        )
        return value

    def _counters(self, model: Model) -> dict[str, _Counter]:
        """Counters of a meter by name."""
        found = {}
        if model.profile is not None:
            for row in model.profile.registers:
                if row.quantity in CUMULATIVE:
                    full = registers.modulus(row, model.exponent(row))
                    found[self._name(model.id, row)] = _Counter(_of_row(model, row), full)

            return found

        connection = self.plant.connections[model.config.on]
        for quantity in connection.quantities(model.config):
            if quantity in CUMULATIVE:
                read = _of_quantity(model, quantity)
                found[quantity] = _Counter(read, model.config.wraps_at)

        return found

    def _jump(
        self,
        model: Model,
        standing: _Standing,
        at: int,
        fault: Fault,
    ) -> None:
        """Set the counters of a meter to what the fault makes of them, from `at` on."""
        now = self.world.look(model.id, at)
        later = self.world.look(model.id, at + WRAPS_AFTER_NS)
        for name, counter in self._counters(model).items():
            total = counter.read(now)
            if fault.kind == "wrap":
                if counter.wraps_at is None:
                    continue

                target = counter.wraps_at - (counter.read(later) - total)
            else:
                target = 0.0 if fault.kind == "reset" else fault.value

            standing.added[name] = target - total

        standing.generation += 1


def _of_row(model: Model, row: Row) -> Callable[[Look], float]:
    return lambda look: float(model.row(row, look))


def _of_quantity(model: Model, quantity: str) -> Callable[[Look], float]:
    return lambda look: float(plain(model, quantity, look))
