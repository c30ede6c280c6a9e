"""A book: one window in one revision, amounts only.

Books are what `step` gives out; products and stores are made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from engine.codec import Column, pack, unpack
from engine.tracing.flow import COLUMNS, Flows
from plant.arrays import Floats

MAGIC = b"WLBOOK1\n"


@dataclass(slots=True)
class Book:
    """One window, `start` to `end` in ns UTC. Arrays go by index of the site.

    By tap: what it delivered in the unit of its bus, and of compressed air and chilled water
    the kWh of electricity behind it; seconds seen, and how much is estimated. By meter: the
    same, the energy as [meters, 2] forward and reverse in edge unit. By bus the remainder,
    delivered, the electricity behind it, and the electricity that converters took and did not
    give back. By source the primary energy, in its unit. By storage what was charged and
    discharged, and what it holds. By line the pieces, good and scrap, NaN where nothing counts
    them, and the seconds in each state [lines, states].
    """

    start: int
    end: int
    revision: int
    config: str
    flows: Flows
    taps: Floats
    taps_electric: Floats
    taps_seen_s: Floats
    taps_estimated: Floats
    meters: Floats
    meters_seen_s: Floats
    meters_estimated: Floats
    primary: Floats
    remainder: Floats
    remainder_electric: Floats
    converters_kwh: Floats
    charge: Floats
    discharge: Floats
    held_kwh: Floats
    good: Floats
    scrap: Floats
    seconds: Floats
    layers: list[list[Any]] = field(default_factory=list)
    final: bool = False

    def encode(self) -> bytes:
        """The book as it stands in the journal of outputs."""
        meta = _Meta(
            start=self.start,
            end=self.end,
            revision=self.revision,
            config=self.config,
            layers=self.layers,
            final=self.final,
        )
        arrays: dict[str, Column] = {name: getattr(self, name) for name in _ARRAYS}
        for name in COLUMNS:
            arrays[f"flows.{name}"] = getattr(self.flows, name)

        return pack(MAGIC, meta, arrays)

    @classmethod
    def decode(cls, data: bytes) -> Book:
        """Inverse of `encode`; ValueError if `data` is no book."""
        raw, arrays = unpack(MAGIC, data)
        meta = msgspec.convert(raw, _Meta)
        # Books of 0.1.0 do not say what converters kept, and count nothing for it, as 0.1.0 did.
        arrays.setdefault(
            "converters_kwh",
            np.zeros(len(arrays["remainder"])),
        )
        of_flows: dict[str, Any] = {name: arrays[f"flows.{name}"] for name in COLUMNS}
        of_book: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        return cls(
            start=meta.start,
            end=meta.end,
            revision=meta.revision,
            config=meta.config,
            flows=Flows(**of_flows),
            layers=meta.layers,
            final=meta.final,
            **of_book,
        )

    def imbalance(self, sources: int) -> float:
        """Largest difference between a source's primary energy and all that became of it.

        Relative to the primary energy, or to one unit where there is less.
        """
        # Behind the sources come what is ambient, unknown, and in store from the beginning.
        went = np.bincount(
            self.flows.source,
            weights=self.flows.amount,
            minlength=sources + 3,
        )
        difference = np.abs(went[:sources] - self.primary)
        amount = np.abs(self.primary)
        relative = difference / np.maximum(amount, 1.0)
        return float(relative.max(initial=0.0))


class _Meta(msgspec.Struct, array_like=True):
    """All of a book that is no column, in the order in which books have always said it."""

    start: int
    end: int
    revision: int
    config: str
    layers: list[list[Any]]
    final: bool


_ARRAYS = (
    "taps",
    "taps_electric",
    "taps_seen_s",
    "taps_estimated",
    "meters",
    "meters_seen_s",
    "meters_estimated",
    "primary",
    "remainder",
    "remainder_electric",
    "converters_kwh",
    "charge",
    "discharge",
    "held_kwh",
    "good",
    "scrap",
    "seconds",
)
