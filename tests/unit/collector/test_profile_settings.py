"""No setting of a meter profile is a dead promise: change
any one, and what is read or told changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from collector.build import drivers
from collector.catalogue import parse_profile
from collector.drivers.modbus import ModbusDriver
from collector.drivers.modbus_meter import Request
from plant.clock import ManualClock
from plant.config import PlantFile
from plant.errors import ConfigError
from plant.profile import Profile
from plant.quantity import QUANTITIES
from plant.resolve import resolve
from plant.site import Control, encode_control

BASE = """id: {id}
vendor: V
model: M
category: {category}
sources: [a]
defaults: {{function_code: {code}, word_order: {order}, max_registers_per_request: {most},
  max_gap: {gap}, min_request_interval_ms: {pause}}}
identify:
  - {check}
registers:
  - {counter}
  - {{quantity: active_power, address: 10, type: int32, unit: W}}
  - {{quantity: power_factor, address: 30, type: int16, unit: "1", scale: 0.001}}
"""
GIVEN = {
    "id": "one",
    "category": "electricity_meter",
    "code": "3",
    "order": "high_first",
    "most": "125",
    "gap": "40",
    "pause": "0",
    "check": "{quantity: active_power, between: [-5, 5]}",
    "counter": "{quantity: active_energy_import, address: 0, type: uint32, unit: Wh, "
    "scale: 10, scale_register: 4, tariff: 1, function_code: 3, not_available: 0xFFFFFFFF, "
    "wraps_at: 1000}",
}
COUNTER = GIVEN["counter"]

# Model.field -> the part of the profile above that is written otherwise
CHANGES: dict[str, dict[str, str]] = {
    "Profile.id": {"id": "two"},
    "Profile.category": {"category": "inverter"},
    "Defaults.function_code": {"code": "4"},
    "Defaults.word_order": {"order": "low_first"},
    "Defaults.max_registers_per_request": {"most": "12"},
    "Defaults.max_gap": {"gap": "2"},
    "Defaults.min_request_interval_ms": {"pause": "50"},
    "Row.quantity": {"counter": COUNTER.replace("_import", "_total")},
    "Row.phase": {"counter": COUNTER.replace("address: 0", "phase: L1, address: 0")},
    "Row.address": {"counter": COUNTER.replace("address: 0", "address: 1")},
    "Row.type": {"counter": COUNTER.replace("uint32", "uint64")},
    "Row.unit": {"counter": COUNTER.replace("unit: Wh", "unit: kWh")},
    "Row.scale": {"counter": COUNTER.replace("scale: 10", "scale: 100")},
    "Row.scale_register": {"counter": COUNTER.replace("scale_register: 4", "scale_register: 5")},
    "Row.tariff": {"counter": COUNTER.replace("tariff: 1", "tariff: 2")},
    "Row.function_code": {"counter": COUNTER.replace("function_code: 3", "function_code: 4")},
    "Row.not_available": {"counter": COUNTER.replace("0xFFFFFFFF", "0x00010002")},
    "Row.wraps_at": {"counter": COUNTER.replace("wraps_at: 1000", "wraps_at: 2000")},
    "Check.quantity": {"check": "{quantity: power_factor, between: [-5, 5]}"},
    "Check.phase": {"check": "{quantity: active_power, phase: L1, between: [-5, 5]}"},
    "Check.address": {"check": "{address: 3, between: [-5, 5]}"},
    "Check.between": {"check": "{quantity: active_power, between: [0, 5]}"},
    "Check.expect": {"check": "{quantity: active_power, expect: [1]}"},
}

# For people: who made the map, how sure it is, what to know of the device. The list of meters
# (docs/meters.md), the quality card and the tests of the catalogue read them.
DESCRIPTION_ONLY = {
    "Profile.vendor",
    "Profile.model",
    "Profile.also_covers",
    "Profile.sources",
    "Profile.confidence",
    "Profile.sign_convention",
    "Profile.quirks",
    "Profile.quality",
    "Row.confidence",
    "Row.notes",
    "Vector.source",
    "Exempt.exempt",
}

# Held against the map by `test_profiles`.
VECTORS = {"Profile.vectors", "Vector.registers", "Vector.expect"}

# The rest of a section is changed by the settings in it.
SECTIONS = {"Profile.defaults", "Profile.identify", "Profile.registers"}


class Tags:
    """Registry in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.known.setdefault((meter, quantity), len(self.known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.known.items()}


def downstream(parts: dict[str, str]) -> list[object]:
    """What a plant with one meter of this profile reads, and how it is resolved."""
    profile = parse_profile("x.yaml", BASE.format(**{**GIVEN, **parts}))
    plant = PlantFile.model_validate(
        {
            "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
            "connections": {"c": {"modbus": "tcp://192.0.2.1"}},
            "meters": {"m": {"on": "c", "unit": 1, "profile": profile.id, "read": "all"}},
            "buses": {"board": {"carrier": "electricity"}},
            "lines": {"press": {"draws": {"board": "m"}}},
        }
    )
    tags = Tags()
    catalogue = {profile.id: profile}
    site = encode_control(Control(site=resolve(plant, catalogue, tags)))
    (driver,) = drivers(plant, catalogue, tags, ManualClock())
    assert isinstance(driver, ModbusDriver)
    (unit,) = driver.units
    requests = [_request(request) for job in unit.jobs for request in job.requests]
    return [site, requests, unit.pause_s, profile.identify, tags.known]


def _request(request: Request) -> object:
    """What is asked, and what an answer of 1, 2, 3 ... decodes to."""
    block = request.block
    counted = request.decode(list(range(1, block.count + 1))).tolist()
    return block.function_code, block.address, block.count, [str(value) for value in counted]


@pytest.mark.parametrize("setting", sorted(CHANGES))
def test_a_setting_changes_something(setting: str) -> None:
    assert CHANGES[setting] != {key: GIVEN[key] for key in CHANGES[setting]}
    assert downstream(CHANGES[setting]) != downstream({})


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """Every model of a profile."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for argument in getattr(annotation, "__args__", ()):
        yield from models(argument)


def test_every_setting_is_listed() -> None:
    found = {f"{m.__name__}.{field}" for m in models(Profile) for field in m.model_fields}
    assert found == {*CHANGES, *DESCRIPTION_ONLY, *VECTORS, *SECTIONS}


def test_a_quantity_that_is_not_known_is_refused() -> None:
    text = BASE.format(**{**GIVEN, "counter": COUNTER.replace("energy_import", "energy_imprt")})
    with pytest.raises(ConfigError) as caught:
        parse_profile("x.yaml", text)
    assert "there is no quantity 'active_energy_imprt'" in str(caught.value)
    assert "(did you mean 'active_energy_import'?)" in str(caught.value)
    assert "active_energy_import" in QUANTITIES
