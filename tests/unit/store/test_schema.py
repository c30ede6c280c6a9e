"""The frozen schema is what the engine makes."""

from __future__ import annotations

from engine.figures.line_sums import LINE_SUMS, STATE_SUMS
from store.schema import LINE_FIELDS, SCHEMA


def test_line_fields_are_those_of_the_engine() -> None:
    assert (*LINE_SUMS, *STATE_SUMS) == LINE_FIELDS, (
        "a change of the sums is a new version of the schema"
    )


def test_no_tag_has_the_name_of_a_field() -> None:
    for name, measurement in SCHEMA.items():
        assert not set(measurement.tags) & set(measurement.fields), name
