"""Answers have one shape: OpenAPI, the examples and what the page is told are the same."""

from __future__ import annotations

import json
from importlib.resources import files

import msgspec
import pytest

from api.answers import figures, live, operations, plant
from deploy.page_types import types

EXAMPLES = json.loads(files("api").joinpath("examples.json").read_text(encoding="utf-8"))
SHAPES = {
    "/healthz": operations.Healthy,
    "/readyz": operations.Ready,
    "/api/v1/site": plant.Site,
    "/api/v1/lines": list[plant.Line],
    "/api/v1/meters": list[plant.Meter],
    "/api/v1/live": live.Live,
    "/api/v1/health": plant.Health,
    "/api/v1/factors": list[plant.SourceFactors],
    "/api/v1/figures": list[figures.FigureMeaning],
    "/api/v1/series": figures.Series,
    "/api/v1/flows": figures.Flows,
    "/api/v1/explain": figures.Explained,
}


def test_each_example_has_a_shape() -> None:
    assert set(EXAMPLES) == set(SHAPES)


@pytest.mark.parametrize("route", SHAPES)
def test_examples_are_as_their_shape_says(route: str) -> None:
    example = EXAMPLES[route]
    decoded = msgspec.convert(example, SHAPES[route])
    assert msgspec.to_builtins(decoded) == example, "a field that the shape does not know"


def test_a_schema_becomes_typescript() -> None:
    class Shape(msgspec.Struct):
        """A shape."""

        word: str
        pairs: list[tuple[int, float]]
        known: dict[str, float | None]
        maybe: list[str | None] | msgspec.UnsetType = msgspec.UNSET

    _, schemas = msgspec.json.schema_components([Shape], ref_template="#/{name}")
    assert types(schemas).endswith(
        "// A shape.\n"
        "export interface Shape {\n"
        "  word: string;\n"
        "  pairs: [number, number][];\n"
        "  known: Record<string, number | null>;\n"
        "  maybe?: (string | null)[];\n"
        "}\n"
    )
