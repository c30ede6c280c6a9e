"""5,000 MQTT messages a second at QoS 1, JSON of 1,000 meters: the whole product against Telegraf, in
turn. Each meter counts up, so what is stored shows what was lost.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.mqtt_peer import Broker, Publisher
from bench.product import Product
from bench.record import figure, record
from bench.side_by_side import (
    WARM_S,
    a_line,
    forwarded,
    rounds_and_seconds,
    span,
    stored,
    warm,
)

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
    warm(product, WARM_S)
    since_ns = time.time_ns()
    took = span(product, seconds)
    until_ns = time.time_ns()
    # The flow is always the same: only counters count.
    kinds, missing = stored(product, since_ns, until_ns)
    messages = kinds - METERS
    return {
        "us": took.cpu_s / max(messages, 1) * 1e6,
        "a_second": messages / took.wall_s,
        "missing": float(missing),
        "rss": took.rss_mb,
    }


def main(rounds: int, seconds: float) -> None:
    """All rounds; prints and records the medians."""
    runs: dict[str, list[dict[str, float]]] = {"product": [], "telegraf": []}
    for _ in range(rounds):
        for name, found in runs.items():
            with tempfile.TemporaryDirectory() as made:
                broker = Broker(Path(made))
                publisher = Publisher(broker.port, METERS, RATE)
                if name == "product":
                    found.append(ours(Path(made), broker.port, seconds))
                else:
                    inputs = TELEGRAF.format(port=broker.port)
                    found.append(a_line(forwarded(inputs, WARM_S, seconds)))

                publisher.stop()
                broker.stop()

            print(name, found[-1], flush=True)

    def of(name: str, key: str) -> float:
        return statistics.median(run.get(key, float("nan")) for run in runs[name])

    record("mqtt", [
        figure("product, CPU a message", of("product", "us"), "us", 20.0),
        figure("Telegraf 1.39 to HTTP, CPU a message", of("telegraf", "us"), "us"),
        figure("product by Telegraf, CPU", of("product", "us") / of("telegraf", "us"), "x", 20 / 30),
        figure("product, messages stored a second", of("product", "a_second"), "1/s"),
        figure("Telegraf, messages sent a second", of("telegraf", "a_second"), "1/s"),
        figure("messages lost", of("product", "missing"), "messages", 0.0),
        figure("product, memory", of("product", "rss"), "MiB RSS", 250.0),
    ])  # fmt: skip


if __name__ == "__main__":
    main(*rounds_and_seconds(__doc__))
