"""Prometheus metrics of a running plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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
TOTAL: Final = "_total"
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
    """The metrics of one answer, in the order in which they are asked for.

    Written in the text format of Prometheus, version 0.0.4. Its library makes objects of every
    sample, which took 30 ms for 1,000 meters; the tests read this text with that library.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def put(
        self,
        name: str,
        value: float,
        **labels: str,
    ) -> None:
        """A value of a metric of the table; one that counts up is a counter by its name."""
        lines = self._lines.get(name)
        if lines is None:
            lines = self._lines[name] = _head(name)

        said = ",".join([f'{label}="{_escaped(text)}"' for label, text in labels.items()])
        place = f"{name}{{{said}}}" if said else name
        lines.append(f"{place} {float(value)!r}")

    def text(self) -> str:
        """All of them."""
        every: list[str] = []
        for lines in self._lines.values():
            every += lines

        return "\n".join(every) + "\n"


def _head(name: str) -> list[str]:
    """What a metric is; what ends with `_total` only ever grows."""
    kind = "counter" if name.endswith(TOTAL) else "gauge"
    return [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} {kind}"]


def _escaped(text: str) -> str:
    """The value of a label: ids have none of these signs, texts may."""
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return text


def prometheus(of: Measured) -> str:
    """All metrics as text."""
    page = _Page()
    journal = of.engine.journal
    page.put("wattline_journal_frames_total", journal.last())
    page.put("wattline_journal_bytes", journal.bytes)
    page.put("wattline_step_behind_frames", journal.last() - of.engine.state.seq)
    page.put("wattline_readings_waiting", of.sequencer.waiting())
    page.put("wattline_readings_dropped_total", of.sequencer.dropped)
    page.put("wattline_books_behind_seconds", of.live.behind_ns() * 1e-9)
    page.put("wattline_books_imbalance_ratio", of.storing.imbalance)
    page.put("wattline_books_imbalance_kg_ratio", of.storing.imbalance_kg)
    page.put("wattline_viewers", of.live.hub.viewers)
    _hosts(of, page)
    health = of.health()
    _meters(health, page)
    _stores(health.stores, page)
    _alerts(of, page)
    return page.text()


def _hosts(of: Measured, page: _Page) -> None:
    """Which host stands still, and for how long."""
    now_ns = of.live.clock.now()
    standing = {host.who: host for host in of.standing()}
    for name in of.hosts:
        host = standing.get(name)
        seconds = 0.0 if host is None else host.seconds(now_ns)
        page.put("wattline_host_up", host is None, host=name)
        page.put("wattline_host_standing_seconds", seconds, host=name)


def _meters(health: Health, page: _Page) -> None:
    """Polls by outcome, and connections."""
    for meter in health.meters:
        outcomes = {
            "answered": meter.answered,
            "skipped": meter.skipped,
            **meter.failed,
        }
        for outcome, count in outcomes.items():
            page.put(
                "wattline_polls_total",
                count,
                meter=meter.id,
                outcome=outcome,
            )

    for connection in health.connections:
        page.put(
            "wattline_connection_up",
            connection["state"] == "up",
            connection=connection["id"],
        )


def _stores(stores: Sequence[Mapping[str, Any]], page: _Page) -> None:
    """Stores beside the embedded one."""
    for store in stores:
        page.put(
            "wattline_store_up",
            store["state"] == "up",
            store=store["id"],
        )
        for name, entries in _STORE_COUNTS.items():
            page.put(
                f"wattline_store_{name}",
                sum(store[entry] for entry in entries),
                store=store["id"],
            )


def _alerts(of: Measured, page: _Page) -> None:
    """Rules, alerts, and whether people can be told."""
    behind = max(of.engine.journal.last_output() - of.rules.place, 0)
    page.put("wattline_rules_up", of.rules.standing is None)
    page.put("wattline_rules_behind_outputs", behind)
    still_open = of.still_open()
    for severity in Severity:
        page.put(
            "wattline_alerts_open",
            sum(alert.severity is severity for alert in still_open),
            severity=severity.value,
        )

    if of.notifier is None:
        return

    told = of.notifier.health()
    for state, count in told["outbox"].items():
        page.put("wattline_notify_messages", count, state=state)

    for channel in told["channels"]:
        page.put(
            "wattline_notify_channel_up",
            channel["ok"] is not False,
            channel=channel["id"],
        )
