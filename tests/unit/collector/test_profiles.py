"""Every profile of the catalogue: grammar, vectors, quality card."""

from __future__ import annotations

import math

import pytest

from collector.catalogue import load_catalogue, parse_profile
from collector.decode import compile_block
from collector.plan import exact, plan_blocks
from plant.errors import ConfigError
from plant.profile import Exempt, Profile
from plant.units import known_unit

CATALOGUE = load_catalogue()
NEEDED = [
    "siemens_pac3220",
    "siemens_pac2200",
    "siemens_pac4200",
    "eastron_sdm630",
    "eastron_sdm120",
    "schneider_pm5000",
    "schneider_iem3000",
    "janitza_umg_19000",
    "carlo_gavazzi_em24_e1",
    "carlo_gavazzi_em340",
    "abb_b23_b24",
    "acrel_adl400",
    "chint_dtsu666",
    "socomec_countis_diris_c550",
    "sunspec_inverter_int",
    "sunspec_inverter_float",
    "sunspec_meter_float",
    "huawei_sun2000",
    "lovato_dmg610",
    "wago_879_30xx",
    "krohne_gfc300_gas_steam",
]
HEAD = "id: x\nvendor: V\nmodel: M\ncategory: inverter\nsources: [a]\nregisters:\n"
CARD = {"identify", "vectors", "simulator", "limits", "docs"}


@pytest.fixture(params=sorted(CATALOGUE))
def profile(request: pytest.FixtureRequest) -> Profile:
    return CATALOGUE[request.param]


def test_the_catalogue_holds_what_the_plants_need() -> None:
    assert not set(NEEDED) - set(CATALOGUE)


def test_vectors_decode_to_what_they_say(profile: Profile) -> None:
    assert profile.vectors
    rows = {row.name: row for row in profile.registers}
    for vector in profile.vectors:
        for name, expected in vector.expect.items():
            (whole,) = plan_blocks([rows[name]], profile.defaults)
            block = exact(whole, (rows[name],))
            registers = [
                vector.registers.get(a, 0)
                for a in range(block.address, block.address + block.count)
            ]
            value = float(compile_block(block, profile.defaults.word_order)(registers)[0])
            if expected is None:
                assert math.isnan(value)
            else:
                assert value == pytest.approx(expected, rel=1e-6), name


def test_quality_card_is_complete(profile: Profile) -> None:
    assert set(profile.quality) == CARD
    for key, mark in profile.quality.items():
        exempt = isinstance(mark, Exempt) and len(mark.exempt) > 10
        assert mark in ("done", "todo") or exempt, key
    assert (profile.quality["vectors"] == "done") == bool(profile.vectors)
    assert (profile.quality["identify"] == "done") == bool(profile.identify)


def test_rows_are_sound(profile: Profile) -> None:
    names = [row.name for row in profile.registers]
    assert len(names) == len(set(names))
    taken: dict[tuple[int, int], str] = {}
    for row in profile.registers:
        assert known_unit(row.unit), row.name
        assert row.scale != 0
        if row.not_available is not None:
            assert 0 <= row.not_available < 2 ** (16 * row.registers)
        for register in range(row.address, row.address + row.registers):
            code = row.function_code or profile.defaults.function_code
            other = taken.setdefault((code, register), row.name)
            assert other == row.name, f"{row.name} and {other} share register {register}"


def test_identify_says_what_is_checked(profile: Profile) -> None:
    names = {row.name for row in profile.registers}
    for check in profile.identify:
        assert check.quantity is None or check.name in names


def test_a_broken_profile_names_file_and_line() -> None:
    text = HEAD + "  - {quantity: voltage, address: 1, type: float33, unit: V}\n"
    with pytest.raises(ConfigError, match=r"profiles/x\.yaml:7: registers\.0\.type"):
        parse_profile("profiles/x.yaml", text)


def test_a_name_given_twice_is_refused() -> None:
    one = "  - {quantity: voltage, address: %d, type: float32, unit: V}\n"
    text = HEAD + one % 1 + one % 3
    with pytest.raises(ConfigError, match=r"x\.yaml:8: .*keep one"):
        parse_profile("x.yaml", text)
