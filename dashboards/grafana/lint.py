"""What a dashboard must keep to. `problems(dashboard, parse)` lists
what is wrong; a unit test runs it over all that ships.

Every query is read by our own grammar (`parse`, from `store.influxql.parser`) after the variables
of Grafana are replaced, so a board that passes works on both stores.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any, Final

from dashboards.grafana.levels import Level, levels
from plant.errors import QueryError
from store.schema import SCHEMA

Json = Mapping[str, Any]
Parse = Callable[[str], object]
KINDS: Final = frozenset(
    {
        "timeseries",
        "stat",
        "bargauge",
        "state-timeline",
        "barchart",
        "table",
        "heatmap",
        "gauge",
        "text",
    }
)
UNITS: Final = frozenset(
    {
        "kwatth",
        "kwatt",
        "watt",
        "masskg",
        "percent",
        "s",
        "short",
        "none",
        "suffix: g/kWh",
        "suffix: kg",
        "suffix: kWh",
    }
)
REPLACED: Final = {
    "$timeFilter": "time >= 1767225600000ms and time <= 1767312000000ms",
    "$__interval_ms": "60000",
    "$__interval": "1m",
    "$window": "1m",
    "$tz": "Asia/Shanghai",
    "$bucket": "1h",
    "$shift_offset": "6h",
    "$shift": "8h",
    "/^$site$/": "/^jiaxing$/",
    "/^$line$/": "/^(cells_steam|smt_1)$/",
}
VERSIONS: Final = range(37, 42)
UID_LONGEST: Final = 40


def replaced(query: str) -> str:
    """The query as Grafana sends it."""
    for name, value in REPLACED.items():
        query = query.replace(name, value)

    return query


def panels(board: Json) -> list[Json]:
    """Panels, without the rows that head them."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def problems(board: Json, parse: Parse) -> list[str]:
    """What is wrong with a dashboard; each says which panel and what to do."""
    found = [
        *_board(board),
        *_layout(board),
        *_rows(board),
        *_variables(board, parse),
    ]
    for panel in panels(board):
        named = f"panel {panel.get('id')} '{panel.get('title', '')}'"
        found += [f"{named}: {text}" for text in _panel(panel, parse)]

    return found


def _board(board: Json) -> Iterator[str]:
    if not 0 < len(board.get("uid", "")) <= UID_LONGEST:
        yield f"uid: give one of at most {UID_LONGEST} characters"

    if board.get("schemaVersion") not in VERSIONS:
        yield (
            f"schemaVersion {board.get('schemaVersion')}: Grafana 9 to 13 read {VERSIONS[0]} to"
            f" {VERSIONS[-1]}"
        )

    if board.get("editable") is not False:
        yield (
            "editable: must be false, what is changed in the page would be lost with the next push"
        )

    for key in ("title", "description"):
        if not board.get(key):
            yield f"{key}: missing"

    for key in ("id", "version", "iteration"):
        if key in board:
            yield f"{key}: leave it out, it belongs to the Grafana the board is in"

    if not 8 <= len(panels(board)) <= 12:
        yield f"{len(panels(board))} panels: 8 to 12 can be taken in"

    ids = Counter(panel.get("id") for panel in board["panels"])
    for number, count in sorted(ids.items(), key=str):
        if number is not None and count > 1:
            yield f"id {number}: used twice"

    if None in ids:
        yield "a panel has no id: links and alert rules point at it"


