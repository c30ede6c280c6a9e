"""One table of quantities: what wiring does to each, and that live and back-fill agree about it."""

from __future__ import annotations

import pytest

from collector.catalogue import load_catalogue
from collector.decode import factor, tag_name
from plant.profile import Row
from plant.quantity import (
    BASIC,
    COUNTERS,
    CUMULATIVE,
    POWERS,
    QUANTITIES,
    REVERSE_COUNTER,
    Kind,
    Wiring,
)
from plant.units import to_canonical

TURNED = Wiring(ratio=80.0, reverse=True)


def test_every_row_of_the_catalogue_is_a_known_quantity_in_its_unit() -> None:
    for profile in load_catalogue().values():
        for row in profile.registers:
            known = QUANTITIES[row.quantity]
            canonical = to_canonical(row.unit)[0]
            same = {known.unit, "K"} if known.unit == "degC" else {known.unit}
            assert canonical in same, (profile.id, row.name)


def test_what_carriers_name_is_in_the_table() -> None:
    for names in COUNTERS.values():
        assert set(names) <= CUMULATIVE
    for names in POWERS.values():
        assert {QUANTITIES[name].kind for name in names} == {Kind.FLOW}
    assert REVERSE_COUNTER in CUMULATIVE
    assert set(QUANTITIES) >= BASIC


def test_import_and_export_are_each_others_turned_side() -> None:
    for quantity in QUANTITIES.values():
        if quantity.turned:
            assert QUANTITIES[quantity.turned].turned == quantity.name
            assert not quantity.negated


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        ("active_energy_import", "Wh", 0.08),
        ("reactive_energy_inductive", "varh", 0.08),
        ("reactive_energy_capacitive", "varh", 0.08),
        ("apparent_energy", "VAh", 0.08),
        ("active_power", "W", -0.08),
        ("reactive_power", "var", -0.08),
        ("active_power_demand", "kW", -80.0),
        ("active_energy_net", "kWh", -80.0),
        ("apparent_power", "kVA", 80.0),
        ("current", "A", 80.0),
        ("voltage", "V", 1.0),
        ("volume", "l", 0.001),
    ],
)
def test_ratio_and_direction(quantity: str, unit: str, expected: float) -> None:
    assert QUANTITIES[quantity].factor(unit, TURNED) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        ("active_energy_import", "MWh", 1000.0),
        ("active_power", "MWh", 1.0),
        ("mass", "t", 1000.0),
        ("mass_flow", "t", 1000.0),
        ("flow", "MWh", 1000.0),
        ("volume_flow", "l", 0.001),
        ("operating_time", "MWh", 1.0),
        ("flow_temperature", "t", 1.0),
    ],
)
def test_without_a_register_map_the_meters_unit_rules(
    quantity: str, unit: str, expected: float
) -> None:
    assert QUANTITIES[quantity].factor_unmapped(unit) == pytest.approx(expected)


def test_a_row_is_named_and_scaled_by_the_table() -> None:
    row = Row(
        quantity="reactive_energy_import",
        phase="L1",
        address=0,
        type="uint32",
        unit="varh",
        scale=10,
    )
    assert tag_name(row, TURNED) == "reactive_energy_export.L1"
    assert factor(row, TURNED) == pytest.approx(0.8)


def test_a_voltage_between_phases_may_be_higher() -> None:
    voltage = QUANTITIES["voltage"]
    assert not voltage.plausible("L1").holds(690.0)
    assert voltage.plausible("L1L2").holds(690.0)
