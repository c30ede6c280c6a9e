"""An entry is added to a list of a plant file, and every other character stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from plant.entry import with_entry
from plant.errors import WattlineError

ROOT = Path(__file__).parents[3]
PLACE = ("meters", "saw")
ENTRY = '{at: "2026-11-21T10:30:00+08:00", starts_at: 5}'
MADE = {"at": "2026-11-21T10:30:00+08:00", "starts_at": 5}
BEFORE = {"at": "2025-01-01T00:00:00Z"}

IN_BRACES = """
meters:
  oven: {on: hall}  # the old one
  saw: {on: hall, unit: 3}  # the new one
lines: {}
"""
ON_TWO_LINES = """
meters:
  saw: {on: hall,
        unit: 3}
lines: {}
"""
EMPTY = """
meters: {saw: {}}
"""
IN_LINES = """
meters:
  saw:
    on: hall
    unit: 3  # behind the door

  # the old one
  oven: {on: hall}
"""
AT_THE_END = """
meters:
  saw:
    on: hall
    unit: 3"""
IN_BRACKETS = """
meters:
  saw: {on: hall, swaps: [{at: "2025-01-01T00:00:00Z"}], unit: 3}
"""
AS_ITEMS = """
meters:
  saw:
    swaps:
      - at: "2025-01-01T00:00:00Z"
    # what it is on
    on: hall
"""
ITEMS_AT_THE_KEY = """
meters:
  saw:
    swaps:
    - at: "2025-01-01T00:00:00Z"
    on: hall
"""


@pytest.mark.parametrize(
    ("text", "before"),
    [
        (IN_BRACES, []),
        (ON_TWO_LINES, []),
        (EMPTY, []),
        (IN_LINES, []),
        (AT_THE_END, []),
        (IN_BRACKETS, [BEFORE]),
        (AS_ITEMS, [BEFORE]),
        (ITEMS_AT_THE_KEY, [BEFORE]),
    ],
    ids=[
        "in braces",
        "on two lines",
        "empty",
        "in lines",
        "at the end",
        "in brackets",
        "as items",
        "items at the key",
    ],
)
def test_one_place_changes(text: str, before: list[object]) -> None:
    changed = with_entry(text, PLACE, "swaps", ENTRY)
    read = yaml.safe_load(changed)
    expected = yaml.safe_load(text)
    expected["meters"]["saw"]["swaps"] = [*before, MADE]
    assert read == expected
    without_entry = changed
    for part in (f", swaps: [{ENTRY}]", f"    swaps: [{ENTRY}]\n", f"swaps: [{ENTRY}]"):
        without_entry = without_entry.replace(part, "")

    if not before:
        assert without_entry.strip() == text.strip(), "all else stays as it was written"


def test_twice_is_two_entries() -> None:
    once = with_entry(IN_LINES, PLACE, "swaps", ENTRY)
    twice = with_entry(once, PLACE, "swaps", ENTRY)
    assert yaml.safe_load(twice)["meters"]["saw"]["swaps"] == [MADE, MADE]
    assert "# the old one" in twice


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(WattlineError, match=r"there is no .*'sew' \(did you mean 'saw'\?\)"):
        with_entry(IN_BRACES, ("meters", "sew"), "swaps", ENTRY)

    with pytest.raises(WattlineError, match="unit is no list"):
        with_entry(IN_BRACES, PLACE, "unit", ENTRY)


def test_plants_that_ship_are_read_by_either_parser() -> None:
    """PyYAML may have been built without its C parser, which takes more than the other one."""
    for path in sorted((ROOT / "simulator" / "plants").glob("*.yaml")):
        yaml.safe_load(path.read_text(encoding="utf-8"))
