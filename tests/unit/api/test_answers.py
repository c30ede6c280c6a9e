"""Answers have one shape: OpenAPI, the examples and what the page is told are the same."""

from __future__ import annotations

import json
from importlib.resources import files

import msgspec
import pytest

from api.answers import figures, live, operations, plant
from api.app import described
from books.answers import Meter, Series
from deploy.page_types import types

EXAMPLES = json.loads(files("api").joinpath("examples.json").read_text(encoding="utf-8"))
SHAPES = {
    "/healthz": operations.Healthy,
    "/readyz": operations.Ready,
    "/api/v1/site": plant.Site,
    "/api/v1/lines": list[plant.Line],
    "/api/v1/meters": list[Meter],
    "/api/v1/live": live.Live,
    "/api/v1/health": plant.Health,
    "/api/v1/factors": list[plant.SourceFactors],
    "/api/v1/figures": list[figures.FigureMeaning],
    "/api/v1/series": Series,
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


def test_every_operation_has_a_typed_answer() -> None:
    document = described()
    shapes = document["components"]["schemas"]
    assert len(document["paths"]) > 25

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            answered = operation["responses"]
            assert "422" not in answered, f"{where}: what is refused is answered 400"
            assert references(answered["default"]) == {"Error"}, where

            if "204" in answered:
                continue

            for kind, content in answered["200"]["content"].items():
                assert content["schema"], f"{where} says nothing of its {kind}"
                assert references(content) <= set(shapes), where


def references(part: object) -> set[str]:
    """Names of the shapes that a part of the document refers to."""
    if isinstance(part, list):
        return set().union(*(references(each) for each in part), set())

    if not isinstance(part, dict):
        return set()

    found = {str(part["$ref"]).rpartition("/")[2]} if "$ref" in part else set()
    return found.union(*(references(each) for each in part.values()))
