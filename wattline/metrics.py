"""Prometheus metrics of a running plant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from rules.alert import Severity

if TYPE_CHECKING:
    from wattline.runtime import Runtime

METRICS: Final = {
    "wattline_journal_frames_total": "frames committed to the journal",
    "wattline_journal_bytes": "bytes of frames held in the journal",
    "wattline_step_behind_frames": "frames the step has not folded yet",
    "wattline_readings_dropped_total": "readings left out because the journal could not keep up",
    "wattline_books_imbalance_ratio": "largest difference of a source's balance seen",
    "wattline_books_imbalance_kg_ratio": "largest difference of the carbon balance seen",
    "wattline_viewers": "live viewers",
    "wattline_polls_total": "polls by meter and outcome",
    "wattline_connection_up": "1 while a connection is up",
    "wattline_store_up": "1 while a further store, such as InfluxDB, takes data",
    "wattline_store_behind_frames": "frames a further store has not taken yet",
    "wattline_store_behind_outputs": "outputs of the step a further store has not taken yet",
    "wattline_store_points_total": "points a further store has taken in this run",
    "wattline_store_expired_total": "points that were older than the retention of a further store",
    "wattline_store_dead_letters_total": "lines put aside because a further store will never take them",
    "wattline_store_lost_total": "frames and outputs let go before a further store had them",
    "wattline_rules_up": "1 while the rules run",
    "wattline_rules_behind_outputs": "outputs of the step the rules have not judged yet",
    "wattline_alerts_open": "open alerts by severity, those under a cause left out",
    "wattline_notify_messages": "messages of the outbox by state",
    "wattline_notify_channel_up": "1 while a channel takes messages",
}
_STORE: Final[dict[str, tuple[str, ...]]] = {
    "up": (),
    "behind_frames": ("behind_frames",),
    "behind_outputs": ("behind_outputs",),
    "points_total": ("points",),
    "expired_total": ("expired",),
    "dead_letters_total": ("dead_letters",),
    "lost_total": ("lost_frames", "lost_outputs"),
}


def prometheus(runtime: Runtime) -> str:
    """All metrics as text."""
    registry = CollectorRegistry()

    def gauge(name: str, *labels: str) -> Gauge:
        return Gauge(name, METRICS[name], labels, registry=registry)

    health = runtime.health()
    host = runtime.host
    gauge("wattline_journal_frames_total").set(runtime.journal.last())
    gauge("wattline_journal_bytes").set(runtime.journal.bytes)
    gauge("wattline_step_behind_frames").set(runtime.journal.last() - host.state.seq)
    gauge("wattline_readings_dropped_total").set(runtime.sequencer.dropped)
    gauge("wattline_books_imbalance_ratio").set(host.imbalance)
    gauge("wattline_books_imbalance_kg_ratio").set(host.imbalance_kg)
    gauge("wattline_viewers").set(runtime.hub.viewers)
    polls = gauge("wattline_polls_total", "meter", "outcome")
    up = gauge("wattline_connection_up", "connection")
    for meter in health.meters:
        polls.labels(meter.id, "answered").set(meter.answered)
        polls.labels(meter.id, "skipped").set(meter.skipped)
        for reason, count in meter.failed.items():
            polls.labels(meter.id, reason).set(count)
    for connection in health.connections:
        up.labels(connection["id"]).set(connection["state"] == "up")
    stores = {name: gauge(f"wattline_store_{name}", "store") for name in _STORE}
    for store in health.stores:
        for name, keys in _STORE.items():
            stores[name].labels(store["id"]).set(
                sum(store[key] for key in keys) if keys else store["state"] == "up"
            )
    _alerts(runtime, gauge)
    return generate_latest(registry).decode()


def _alerts(runtime: Runtime, gauge: Callable[..., Gauge]) -> None:
    """Rules, alerts, and whether people can be told."""
    rules = runtime.rules_host
    gauge("wattline_rules_up").set(rules.failed is None)
    gauge("wattline_rules_behind_outputs").set(max(runtime.journal.last_output() - rules.place, 0))
    open_ = gauge("wattline_alerts_open", "severity")
    found = runtime.still_open()
    for severity in Severity:
        open_.labels(severity.value).set(sum(a.severity is severity for a in found))
    if runtime.notifier is not None:
        told = runtime.notifier.health()
        messages = gauge("wattline_notify_messages", "state")
        up = gauge("wattline_notify_channel_up", "channel")
        for state, count in told["outbox"].items():
            messages.labels(state).set(count)
        for channel in told["channels"]:
            up.labels(channel["id"]).set(channel["ok"] is not False)
