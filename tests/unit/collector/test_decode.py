"""Decode and encode: round trips, not-available patterns, scale registers, CT and direction."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decode import compile_block, tag_name
from collector.encode import encode_value
from collector.plan import Block, span
from plant.profile import Row
from plant.quantity import Wiring

INTEGERS = {
    "uint16": (0, 0xFFFE),
    "int16": (-0x7FFF, 0x7FFF),
    "uint32": (0, 2**32 - 2),
    "int32": (-(2**31) + 1, 2**31 - 1),
}
LARGE = {"uint64": (0, 2**52), "int64": (-(2**52), 2**52)}


def row(
    kind: str = "float32",
    address: int = 10,
    unit: str = "kW",
    quantity: str = "active_power",
    **more: object,
) -> Row:
    return Row.model_validate(
        {"quantity": quantity, "address": address, "type": kind, "unit": unit, **more}
    )


def block(*rows: Row, base: int = 0) -> Block:
    low, high = min(span(r)[0] for r in rows), max(span(r)[1] for r in rows)
    return Block(3, base + low, high - low, base, rows)


@given(
    st.sampled_from(sorted(INTEGERS | LARGE)),
    st.sampled_from(["high_first", "low_first"]),
    st.data(),
)
def test_integers_come_back_exactly(kind: str, order: str, data: st.DataObject) -> None:
    raw = data.draw(st.integers(*(INTEGERS | LARGE)[kind]))
    one = row(kind)
    assert compile_block(block(one), order)(encode_value(one, float(raw), order)).tolist() == [
        float(raw)
    ]


@given(
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["high_first", "low_first"]),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
def test_floats_come_back_exactly(kind: str, order: str, value: float) -> None:
    one = row(kind)
    assert compile_block(block(one), order)(encode_value(one, value, order)).tolist() == [value]


@given(
    st.lists(st.sampled_from(["uint16", "int32", "float32", "uint64"]), min_size=1, max_size=20),
    st.data(),
)
def test_mixed_rows_with_gaps_keep_their_places(kinds: list[str], data: st.DataObject) -> None:
    rows, at = [], 5
    for index, kind in enumerate(kinds):
        at += data.draw(st.integers(0, 4))
        rows.append(row(kind, at, phase=f"p{index}"))
        at += rows[-1].registers
    registers = [0xAAAA] * (at - rows[0].address)
    for index, one in enumerate(rows):
        registers[one.address - rows[0].address : one.address - rows[0].address + one.registers] = (
            encode_value(one, index)
        )
    assert compile_block(block(*rows), "high_first")(registers).tolist() == list(range(len(rows)))


def test_wire_addresses_start_at_the_base() -> None:
    one = row("uint16", 4)
    assert compile_block(block(one, base=40069), "high_first")([7]).tolist() == [7.0]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("uint16", 0xFFFF),
        ("int16", 0x8000),
        ("int32", 0x7FFFFFFF),
        ("uint32", 0xFFFFFFFF),
        ("uint64", 2**64 - 1),
    ],
)
def test_not_available_is_nan_and_never_zero(kind: str, pattern: int) -> None:
    one = row(kind, not_available=pattern)
    assert math.isnan(compile_block(block(one), "high_first")(encode_value(one, None))[0])
    assert compile_block(block(one), "high_first")(encode_value(one, 0.0)).tolist() == [0.0]


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800000, 0xFF800000])
def test_nan_and_infinity_are_nan(bits: int) -> None:
    assert math.isnan(
        compile_block(block(row()), "high_first")(struct.unpack(">2H", bits.to_bytes(4, "big")))[0]
    )


def test_integers_without_a_pattern_cannot_say_nothing() -> None:
    with pytest.raises(ValueError, match="no pattern"):
        encode_value(row("uint16"), None)


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_value(row("uint16"), 70_000)


@pytest.mark.parametrize(
    ("sf", "expected"), [(0, 1234.0), (2, 123400.0), (0xFFFE, 12.34), (0x8000, None), (11, None)]
)
def test_scale_register(sf: int, expected: float | None) -> None:
    one = row("int16", 2, scale_register=3, unit="kW")
    value = compile_block(block(one), "high_first")([1234, sf])[0]
    assert (math.isnan(value)) if expected is None else value == pytest.approx(expected)


def test_scale_unit_ct_and_direction_multiply() -> None:
    one = row("int16", unit="W", scale=10)
    assert compile_block(block(one), "high_first", Wiring(80.0, True))([100]).tolist() == [-80.0]
    volts = row("uint16", unit="V", quantity="voltage")
    assert compile_block(block(volts), "high_first", Wiring(80.0, True))([230]).tolist() == [230.0]


def test_reverse_swaps_import_and_export_names() -> None:
    counter = row("uint32", quantity="active_energy_import", unit="kWh", tariff=2)
    assert tag_name(counter) == "active_energy_import.total.t2"
    assert tag_name(counter, Wiring(reverse=True)) == "active_energy_export.total.t2"
    assert tag_name(row(), Wiring(reverse=True)) == "active_power.total"


def test_answers_do_not_share_memory() -> None:
    decode = compile_block(block(row("uint16")), "high_first")
    first = decode([1])
    decode([2])
    assert first.tolist() == [1.0]
    assert first.dtype == np.float64
