"""Values to registers: the inverse of `collector.decode`, for tests and simulated devices. Pure."""

from __future__ import annotations

import struct

from collector.decode import FORMATS
from plant.profile import Row

_NO_VALUE = {"float32": 0x7FC00000, "float64": 0x7FF8000000000000}


def encode_value(
    row: Row, value: float | None, word_order: str = "high_first", sf: int = 0
) -> list[int]:
    """Registers of one row for `value` in the row's unit: raw = value / (scale x 10^sf), rounded for integers.

    None gives the pattern that means no value; ValueError where the row has none or the value does not fit.
    """
    packed = _nothing(row) if value is None else _pack(row, value / (row.scale * 10.0**sf))
    words = [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]
    return words[::-1] if word_order == "low_first" else words


def _nothing(row: Row) -> bytes:
    pattern = row.not_available if row.not_available is not None else _NO_VALUE.get(row.type)
    if pattern is None:
        raise ValueError(f"{row.name} has no pattern for a missing value")
    return pattern.to_bytes(2 * row.registers, "big")


def _pack(row: Row, raw: float) -> bytes:
    try:
        return struct.pack(
            ">" + FORMATS[row.type], raw if row.type.startswith("float") else round(raw)
        )
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{row.name}: raw {raw!r} does not fit {row.type}") from error
