"""The dashboards that ship: linted, complete, and those of the code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana.build import FOLDER, files
from dashboards.grafana.lint import panels, problems, replaced
from store.influxql.parser import parse as influxql

BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}


def parse(query: str) -> object:
    """Our own grammar: what it cannot read does not ship."""
    return influxql(query, 1_767_312_000_000_000_000)


def test_the_files_are_those_of_the_code() -> None:
    assert {
        path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))
    } == files(), "out of date: run make regen"
    assert set(BOARDS) == {"site", "line", "compare", "flows", "carbon", "health"}


@pytest.mark.parametrize("name", BOARDS)
def test_the_linter_has_nothing_to_say(name: str) -> None:
    assert problems(BOARDS[name], parse) == []


@pytest.mark.parametrize("name", BOARDS)
def test_every_key_is_one_that_grafana_knows(name: str) -> None:
    register_default_plugins()
    board = BOARDS[name]
    again = json.loads(json.dumps(Dashboard.from_json(copy.deepcopy(board)), cls=JSONEncoder))
    assert keys(board) <= keys(again)


def keys(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {f"{path}.{k}" for k in value}.union(
            *(keys(v, f"{path}.{k}") for k, v in value.items())
        )
    if isinstance(value, list):
        return set().union(*(keys(v, f"{path}[{i}]") for i, v in enumerate(value)))
    return set()


def test_ids_and_uids_are_unique() -> None:
    assert (
        len({b["uid"] for b in BOARDS.values()})
        == len({b["title"] for b in BOARDS.values()})
        == len(BOARDS)
    )


def first(board: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = panels(board)[0]  # type: ignore[assignment]
    return found


def query(text: str) -> Callable[[dict[str, Any]], None]:
    return lambda board: first(board)["targets"][0].update(query=text)


INNER = 'SELECT last("good") AS "good" FROM "line" WHERE "site" =~ /^$site$/ AND $timeFilter GROUP BY time($window), "site", "line" fill(none)'
OVER = f"FROM ({INNER}) WHERE $timeFilter"
MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a query that is no query": (query('SELECT sum("good" ' + OVER), "does not parse"),
    "an unknown measurement": (query(f'SELECT sum("good") {OVER}'.replace('"line" WHERE', '"lime" WHERE')), "measurement 'lime'"),
    "an unknown field": (query(f'SELECT sum("god") {OVER.replace("good", "god")}'), "field 'god'"),
    "an unknown tag": (query(f'SELECT sum("good") {OVER.replace("time($window), ", "time($window), " + chr(34) + "hall" + chr(34) + ", ")}'), "tag 'hall'"),
    "a field the inner query does not give": (query(f'SELECT sum("scrap") {OVER}'), "the query inside does not give it"),
    "a bare sum": (query('SELECT sum("good") FROM "line" WHERE "site" =~ /^$site$/ AND $timeFilter'), "sums must go over last()"),
    "a sum that forgets a tag": (query(f'SELECT sum("good") {OVER}'.replace(', "line" fill', " fill")), "sums must go over last()"),
    "a mean of a ratio": (query(f'SELECT mean("r") AS "r" FROM (SELECT sum("good") / sum("good") AS "r" {OVER} GROUP BY time($window)) WHERE $timeFilter'), "mean of a ratio"),
    "no time filter": (query(f'SELECT sum("good") FROM ({INNER})'), "$timeFilter"),
    "a tag compared with a variable": (query(f'SELECT sum("good") {OVER}'.replace("=~ /^$site$/", "= '$site'")), "write =~"),
    "a variable that is not there": (query(f'SELECT sum("good") {OVER}'.replace("$window", "$windo")), "variable is left over"),
    "an alias of a tag that is not grouped by": (lambda b: first(b)["targets"][0].update(alias="$tag_line"), "is not in GROUP BY"),
    "a data source of its own": (lambda b: first(b)["targets"][0].update(datasource={"type": "influxdb", "uid": "P1"}), "datasource: must be"),
    "a data source variable of another type": (lambda b: b["templating"]["list"][0].update(query="prometheus"), "variable datasource"),
    "a variable that does not reload": (lambda b: b["templating"]["list"][1].update(refresh=1), "must reload"),
    "an id used twice": (lambda b: first(b).update(id=first(b)["id"] + 1), "used twice"),
    "no id": (lambda b: first(b).update(id=None), "has no id"),
    "an unknown unit": (lambda b: first(b)["fieldConfig"]["defaults"].update(unit="kwh"), "unit 'kwh'"),
    "an unknown unit of an override": (lambda b: first(b)["fieldConfig"]["overrides"].append({"matcher": {}, "properties": [{"id": "unit", "value": "foo"}]}), "unit 'foo'"),
    "an overlap": (lambda b: first(b)["gridPos"].update(w=24), "overlap"),
    "a panel over the edge": (lambda b: first(b)["gridPos"].update(w=25), "right edge"),
    "no description": (lambda b: first(b).update(description=""), "description: missing"),
    "no title": (lambda b: first(b).update(title=""), "title: missing"),
    "a panel that is a plug-in": (lambda b: first(b).update(type="geomap"), "not compiled into"),
    "no query": (lambda b: first(b).update(targets=[]), "no query"),
    "a refId used twice": (lambda b: first(b)["targets"].append(first(b)["targets"][0]), "refId used twice"),
    "a row without coverage": (lambda b: b.update(panels=[p for p in b["panels"] if "overage" not in json.dumps(p.get("targets", ""))]), "no coverage"),
    "a long uid": (lambda b: b.update(uid="x" * 41), "uid"),
    "a new schema": (lambda b: b.update(schemaVersion=42), "schemaVersion 42"),
    "an editable board": (lambda b: b.update(editable=True), "editable"),
    "a version": (lambda b: b.update(version=3), "version: leave it out"),
    "too few panels": (lambda b: b.update(panels=b["panels"][:4]), "8 to 12"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_the_linter_finds(name: str) -> None:
    board = copy.deepcopy(BOARDS["site"])
    change, said = MISTAKES[name]
    change(board)
    found = problems(board, parse)
    assert any(said in text for text in found), found


def test_variables_are_replaced_as_grafana_does() -> None:
    assert replaced('"line" =~ /^$line$/ GROUP BY time($shift,$shift_offset)') == (
        '"line" =~ /^(cells_steam|smt_1)$/ GROUP BY time(8h,6h)'
    )
