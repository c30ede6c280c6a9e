"""`wattline demo --verify`: exit 0, every check in the table, and a table that can say no."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.net
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_books_hold_against_the_truth() -> None:
    command = [
        sys.executable,
        "-m",
        "wattline.cli",
        "demo",
        "--speed",
        "60",
        "--seconds",
        "60",
        "--verify",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    differing = [
        f"{r['check']} {r['of']}: {r['value']} for {r['expected']}"
        for r in found["checks"]
        if not r["ok"]
    ]
    assert differing == []
    assert done.returncode == 0
    kinds = {r["check"] for r in found["checks"]}
    assert kinds == {
        "meter books = counter",
        "line = registered truth",
        "remainder = true losses",
        "polls accounted",
        "stored readings were served",
        "served readings are stored",
        "balance",
    }
