"""The command line: exit codes, and one plain message for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def wattline(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wattline.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_init_then_check_is_good(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    assert wattline("init", str(path)).returncode == 0
    assert wattline("check", str(path)).returncode == 0
    again = wattline("init", str(path))
    assert (again.returncode, again.stderr.strip()) == (
        1,
        f"wattline: {path} is there already; give another name",
    )


def test_check_reports_all_and_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    wattline("init", str(path))
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("profile: eastron", "profil: eastron")
        .replace("grid: CN-ZJ", "gird: CN-ZJ"),
        encoding="utf-8",
    )
    done = wattline("check", str(path))
    assert done.returncode == 1
    assert "did you mean 'profile'?" in done.stderr
    assert done.stderr.strip().endswith("problems, nothing was started, nothing was changed")


def test_wrong_usage_exits_2() -> None:
    assert wattline("demo", "--speed", "fast").returncode == 2
    assert wattline("demo", "--log-level", "loud").returncode == 2


def test_schema_is_json() -> None:
    assert "PlantFile" in json.loads(wattline("schema").stdout)["title"]


def test_a_damaged_memo_of_the_demo_is_said(tmp_path: Path) -> None:
    from plant.errors import WattlineError
    from wattline.demo.demo import DemoOptions, run_demo

    (tmp_path / "demo.json").write_text("{x")
    with pytest.raises(WattlineError, match=r"demo\.json is damaged.*--reset"):
        run_demo(DemoOptions(data=tmp_path, port=0))


def test_endpoints_on_a_full_disk_are_said(tmp_path: Path) -> None:
    from plant.errors import WattlineError
    from simulator.server import write_endpoints

    with pytest.raises(WattlineError, match="cannot be written"):
        write_endpoints(tmp_path / "missing" / "endpoints.json", {})  # type: ignore[typeddict-item]
