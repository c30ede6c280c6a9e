"""`types.ts` and `constants.ts` of the live page: the shapes of answers as OpenAPI tells them, and
the lists that Python keeps.

Part of `make regen`; a test says when the files are out of date. A schema becomes an interface of
the same name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import cast

from api.app import described
from dashboards import palette
from plant.names import State, Verdict
from rules.alert import Severity
from rules.desk.alerts import SHELVED_MOST_MIN

Schema = Mapping[str, object]
SOURCES = Path(__file__).resolve().parent.parent / "dashboards" / "live" / "src"
HEAD = "// Made by `make regen` from {origin}; do not edit.\n"
ALIASES = """export type Names = Record<string, string>;
export type Figures = Record<string, number | null>;
"""
SHORT = 75
PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
PALETTE = {
    "SOURCE_COLOURS": palette.SOURCE_COLOURS,
    "OTHER_COLOUR": palette.OTHER_COLOUR,
    "UNKNOWN_COLOUR": palette.UNKNOWN_COLOUR,
    "STATE_COLOURS": palette.STATE_COLOURS,
    "CARBON_STOPS": palette.CARBON_STOPS,
}


def files() -> dict[Path, str]:
    """The generated files with their texts."""
    return {
        SOURCES / "types.ts": types(schemas()),
        SOURCES / "constants.ts": constants(),
    }


def schemas() -> Mapping[str, Schema]:
    """The shapes of OpenAPI, by name."""
    components = cast(
        "Mapping[str, Mapping[str, Schema]]",
        described()["components"],
    )
    return components["schemas"]


def types(shapes: Mapping[str, Schema]) -> str:
    """An interface for each object, a union of words for each list of words."""
    parts = [HEAD.format(origin="the API's answers (api/answers)"), ALIASES]

    for name, schema in sorted(shapes.items()):
        parts.append(declaration(name, schema))

    return "".join(parts)


def declaration(name: str, schema: Schema) -> str:
    """One exported type, under what it says of itself."""
    said = str(schema.get("description", "")).split("\n")[0]
    comment = f"// {said}\n" if said else ""

    if "properties" not in schema:
        return f"{comment}export type {name} = {written(schema)};\n"

    required = cast("list[str]", schema.get("required", []))
    properties = cast("Mapping[str, Schema]", schema["properties"])
    lines = []

    for field, shape in properties.items():
        mark = "" if field in required else "?"
        lines.append(f"  {field}{mark}: {written(shape)};\n")

    return f"{comment}export interface {name} {{\n{''.join(lines)}}}\n"


def written(schema: Schema) -> str:
    """A schema as TypeScript writes it."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]

    for word in ("anyOf", "oneOf"):
        if word in schema:
            return union(cast("list[Schema]", schema[word]))

    if "enum" in schema:
        return " | ".join(json.dumps(word) for word in cast("list[str]", schema["enum"]))

    if "const" in schema:
        return json.dumps(schema["const"])

    if schema.get("type") == "array":
        return array(schema)

    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {written(cast('Schema', values))}>"

    return PLAIN[str(schema["type"])]


def union(schemas: Iterable[Schema]) -> str:
    """Each alternative once: whole and other numbers are one type here."""
    return " | ".join(dict.fromkeys(written(schema) for schema in schemas))


def array(schema: Schema) -> str:
    """A list, or a tuple where each place has its own type."""
    if "prefixItems" in schema:
        places = [written(place) for place in cast("list[Schema]", schema["prefixItems"])]
        return f"[{', '.join(places)}]"

    inner = written(cast("Schema", schema["items"]))
    return f"({inner})[]" if " | " in inner else f"{inner}[]"


def constants() -> str:
    """Words, colours and limits that page and product share."""
    text = HEAD.format(origin="plant/names, rules and dashboards/palette")
    text += listed("STATES", State)
    text += listed("VERDICTS", Verdict)
    text += listed("SEVERITIES", Severity)

    for name, value in PALETTE.items():
        text += f"export const {name} = {pretty(value)} as const;\n"

    shelved = {severity.value: minutes for severity, minutes in SHELVED_MOST_MIN.items()}
    text += "// For how many minutes an alert can be put aside, by its severity.\n"
    text += f"export const SHELVED_MOST_MIN = {pretty(shelved)} as const;\n"
    text += "// Percent of time under which a figure is dimmed and says so.\n"
    text += f"export const COVERED = {palette.COVERED_PCT};\n"
    return text


def listed(name: str, words: type[StrEnum]) -> str:
    """The words of an enumeration, in its order."""
    return f"export const {name} = {pretty([word.value for word in words])} as const;\n"


def pretty(value: object) -> str:
    """JSON as Prettier writes it: a list on one line where it is short, else an entry a line."""
    if isinstance(value, dict):
        rows = [f"  {key}: {json.dumps(entry)},\n" for key, entry in value.items()]
        return "{\n" + "".join(rows) + "}"

    flat = json.dumps(value, ensure_ascii=False)
    nested = "[[" in flat

    if len(flat) < SHORT and not nested:
        return flat

    rows = [f"  {json.dumps(entry)},\n" for entry in cast("list[object]", value)]
    return "[\n" + "".join(rows) + "]"
