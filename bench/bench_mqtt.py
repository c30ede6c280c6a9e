"""5,000 MQTT messages a second at QoS 1, JSON of 1,000 meters: the whole product against Telegraf, in
turn. Each meter counts up, so what is stored shows what was lost.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.mqtt_peer import Broker, Publisher
from bench.product import Product
from bench.record import figure, record
from bench.side_by_side import SECONDS, WARM_S, span, stored, warm
from bench.telegraf import Sink, Telegraf, build

METERS, RATE = 1000, 5000

TELEGRAF = """\
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["gas/+/state"]
  qos = 1
  max_undelivered_messages = 20000
  topic_tag = "topic"
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "gas"
    timestamp_path = "at"
    timestamp_format = "unix_ms"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "total"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "flow"
"""


def plant(port: int) -> dict[str, Any]:
    """All meters; the first two stand in the books."""
    meters = {}
    for place in range(METERS):
        meters[f"m{place}"] = {
            "on": "broker",
            "topic": "gas",
            "id": f"m{place}",
            "unit": "Nm3",
            "reference": "0C",
            "every": {"power": "1s", "energy": "1s"},
        }

    topic = {
        "filter": "gas/{meter}/state",
        "value": "$.total",
        "flow": "$.flow",
        "time": "$.at",
    }
    return {
        "site": {"id": "bench", "timezone": "UTC", "grid": "CN-ZJ"},
        "connections": {"broker": {"mqtt": f"mqtt://127.0.0.1:{port}", "topics": {"gas": topic}}},
        "meters": meters,
        "sources": {"gas": {"carrier": "natural_gas", "meter": "m0", "into": "main"}},
        "buses": {"main": {"carrier": "natural_gas"}},
        "lines": {"hall": {"draws": {"main": "m1"}}},
    }


def ours(folder: Path, port: int, seconds: float) -> dict[str, float]:
    """One run of the product."""
    product = Product(plant(port), folder)
    warm(product, WARM_S / 2)
    publisher = Publisher(port, METERS, RATE)
    warm(product, WARM_S)
    since_ns = time.time_ns()
    took = span(product, seconds)
    until_ns = time.time_ns()
    publisher.stop()
    # The flow is always the same: only counters count.
    kinds, missing = stored(product, since_ns, until_ns)
    messages = kinds - METERS
    return {
        "us": took.cpu_s / max(messages, 1) * 1e6,
        "messages": messages / took.wall_s,
        "missing": float(missing),
        "rss": took.rss_mb,
    }


def theirs(folder: Path, port: int, seconds: float) -> dict[str, float]:
    """One run of Telegraf; nothing where it cannot be built."""
    program = build()
    if program is None:
        return {}

    sink = Sink()
    telegraf = Telegraf(program, TELEGRAF.format(port=port), sink, folder)
    warm(telegraf, WARM_S / 2)
    publisher = Publisher(port, METERS, RATE)
    warm(telegraf, WARM_S)
    before = sink.lines()
    took = span(telegraf, seconds)
    messages = sink.lines() - before
    publisher.stop()
    telegraf.stop()
    sink.stop()
    return {
        "us": took.cpu_s / max(messages, 1) * 1e6,
        "messages": messages / took.wall_s,
        "rss": took.rss_mb,
    }


def main(rounds: int, seconds: float) -> None:
    """All rounds; prints and records the medians."""
    runs: dict[str, list[dict[str, float]]] = {"product": [], "telegraf": []}
    for _ in range(rounds):
        for name, run in (("product", ours), ("telegraf", theirs)):
            with tempfile.TemporaryDirectory() as made:
                broker = Broker(Path(made))
                runs[name].append(run(Path(made), broker.port, seconds))
                broker.stop()

            print(name, runs[name][-1], flush=True)

    def of(name: str, key: str) -> float:
        return statistics.median(run.get(key, float("nan")) for run in runs[name])

    record("mqtt", [
        figure("product, CPU a message", of("product", "us"), "us", 20.0),
        figure("Telegraf 1.39 to HTTP, CPU a message", of("telegraf", "us"), "us"),
        figure("product by Telegraf, CPU", of("product", "us") / of("telegraf", "us"), "x", 20 / 30),
        figure("product, messages stored a second", of("product", "messages"), "1/s"),
        figure("Telegraf, messages sent a second", of("telegraf", "messages"), "1/s"),
        figure("messages lost", of("product", "missing"), "messages", 0.0),
        figure("product, memory", of("product", "rss"), "MiB RSS", 250.0),
    ])  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    main(given.rounds, given.seconds)
