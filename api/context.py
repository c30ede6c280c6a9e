"""What the API needs of the rest, by argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.hub import Hub
from books.answers import Health
from books.history import History
from plant.site import Site
from rules.desk.alerts import Alerts
from store.influxql.query import Answerer


@dataclass(slots=True)
class Context:
    """`now_ns` is event time; `health` gives docs/api.md's health but for figures; `ready` says why not, or None.
    `token` opens everything, `query_token` the InfluxQL routes only; both are needed only where `token` is set.
    `test_channel` sends a test message over a channel, in the name of somebody; `notify_health` says how the channels are."""

    site: Site
    history: History
    hub: Hub
    now_ns: Callable[[], int]
    health: Callable[[], Health]
    ready: Callable[[], str | None]
    version: str
    page: Path | None = None
    token: str | None = None
    connections: dict[str, str] = field(default_factory=dict)
    metrics: Callable[[], str] = lambda: ""
    influxql: Answerer | None = None
    query_token: str | None = None
    alerts: Alerts | None = None
    test_channel: Callable[[str, str], dict[str, Any]] | None = None
    notify_health: Callable[[], dict[str, Any]] | None = None
