"""Stores have memory: FIFO layers by hour of charging, so energy discharged at 19:00 carries the
factor of its origin (method, section 2).

A layer holds stored energy and, per (source, origin hour), the amount that went in at the bus.
Losses stay in the amount, so delivered energy carries more. A discharge takes from the oldest
layers, of each layer the same share of all its amounts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Key: TypeAlias = tuple[int, int]
"""Source index, and the hour of origin in ns."""

Amount: TypeAlias = tuple[Key, float]
SMALL: Final = 1e-12
KeptLayers: TypeAlias = list[Any]
"""The layers of one storage as a book keeps them, oldest first: each [hour, energy as stored,
[[source, origin hour, amount as entered], ...]].
"""


@dataclass(slots=True)
class Layer:
    """What was charged within one hour: `energy_kwh` as stored, `amounts` as entered at the bus."""

    hour: int
    energy_kwh: float
    amounts: dict[Key, float]

    def copy(self) -> Layer:
        """Another of the same, which can be moved on alone."""
        return Layer(self.hour, self.energy_kwh, dict(self.amounts))

    def kept(self) -> list[Any]:
        """As a book keeps it."""
        amounts = []
        for (source, origin), amount in self.amounts.items():
            amounts.append([source, origin, amount])

        return [
            self.hour,
            self.energy_kwh,
            amounts,
        ]


@dataclass(slots=True)
class Account:
    """The layers of one store, oldest first.

    `mixed` keeps a single, well-mixed layer for comparison with other tools.
    """

    charge_efficiency: float
    discharge_efficiency: float
    mixed: bool = False
    layers: list[Layer] = field(default_factory=list)

    def copy(self) -> Account:
        """Another of the same, which can be moved on alone."""
        return Account(
            self.charge_efficiency,
            self.discharge_efficiency,
            self.mixed,
            [layer.copy() for layer in self.layers],
        )

    @property
    def energy_kwh(self) -> float:
        """All that is held, as stored."""
        return sum(layer.energy_kwh for layer in self.layers)

    def kept(self) -> KeptLayers:
        """The layers as a book keeps them."""
        return [layer.kept() for layer in self.layers]

    def forget_before(self, hour: int) -> None:
        """Let go of what was charged up to an hour."""
        self.layers = [layer for layer in self.layers if layer.hour > hour]

    def amounts(self) -> dict[Key, float]:
        """All that is held, by source and origin hour."""
        total: dict[Key, float] = {}
        for layer in self.layers:
            for key, amount in layer.amounts.items():
                before = total.get(key, 0.0)
                total[key] = before + amount

        return total

    def charge(
        self,
        hour: int,
        energy_kwh: float,
        amounts: Iterable[tuple[Key, float]],
    ) -> None:
        """Add `energy_kwh` measured at the bus in `hour`, with the amounts behind it."""
        if energy_kwh <= 0.0:
            return

        if not self.layers or (self.layers[-1].hour != hour and not self.mixed):
            self.layers.append(Layer(hour, 0.0, {}))

        layer = self.layers[-1]
        layer.energy_kwh += energy_kwh * self.charge_efficiency
        for key, amount in amounts:
            if amount:
                before = layer.amounts.get(key, 0.0)
                layer.amounts[key] = before + amount

    def discharge(self, delivered_kwh: float) -> tuple[dict[Key, float], float]:
        """Take what stands behind `delivered_kwh`.

        Returns the amounts, and how much of the delivery nothing was held for.
        """
        taken: dict[Key, float] = {}
        wanted = delivered_kwh / self.discharge_efficiency
        while wanted > SMALL and self.layers:
            layer = self.layers[0]
            share = 1.0
            if layer.energy_kwh > 0.0:
                share = min(wanted / layer.energy_kwh, 1.0)

            left = 1.0 - share
            for key, amount in layer.amounts.items():
                before = taken.get(key, 0.0)
                taken[key] = before + amount * share
                layer.amounts[key] = amount * left

            wanted -= layer.energy_kwh * share
            layer.energy_kwh *= left
            if share >= 1.0 - SMALL:
                self.layers.pop(0)

        if wanted <= SMALL:
            return taken, 0.0

        return taken, wanted * self.discharge_efficiency

    def settle(self, energy_kwh: float) -> None:
        """Set the energy held to what the battery management says;
        the origins stay as they are (case 1b).
        """
        held = self.energy_kwh
        if held <= 0.0:
            return

        ratio = energy_kwh / held
        for layer in self.layers:
            layer.energy_kwh *= ratio
