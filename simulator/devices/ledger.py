"""What was served: every counter value that left a device,
so that a test can hold the books against it.

Bounded: at most MOST_ROWS per meter, the oldest go first.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypedDict

MOST_ROWS: Final = 500_000


class Columns(TypedDict):
    """The rows of one counter, column by column; see `Served`."""

    ts: list[int]
    value: list[float]
    registered: list[float]
    generation: list[int]


class Counts(TypedDict):
    """How many registers were served in all, and answered polls by meter and block."""

    registers: int
    polls: dict[str, dict[str, int]]


@dataclass(slots=True)
class Served:
    """Columns of one counter: event time, value as served (row unit),
    registered total without jumps or wraps, generation.
    """

    ts: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    registered: array[float] = field(default_factory=lambda: array("d"))
    generation: array[int] = field(default_factory=lambda: array("i"))

    def add(
        self,
        ts: int,
        value: float,
        registered: float,
        generation: int,
    ) -> None:
        self.ts.append(ts)
        self.value.append(value)
        self.registered.append(registered)
        self.generation.append(generation)

    def drop(self, count: int) -> None:
        del self.ts[:count]
        del self.value[:count]
        del self.registered[:count]
        del self.generation[:count]

    def columns(self, last: int | None = None) -> Columns:
        """As lists, the newest `last` rows or all."""
        cut = slice(-last, None) if last else slice(None)
        return {
            "ts": list(self.ts[cut]),
            "value": list(self.value[cut]),
            "registered": list(self.registered[cut]),
            "generation": list(self.generation[cut]),
        }


class Ledger:
    """Counters served per meter and name, and answered polls per meter and block."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self.most_rows = most_rows
        self.rows: dict[str, dict[str, Served]] = {}
        self.polls: dict[str, Counter[str]] = {}
        self.registers = 0

    def counter(
        self,
        meter: str,
        name: str,
        ts: int,
        value: float,
        registered: float,
        generation: int,
    ) -> None:
        """Note one served counter value."""
        served = self.rows.setdefault(meter, {}).setdefault(name, Served())
        served.add(
            ts,
            value,
            registered,
            generation,
        )
        if len(served.ts) * len(self.rows[meter]) > self.most_rows:
            served.drop(len(served.ts) // 4)

    def poll(
        self,
        meter: str,
        block: str,
        registers: int,
    ) -> None:
        """Note one answered request or published message."""
        self.polls.setdefault(meter, Counter())[block] += 1
        self.registers += registers

    def of(self, meter: str, last: int | None = None) -> dict[str, Columns]:
        """Columns of every counter of a meter."""
        return {name: served.columns(last) for name, served in self.rows.get(meter, {}).items()}

    def served(self) -> Counts:
        """Counts: registers in all, answered polls per meter and block."""
        return {
            "registers": self.registers,
            "polls": {meter: dict(blocks) for meter, blocks in self.polls.items()},
        }
