"""What the API needs of the rest, by argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.history import History
from api.hub import Hub
from plant.site import Site


@dataclass(slots=True)
class Context:
    """`now_ns` is event time; `health` gives docs/api.md's health but for figures; `ready` says why not, or None."""

    site: Site
    history: History
    hub: Hub
    now_ns: Callable[[], int]
    health: Callable[[], dict[str, Any]]
    ready: Callable[[], str | None]
    version: str
    page: Path | None = None
    token: str | None = None
    connections: dict[str, str] = field(default_factory=dict)
    metrics: Callable[[], str] = lambda: ""
