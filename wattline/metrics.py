"""Prometheus metrics of a running plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from books.answers import Health
from books.health import HealthOf
from collector.sequencer import Sequencer
from plant.standing import Standing
from rules.alert import Alert, Severity
from rules.notify.build import Notifier
from wattline.hosts.engine import EngineHost
from wattline.hosts.rules import RulesHost
from wattline.hosts.store import StoreHost
from wattline.live import Live

METRICS: Final = {
    "wattline_journal_frames_total": "frames committed to the journal",
    "wattline_journal_bytes": "bytes of frames held in the journal",
    "wattline_step_behind_frames": "frames the step has not folded yet",
    "wattline_readings_waiting": "readings that are not in the journal yet",
    "wattline_readings_dropped_total": "readings left out because the journal could not keep up",
    "wattline_books_behind_seconds": "event time from the newest booked window to now",
    "wattline_books_imbalance_ratio": "largest difference of a source's balance seen",
    "wattline_books_imbalance_kg_ratio": "largest difference of the carbon balance seen",
    "wattline_host_up": (
        "1 while a host works: polling, engine, store, rules, and each store beside"
    ),
    "wattline_host_standing_seconds": (
        "event time for which a host has stood still; 0 while it works"
    ),
    "wattline_viewers": "live viewers",
    "wattline_polls_total": "polls by meter and outcome",
    "wattline_connection_up": "1 while a connection is up",
    "wattline_store_up": "1 while a further store, such as InfluxDB, takes data",
    "wattline_store_behind_frames": "frames a further store has not taken yet",
    "wattline_store_behind_outputs": "outputs of the step a further store has not taken yet",
    "wattline_store_points_total": "points a further store has taken in this run",
    "wattline_store_expired_total": "points that were older than the retention of a further store",
    "wattline_store_dead_letters_total": (
        "lines put aside because a further store will never take them"
    ),
    "wattline_store_lost_total": "frames and outputs let go before a further store had them",
    "wattline_rules_up": "1 while the rules run",
    "wattline_rules_behind_outputs": "outputs of the step the rules have not judged yet",
    "wattline_alerts_open": "open alerts by severity, those under a cause left out",
    "wattline_notify_messages": "messages of the outbox by state",
    "wattline_notify_channel_up": "1 while a channel takes messages",
}
_STORE_COUNTS: Final[Mapping[str, Sequence[str]]] = {
    "behind_frames": ("behind_frames",),
    "behind_outputs": ("behind_outputs",),
    "points_total": ("points",),
    "expired_total": ("expired",),
    "dead_letters_total": ("dead_letters",),
    "lost_total": ("lost_frames", "lost_outputs"),
}
"""Metric of a further store, and the entries of its health that it is the sum of."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured. `hosts` names every host that can stand still, `standing` those that do."""

    health: HealthOf
    live: Live
    sequencer: Sequencer
    engine: EngineHost
    storing: StoreHost
    rules: RulesHost
    notifier: Notifier | None
    hosts: Sequence[str]
    standing: Callable[[], Sequence[Standing]]
    still_open: Callable[[], Sequence[Alert]]


class _Page:
    """Gauges of one answer."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def gauge(self, name: str, *labels: str) -> Gauge:
        return Gauge(
            name,
            METRICS[name],
            labels,
            registry=self.registry,
        )

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def prometheus(of: Measured) -> str:
    """All metrics as text."""
    page = _Page()
    journal = of.engine.journal
    page.gauge("wattline_journal_frames_total").set(journal.last())
    page.gauge("wattline_journal_bytes").set(journal.bytes)
    page.gauge("wattline_step_behind_frames").set(journal.last() - of.engine.state.seq)
    page.gauge("wattline_readings_waiting").set(of.sequencer.waiting())
    page.gauge("wattline_readings_dropped_total").set(of.sequencer.dropped)
    page.gauge("wattline_books_behind_seconds").set(of.live.behind_ns() * 1e-9)
    page.gauge("wattline_books_imbalance_ratio").set(of.storing.imbalance)
    page.gauge("wattline_books_imbalance_kg_ratio").set(of.storing.imbalance_kg)
    page.gauge("wattline_viewers").set(of.live.hub.viewers)
    _hosts(of, page)
    health = of.health()
    _meters(health, page)
    _stores(health.stores, page)
    _alerts(of, page)
    return page.text()


def _hosts(of: Measured, page: _Page) -> None:
    """Which host stands still, and for how long."""
    up = page.gauge("wattline_host_up", "host")
    seconds = page.gauge("wattline_host_standing_seconds", "host")
    now_ns = of.live.clock.now()
    standing = {host.who: host for host in of.standing()}
    for name in of.hosts:
        host = standing.get(name)
        up.labels(name).set(host is None)
        seconds.labels(name).set(0.0 if host is None else host.seconds(now_ns))


def _meters(health: Health, page: _Page) -> None:
    """Polls by outcome, and connections."""
    polls = page.gauge("wattline_polls_total", "meter", "outcome")
    for meter in health.meters:
        polls.labels(meter.id, "answered").set(meter.answered)
        polls.labels(meter.id, "skipped").set(meter.skipped)
        for reason, count in meter.failed.items():
            polls.labels(meter.id, reason).set(count)

    up = page.gauge("wattline_connection_up", "connection")
    for connection in health.connections:
        up.labels(connection["id"]).set(connection["state"] == "up")


def _stores(stores: Sequence[Mapping[str, Any]], page: _Page) -> None:
    """Stores beside the embedded one."""
    up = page.gauge("wattline_store_up", "store")
    counts = {name: page.gauge(f"wattline_store_{name}", "store") for name in _STORE_COUNTS}
    for store in stores:
        up.labels(store["id"]).set(store["state"] == "up")
        for name, entries in _STORE_COUNTS.items():
            total = sum(store[entry] for entry in entries)
            counts[name].labels(store["id"]).set(total)


def _alerts(of: Measured, page: _Page) -> None:
    """Rules, alerts, and whether people can be told."""
    behind = max(of.engine.journal.last_output() - of.rules.place, 0)
    page.gauge("wattline_rules_up").set(of.rules.standing is None)
    page.gauge("wattline_rules_behind_outputs").set(behind)
    open_by_severity = page.gauge("wattline_alerts_open", "severity")
    still_open = of.still_open()
    for severity in Severity:
        count = sum(alert.severity is severity for alert in still_open)
        open_by_severity.labels(severity.value).set(count)

    if of.notifier is None:
        return

    told = of.notifier.health()
    messages = page.gauge("wattline_notify_messages", "state")
    for state, count in told["outbox"].items():
        messages.labels(state).set(count)

    channel_up = page.gauge("wattline_notify_channel_up", "channel")
    for channel in told["channels"]:
        channel_up.labels(channel["id"]).set(channel["ok"] is not False)
