"""The inverse of decoding, for the simulator and the tests: a value in the row's unit to registers."""

from __future__ import annotations

import math
import struct

from collector.decode import _CODE
from plant.profile import REGISTERS, Row

_RANGE = {
    "uint16": (0, 2**16), "int16": (-(2**15), 2**15), "uint32": (0, 2**32), "int32": (-(2**31), 2**31), "acc32": (0, 2**32),
    "uint64": (0, 2**64), "int64": (-(2**63), 2**63), "enum16": (0, 2**16), "bitfield16": (0, 2**16), "bitfield32": (0, 2**32), "sunssf": (-(2**15), 2**15),
}  # fmt: skip


def encode_value(row: Row, value: float | None, word_order: str) -> list[int]:
    """Registers of `value` (in the unit of the row, scale not yet divided out); None gives the not-available pattern."""
    width = REGISTERS[row.type] * 16
    if value is None or not math.isfinite(value):
        pattern = row.not_available
        if pattern is None:
            pattern = {16: 0x8000, 32: 0x7FC00000, 64: 0x7FF8000000000000}[width] if row.type.startswith("float") else 0
        body = pattern.to_bytes(width // 8, "big")
    elif row.type.startswith("float"):
        body = struct.pack(">" + _CODE[row.type], value / row.scale)
    else:
        low, high = _RANGE[row.type]
        body = struct.pack(">" + _CODE[row.type], min(max(round(value / row.scale), low), high - 1))
    words = [int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body), 2)]
    return words[::-1] if word_order == "low_first" else words