def _layout(board: Json) -> Iterator[str]:
    for one, other in combinations(board["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"panels {one['id']} and {other['id']} overlap"

    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"panel {panel['id']}: reaches over the right edge (24)"


def _overlap(one: Json, other: Json) -> bool:
    """Whether two places share a square of the grid."""
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return bool(across and down)


def _rows(board: Json) -> Iterator[str]:
    """Coverage stands beside every figure: in the row.

    Raw readings of meters are what coverage is made of.
    """
    rows: dict[int, list[str]] = {}
    for panel in panels(board):
        texts = [target.get("query", "") for target in panel.get("targets", [])]
        rows.setdefault(panel["gridPos"]["y"], []).extend(texts)

    for line, texts in sorted(rows.items()):
        figures = [text for text in texts if 'FROM "meter"' not in text]
        if figures and not any('"seen_s"' in text for text in figures):
            yield f"the row at y = {line} shows no coverage beside its figures"


def _variables(board: Json, parse: Parse) -> Iterator[str]:
    listed = {variable["name"]: variable for variable in board["templating"]["list"]}
    if (
        listed.get("datasource", {}).get("type") != "datasource"
        or listed["datasource"].get("query") != "influxdb"
    ):
        yield "variable datasource: must be of type datasource, query influxdb"

    for name, variable in listed.items():
        if variable["type"] != "query":
            continue

        for text in _reads(variable["query"], parse):
            yield f"variable {name}: {text}"

        if variable.get("datasource", {}).get("uid") != "${datasource}":
            yield f"variable {name}: its data source must be ${{datasource}}"

        if variable.get("refresh") != 2:
            yield f"variable {name}: must reload when the time range changes (refresh 2)"

    text = json.dumps(board)
    known = {
        *listed,
        "timeFilter",
        "__interval",
        "__interval_ms",
        "__all",
        "tag_line",
    }
    used = set(re.findall(r"\$\{?(?!tag_)(\w+)", text))
    yield from (f"${name}: no such variable" for name in sorted(used - known))


def _panel(panel: Json, parse: Parse) -> Iterator[str]:
    if panel["type"] not in KINDS:
        yield f"type {panel['type']}: not compiled into Grafana"

    for key in ("title", "description"):
        if not panel.get(key):
            yield f"{key}: missing"

    yield from _units(panel)
    if panel["type"] == "text":
        return

    targets = panel.get("targets", [])
    refs = [target.get("refId") for target in targets]
    if not targets:
        yield "no query"

    if len(set(refs)) < len(refs):
        yield f"refId used twice: {refs}"

    raw = any('FROM "meter"' in target.get("query", "") for target in targets)
    wanted = {
        "type": "influxdb",
        "uid": "${readings}" if raw else "${datasource}",
    }
    if any(holder.get("datasource") != wanted for holder in (panel, *targets)):
        yield f"datasource: must be influxdb, {wanted['uid']}, on the panel and on each query"

    for target in targets:
        yield from (f"query {target.get('refId')}: {text}" for text in _query(target, parse))


def _units(panel: Json) -> Iterator[str]:
    if panel["type"] == "text":
        return

    config = panel.get("fieldConfig", {})
    units = [config.get("defaults", {}).get("unit")]
    for override in config.get("overrides", []):
        for setting in override["properties"]:
            if setting["id"] == "unit":
                units.append(setting["value"])

    for unit in units:
        if unit not in UNITS:
            yield f"unit {unit!r}: not one of {sorted(UNITS)}"


def _reads(query: str, parse: Parse) -> Iterator[str]:
    text = replaced(query)
    if "$" in re.sub(r"\$/", "/", text):
        yield f"a variable is left over in: {text}"

    try:
        parse(text)
    except QueryError as error:
        yield f"does not parse: {error}: {text}"


def _query(target: Json, parse: Parse) -> Iterator[str]:
    query = target.get("query", "")
    yield from _reads(query, parse)
    if "= '$" in query:
        yield (
            "compares a tag with '$variable': write =~ /^$variable$/, else several values and"
            " dashes break it"
        )

    found = levels(query)
    measurement = found[-1].source
    if measurement not in SCHEMA:
        yield f"measurement {measurement!r}: not one of {sorted(SCHEMA)}"
        return

    yield from _names(found, measurement)
    yield from _sums(found, measurement)
    for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
        if tag not in found[0].tags:
            yield f"alias $tag_{tag}: {tag} is not in GROUP BY"


def _names(found: list[Level], measurement: str) -> Iterator[str]:
    known = SCHEMA[measurement]
    for level in found:
        if not level.bounded:
            yield "every level needs $timeFilter"

        for tag in (*level.tags, *level.compared):
            if tag not in known.tags:
                yield f"tag {tag!r}: {measurement} has {list(known.tags)}"

    for field in found[-1].fields:
        if known.fields and field not in known.fields:
            yield f"field {field!r}: {measurement} has no such field"

    for outer, inner in pairwise(found):
        for field in outer.fields - inner.named:
            yield f"field {field!r}: the query inside does not give it"


def _sums(found: list[Level], measurement: str) -> Iterator[str]:
    """Corrected windows are extra points: a sum over bare points counts them twice."""
    inner = found[-1]
    tags = SCHEMA[measurement].tags
    functions = frozenset[str]().union(*(level.functions for level in found))
    last_of_each = (
        inner.functions == {"last"} and set(tags) <= set(inner.tags) and inner.every == "$window"
    )
    if functions & {"sum", "mean"} and not last_of_each:
        wanted = ", ".join(tags)
        yield f"sums must go over last() of each window: GROUP BY time($window), {wanted}"

    for outer, below in pairwise(found):
        if "mean" in outer.functions and below.divides:
            yield "mean of a ratio: divide two sums instead"

    if "mean" in inner.functions:
        yield "mean of points: corrected windows would count twice"
