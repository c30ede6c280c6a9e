"""What Prometheus reads: each metric under its name, with its type."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from collector.catalogue import load_catalogue
from plant.clock import ManualClock
from plant.load import load_plant_text
from tests.rig import START, text
from wattline.metrics import METRICS, _Page
from wattline.options import Options
from wattline.runtime import Runtime

BODY = (
    "sources: {grid: {carrier: electricity, meter: grid, into: board}}\n"
    "buses: {board: {carrier: electricity}}\n"
    "lines: {press: {draws: {board: la}}}\n"
)


def test_what_counts_up_is_a_counter_and_the_rest_are_gauges(tmp_path: Path) -> None:
    plant = load_plant_text("plant.yaml", text(BODY, "grid la", window="1m"))
    runtime = Runtime(plant, load_catalogue(), ManualClock(START), Options(tmp_path))
    try:
        families = {
            family.name: family
            for family in text_string_to_metric_families(runtime.parts.operations.metrics())
        }
    finally:
        runtime.close()

    counters = {name for name, family in families.items() if family.type == "counter"}
    gauges = {name for name, family in families.items() if family.type == "gauge"}
    assert counters == {
        "wattline_journal_frames",
        "wattline_readings_dropped",
        "wattline_polls",
    }
    assert {"wattline_host_up", "wattline_alerts_open", "wattline_journal_bytes"} <= gauges
    assert gauges | {f"{name}_total" for name in counters} <= set(METRICS)
    polls = {
        (sample.labels["meter"], sample.labels["outcome"]): sample.value
        for sample in families["wattline_polls"].samples
    }
    assert polls[("grid", "answered")] == 0.0


def test_labels_may_say_anything() -> None:
    odd = 'a "b" \\ c\nd'
    page = _Page()
    page.put("wattline_store_up", True, store=odd)
    page.put("wattline_viewers", float("nan"))
    page.put("wattline_polls_total", 12345678901, meter="m", outcome="answered")
    families = {family.name: family for family in text_string_to_metric_families(page.text())}
    (sample,) = families["wattline_store_up"].samples
    assert (sample.labels, sample.value) == ({"store": odd}, 1.0)
    assert families["wattline_polls"].type == "counter"
    assert families["wattline_polls"].samples[0].value == 12345678901
    assert (
        families["wattline_viewers"].samples[0].value
        != families["wattline_viewers"].samples[0].value
    )
