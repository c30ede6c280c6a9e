"""docs/grafana.md names every board with its questions, and every command with its options."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer

from dashboards.grafana.build import FOLDER
from wattline.commands.grafana import grafana

PAGE = (Path(__file__).parents[3] / "docs" / "grafana.md").read_text(encoding="utf-8")


def test_every_board_is_there_with_what_it_answers() -> None:
    for path in FOLDER.glob("*.json"):
        board = json.loads(path.read_text(encoding="utf-8"))
        name = board["title"].removeprefix("Wattline: ")
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))
        assert row.count("?") >= 3, name


def test_every_command_is_there() -> None:
    command = typer.main.get_command(grafana)
    for name, found in command.commands.items():  # type: ignore[attr-defined]
        assert f"`{name}" in PAGE
        for option in (o for p in found.params for o in p.opts if o.startswith("--")):
            assert option in PAGE, f"{name} {option}"


def test_every_option_that_is_shown_is_real() -> None:
    command = typer.main.get_command(grafana)
    known = {o for c in command.commands.values() for p in c.params for o in p.opts}  # type: ignore[attr-defined]
    shown = {
        o
        for line in PAGE.splitlines()
        if "wattline grafana" in line
        for o in re.findall(r"--[a-z-]+", line)
    }
    assert shown <= known
