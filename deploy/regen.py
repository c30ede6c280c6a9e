"""Renew what is generated: schema and reference of the plant file, the list of meters, the tables in docs/figures.md and docs/api.md, dashboards, types and constants of the page.

A test says when that is due.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from collector.catalogue import load_catalogue
from dashboards.grafana import build
from deploy import page_types
from engine.figures import figures as figure_table
from engine.figures.figure import Clock
from plant.config import PlantFile, names
from plant.profile import Profile
from rules.language.config import RuleFile
from rules.language.load import load_rules_text, packs
from rules.variables.table import place
from rules.variables.variable import KINDS
from wattline.metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
WIDTH = 150
SIMPLE = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


def between(page: str, mark: str, text: str) -> str:
    """The page with what stands between `<!-- mark -->` and `<!-- end -->` replaced."""
    found, n = re.subn(
        rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end -->)",
        lambda m: f"{m[1]}{text}{m[2]}",
        page,
        count=1,
        flags=re.DOTALL,
    )
    if not n:
        raise SystemExit(f"a page of docs lacks <!-- {mark} --> ... <!-- end -->")
    return found


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
        inner = [field.get("additionalProperties"), *field.get("patternProperties", {}).values()]
        mine = [kind(x) for x in inner if isinstance(x, dict)]
        return (
            "texts by language (en, zh, de)"
            if "enum" in field.get("propertyNames", {})
            else f"by name: {mine[0]}"
        )
    return SIMPLE.get(field.get("type", ""), "duration or amount with unit")


def default(field: dict[str, Any], required: bool) -> str:
    """Its default; `needed` where there is none."""
    if required:
        return "needed"
    value = field.get("default")
    return "" if value in (None, "", {}, []) or isinstance(value, dict) else f"`{value}`"


PLANT_HEAD = (
    "# The plant file: every setting\n\nMade by `make regen` from the schema (`wattline schema`). Durations and amounts may carry a unit "
    "(`1m`, `12 MW`, `480 MWh`).\n`simulator/plants/jiaxing.yaml` is a large example, `wattline init` writes a small one.\n"
)
RULES_HEAD = (
    "# The rule file: every setting\n\nMade by `make regen` from the schema (`wattline rules schema`). [Alerts](alerts.md) says what conditions can say,\n"
    "[write your first rule](first-rule.md) shows one from the first line to a back-test, and [the rules that ship](rule-pack.md) are examples.\n"
)


def settings(schema: dict[str, Any], head: str) -> str:
    """Reference of a kind of file."""
    text = head
    for name, part in {"The whole file": schema, **schema["$defs"]}.items():
        if "properties" not in part:
            text += f"\n## {name}\n\n{', '.join(f'`{x}`' for x in part['enum'])}\n"
            continue
        needed = part.get("required", [])
        rows = [
            (
                f"`{key}`",
                kind(field),
                default(field, key in needed),
                field.get("description", "display name" if key == "name" else ""),
            )
            for key, field in part["properties"].items()
        ]
        text += f"\n## {name}\n\n{part.get('description', '')}\n\n" + table(
            ("setting", "is", "default", "means"), rows
        )
    return text


def meters(catalogue: dict[str, Profile]) -> str:
    """The list of meter models."""
    rows = [
        (
            f"`{p.id}`",
            p.vendor,
            p.model + (f"; also {', '.join(p.also_covers)}" if p.also_covers else ""),
            p.category.replace("_", " "),
            str(len(p.registers)),
            "two sources" if p.confidence == "verified-by-2" else "one source",
        )
        for p in sorted(catalogue.values(), key=lambda p: p.id)
    ]
    return (
        f'# Meters that are known\n\nMade by `make regen` from `collector/profiles`: {len(rows)} models. "Two sources" means that two independent documents '
        "or programs agree on the map;\neach profile names its sources. A model that is missing is one YAML file: copy the nearest, and `wattline probe` tells "
        "whether it reads plausible values.\nAny OPC UA server and any MQTT topic with JSON works without a profile.\n\n"
        + table(("profile", "maker", "model", "kind", "rows", "map"), rows)
    )


def watched() -> str:
    """What rules can watch, by kind of subject and clock."""
    rows = []
    clocks: tuple[Clock, ...] = ("books", "now")
    for clock in clocks:
        for per in KINDS:
            if clock == "now" and per == "bus":
                continue
            found = place(per, clock).variables.values()
            described = ", ".join(f"`{row.name}` ({row.unit})" for row in found)
            rows.append((per, clock, described))
    return table(("per", "clock", "figures and their units"), rows)


def measured() -> str:
    """What `make bench-alerts` found last."""
    body = json.loads((ROOT / "bench" / "results" / "alerts.json").read_text(encoding="utf-8"))
    rows = [
        (f["name"], f"{f['value']:.3g} {f['unit']}", "" if f["goal"] is None else f"{f['goal']:g}")
        for f in body["figures"]
    ]
    return table(("", "measured", "goal"), rows)


def rule_pack() -> str:
    """The rules that ship, a section for each."""
    text = (
        "# The rules that ship\n\nMade by `make regen` from `rules/packs`. They run without settings; `rules.off` of the plant file turns one off, and a rule "
        "with the same id in a file of your own replaces it.\nEach has its tests beside it: `wattline rules test`.\n"
    )
    for name, body in packs():
        for rule in load_rules_text(name, body).file.rules:
            rows = [
                ("watches", f"`{rule.on.figure}` per {rule.on.per}, on {rule.on.clock}"),
                ("fires when", f"`{rule.when}`"),
            ]
            rows += [("until", f"`{rule.until}`")] if rule.until else []
            rows += [
                (word, f"{value / 60:g} min")
                for word, value in (
                    ("for", rule.for_),
                    ("over when quiet for", rule.keep_firing_for),
                )
                if value
            ]
            rows += [("severity", rule.severity.value), ("what to do", names(rule.do, " ")["en"])]
            text += (
                f"\n## {rule.id}\n\n**{names(rule.title, rule.id)['en']}.** {names(rule.why, ' ')['en']}\n\n"
                + table(("", ""), rows)
            )
    return text


def figures() -> str:
    """The table of all figures."""
    rows = []
    for figure in figure_table.FIGURES:
        called = ", ".join(f"`{name}`" for name in (figure.name, *figure.also))
        rows.append((called, figure.means, figure.unit))

    return table(("figure", "means", "unit"), rows)


def api(page: str) -> str:
    """docs/api.md with its examples and metrics."""
    for route, answer in json.loads(
        (ROOT / "api" / "examples.json").read_text(encoding="utf-8")
    ).items():
        if f"<!-- {route} -->" in page:
            page = between(page, route, f"```json\n{wrapped(answer)}\n```\n")
    return between(
        page, "metrics", table(("metric", "means"), [(f"`{n}`", t) for n, t in METRICS.items()])
    )


def wrapped(value: Any, indent: int = 0) -> str:
    """JSON on one line where it is short, else an entry a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent < WIDTH or not isinstance(value, dict | list):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, list):
        return "[" + f",\n{pad}".join(wrapped(x, indent + 1) for x in value) + "]"
    return (
        "{" + f",\n{pad}".join(f'"{k}": {wrapped(v, indent + 1)}' for k, v in value.items()) + "}"
    )


def generated() -> dict[Path, str]:
    """All that is generated, by file."""
    schema = PlantFile.model_json_schema()
    rules = RuleFile.model_json_schema()
    pages = {
        name: (DOCS / name).read_text(encoding="utf-8")
        for name in ("figures.md", "api.md", "alerts.md")
    }
    texts = {
        "plant-file.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
        "plant-file.md": settings(schema, PLANT_HEAD),
        "rule-file.schema.json": json.dumps(rules, indent=1, ensure_ascii=False) + "\n",
        "rule-file.md": settings(rules, RULES_HEAD),
        "rule-pack.md": rule_pack(),
        "alerts.md": between(
            between(pages["alerts.md"], "watched", watched()), "measured", measured()
        ),
        "meters.md": meters(dict(load_catalogue())),
        "figures.md": between(pages["figures.md"], "figures", figures()),
        "api.md": api(pages["api.md"]),
    }
    return {DOCS / name: text for name, text in texts.items()} | build.files() | page_types.files()


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
