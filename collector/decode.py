"""Registers to values: one compiled decode per block. Pure.

The words that carry values are picked and put in order in one go, unpacked as one array or by one struct, and scaled as
one array, so the cost per poll hardly grows with the number of rows. What has no value (not-available pattern, NaN, infinity) becomes
NaN.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collector.plan import Block
from plant.profile import Row
from plant.quantity import QUANTITIES, STRAIGHT, Wiring
from plant.units import to_canonical

Floats = npt.NDArray[np.float64]
Decode = Callable[[bytes | Sequence[int]], Floats]

FORMATS: Final = {
    "uint16": "H",
    "int16": "h",
    "enum16": "H",
    "bitfield16": "H",
    "sunssf": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
    "acc32": "I",
    "bitfield32": "I",
    "uint64": "Q",
    "int64": "q",
    "float64": "d",
}
_NUMPY: Final = {
    "H": "u2",
    "h": "i2",
    "I": "u4",
    "i": "i4",
    "f": "f4",
    "Q": "u8",
    "q": "i8",
    "d": "f8",
}


def tag_name(row: Row, wiring: Wiring = STRAIGHT) -> str:
    """Name under which a row's value travels; on a meter wired the other way round import and export change places."""
    known = QUANTITIES.get(row.quantity)
    return row.named(known.read_as(wiring)) if known else row.name


def factor(row: Row, wiring: Wiring = STRAIGHT) -> float:
    """What the raw number of a row is multiplied with: its scale, the way to the canonical unit, CT ratio and sign."""
    return row.scale * unit_factor(row, wiring)


def unit_factor(row: Row, wiring: Wiring = STRAIGHT) -> float:
    """The same for a value that already stands in the row's unit."""
    known = QUANTITIES.get(row.quantity)
    return known.factor(row.unit, wiring) if known else to_canonical(row.unit)[1]


def compile_block(block: Block, word_order: str, wiring: Wiring = STRAIGHT) -> Decode:
    """A function from the registers of `block` to one canonical value per row, in the order of `block.rows`.

    Registers are bytes as on the wire (high byte first), or integers.
    """
    words, form = _layout(block, word_order)
    return _finish(block.rows, _picker(words, block.count), struct.Struct(form), wiring)


def _picker(words: list[int], count: int) -> Callable[[bytes], bytes]:
    """Brings the words that are needed into order; nothing to do where all are needed as they come."""
    if words == list(range(count)):
        return bytes
    order = np.array(words, np.intp)
    return lambda data: np.frombuffer(data, "u2").take(order).tobytes()


def _layout(block: Block, word_order: str) -> tuple[list[int], str]:
    """Which words in which order, and how they unpack: every row's value, then every scale register."""
    start = block.address - block.base
    words: list[int] = []
    for row in block.rows:
        own = range(row.address - start, row.address - start + row.registers)
        words += reversed(own) if word_order == "low_first" else own
    scales = [row.scale_register - start for row in block.rows if row.scale_register is not None]
    form = ">" + "".join(FORMATS[row.type] for row in block.rows) + "h" * len(scales)
    return words + scales, form


def _missing(row: Row) -> float:
    """The not-available pattern of a row as a number; NaN, which equals nothing, where there is none."""
    if row.not_available is None:
        return float("nan")
    pattern = row.not_available.to_bytes(2 * row.registers, "big")
    return float(struct.unpack(">" + FORMATS[row.type], pattern)[0])


def _finish(
    rows: tuple[Row, ...],
    pick: Callable[[bytes], bytes],
    form: struct.Struct,
    wiring: Wiring,
) -> Decode:
    factors = np.array([factor(row, wiring) for row in rows])
    missing = np.array([_missing(row) for row in rows])
    scaled = np.array([i for i, row in enumerate(rows) if row.scale_register is not None], np.intp)
    unpack = form.unpack
    size = len(rows)
    any_missing = not np.isnan(missing).all()
    any_factor = bool((factors != 1.0).any())
    one_type = None if len(scaled) else _one_type(rows)

    def decode(registers: bytes | Sequence[int]) -> Floats:
        packed = pick(
            registers
            if isinstance(registers, bytes)
            else struct.pack(f">{len(registers)}H", *registers)
        )
        raw = np.array(
            unpack(packed) if one_type is None else np.frombuffer(packed, one_type), np.float64
        )
        values = raw[:size]
        if any_missing:
            values[values == missing] = np.nan
        if len(scaled):
            values[scaled] *= _powers(raw[size:])
        if any_factor:
            values *= factors
        finite = np.isfinite(values)
        if np.count_nonzero(finite) < size:
            values[~finite] = np.nan
        return values

    return decode


def _one_type(rows: tuple[Row, ...]) -> np.dtype[Any] | None:
    """The type that all rows have, so that numpy can take the block as a whole; None where they differ."""
    kinds = {FORMATS[row.type] for row in rows}
    return np.dtype(">" + _NUMPY[kinds.pop()]) if len(kinds) == 1 else None


def _powers(scales: Floats) -> Floats:
    """10^sf; the standard allows -10 to 10, anything else is no value."""
    return np.where(np.abs(scales) <= 10, np.power(10.0, np.clip(scales, -10, 10)), np.nan)
