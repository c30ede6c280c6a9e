"""Which registers to read, in how few requests: rows of a profile become blocks. Pure.

Addresses of a block are those on the wire: the meter's `address` (model base) plus the row's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from plant.config import Meter
from plant.profile import Defaults, Profile, Row
from plant.quantity import BASIC, CUMULATIVE

GroupName = Literal["power", "energy"]
GROUPS: Final[tuple[GroupName, GroupName]] = ("power", "energy")
Register = tuple[int, int]  # function code, address on the wire


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers from `address` with function 3 or 4, and the rows that it brings."""

    function_code: int
    address: int
    count: int
    base: int
    rows: tuple[Row, ...]


def wanted_rows(meter: Meter, profile: Profile) -> list[Row]:
    """Rows read of a meter: `read: basic` its counters, power and power factor (phase total), `all` each row."""
    rows = {row.name: row for row in reversed(profile.registers)}
    names = dict.fromkeys(row.name for row in profile.registers)
    every = [rows[name] for name in names if rows[name].type != "sunssf"]
    if meter.read == "all":
        return every
    return [
        row
        for row in every
        if row.phase == "total" and (row.quantity in BASIC or row.quantity == meter.counter)
    ]


def split_groups(rows: Iterable[Row]) -> dict[GroupName, list[Row]]:
    """Rows by pace: `power` for instantaneous values, `energy` for counters; a group without rows is left out."""
    groups: dict[GroupName, list[Row]] = {"power": [], "energy": []}
    for row in rows:
        groups["energy" if row.quantity in CUMULATIVE else "power"].append(row)
    return {name: found for name, found in groups.items() if found}


def span(row: Row) -> tuple[int, int]:
    """First register and the one after the last that a row needs, its scale register included."""
    low = row.address
    high = row.address + row.registers
    if row.scale_register is None:
        return low, high
    return min(low, row.scale_register), max(high, row.scale_register + 1)


def plan_blocks(
    rows: Iterable[Row], defaults: Defaults, base: int = 0, bad: Collection[Register] = ()
) -> tuple[Block, ...]:
    """The fewest blocks in address order: gaps up to `max_gap` are bridged, but never over a register known as bad."""
    blocks: list[Block] = []
    taken: list[Row] = []
    code = low = high = 0
    for row in sorted(rows, key=lambda r: (r.function_code or defaults.function_code, span(r))):
        row_code = row.function_code or defaults.function_code
        (first, after) = span(row)
        joins = taken and row_code == code and first - high <= defaults.max_gap
        joins = joins and max(high, after) - low <= defaults.max_registers_per_request
        if not joins or any((code, base + a) in bad for a in range(high, first)):
            blocks += _close(code, low, high, base, taken)
            taken = []
            code = row_code
            low = first
            high = after
        taken.append(row)
        high = max(high, after)
    return (*blocks, *_close(code, low, high, base, taken))


def _close(code: int, low: int, high: int, base: int, rows: list[Row]) -> list[Block]:
    if not rows:
        return []
    if base + high > 0x10000:
        raise ValueError(f"address {base} puts {rows[-1].name} beyond register 65535")
    return [Block(code, base + low, high - low, base, tuple(rows))]


def halves(block: Block) -> tuple[Block, ...]:
    """The block cut between two rows; nothing where it holds only one. No value and no scale register is parted."""
    middle = len(block.rows) // 2
    if not middle:
        return ()
    parts = block.rows[:middle], block.rows[middle:]
    return tuple(exact(block, part) for part in parts)


def exact(block: Block, rows: tuple[Row, ...]) -> Block:
    """The part of a block that just covers `rows`."""
    low = min(span(r)[0] for r in rows)
    high = max(span(r)[1] for r in rows)
    return Block(block.function_code, block.base + low, high - low, block.base, rows)


def registers_of(block: Block) -> set[Register]:
    """Registers of the rows of a block, gaps left out."""
    return {(block.function_code, block.base + a) for row in block.rows for a in range(*span(row))}
