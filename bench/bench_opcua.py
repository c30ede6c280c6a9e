"""5,000 OPC UA items that change each second, seven a meter and one a meter: the whole product
against Telegraf's listener, in turn. Each item counts up, so what is stored shows what was lost.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.opcua_peer import URI, Peer
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

ITEMS = 5000
QUANTITIES = (
    "active_energy_import",
    "active_power",
    "voltage",
    "current",
    "frequency",
    "power_factor",
    "reactive_power",
)


def plant(endpoint: str, a_meter: int) -> dict[str, Any]:
    """All items over meters of so many each; the first two meters stand in the books."""
    meters: dict[str, Any] = {}
    for place in range(ITEMS // a_meter):
        nodes = {}
        for nth, quantity in enumerate(QUANTITIES[:a_meter]):
            nodes[quantity] = f"nsu={URI};s=i{place * a_meter + nth}"

        meters[f"m{place}"] = {
            "on": "plc",
            "nodes": nodes,
            "every": {"power": "1s", "energy": "1s"},
        }

    return {
        "site": {"id": "bench", "timezone": "UTC", "grid": "CN-ZJ"},
        "connections": {"plc": {"opcua": endpoint}},
        "meters": meters,
        "sources": {"grid": {"carrier": "electricity", "meter": "m0", "into": "main"}},
        "buses": {"main": {"carrier": "electricity"}},
        "lines": {"hall": {"draws": {"main": "m1"}}},
    }


def telegraf_inputs(peer: Peer) -> str:
    """The same items, as Telegraf is told of them."""
    nodes = []
    for place in range(ITEMS):
        nodes.append(
            f'    {{name="v", namespace="{peer.namespace}", identifier_type="s", identifier="i{place}"}},'
        )

    return "\n".join(
        [
            "[[inputs.opcua_listener]]",
            '  name = "m"',
            f'  endpoint = "{peer.endpoint}"',
            '  security_policy = "None"',
            '  security_mode = "None"',
            '  auth_method = "Anonymous"',
            '  subscription_interval = "500ms"',
            '  optional_fields = []',
            '  fielddrop = ["Quality"]',
            "  nodes = [",
            *nodes,
            "  ]\n",
        ]
    )  # fmt: skip


def ours(peer: Peer, a_meter: int, seconds: float) -> dict[str, float]:
    """One run of the product."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(plant(peer.endpoint, a_meter), Path(folder))
        warm(product, WARM_S)
        since_ns = time.time_ns()
        took = span(product, seconds)
        until_ns = time.time_ns()
        kinds, missing = stored(product, since_ns, until_ns)
        return {
            "us": took.cpu_s / max(kinds, 1) * 1e6,
            "a_second": kinds / took.wall_s,
            "missing": float(missing),
            "rss": took.rss_mb,
        }


def main(rounds: int, seconds: float) -> None:
    """All rounds; prints and records the medians."""
    runs: dict[str, list[dict[str, float]]] = {"seven": [], "one": [], "telegraf": []}
    for _ in range(rounds):
        for name, run in (
            ("seven", lambda peer: ours(peer, 7, seconds)),
            ("one", lambda peer: ours(peer, 1, seconds)),
            ("telegraf", lambda peer: a_line(forwarded(telegraf_inputs(peer), WARM_S, seconds))),
        ):
            peer = Peer(ITEMS)
            runs[name].append(run(peer))
            peer.stop()
            print(name, runs[name][-1], flush=True)

    def of(name: str, key: str) -> float:
        return statistics.median(run.get(key, float("nan")) for run in runs[name])

    record("opcua", [
        figure("product, 7 items a meter, CPU a value", of("seven", "us"), "us", 5.0),
        figure("product, 1 item a meter, CPU a value", of("one", "us"), "us", 8.0),
        figure("Telegraf 1.39 to HTTP, CPU a value", of("telegraf", "us"), "us"),
        figure("7 items a meter, by Telegraf, CPU", of("seven", "us") / of("telegraf", "us"), "x", 5 / 5.5),
        figure("1 item a meter, by Telegraf, CPU", of("one", "us") / of("telegraf", "us"), "x", 8 / 5.5),
        figure("product, 7 items a meter, values stored a second", of("seven", "a_second"), "1/s"),
        figure("product, 1 item a meter, values stored a second", of("one", "a_second"), "1/s"),
        figure("Telegraf, values sent a second", of("telegraf", "a_second"), "1/s"),
        figure("values lost, 7 a meter", of("seven", "missing"), "values", 0.0),
        figure("values lost, 1 a meter", of("one", "missing"), "values", 0.0),
        figure("product, 7 items a meter, memory", of("seven", "rss"), "MiB RSS", 250.0),
        figure("product, 1 item a meter, memory", of("one", "rss"), "MiB RSS", 250.0),
    ])  # fmt: skip


if __name__ == "__main__":
    main(*rounds_and_seconds(__doc__))
