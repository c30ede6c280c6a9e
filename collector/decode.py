"""Registers to values: one compiled decode per block. Pure.

The words that carry values are picked and put in order in one go, unpacked as one array or by one
struct, and scaled as one array, so the cost per poll hardly grows with the number of rows. What has
no value (not-available pattern, NaN, infinity) becomes NaN.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from collector.plan import Block
from plant.profile import Row
from plant.quantity import QUANTITIES, STRAIGHT, Wiring
from plant.units import to_canonical

Floats = npt.NDArray[np.float64]
Registers = bytes | Sequence[int]
Decode = Callable[[Registers], Floats]

# How struct reads a register type; words are sent high byte first.
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
HIGH_BYTE_FIRST: Final = ">"
SCALE_FORMAT: Final = FORMATS["sunssf"]

# The same for numpy.
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

# The SunSpec standard allows scale factors of 10^-10 to 10^10.
_GREATEST_EXPONENT: Final = 10


def tag_name(row: Row, wiring: Wiring = STRAIGHT) -> str:
    """Name under which a row's value travels.

    On a meter wired the other way round import and export change places.
    """
    known = QUANTITIES.get(row.quantity)
    return row.named(known.read_as(wiring)) if known else row.name


def factor(row: Row, wiring: Wiring = STRAIGHT) -> float:
    """What the raw number of a row is multiplied with.

    That is its scale, the way to the canonical unit, the CT ratio and the sign.
    """
    return row.scale * unit_factor(row, wiring)


def unit_factor(row: Row, wiring: Wiring = STRAIGHT) -> float:
    """The same for a value that already stands in the row's unit."""
    known = QUANTITIES.get(row.quantity)
    if known is not None:
        return known.factor(row.unit, wiring)

    _, to_unit = to_canonical(row.unit)
    return to_unit


def compile_block(
    block: Block,
    word_order: str,
    wiring: Wiring = STRAIGHT,
) -> Decode:
    """A function from the registers of `block` to one canonical value per row, in their order.

    Registers are bytes as on the wire (high byte first), or integers.
    """
    pick = _picker(_words(block, word_order), block.count)
    unpack = _unpacker(block.rows)
    finish = _finisher(block.rows, wiring)

    def decode(registers: Registers) -> Floats:
        if not isinstance(registers, bytes):
            registers = struct.pack(f">{len(registers)}H", *registers)

        return finish(unpack(pick(registers)))

    return decode


def _words(block: Block, word_order: str) -> list[int]:
    """Which words of the block in which order: every row's value, then every scale register."""
    start = block.address - block.base
    words: list[int] = []
    for row in block.rows:
        first = row.address - start
        own = range(first, first + row.registers)
        words += reversed(own) if word_order == "low_first" else own

    for row in block.rows:
        if row.scale_register is not None:
            words.append(row.scale_register - start)

    return words


def _picker(words: list[int], count: int) -> Callable[[bytes], bytes]:
    """Brings the words that are needed into order; nothing to do where they come in it."""
    if words == list(range(count)):
        return bytes

    order = np.array(words, np.intp)

    def pick(registers: bytes) -> bytes:
        return np.frombuffer(registers, "u2").take(order).tobytes()

    return pick


def _unpacker(rows: tuple[Row, ...]) -> Callable[[bytes], Floats]:
    """Raw numbers of the picked words: at once where all are of one type, else by one struct."""
    value_formats = [FORMATS[row.type] for row in rows]
    scaled = _scaled(rows)
    all_alike = len(set(value_formats)) == 1
    if all_alike and not scaled:
        one_type = np.dtype(HIGH_BYTE_FIRST + _NUMPY[value_formats[0]])

        def unpack_alike(packed: bytes) -> Floats:
            raw = np.frombuffer(packed, one_type)
            return np.array(raw, np.float64)

        return unpack_alike

    form = HIGH_BYTE_FIRST + "".join(value_formats) + SCALE_FORMAT * len(scaled)
    unpack = struct.Struct(form).unpack

    def unpack_mixed(packed: bytes) -> Floats:
        return np.array(unpack(packed), np.float64)

    return unpack_mixed


def _scaled(rows: tuple[Row, ...]) -> list[int]:
    """Which rows have a scale register."""
    return [index for index, row in enumerate(rows) if row.scale_register is not None]


def _finisher(rows: tuple[Row, ...], wiring: Wiring) -> Callable[[Floats], Floats]:
    """From raw numbers to canonical values: what is missing, scale registers, factors."""
    factors = np.array([factor(row, wiring) for row in rows])
    missing = np.array([_missing(row) for row in rows])
    scaled = np.array(_scaled(rows), np.intp)
    size = len(rows)
    # Most blocks need only some of the steps; what is not needed is left out of every poll.
    any_missing = not np.isnan(missing).all()
    any_factor = bool((factors != 1.0).any())
    any_scaled = len(scaled) > 0

    def finish(raw: Floats) -> Floats:
        values = raw[:size]
        if any_missing:
            values[values == missing] = np.nan

        if any_scaled:
            values[scaled] *= _powers(raw[size:])

        if any_factor:
            values *= factors

        finite = np.isfinite(values)
        if np.count_nonzero(finite) < size:
            values[~finite] = np.nan

        return values

    return finish


def _missing(row: Row) -> float:
    """The not-available pattern of a row as a number.

    NaN, which equals nothing, where there is none.
    """
    if row.not_available is None:
        return float("nan")

    pattern = row.not_available.to_bytes(2 * row.registers, "big")
    (number,) = struct.unpack(HIGH_BYTE_FIRST + FORMATS[row.type], pattern)
    return float(number)


def _powers(exponents: Floats) -> Floats:
    """10^exponent; an exponent that the standard does not allow gives no value."""
    allowed = np.abs(exponents) <= _GREATEST_EXPONENT
    within = np.clip(exponents, -_GREATEST_EXPONENT, _GREATEST_EXPONENT)
    return np.where(allowed, np.power(10.0, within), np.nan)
