"""Planning: every row once, nothing split, limits and gaps kept, refused registers gone round."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.catalogue import load_catalogue
from collector.plan import exact, halves, plan_blocks, registers_of, span, split_groups, wanted_rows
from plant.profile import Defaults, Row
from plant.protocols.modbus import ModbusMeter

CATALOGUE = load_catalogue()


def row(address: int, kind: str = "float32", **more: object) -> Row:
    return Row.model_validate(
        {
            "quantity": "voltage",
            "phase": f"p{address}",
            "address": address,
            "type": kind,
            "unit": "V",
            **more,
        }
    )


def meter(**more: object) -> ModbusMeter:
    return ModbusMeter.model_validate({"on": "hall", "unit": 1, "profile": "any", **more})


@pytest.mark.parametrize("name", sorted(CATALOGUE))
@pytest.mark.parametrize("read", ["basic", "all"])
def test_every_profile_plans_within_its_limits(name: str, read: str) -> None:
    profile = CATALOGUE[name]
    for rows in split_groups(wanted_rows(meter(read=read), profile)).values():
        blocks = plan_blocks(rows, profile.defaults, 100)
        assert sorted(r.name for b in blocks for r in b.rows) == sorted(r.name for r in rows)
        for block in blocks:
            assert 0 < block.count <= profile.defaults.max_registers_per_request
            for one in block.rows:
                low, high = span(one)
                assert block.address <= 100 + low
                assert 100 + high <= block.address + block.count


@given(
    st.sets(st.integers(0, 200), min_size=1, max_size=60),
    st.integers(0, 20),
    st.integers(4, 125),
    st.sets(st.integers(0, 800), max_size=30),
)
def test_blocks_bridge_small_gaps_only_and_no_bad_register(
    slots: set[int], gap: int, limit: int, bad: set[int]
) -> None:
    rows = [row(4 * slot, "float32") for slot in slots]
    own = {register for one in rows for register in range(*span(one))}
    refused = {(3, register) for register in bad - own}
    blocks = plan_blocks(rows, Defaults(max_gap=gap, max_registers_per_request=limit), 0, refused)
    assert [r for b in blocks for r in b.rows] == sorted(rows, key=lambda r: r.address)
    for block in blocks:
        assert block.count <= limit
        covered = {(3, a) for a in range(block.address, block.address + block.count)}
        assert not covered & refused
        ends = [span(r) for r in block.rows]
        assert all(b[0] - a[1] <= gap for a, b in pairwise(ends))


def test_function_codes_are_not_mixed() -> None:
    blocks = plan_blocks([row(0), row(2, function_code=4), row(4)], Defaults())
    assert [(b.function_code, b.address, b.count) for b in blocks] == [(3, 0, 6), (4, 2, 2)]


def test_scale_register_stays_with_its_value() -> None:
    blocks = plan_blocks([row(10, "int16", scale_register=20), row(40)], Defaults(max_gap=0))
    assert [(b.address, b.count) for b in blocks] == [(10, 11), (40, 2)]


def test_a_map_beyond_the_last_register_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond register"):
        plan_blocks([row(10)], Defaults(), 65530)


def test_halving_ends_with_single_rows_and_loses_none() -> None:
    (block,) = plan_blocks([row(a) for a in range(0, 20, 2)], Defaults())
    todo, leaves = [block], []
    while todo:
        parts = halves(current := todo.pop())
        todo += parts
        leaves += [] if parts else [current]
    assert sorted(leaf.address for leaf in leaves) == list(range(0, 20, 2))
    assert all(leaf.count == 2 for leaf in leaves)


def test_exact_covers_no_more_than_its_rows() -> None:
    (block,) = plan_blocks([row(0), row(4), row(8)], Defaults(), 1000)
    part = exact(block, block.rows[1:])
    assert (part.address, part.count) == (1004, 6)
    assert registers_of(part) == {(3, a) for a in (1004, 1005, 1008, 1009)}


def test_basic_reads_counters_power_and_power_factor() -> None:
    names = [r.name for r in wanted_rows(meter(), CATALOGUE["schneider_pm5000"])]
    assert sorted(names) == [
        "active_energy_export.total", "active_energy_import.total", "active_power.total", "power_factor.total",
    ]  # fmt: skip


def test_a_named_counter_is_read_too() -> None:
    names = [
        r.name
        for r in wanted_rows(meter(counter="active_energy_net"), CATALOGUE["schneider_pm8000"])
    ]
    assert "active_energy_net.total" in names


def test_counters_and_powers_have_their_own_pace() -> None:
    groups = split_groups(wanted_rows(meter(), CATALOGUE["krohne_gfc300_gas_steam"]))
    assert [r.name for r in groups["energy"]] == ["mass.total"]
    assert {r.name for r in groups["power"]} == {"mass_flow.total", "volume_flow.total"}
