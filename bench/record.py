"""Recording of measurements: prints a table, writes bench/results/NAME.json.

A missed goal is shown, not failed.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def figure(
    name: str,
    value: float,
    unit: str,
    goal: float | None = None,
    at_most: bool = True,
) -> dict[str, Any]:
    """One figure; `goal` is met when the value is at most (or at least) the goal."""
    met = goal is None or (value <= goal if at_most else value >= goal)
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "goal": goal,
        "met": met,
    }


def record(
    name: str,
    figures: list[dict[str, Any]],
    curves: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Print and write one set of figures, and what was measured over time."""
    for f in figures:
        goal = (
            "" if f["goal"] is None else f"   goal {f['goal']:g}: {'met' if f['met'] else 'MISSED'}"
        )
        print(f"{f['name']:60} {f['value']:12.4g} {f['unit']}{goal}")

    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {sys.version.split()[0]}"
    body = {
        "command": f"make bench-{name}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "figures": figures,
    }
    if curves:
        body["curves"] = {key: [round(each, 3) for each in curve] for key, curve in curves.items()}

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(
        json.dumps(body, indent=1) + "\n",
        encoding="utf-8",
    )
