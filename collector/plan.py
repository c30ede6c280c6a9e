"""Which registers to read, in how few requests: rows of a profile become blocks. Pure.

Addresses of a block are those on the wire: the meter's `address` (model base) plus the row's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from plant.profile import Defaults, Profile, Row
from plant.protocols.modbus import ModbusMeter
from plant.quantity import BASIC, CUMULATIVE

GroupName = Literal["power", "energy"]
GROUPS: Final[tuple[GroupName, GroupName]] = ("power", "energy")

# Modbus knows this many registers of a kind, from 0 on.
REGISTERS: Final = 0x10000


class Register(NamedTuple):
    """One register of a device, by the function that reads it and its address on the wire."""

    function_code: int
    address: int


class RegisterRun(NamedTuple):
    """Registers from the first one to the one after the last."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers from `address` with function 3 or 4, and the rows it brings.

    `base` is the meter's own address, which stands on top of those of its rows.
    """

    function_code: int
    address: int
    count: int
    base: int
    rows: tuple[Row, ...]


def wanted_rows(meter: ModbusMeter, profile: Profile) -> list[Row]:
    """Rows read of a meter.

    `read: basic` its counters, power and power factor (phase total), `all` each row. Of rows with
    one name the first counts, and a scale factor is read with its value.
    """
    by_name: dict[str, Row] = {}
    for row in profile.registers:
        by_name.setdefault(row.name, row)

    rows = [row for row in by_name.values() if row.type != "sunssf"]
    if meter.read == "all":
        return rows

    wanted = BASIC | {meter.counter}
    return [row for row in rows if row.phase == "total" and row.quantity in wanted]


def split_groups(rows: Iterable[Row]) -> dict[GroupName, list[Row]]:
    """Rows by pace: `power` for instantaneous values, `energy` for counters.

    A group without rows is left out.
    """
    groups: dict[GroupName, list[Row]] = {name: [] for name in GROUPS}
    for row in rows:
        pace: GroupName = "energy" if row.quantity in CUMULATIVE else "power"
        groups[pace].append(row)

    return {name: found for name, found in groups.items() if found}


def span(row: Row) -> RegisterRun:
    """The registers that a row needs, its scale register included."""
    own = RegisterRun(row.address, row.address + row.registers)
    scale = row.scale_register
    if scale is None:
        return own

    return RegisterRun(min(own.low, scale), max(own.high, scale + 1))


def plan_blocks(
    rows: Iterable[Row],
    defaults: Defaults,
    base: int = 0,
    bad: Collection[Register] = (),
) -> tuple[Block, ...]:
    """The fewest blocks in address order.

    Gaps up to `max_gap` are bridged, but never over a register known as bad.
    """

    def function_of(row: Row) -> int:
        return row.function_code or defaults.function_code

    def in_order(row: Row) -> tuple[int, RegisterRun]:
        return function_of(row), span(row)

    limits = _Limits(defaults.max_gap, defaults.max_registers_per_request, bad)
    growing: list[_Growing] = []
    for row in sorted(rows, key=in_order):
        function_code = function_of(row)
        last = growing[-1] if growing else None
        if last is None or not last.takes(row, function_code, limits):
            last = _Growing(function_code, base, span(row).low)
            growing.append(last)

        last.add(row)

    return tuple(block.done() for block in growing)


class _Limits(NamedTuple):
    """What one request must keep to."""

    gap_most: int
    registers_most: int
    bad: Collection[Register]


class _Growing:
    """A block that rows are added to as long as they fit."""

    def __init__(self, function_code: int, base: int, low: int) -> None:
        self.function_code = function_code
        self.base = base
        self.low = low
        self.high = low
        self.rows: list[Row] = []

    def takes(self, row: Row, function_code: int, limits: _Limits) -> bool:
        """Whether the row fits in: same function, a small gap, not too much at once."""
        needed = span(row)
        gap = range(self.high, needed.low)
        size = max(self.high, needed.high) - self.low
        if function_code != self.function_code:
            return False

        if len(gap) > limits.gap_most or size > limits.registers_most:
            return False

        return not any(self.register(address) in limits.bad for address in gap)

    def register(self, address: int) -> Register:
        """A register of the map as it is on the wire."""
        return Register(self.function_code, self.base + address)

    def add(self, row: Row) -> None:
        """Take the row in."""
        self.rows.append(row)
        self.high = max(self.high, span(row).high)

    def done(self) -> Block:
        """The block; ValueError where it would end beyond the last register."""
        if self.base + self.high > REGISTERS:
            name = self.rows[-1].name
            raise ValueError(f"address {self.base} puts {name} beyond register 65535")

        return Block(
            function_code=self.function_code,
            address=self.base + self.low,
            count=self.high - self.low,
            base=self.base,
            rows=tuple(self.rows),
        )


def halves(block: Block) -> tuple[Block, ...]:
    """The block cut between two rows; nothing where it holds only one.

    No value is parted from itself or from its scale register.
    """
    middle = len(block.rows) // 2
    if not middle:
        return ()

    first = exact(block, block.rows[:middle])
    second = exact(block, block.rows[middle:])
    return first, second


def exact(block: Block, rows: tuple[Row, ...]) -> Block:
    """The part of a block that just covers `rows`."""
    spans = [span(row) for row in rows]
    low = min(needed.low for needed in spans)
    high = max(needed.high for needed in spans)
    return Block(
        function_code=block.function_code,
        address=block.base + low,
        count=high - low,
        base=block.base,
        rows=rows,
    )


def registers_of(block: Block) -> set[Register]:
    """Registers of the rows of a block, gaps left out."""
    found: set[Register] = set()
    for row in block.rows:
        needed = span(row)
        for address in range(needed.low, needed.high):
            found.add(Register(block.function_code, block.base + address))

    return found
