"""Meters as devices show them: the world's values with frozen times and jumped counters on top, noted in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plant.config import PlantFile
from plant.profile import Row
from plant.quantity import CUMULATIVE
from simulator import history, registers
from simulator.devices.faults import Fault, FaultBook
from simulator.devices.ledger import Ledger
from simulator.meters import Look, Model, preferred
from simulator.world import World


@dataclass(slots=True)
class _Standing:
    """Jumps of one meter so far: what is added to each counter, in the unit it is served in."""

    until_ns: int
    generation: int = 0
    added: dict[str, float] = field(default_factory=dict)


class Instruments:
    """All meters of a plant as their devices show them at an event time."""

    def __init__(self, world: World, faults: FaultBook, ledger: Ledger) -> None:
        self.world = world
        self.faults = faults
        self.ledger = ledger
        profiles = {meter: model.profile for meter, model in world.meters.items()}
        self._preferred = {
            meter: preferred(profile) if profile else {} for meter, profile in profiles.items()
        }
        self._standing = {meter: _Standing(world.start_ns) for meter in world.meters}

    @property
    def plant(self) -> PlantFile:
        return self.world.plant

    def time_of(self, meter: str, now_ns: int) -> int:
        """Time whose values the meter shows: now, or when it froze."""
        frozen = self.faults.lasting(meter, now_ns).get("frozen")
        turn = frozen.turn(now_ns) if frozen else None
        return now_ns if turn is None else turn

    def look(self, meter: str, t_ns: int) -> Look:
        """Look at a meter; jumps due until then are taken."""
        standing = self._standing[meter]
        for at, fault in self.faults.jumps(meter, standing.until_ns, t_ns):
            self._jump(self.world.meters[meter], standing, at, fault)
        standing.until_ns = max(standing.until_ns, t_ns)
        return self.world.look(meter, t_ns)

    def words(self, meter: str, row: Row, look: Look, t_ns: int) -> tuple[int, ...]:
        """Registers of one row; counters are noted in the ledger."""
        model = self.world.meters[meter]
        value = float(model.row(row, look))
        if row.quantity in CUMULATIVE:
            standing = self._standing[meter]
            whole = value
            value = value + standing.added.get(self._name(meter, row), 0.0)
            seen = float(registers.shown(row, value, model.sf(row)))
            self.ledger.counter(
                meter, self._name(meter, row), t_ns, seen, whole, standing.generation
            )
        order = model.profile.defaults.word_order if model.profile else "high_first"
        return registers.words(row, value, order, model.sf(row))

    def _name(self, meter: str, row: Row) -> str:
        """Name of a row in the ledger; a coarser twin of the same name carries its address."""
        return (
            row.name if self._preferred[meter].get(row.name) is row else f"{row.name}@{row.address}"
        )

    def plain(self, meter: str, quantity: str, look: Look, t_ns: int) -> float:
        """Value of an MQTT or OPC UA meter in its own unit; counters are noted in the ledger."""
        value = float(history.plain(self.world.meters[meter], quantity, look))
        if quantity in CUMULATIVE:
            standing = self._standing[meter]
            whole = value
            value = round(value + standing.added.get(quantity, 0.0), 6)
            self.ledger.counter(meter, f"{quantity}.total", t_ns, value, whole, standing.generation)
        return value

    def _counters(self, model: Model) -> dict[str, tuple[Callable[[Look], float], float | None]]:
        """Counters of a meter by name: how to read the continuous total, and where it wraps."""
        if model.profile is not None:
            rows = [row for row in model.profile.registers if row.quantity in CUMULATIVE]
            return {
                self._name(model.id, row): (
                    _of_row(model, row),
                    registers.modulus(row, model.sf(row)),
                )
                for row in rows
            }
        quantities = [q for q in (model.config.nodes or {"counter": ""}) if q in CUMULATIVE]
        return {q: (_of_quantity(model, q), model.config.wraps_at) for q in quantities}

    def _jump(self, model: Model, standing: _Standing, at: int, fault: Fault) -> None:
        look = self.world.look(model.id, at)
        later = self.world.look(model.id, at + 30_000_000_000)
        for name, (read, around) in self._counters(model).items():
            total = read(look)
            target = 0.0 if fault.kind == "reset" else fault.value
            if fault.kind == "wrap":
                if around is None:
                    continue
                target = around - (read(later) - total)
            standing.added[name] = target - total
        standing.generation += 1


def _of_row(model: Model, row: Row) -> Callable[[Look], float]:
    return lambda look: float(model.row(row, look))


def _of_quantity(model: Model, quantity: str) -> Callable[[Look], float]:
    return lambda look: float(history.plain(model, quantity, look))
