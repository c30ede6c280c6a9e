"""Values into registers, written apart from the collector's decoder so that each checks the other.

A register shows raw = value / (scale x 10^sf). Counters are cut off
and wrap, instantaneous values are rounded and clipped.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import numpy as np

from plant.arrays import Floats
from plant.profile import Profile, Row
from plant.quantity import CUMULATIVE
from simulator.surroundings import Numbers

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
    if row.type.startswith("float"):
        return 0

    sign_bit = 1 if row.type in _SIGNED else 0
    return 16 * row.registers - sign_bit


def _step(row: Row, exponent: int) -> float:
    """What one count of the register stands for, in the row's unit."""
    return float(row.scale * 10.0**exponent)


def modulus(row: Row, exponent: int = 0) -> float | None:
    """Where a counter row begins again at zero, in its unit;
    None for floats without a stated wrap.
    """
    if row.wraps_at is not None:
        return row.wraps_at

    size = bits(row)
    return float(2**size) * _step(row, exponent) if size else None


def shown(
    row: Row,
    value: Numbers,
    exponent: int = 0,
) -> Numbers:
    """What a reader gets for `value` (number or array, in the row's unit).

    The register has rounded, cut or wrapped it.
    """
    values = np.asarray(value, np.float64)
    full = modulus(row, exponent) if row.quantity in CUMULATIVE else None
    if full is not None:
        values = np.mod(values, full)

    step = _step(row, exponent)
    if row.type == "float32":
        counts = (values / step).astype(np.float32)
        return counts.astype(np.float64) * step

    if row.type == "float64":
        return values

    return _integer(row, values / step) * step


def _integer(row: Row, counts: Floats) -> Floats:
    """Whole counts: a counter has passed them, an instantaneous
    value is nearest to them and within the register.
    """
    if row.quantity in CUMULATIVE:
        return np.floor(counts + 1e-9)

    top = float(2 ** bits(row) - 1)
    bottom = -top if row.type in _SIGNED else 0.0
    return np.clip(np.round(counts), bottom, top)


def words(
    row: Row,
    value: float,
    word_order: str,
    exponent: int = 0,
) -> tuple[int, ...]:
    """Registers of one row, in the order in which they stand on the wire."""
    packed = _packed(row, value, exponent)
    found = struct.unpack(f">{row.registers}H", packed)
    return found[::-1] if word_order == "low_first" else found


def _packed(
    row: Row,
    value: float,
    exponent: int,
) -> bytes:
    """The register bytes of one value, high word first."""
    if np.isnan(value):
        return _missing(row)

    counts = float(shown(row, value, exponent)) / _step(row, exponent)
    if row.type.startswith("float"):
        return struct.pack(_FORMAT[row.type], counts)

    return struct.pack(_FORMAT[row.type], round(counts))


def _missing(row: Row) -> bytes:
    """What the register shows where there is no value: as
    the map says, else NaN or all bits set.
    """
    if row.type.startswith("float") and row.not_available is None:
        return struct.pack(_FORMAT[row.type], float("nan"))

    size = 2 * row.registers
    all_bits = (1 << (8 * size)) - 1
    pattern = all_bits if row.not_available is None else row.not_available & all_bits
    return pattern.to_bytes(size, "big")


def scale_factors(profile: Profile, peaks: Mapping[str, float]) -> dict[int, int]:
    """Exponent shown by each scale register: the finest that
    still holds the peak of every row on it.
    """
    found: dict[int, int] = {}
    for row in profile.registers:
        if row.scale_register is None:
            continue

        exponent = 0 if row.quantity in CUMULATIVE else _finest(row, peaks.get(row.quantity, 1.0))
        found[row.scale_register] = max(found.get(row.scale_register, -9), exponent)

    return found


def _finest(row: Row, peak: float) -> int:
    """Smallest exponent, down to -2, at which the row holds its peak with a fifth to spare."""
    most_raw = float(2 ** bits(row) - 1)
    with_room = max(peak, 1e-6) * 1.2
    units_per_step = with_room / row.scale / most_raw
    exponent = int(np.ceil(np.log10(units_per_step)))
    return max(-2, exponent)
