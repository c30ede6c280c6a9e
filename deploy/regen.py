"""Renew what is generated: schema and reference of the plant file, the list of meters, the tables
in docs/figures.md and docs/api.md, dashboards, types and constants of the page.

A test says when that is due.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

from collector.catalogue import load_catalogue
from dashboards.grafana import build
from deploy import page_types
from engine.figures import figures as figure_table
from engine.figures.figure import Clock
from plant.config import PlantFile
from plant.languages import LANGUAGES, names
from plant.profile import Profile
from rules.language.config import Rule, RuleFile
from rules.language.load import load_packs
from rules.variables.table import place
from rules.variables.variable import KINDS
from wattline.metrics import METRICS

Schema: TypeAlias = Mapping[str, object]
"""A JSON schema, or a part of one."""

Row: TypeAlias = tuple[str, ...]
ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
EXAMPLES: Final = ROOT / "api" / "examples.json"
ALERT_RESULTS: Final = ROOT / "bench" / "results" / "alerts.json"
WIDTH: Final = 150
SIMPLE: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


def between(
    page: str,
    mark: str,
    text: str,
) -> str:
    """The page with what stands between `<!-- mark -->` and `<!-- end -->` replaced."""
    begin = f"<!-- {mark} -->\n"
    before, has_begin, rest = page.partition(begin)
    _, end, after = rest.partition("<!-- end -->")
    if not has_begin or not end:
        raise SystemExit(f"a page of docs lacks <!-- {mark} --> ... <!-- end -->")

    return before + begin + text + end + after


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    line = tuple("---" for _ in head)
    return "".join(_row(cells) for cells in (head, line, *rows))


def _row(cells: Row) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |\n"


def kind(field: Schema) -> str:
    """What may stand there, in words."""
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"

    if "anyOf" in field:
        choices = cast("list[Schema]", field["anyOf"])
        return " or ".join(kind(choice) for choice in choices if choice.get("type") != "null")

    if "enum" in field:
        return _words(field)

    if field.get("type") == "array":
        return f"list of {kind(cast(Schema, field['items']))}"

    if field.get("type") == "object":
        return _mapping(field)

    return SIMPLE.get(
        str(field.get("type", "")),
        "duration or amount with unit",
    )


def _words(field: Schema) -> str:
    """The words of a choice."""
    return ", ".join(f"`{word}`" for word in cast("list[str]", field["enum"]))


def _mapping(field: Schema) -> str:
    """A mapping, by what its values are."""
    if "enum" in cast(Schema, field.get("propertyNames", {})):
        return f"texts by language ({', '.join(LANGUAGES)})"

    patterns = cast(
        "Mapping[str, object]",
        field.get("patternProperties", {}),
    )
    for values in (field.get("additionalProperties"), *patterns.values()):
        if isinstance(values, dict):
            return f"by name: {kind(values)}"

    raise SystemExit("a mapping of a schema does not say what its values are")


def default(field: Schema, required: bool) -> str:
    """Its default; `needed` where there is none."""
    if required:
        return "needed"

    value = field.get("default")
    if value in (None, "", []) or isinstance(value, dict):
        return ""

    return f"`{value}`"


PLANT_HEAD: Final = """\
# The plant file: every setting

Made by `make regen` from the schema (`wattline schema`). Durations and amounts may carry a unit \
(`1m`, `12 MW`, `480 MWh`).
`simulator/plants/jiaxing.yaml` is a large example, `wattline init` writes a small one.
"""
RULES_HEAD: Final = """\
# The rule file: every setting

Made by `make regen` from the schema (`wattline rules schema`). [Alerts](alerts.md) says what \
conditions can say,
[write your first rule](first-rule.md) shows one from the first line to a back-test, and [the \
rules that ship](rule-pack.md) are examples.
"""
METERS_HEAD: Final = """\
# Meters that are known

Made by `make regen` from `collector/profiles`: {count} models. "Two sources" means that two \
independent documents or programs agree on the map;
each profile names its sources. A model that is missing is one YAML file: copy the nearest, and \
`wattline probe` tells whether it reads plausible values.
Any OPC UA server and any MQTT topic with JSON works without a profile.

"""
PACK_HEAD: Final = """\
# The rules that ship

