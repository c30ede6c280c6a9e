"""Renew `api/examples.json`, the examples of OpenAPI and docs/api.md, from a running demo: `python deploy/record_examples.py http://127.0.0.1:8000`.

Answers are cut short: one row of each list, one entry of each table by id, three significant digits.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROUTES = {
    "/healthz": "/healthz",
    "/readyz": "/readyz",
    "/api/v1/site": "/api/v1/site",
    "/api/v1/lines": "/api/v1/lines",
    "/api/v1/meters": "/api/v1/meters",
    "/api/v1/live": "/api/v1/live",
    "/api/v1/health": "/api/v1/health",
    "/api/v1/factors": "/api/v1/factors",
    "/api/v1/figures": "/api/v1/figures",
    "/api/v1/series": "/api/v1/series?of=cells_steam&figures=intensity.electricity&every=15m&from=-1h",
    "/api/v1/flows": "/api/v1/flows",
    "/api/v1/explain": "/api/v1/explain?figure=intensity.electricity&of=cells_steam&from=-1h",
}
BY_ID = frozenset(
    {"lines", "sources", "storages", "remainder_kw", "converters", "failed", "sources_kw", "shifts"}
)


def short(value: Any, key: str = "") -> Any:
    """The answer with one of each."""
    if isinstance(value, list):
        return [short(x) for x in value[:1]]
    if isinstance(value, dict):
        kept = list(value.items())[:1] if key in BY_ID else value.items()
        return {k: short(v, k) for k, v in kept}
    if isinstance(value, float):
        return float(f"{value:.3g}") if abs(value) < 1e6 else round(value)
    return value


def main(base: str) -> None:
    """Ask, cut, write."""
    found = {}
    for route, path in ROUTES.items():
        with urllib.request.urlopen(base + path, timeout=30) as answer:
            found[route] = short(json.load(answer))
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    Path(__file__).parent.parent.joinpath("api", "examples.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
