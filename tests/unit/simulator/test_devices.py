"""Registers, faults, ledger and broker rules, without a socket."""

from __future__ import annotations

import math
import struct

import pytest

from collector.catalogue import load_catalogue
from plant.profile import Row
from plant.units import SECOND_NS
from simulator import registers
from simulator.devices.broker import Message, matches, packet
from simulator.devices.faults import Fault, FaultBook
from simulator.devices.ledger import Ledger
from simulator.devices.modbus import ServedUnit, add_meter
from simulator.devices.sensors import put
from tests.unit.simulator.test_world import plant_of, world_of

S = SECOND_NS


@pytest.mark.parametrize(
    ("row", "value", "order", "expected"),
    [
        (
            Row(quantity="active_power", address=0, type="float32", unit="W"),
            1.0,
            "high_first",
            (0x3F80, 0),
        ),
        (
            Row(quantity="active_power", address=0, type="int32", unit="W", scale=0.1),
            -1.0,
            "low_first",
            (0xFFF6, 0xFFFF),
        ),
        (
            Row(quantity="active_energy_import", address=0, type="uint64", unit="kWh", scale=0.01),
            655.369,
            "high_first",
            (0, 0, 1, 0),
        ),
        (
            Row(quantity="active_energy_import", address=0, type="uint32", unit="Wh"),
            2.0**32 + 5,
            "high_first",
            (0, 5),
        ),
        (
            Row(
                quantity="active_energy_import",
                address=0,
                type="uint32",
                unit="Wh",
                wraps_at=1000.0,
            ),
            1007.0,
            "high_first",
            (0, 7),
        ),
        (
            Row(quantity="voltage", address=0, type="uint16", unit="V"),
            math.nan,
            "high_first",
            (0xFFFF,),
        ),
        (
            Row(quantity="active_power", address=0, type="int16", unit="W", not_available=0x8000),
            math.nan,
            "high_first",
            (0x8000,),
        ),
        (
            Row(quantity="active_power", address=0, type="int16", unit="W"),
            99_999.0,
            "high_first",
            (0x7FFF,),
        ),
    ],
)
def test_words_on_the_wire(row: Row, value: float, order: str, expected: tuple[int, ...]) -> None:
    assert registers.words(row, value, order) == expected


def test_what_is_shown_is_what_the_words_say() -> None:
    """Every row of every profile: unpacking the words by hand gives `shown`."""
    for profile in load_catalogue().values():
        for row in profile.registers:
            value = 12_345.678 * row.scale
            words = registers.words(row, value, "high_first")
            raw = struct.unpack(
                registers._FORMAT[row.type], struct.pack(f">{len(words)}H", *words)
            )[0]
            assert raw * row.scale == pytest.approx(
                float(registers.shown(row, value)), rel=1e-12
            ), (
                profile.id,
                row.name,
            )


def test_scale_registers_hold_the_peak() -> None:
    profile = load_catalogue()["sunspec_inverter_int"]
    scales = registers.scale_factors(
        profile, {"active_power": 700_000.0, "frequency": 65.0, "voltage": 900.0}
    )
    row = next(r for r in profile.registers if r.quantity == "active_power")
    assert scales[row.scale_register or 0] == 2
    assert float(registers.shown(row, 350_049.0, 2)) == 350_000.0


def test_gaps_that_the_map_tolerates_read_zero() -> None:
    unit = ServedUnit()
    add_meter(unit, "m", load_catalogue()["eastron_sdm630"], 0, {})
    taken = set(unit.slots[4])
    assert unit.limit == 80
    assert all((4, address) not in unit.zeros for address in taken)


def test_faults_last_their_time_and_come_again() -> None:
    fault = Fault("m", "silent", 100 * S, 110 * S, period_ns=60 * S)
    assert [fault.on(t * S) for t in (99, 100, 109, 110, 160, 165, 171)] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]


def test_jumps_are_taken_once_in_order() -> None:
    world = world_of("jiaxing")
    book = FaultBook(plant_of("jiaxing"), world.sim.model_copy(update={"events": []}), 1, 0)
    book.add(Fault("smt_1_el", "preset", 20 * S, 21 * S, value=5.0))
    book.add(Fault("smt_1_el", "reset", 10 * S, 11 * S))
    book.add(Fault("smt_1_el", "wrap", 15 * S, 16 * S))
    assert [fault.kind for _, fault in book.jumps("smt_1_el", 0, 30 * S)] == ["reset", "preset"]
    assert book.jumps("smt_1_el", 20 * S, 30 * S) == []


def test_the_ledger_is_bounded() -> None:
    ledger = Ledger(most_rows=100)
    for n in range(1000):
        ledger.counter("m", "a", n, float(n), float(n), 0)
    kept = ledger.of("m")["a"]["ts"]
    assert len(kept) <= 100
    assert kept[-1] == 999
    assert ledger.of("m", 3)["a"]["value"] == [997.0, 998.0, 999.0]


@pytest.mark.parametrize(
    ("pattern", "topic", "taken"),
    [
        ("gas/+/state", "gas/g1/state", True),
        ("gas/#", "gas/g1/state", True),
        ("gas/#", "gas", True),
        ("#", "gas/g1/state", True),
        ("#", "$SYS/x", False),
        ("gas/+", "gas/g1/state", False),
        ("gas/g1/state/x", "gas/g1/state", False),
    ],
)
def test_topic_filters(pattern: str, topic: str, taken: bool) -> None:
    assert matches(pattern, topic) is taken


def test_long_packets_have_long_lengths() -> None:
    assert packet(3, 0, b"x" * 321)[:3] == bytes((0x30, 0xC1, 0x02))
    assert Message("a/b", b"hi", 1).packed(1, 7, False) == b"\x32\x09\x00\x03a/b\x00\x07hi"


def test_paths_into_json() -> None:
    document: dict[str, object] = {}
    put(document, "$.a.b", 1)
    put(document, "$.c", 2)
    assert document == {"a": {"b": 1}, "c": 2}
