"""A book: one window in one revision, amounts only. What `step` gives out; products and stores are made from it.

`flows` rows: where an amount went (`kind`, `node`, `bus`), which source it is of, through which store (`via`, -1 for none), in which
hour it came from there (`origin`, ns), and how much, in the unit of the source. Balance per source: primary = sum of flows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.codec import pack, unpack
from engine.tracing.flow import COLUMNS, Flows
from engine.tracing.graph import Array

MAGIC = b"WLBOOK1\n"


@dataclass(slots=True)
class Book:
    """One window. Arrays by index of the site: taps, meters, buses, sources, storages, lines."""

    start: int
    end: int
    revision: int
    config: str
    flows: Flows
    taps: Array  # delivered, in the bus unit
    taps_electric: Array  # kWh of electricity behind compressed air and chilled water
    taps_seen_s: Array
    taps_estimated: Array
    meters: Array  # [meters, 2] forward, reverse in edge unit
    meters_seen_s: Array
    meters_estimated: Array
    primary: Array  # by source, in its unit
    remainder: Array  # by bus, delivered
    remainder_electric: (
        Array  # by bus, kWh of electricity behind what is left of compressed air and chilled water
    )
    converters_kwh: Array  # by bus, electricity that its converters took and did not give back
    charge: Array
    discharge: Array
    held_kwh: Array
    good: Array
    scrap: Array
    seconds: Array  # [lines, states]
    layers: list[list[Any]] = field(default_factory=list)
    final: bool = False

    def encode(self) -> bytes:
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {f"flows.{name}": getattr(self.flows, name) for name in COLUMNS}
        meta = [self.start, self.end, self.revision, self.config, self.layers, self.final]
        return pack(MAGIC, meta, arrays)

    @classmethod
    def decode(cls, data: bytes) -> Book:
        meta, arrays = unpack(MAGIC, data)
        flows = Flows(**{name: arrays[f"flows.{name}"] for name in COLUMNS})
        # Books of 0.1.0 do not say what converters kept, and count nothing for it, as 0.1.0 did.
        arrays.setdefault("converters_kwh", np.zeros(len(arrays["remainder"])))
        values: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        start, end, revision, config, layers, final = meta
        return cls(start, end, revision, config, flows, layers=layers, final=final, **values)

    def imbalance(self, sources: int) -> float:
        """Largest difference between a source's primary energy and all that became of it, relative to the primary."""
        went = np.bincount(self.flows.source, self.flows.amount, sources + 3)[:sources]
        return float(
            (np.abs(went - self.primary) / np.maximum(np.abs(self.primary), 1.0)).max(initial=0.0)
        )


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
