"""What ships: the wheel is built from a copy of the tree, looked through, and used from an empty
folder in an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import wattline

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "plant",
    "collector",
    "engine",
    "store",
    "books",
    "rules",
    "api",
    "dashboards",
    "simulator",
    "wattline",
)
PAGE = Path("dashboards/live/dist/index.html")
NEVER = (
    ".git",
    ".venv",
    "node_modules",
    "__pycache__",
    "data",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
)


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(folder: Path) -> Path:
    """The tree as a release sees it, with what must not ship lying
    about; a stand-in for the page where it is not built.
    """
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NEVER))
    for litter in ("dashboards/live/node_modules/some/index.js", "data/demo/figures.duckdb"):
        (tree / litter).parent.mkdir(parents=True)
        (tree / litter).write_text("litter")
    if not (tree / PAGE).exists():
        (tree / PAGE).parent.mkdir(parents=True)
        (tree / PAGE).write_text("<!doctype html>")
    return tree


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    )
    run(*pip, "--wheel-dir", folder, _copy(folder), cwd=folder)
    (found,) = folder.glob("wattline-*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """An environment with the wheel in it; what Wattline depends on is
    seen through a path file, so nothing is fetched.
    """
    folder = wheel.parent / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=wheel.parent,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who never saw this tree."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    return {**kept, "HOME": str(tmp_path)}


def tracked(folder: str, *endings: str) -> set[str]:
    return {
        str(p.relative_to(ROOT))
        for p in (ROOT / folder).rglob("*")
        if p.suffix in endings and "__pycache__" not in p.parts
    }


def test_code_and_data_are_in_it(names: set[str]) -> None:
    for package in PACKAGES:
        assert tracked(package, ".py") - tracked("dashboards/live", ".py") <= names
    for folder, ending in (
        ("collector/profiles", ".yaml"),
        ("engine/factors", ".csv"),
        ("engine/factors", ".md"),
        ("simulator/plants", ".yaml"),
        ("wattline", ".yaml"),
        ("dashboards/grafana", ".json"),
    ):
        wanted = tracked(folder, ending)
        assert wanted
        assert wanted <= names
    assert "engine/factors/NOTICE.md" in names
    assert str(PAGE) in names


def test_nothing_else_is_in_it(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    live = {name for name in names if name.startswith("dashboards/live/")}
    assert all(name.startswith("dashboards/live/dist/") for name in live)
    assert not [
        name
        for name in names
        if "node_modules" in name
        or "__pycache__" in name
        or name.endswith((".duckdb", ".ts", ".map"))
    ]


def test_it_runs_from_an_empty_folder(
    installed: Path, outside: dict[str, str], tmp_path: Path
) -> None:
    command = installed.parent / "wattline"
    where = run(
        installed,
        "-c",
        "import wattline, store; print(wattline.__file__, store.__file__)",
        cwd=tmp_path,
        env=outside,
    )
    assert where.count(str(installed.parents[1])) == 2
    assert run(command, "--version", cwd=tmp_path, env=outside).strip() == wattline.__version__
    plant = run(
        installed,
        "-c",
        "from wattline.demo.demo import plant_path; print(plant_path())",
        cwd=tmp_path,
        env=outside,
    ).strip()
    assert ": good: " in run(command, "check", plant, cwd=tmp_path, env=outside)
    assert len(run(command, "check", "--profiles", cwd=tmp_path, env=outside).splitlines()) == len(
        tracked("collector/profiles", ".yaml")
    )
    assert not list(tmp_path.iterdir())


def test_its_schema_and_starter_are_those_of_the_docs(
    installed: Path, outside: dict[str, str], tmp_path: Path
) -> None:
    command = installed.parent / "wattline"
    printed = json.loads(run(command, "schema", cwd=tmp_path, env=outside))
    assert printed == json.loads(
        (ROOT / "docs" / "plant-file.schema.json").read_text(encoding="utf-8")
    )
    run(command, "init", "plant.yaml", cwd=tmp_path, env=outside)
    assert ": good: " in run(command, "check", "plant.yaml", cwd=tmp_path, env=outside)


def test_no_other_package_has_our_names() -> None:
    owners = packages_distributions()
    assert {
        name: owners.get(name)
        for name in PACKAGES
        if set(owners.get(name, ["wattline"])) != {"wattline"}
    } == {}
