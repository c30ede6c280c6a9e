"""Renew `api/examples.json`, the examples of OpenAPI and docs/api.md, from a running demo:
`python deploy/record_examples.py http://127.0.0.1:8000`.

Answers are cut short: one row of each list, one entry of each table by id, three significant
digits.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "api" / "examples.json"
SERIES: Final = "of=cells_steam&figures=intensity.electricity&every=15m&from=-1h"
EXPLAIN: Final = "figure=intensity.electricity&of=cells_steam&from=-1h"
ROUTES: Final = {
    "/healthz": "/healthz",
    "/readyz": "/readyz",
    "/api/v1/site": "/api/v1/site",
    "/api/v1/lines": "/api/v1/lines",
    "/api/v1/meters": "/api/v1/meters",
    "/api/v1/live": "/api/v1/live",
    "/api/v1/health": "/api/v1/health",
    "/api/v1/factors": "/api/v1/factors",
    "/api/v1/figures": "/api/v1/figures",
    "/api/v1/series": f"/api/v1/series?{SERIES}",
    "/api/v1/flows": "/api/v1/flows",
    "/api/v1/explain": f"/api/v1/explain?{EXPLAIN}",
}
"""What is asked of each route."""

BY_ID: Final = frozenset(
    {
        "lines",
        "sources",
        "storages",
        "remainder_kw",
        "converters",
        "failed",
        "sources_kw",
        "shifts",
    }
)
"""Tables whose keys are ids of the plant: one entry of each is enough."""


def short(value: object, key: str = "") -> object:
    """The answer with one of each; `key` is where it stands."""
    if isinstance(value, list):
        return [short(entry) for entry in value[:1]]

    if isinstance(value, dict):
        entries = list(value.items())
        if key in BY_ID:
            entries = entries[:1]

        return {name: short(entry, name) for name, entry in entries}

    if isinstance(value, float):
        return _three_digits(value)

    return value


def _three_digits(value: float) -> float | int:
    """Large numbers are times in ms: they stay whole."""
    if abs(value) >= 1e6:
        return round(value)

    return float(f"{value:.3g}")


def main(base: str) -> None:
    """Ask, cut, write."""
    found = {}
    for route, path in ROUTES.items():
        with urllib.request.urlopen(base + path, timeout=30) as answer:
            found[route] = short(json.load(answer))

    text = (
        json.dumps(
            found,
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
    EXAMPLES.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
