"""Values into registers, written apart from the collector's decoder so that each checks the other.

A register shows raw = value / (scale x 10^sf). Counters are cut off and wrap, instantaneous values are rounded and
clipped.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from plant.profile import Profile, Row
from plant.quantity import CUMULATIVE
from simulator.noise import Floats

_FORMAT: Final = {
    "uint16": ">H",
    "int16": ">h",
    "enum16": ">H",
    "bitfield16": ">H",
    "sunssf": ">h",
    "uint32": ">I",
    "int32": ">i",
    "float32": ">f",
    "acc32": ">I",
    "bitfield32": ">I",
    "uint64": ">Q",
    "int64": ">q",
    "float64": ">d",
}
_SIGNED: Final = frozenset({"int16", "int32", "int64", "sunssf"})


def bits(row: Row) -> int:
    """Bits of magnitude of an integer row; floats have none."""
    return 0 if row.type.startswith("float") else 16 * row.registers - (row.type in _SIGNED)


def modulus(row: Row, sf: int = 0) -> float | None:
    """Where a counter row begins again at zero, in its unit; None for floats without a stated wrap."""
    if row.wraps_at is not None:
        return row.wraps_at
    return float(2 ** bits(row)) * row.scale * 10.0**sf if bits(row) else None


def shown(row: Row, value: Any, sf: int = 0) -> Any:
    """What a reader gets for `value` (number or array, in the row's unit) after the register has rounded, cut or
    wrapped it.
    """
    values = np.asarray(value, np.float64)
    around = modulus(row, sf) if row.quantity in CUMULATIVE else None
    if around is not None:
        values = np.mod(values, around)
    lsb = row.scale * 10.0**sf
    if row.type == "float32":
        return (values / lsb).astype(np.float32).astype(np.float64) * lsb
    if row.type == "float64":
        return values
    return _integer(row, values, lsb) * lsb


def _integer(row: Row, values: Floats, lsb: float) -> Floats:
    if row.quantity in CUMULATIVE:
        return np.asarray(np.floor(values / lsb + 1e-9))
    top = float(2 ** bits(row) - 1)
    return np.asarray(np.clip(np.round(values / lsb), -top if row.type in _SIGNED else 0.0, top))


def words(row: Row, value: float, word_order: str, sf: int = 0) -> tuple[int, ...]:
    """Registers of one row, in the order in which they stand on the wire."""
    if value != value:
        packed = _missing(row)
    elif row.type.startswith("float"):
        packed = struct.pack(
            _FORMAT[row.type], float(shown(row, value, sf)) / (row.scale * 10.0**sf)
        )
    else:
        lsb = row.scale * 10.0**sf
        packed = struct.pack(_FORMAT[row.type], round(float(shown(row, value, sf)) / lsb))
    found = struct.unpack(f">{row.registers}H", packed)
    return found[::-1] if word_order == "low_first" else found


def _missing(row: Row) -> bytes:
    if row.type.startswith("float") and row.not_available is None:
        return struct.pack(_FORMAT[row.type], float("nan"))
    size = 2 * row.registers
    pattern = row.not_available if row.not_available is not None else (1 << (8 * size)) - 1
    return (pattern & ((1 << (8 * size)) - 1)).to_bytes(size, "big")


def scale_factors(profile: Profile, peaks: Mapping[str, float]) -> dict[int, int]:
    """Exponent shown by each scale register: the finest that still holds the peak of every row on it."""
    found: dict[int, int] = {}
    for row in profile.registers:
        if row.scale_register is None:
            continue
        if row.quantity in CUMULATIVE:
            needed = 0
        else:
            top = float(2 ** bits(row) - 1)
            needed = max(
                -2,
                int(
                    np.ceil(
                        np.log10(max(peaks.get(row.quantity, 1.0), 1e-6) * 1.2 / row.scale / top)
                    )
                ),
            )
        found[row.scale_register] = max(found.get(row.scale_register, -9), needed)
    return found
