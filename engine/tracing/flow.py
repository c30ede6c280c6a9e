"""The table of traced amounts: what the tracing gives, and what books keep.

A row says where an amount went (`kind` and `node`), which source it is of, through which
storage (`via`, -1 for none), in which hour it came from there (`origin`, ns), and how much, in
the unit of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from plant.arrays import Floats, Ints

COLUMNS: Final = ("kind", "node", "source", "via", "origin", "amount")


class Flow(IntEnum):
    """Where a traced amount went. A discharge is a negative change in storages."""

    LINE = 0
    REMAINDER = 1
    EXPORT = 2
    CHARGE = 3
    DISCHARGE = 4


@dataclass(slots=True)
class Flows:
    """Columns of equal length, those of `COLUMNS`.

    `node` is, by kind: a tap, a bus, a bus, a storage, a storage.
    """

    kind: Ints
    node: Ints
    source: Ints
    via: Ints
    origin: Ints
    amount: Floats

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.kind)
