"""One compiled decode per block: registers to canonical values. `compile_block` once, `decode` per poll."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collector.plan import Block
from plant import units
from plant.config import Meter
from plant.profile import Profile, Row

Floats = npt.NDArray[np.float64]
_CODE = {
    "uint16": "H", "int16": "h", "enum16": "H", "bitfield16": "H", "sunssf": "h", "uint32": "I", "int32": "i", "float32": "f", "acc32": "I",
    "bitfield32": "I", "uint64": "Q", "int64": "q", "float64": "d",
}  # fmt: skip
_ELECTRIC = ("energy", "power", "current", "apparent", "reactive")


@dataclass(frozen=True, slots=True)
class Decoder:
    """Layout of one block. `order` rearranges registers so that every value stands high word first and in row order."""

    count: int
    order: npt.NDArray[np.intp]
    layout: struct.Struct
    scale: Floats
    absent: tuple[int | None, ...]
    has_absent: bool
    scale_at: npt.NDArray[np.intp]

    def decode(self, registers: Sequence[int]) -> Floats:
        """Canonical values of the rows of a block; NaN where the device has none. ValueError if the answer has the wrong length."""
        if len(registers) != self.count:
            raise ValueError(f"{len(registers)} registers came, {self.count} were asked for")
        words = np.array(registers, dtype=">u2")
        raw = self.layout.unpack(words[self.order].tobytes())
        values = np.array(raw, np.float64)
        if self.has_absent:
            pattern = [a is not None and (r == a) for r, a in zip(raw, self.absent, strict=True)]
            values[pattern] = np.nan
        values[~np.isfinite(values)] = np.nan
        values *= self.scale
        if self.scale_at.size:
            self._apply_scale_registers(words, values)
        return values

    def _apply_scale_registers(self, words: npt.NDArray[np.uint16], values: Floats) -> None:
        used = self.scale_at >= 0
        exponent = words[self.scale_at[used]].astype(np.int32)
        exponent = np.where(exponent > 0x7FFF, exponent - 0x10000, exponent)
        factor = np.where(np.abs(exponent) <= 10, 10.0 ** np.clip(exponent, -10, 10), np.nan)
        values[used] *= factor


def signed(pattern: int, kind: str) -> int:
    """A not-available pattern as the value that unpacking gives for it."""
    bits = {"int16": 16, "int32": 32, "int64": 64, "sunssf": 16}.get(kind)
    return pattern - (1 << bits) if bits and pattern >= 1 << (bits - 1) else pattern


def factor(row: Row, meter: Meter) -> float:
    """Canonical unit per raw unit of a row, with the ratio of a current transformer applied here."""
    _, to_canonical = units.to_canonical(row.unit)
    ratio = meter.ct.factor if meter.ct and row.quantity.startswith(("active_", "reactive_", "apparent_", "current")) else 1.0
    sign = -1.0 if meter.reverse and row.quantity in ("active_power", "reactive_power") else 1.0
    return row.scale * to_canonical * ratio * sign


def compile_block(block: Block, profile: Profile, meter: Meter) -> Decoder:
    """The decoder of a block for one meter."""
    low_first = profile.defaults.word_order == "low_first"
    order: list[int] = []
    for row in block.rows:
        words = list(range(row.address - block.address, row.address - block.address + row.registers))
        order += words[::-1] if low_first else words
    absent = tuple(None if r.not_available is None else signed(r.not_available, r.type) for r in block.rows)
    scaled = [-1 if r.scale_register is None else r.scale_register - block.address for r in block.rows]
    return Decoder(
        block.count, np.array(order, np.intp), struct.Struct(">" + "".join(_CODE[r.type] for r in block.rows)),
        np.array([factor(r, meter) for r in block.rows]), absent, any(a is not None for a in absent),
        np.array(scaled if max(scaled) >= 0 else [], np.intp),
    )  # fmt: skip


def tag_name(row: Row, meter: Meter) -> str:
    """Name of the value of a row; a meter wired the other way round has import and export changed."""
    if meter.reverse and row.quantity.startswith("active_energy_"):
        turned = row.quantity.replace("import", "#").replace("export", "import").replace("#", "export")
        return turned + row.name.removeprefix(row.quantity)
    return row.name
