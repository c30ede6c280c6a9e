"""What a driver knows about its meters and its connection: plain counters, read by the API and by `demo --verify`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("wattline.collector")


@dataclass(slots=True)
class MeterHealth:
    """Polls of one meter. Every due poll is answered, failed (by reason) or skipped."""

    due: int = 0
    answered: int = 0
    skipped: int = 0
    rows: int = 0
    last_ns: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    period_s: float = 1.0
    effective_period_s: float = 1.0
    complained: bool = False

    def fail(self, reason: str) -> None:
        self.failed[reason] = self.failed.get(reason, 0) + 1


@dataclass(slots=True)
class Health:
    """One connection and its meters. A failure is logged once and its recovery once; the rest is counted."""

    connection: str
    protocol: str
    endpoint: str
    state: str = "starting"
    reconnects: int = 0
    last_error: str | None = None
    meters: dict[str, MeterHealth] = field(default_factory=dict)

    def meter(self, meter: str) -> MeterHealth:
        return self.meters.setdefault(meter, MeterHealth())

    def up(self) -> None:
        if self.state == "down":
            self.reconnects += 1
            log.info("%s: connected again to %s", self.connection, self.endpoint)
        self.state = "up"

    def down(self, error: str) -> None:
        if self.state != "down":
            log.warning("%s: no connection to %s: %s", self.connection, self.endpoint, error)
        self.state, self.last_error = "down", error

    def as_dict(self) -> dict[str, Any]:
        """Shape of docs/api.md, section health."""
        head = {"id": self.connection, "protocol": self.protocol, "endpoint": self.endpoint, "state": self.state, "reconnects": self.reconnects, "last_error": self.last_error}
        return {"connection": head, "meters": {key: _meter(m) for key, m in self.meters.items()}}


def _meter(m: MeterHealth) -> dict[str, Any]:
    return {
        "due": m.due, "answered": m.answered, "skipped": m.skipped, "rows": m.rows, "failed": dict(m.failed), "last_ns": m.last_ns,
        "period_s": m.period_s, "effective_period_s": m.effective_period_s,
    }  # fmt: skip
