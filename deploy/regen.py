"""Renew what is generated: schema and reference of the plant file, the list of meters, the tables in docs/figures.md and docs/api.md.

CI runs this and expects a clean tree.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from collector.catalogue import load_catalogue
from engine.figures import ALIASES, FIGURES
from engine.meanings import MEANINGS
from plant.config import PlantFile
from plant.profile import Profile
from wattline.metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SIMPLE = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def put(name: str, text: str) -> None:
    """Write a page of docs."""
    (DOCS / name).write_text(text, encoding="utf-8")


def between(name: str, mark: str, text: str) -> None:
    """Replace what stands between `<!-- mark -->` and `<!-- end -->` in a page."""
    page = (DOCS / name).read_text(encoding="utf-8")
    found, n = re.subn(
        rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{text}{m[2]}", page, count=1, flags=re.DOTALL
    )
    if not n:
        raise SystemExit(f"docs/{name} lacks <!-- {mark} --> ... <!-- end -->")
    put(name, found)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    cells = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |\n" for row in cells)


def kind(field: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "$ref" in field:
        return f"[{field['$ref'].rpartition('/')[2]}](#{field['$ref'].rpartition('/')[2].lower()})"
    if "anyOf" in field:
        return " or ".join(kind(x) for x in field["anyOf"] if x.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{x}`" for x in field["enum"])
    if field.get("type") == "array":
        return f"list of {kind(field['items'])}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"by name: {kind(inner)}" if isinstance(inner, dict) else "texts by language (en, zh, de)"
    return SIMPLE.get(field.get("type", ""), "duration or amount with unit")


def default(field: dict[str, Any], required: bool) -> str:
    """Its default; `needed` where there is none."""
    if required:
        return "needed"
    value = field.get("default")
    return "" if value in (None, "", {}, []) or isinstance(value, dict) else f"`{value}`"


def settings(schema: dict[str, Any]) -> str:
    """Reference of the plant file."""
    text = (
        "# The plant file: every setting\n\nMade by `make regen` from the schema (`wattline schema`). Durations and amounts may carry a unit "
        "(`1m`, `12 MW`, `480 MWh`).\n`simulator/plants/jiaxing.yaml` is a large example, `wattline init` writes a small one.\n"
    )
    parts = {"The whole file": schema, **schema["$defs"]}
    for name, part in parts.items():
        if "properties" not in part:
            continue
        needed = part.get("required", [])
        rows = [
            (f"`{key}`", kind(field), default(field, key in needed), field.get("description", ""))
            for key, field in part["properties"].items()
        ]
        text += f"\n## {name}\n\n{part.get('description', '')}\n\n" + table(("setting", "is", "default", "means"), rows)
    return text


def meters(catalogue: dict[str, Profile]) -> str:
    """The list of meter models."""
    rows = [
        (
            f"`{p.id}`", p.vendor, p.model + (f"; also {', '.join(p.also_covers)}" if p.also_covers else ""), p.category.replace("_", " "),
            str(len(p.registers)), "two sources" if p.confidence == "verified-by-2" else "one source",
        )
        for p in sorted(catalogue.values(), key=lambda p: p.id)
    ]  # fmt: skip
    return (
        f"# Meters that are known\n\nMade by `make regen` from `collector/profiles`: {len(rows)} models. \"Two sources\" means that two independent documents "
        "or programs agree on the map;\neach profile names its sources. A model that is missing is one YAML file: copy the nearest, and `wattline probe` tells "
        "whether it reads plausible values.\nAny OPC UA server and any MQTT topic with JSON works without a profile.\n\n"
        + table(("profile", "maker", "model", "kind", "rows", "map"), rows)
    )


def figures() -> str:
    """The table of all figures."""
    also = {name: [a for a, target in ALIASES.items() if target == name] for name in FIGURES}
    rows = [
        (f"`{name}`" + "".join(f", `{a}`" for a in also[name]), MEANINGS[name], f.unit) for name, f in FIGURES.items()
    ]
    return table(("figure", "means", "unit"), rows)


def examples() -> None:
    """The examples of docs/api.md, from `api/examples.json`."""
    for route, answer in json.loads((ROOT / "api" / "examples.json").read_text(encoding="utf-8")).items():
        body = json.dumps(answer, ensure_ascii=False)
        wrapped = re.sub(r"(?<=, )(?=\"(?:\w+)\": [\[{])", "\n ", body)
        if f"<!-- {route} -->" in (DOCS / "api.md").read_text(encoding="utf-8"):
            between("api.md", route, f"```json\n{wrapped}\n```\n")


if __name__ == "__main__":
    schema = PlantFile.model_json_schema()
    put("plant-file.schema.json", json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
    put("plant-file.md", settings(schema))
    put("meters.md", meters(dict(load_catalogue())))
    between("figures.md", "figures", figures())
    between("api.md", "metrics", table(("metric", "means"), [(f"`{n}`", t) for n, t in METRICS.items()]))
    examples()
