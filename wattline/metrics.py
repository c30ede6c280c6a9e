"""Prometheus metrics of a running plant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

if TYPE_CHECKING:
    from wattline.runtime import Runtime


def prometheus(runtime: Runtime) -> str:
    """All metrics as text."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(f"wattline_{name}", text, registry=registry).set(value)

    health = runtime.health()
    gauge("journal_frames_total", "frames committed to the journal", runtime.journal.last())
    gauge("journal_bytes", "bytes of frames held in the journal", runtime.journal.bytes)
    gauge("step_behind_frames", "frames the step has not folded yet", runtime.journal.last() - runtime.host.state.seq)
    gauge(
        "readings_dropped_total", "readings left out because the journal could not keep up", runtime.sequencer.dropped
    )
    gauge("books_imbalance_ratio", "largest difference of a source's balance seen", runtime.host.imbalance)
    gauge("books_imbalance_kg_ratio", "largest difference of the carbon balance seen", runtime.host.imbalance_kg)
    gauge("viewers", "live viewers", runtime.hub.viewers)
    polls = Gauge("wattline_polls_total", "polls by meter and outcome", ["meter", "outcome"], registry=registry)
    for meter in health["meters"]:
        polls.labels(meter["id"], "answered").set(meter["answered"])
        polls.labels(meter["id"], "skipped").set(meter["skipped"])
        for reason, count in meter["failed"].items():
            polls.labels(meter["id"], reason).set(count)
    up = Gauge("wattline_connection_up", "1 while a connection is up", ["connection"], registry=registry)
    for connection in health["connections"]:
        up.labels(connection["id"]).set(connection["state"] == "up")
    return generate_latest(registry).decode()
