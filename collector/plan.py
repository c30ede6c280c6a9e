"""From a register map to few block reads. Pure: rows in, blocks out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plant.config import Meter
from plant.names import CUMULATIVE
from plant.profile import Profile, Row

BASIC = frozenset({"active_power", "power_factor", "volume_flow", "volume_flow_corrected", "mass_flow", "heat_power"})


@dataclass(frozen=True, slots=True)
class Block:
    """One read: function code, first register (as in the profile), number of registers, the rows decoded from it."""

    function_code: int
    address: int
    count: int
    rows: tuple[Row, ...]


def wanted_rows(meter: Meter, profile: Profile) -> list[Row]:
    """Rows to read: all, or counters, power and power factor of the whole meter."""
    numeric = [r for r in profile.registers if r.type not in ("sunssf", "bitfield16", "bitfield32", "enum16")]
    if meter.read == "all":
        return numeric
    counters = {"active_energy_import", "active_energy_export", "volume", "volume_corrected", "mass", "heat_energy", "pulse_count"}
    return [r for r in numeric if r.phase in ("total", "ch0") and (r.quantity in BASIC or r.quantity in counters)]


def groups(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Instantaneous rows, read at the pace of power; and cumulative ones, read at the pace of energy."""
    fast, slow = [], []
    for row in rows:
        (slow if row.quantity in CUMULATIVE else fast).append(row)
    return fast, slow


def _span(row: Row) -> tuple[int, int]:
    """Registers that must be read together: the value and its scale factor."""
    first, last = row.address, row.address + row.registers
    if row.scale_register is not None:
        first, last = min(first, row.scale_register), max(last, row.scale_register + 1)
    return first, last


def plan(rows: Iterable[Row], profile: Profile, bad: frozenset[int] = frozenset()) -> list[Block]:
    """Block reads for `rows`: by address, across gaps of at most `max_gap`, never splitting a value, never over `bad` registers."""
    limit, gap = profile.defaults.max_registers_per_request, profile.defaults.max_gap
    blocks: list[Block] = []
    for code in (3, 4):
        mine = sorted((r for r in rows if (r.function_code or profile.defaults.function_code) == code), key=lambda r: _span(r)[0])
        open_rows: list[Row] = []
        first = last = 0
        for row in mine:
            lo, hi = _span(row)
            if any(register in bad for register in range(lo, hi)):
                continue
            reach = max(last, hi)
            fits = open_rows and lo - last <= gap and reach - first <= limit and not any(r in bad for r in range(last, lo))
            if not fits:
                if open_rows:
                    blocks.append(Block(code, first, last - first, tuple(open_rows)))
                open_rows, first, reach = [], lo, hi
            open_rows.append(row)
            last = reach
        if open_rows:
            blocks.append(Block(code, first, last - first, tuple(open_rows)))
    return blocks


def halve(block: Block, profile: Profile) -> list[Block]:
    """Two smaller reads for a block that a device refused; none if it holds a single value."""
    if len(block.rows) < 2:
        return []
    middle = len(block.rows) // 2
    return [b for part in (block.rows[:middle], block.rows[middle:]) for b in plan(part, profile)]