Made by `make regen` from `rules/packs`. They run without settings; `rules.off` of the plant file \
turns one off, and a rule with the same id in a file of your own replaces it.
Each has its tests beside it: `wattline rules test`.
"""


def settings(schema: Schema, head: str) -> str:
    """Reference of a kind of file: a section for each of its parts."""
    parts = cast("Mapping[str, Schema]", schema["$defs"])
    text = head + _section("The whole file", schema)
    for name, part in parts.items():
        text += _section(name, part)

    return text


def _section(name: str, part: Schema) -> str:
    if "properties" not in part:
        return f"\n## {name}\n\n{_words(part)}\n"

    needed = cast("list[str]", part.get("required", []))
    rows = []
    for key, field in cast("Mapping[str, Schema]", part["properties"]).items():
        said = "display name" if key == "name" else ""
        row = Setting(
            setting=f"`{key}`",
            kind=kind(field),
            default=default(field, key in needed),
            means=str(field.get("description", said)),
        )
        rows.append(row)

    means = part.get("description", "")
    head = ("setting", "is", "default", "means")
    return f"\n## {name}\n\n{means}\n\n" + table(head, rows)


class Setting(NamedTuple):
    """A row of the reference."""

    setting: str
    kind: str
    default: str
    means: str


class Model(NamedTuple):
    """A row of the list of meters."""

    profile: str
    maker: str
    model: str
    kind: str
    rows: str
    map: str


def meters(catalogue: Mapping[str, Profile]) -> str:
    """The list of meter models."""
    rows = []
    for profile in sorted(catalogue.values(), key=lambda profile: profile.id):
        model = profile.model
        if profile.also_covers:
            model += f"; also {', '.join(profile.also_covers)}"

        is_sure = profile.confidence == "verified-by-2"
        row = Model(
            profile=f"`{profile.id}`",
            maker=profile.vendor,
            model=model,
            kind=profile.category.replace("_", " "),
            rows=str(len(profile.registers)),
            map="two sources" if is_sure else "one source",
        )
        rows.append(row)

    return METERS_HEAD.format(count=len(rows)) + table(Model._fields, rows)


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
    results = json.loads(ALERT_RESULTS.read_text(encoding="utf-8"))
    rows = []
    for figure in results["figures"]:
        goal = figure["goal"]
        value = f"{figure['value']:.3g} {figure['unit']}"
        rows.append((figure["name"], value, "" if goal is None else f"{goal:g}"))

    return table(("", "measured", "goal"), rows)


def rule_pack() -> str:
    """The rules that ship, a section for each."""
    text = PACK_HEAD
    for pack in load_packs():
        for rule in pack.file.rules:
            text += _rule(rule)

    return text


def _rule(rule: Rule) -> str:
    """A section on one rule."""
    rows = [
        ("watches", f"`{rule.on.figure}` per {rule.on.per}, on {rule.on.clock}"),
        ("fires when", f"`{rule.when}`"),
    ]
    if rule.until:
        rows.append(("until", f"`{rule.until}`"))

    if rule.for_:
        rows.append(("for", _minutes(rule.for_)))

    if rule.keep_firing_for:
        rows.append(("over when quiet for", _minutes(rule.keep_firing_for)))

    rows.append(("severity", rule.severity.value))
    rows.append(("what to do", names(rule.do, " ")["en"]))
    title = names(rule.title, rule.id)["en"]
    why = names(rule.why, " ")["en"]
    return f"\n## {rule.id}\n\n**{title}.** {why}\n\n" + table(("", ""), rows)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def figures() -> str:
    """The table of all figures."""
    rows = []
    for figure in figure_table.FIGURES:
        called = ", ".join(f"`{name}`" for name in (figure.name, *figure.also))
        rows.append((called, figure.means, figure.unit))

    return table(("figure", "means", "unit"), rows)


def api(page: str) -> str:
    """docs/api.md with its examples and metrics."""
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    for route, answer in examples.items():
        if f"<!-- {route} -->" in page:
            page = between(page, route, f"```json\n{wrapped(answer)}\n```\n")

    rows = [(f"`{name}`", means) for name, means in METRICS.items()]
    return between(page, "metrics", table(("metric", "means"), rows))


def wrapped(value: object, indent: int = 0) -> str:
    """JSON on one line where it is short, else an entry a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent < WIDTH:
        return line

    comma = ",\n" + " " * (indent + 1)
    if isinstance(value, list):
        entries = [wrapped(entry, indent + 1) for entry in value]
        return f"[{comma.join(entries)}]"

    if isinstance(value, dict):
        entries = [f'"{key}": {wrapped(entry, indent + 1)}' for key, entry in value.items()]
        return f"{{{comma.join(entries)}}}"

    return line


def _docs(name: str) -> str:
    """A page of the docs as it is now."""
    return (DOCS / name).read_text(encoding="utf-8")


def _schema(schema: Schema) -> str:
    return (
        json.dumps(
            schema,
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def generated() -> dict[Path, str]:
    """All that is generated, by file."""
    plant = PlantFile.model_json_schema()
    rules = RuleFile.model_json_schema()
    alerts = between(_docs("alerts.md"), "watched", watched())
    texts = {
        "plant-file.schema.json": _schema(plant),
        "plant-file.md": settings(plant, PLANT_HEAD),
        "rule-file.schema.json": _schema(rules),
        "rule-file.md": settings(rules, RULES_HEAD),
        "rule-pack.md": rule_pack(),
        "alerts.md": between(alerts, "measured", measured()),
        "meters.md": meters(load_catalogue()),
        "figures.md": between(_docs("figures.md"), "figures", figures()),
        "api.md": api(_docs("api.md")),
    }
    found = {DOCS / name: text for name, text in texts.items()}
    return found | build.files() | page_types.files()


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
