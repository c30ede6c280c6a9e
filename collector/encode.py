"""Values to registers: the inverse of `collector.decode`, for tests and simulated devices. Pure."""

from __future__ import annotations

import struct

from collector.decode import FORMATS, HIGH_BYTE_FIRST
from plant.profile import Row

_NO_VALUE = {
    "float32": 0x7FC00000,
    "float64": 0x7FF8000000000000,
}


def encode_value(
    row: Row,
    value: float | None,
    word_order: str = "high_first",
    exponent: int = 0,
) -> list[int]:
    """Registers of one row for `value` in the row's unit.

    raw = value / (scale x 10^exponent), rounded for integers. None gives the pattern that means no
    value; ValueError where the row has none or the value does not fit.
    """
    if value is None:
        packed = _nothing(row)
    else:
        packed = _pack(row, value / (row.scale * 10.0**exponent))

    words: list[int] = []
    for at in range(0, len(packed), 2):
        words.append(int.from_bytes(packed[at : at + 2], "big"))

    return words[::-1] if word_order == "low_first" else words


def _nothing(row: Row) -> bytes:
    pattern = row.not_available
    if pattern is None:
        pattern = _NO_VALUE.get(row.type)

    if pattern is None:
        raise ValueError(f"{row.name} has no pattern for a missing value")

    return pattern.to_bytes(2 * row.registers, "big")


def _pack(row: Row, raw: float) -> bytes:
    number = raw if row.is_float else round(raw)
    try:
        return struct.pack(HIGH_BYTE_FIRST + FORMATS[row.type], number)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{row.name}: raw {raw!r} does not fit {row.type}") from error
