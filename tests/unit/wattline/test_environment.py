"""The environment is whole: what packages ask for is there, and
none writes over another's files, now or at start.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

RUNS_CODE_AT_START = {"distutils-precedence.pth"}  # of setuptools: touches no file
SHARED = ("__pycache__", "../../../bin/", "../../../share/")


def test_what_packages_ask_for_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_package_owns_a_file_of_another() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for package in distributions():
        for file in package.files or ():
            if not any(part in str(file) for part in SHARED):
                owners[str(file)].add(package.name)
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}


def test_no_package_runs_code_at_start() -> None:
    found = {}
    for package in distributions():
        for file in package.files or ():
            if file.suffix == ".pth" and file.name not in RUNS_CODE_AT_START:
                lines = (
                    Path(str(package.locate_file(file))).read_text(encoding="utf-8").splitlines()
                )
                found[file.name] = [x for x in lines if x.startswith(("import ", "import\t"))]
    assert {name: lines for name, lines in found.items() if lines} == {}
