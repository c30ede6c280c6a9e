"""Modbus TCP meters of 120 values at 1 Hz: the whole product (50 lines, rules, API) against Telegraf
1.39 that sends the same values to HTTP, over the same responder, in turn; with 1,000 meters and with
200.
"""

from __future__ import annotations

import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.bench_collect import profile
from bench.modbus_peer import METERS, UNITS, VALUES, responder
from bench.product import Product
from bench.record import figure, record
from bench.side_by_side import WARM_S, forwarded, rounds_and_seconds, span, warm

LINES = 50
SMALL = 200

DEVICE = """\
[[inputs.modbus]]
  name = "m"
  controller = "tcp://127.0.0.1:{port}"
  slave_id = {unit}
  timeout = "1s"
  configuration_type = "register"
  name_override = "m{place}"
  tagexclude = ["type", "slave_id", "name"]
  holding_registers = [
{registers}
  ]
"""


def plant(ports: list[int], meters: int) -> dict[str, Any]:
    """A meter each connection; the first is the source, and the next ones lines."""
    every = {"power": "1s", "energy": "1s"}
    declared = {}
    connections = {}
    for place in range(meters):
        connections[f"c{place}"] = {"modbus": f"tcp://127.0.0.1:{ports[place // UNITS]}"}
        declared[f"m{place}"] = {
            "on": f"c{place}",
            "unit": 1 + place % UNITS,
            "profile": "power" if place <= LINES else "plain",
            "read": "all",
            "every": every,
        }

    lines = {f"l{place}": {"draws": {"main": f"m{place}"}} for place in range(1, LINES + 1)}
    return {
        "site": {"id": "bench", "timezone": "UTC", "grid": "CN-ZJ"},
        "connections": connections,
        "meters": declared,
        "sources": {"grid": {"carrier": "electricity", "meter": "m0", "into": "main"}},
        "buses": {"main": {"carrier": "electricity"}},
        "lines": lines,
    }


def profiles() -> list[dict[str, Any]]:
    """The two meter models, as files would say them."""
    pairs = (("plain", "voltage"), ("power", "active_power"))
    return [profile(key, first).model_dump(mode="json", exclude_unset=True) for key, first in pairs]


def telegraf_inputs(ports: list[int], meters: int) -> str:
    """The same meters and values."""
    rows = []
    for place in range(VALUES):
        address = f"[{2 * place}, {2 * place + 1}]"
        rows.append(
            f'    {{name="v{place}", byte_order="ABCD", data_type="FLOAT32-IEEE", scale=1.0, address={address}}},'
        )

    registers = "\n".join(rows)
    devices = []
    for place in range(meters):
        devices.append(
            DEVICE.format(
                port=ports[place // UNITS],
                unit=1 + place % UNITS,
                place=place,
                registers=registers,
            )
        )

    return "".join(devices)


def ours(
    folder: Path,
    ports: list[int],
    meters: int,
    seconds: float,
) -> dict[str, float]:
    """One run of the product."""
    product = Product(plant(ports, meters), folder, profiles())
    warm(product, WARM_S + 8.0)
    took = span(product, seconds)
    product.stop()
    return {"cores": took.cores, "rss": took.rss_mb}


def theirs(
    folder: Path,
    ports: list[int],
    meters: int,
    seconds: float,
) -> dict[str, float]:
    """One run of Telegraf; nothing where it cannot be built."""
    found = forwarded(telegraf_inputs(ports, meters), WARM_S + 8.0, seconds)
    if found is None:
        return {}

    return {
        "cores": found.took.cores,
        "rss": found.took.rss_mb,
        "polls": found.lines / found.took.wall_s,
    }


def main(rounds: int, seconds: float) -> None:
    """All rounds; prints and records the medians."""
    here, peer, ports = responder()
    runs: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for meters in (METERS, SMALL):
            for name, run in (("product", ours), ("telegraf", theirs)):
                answers = _answers(here)
                with tempfile.TemporaryDirectory() as folder:
                    found = run(Path(folder), ports, meters, seconds)

                found["answers"] = _answers(here) - answers
                runs.setdefault((name, meters), []).append(found)
                print(name, meters, found, flush=True)

    here.send("stop")
    peer.join(5)

    def of(name: str, meters: int, key: str) -> float:
        return statistics.median(run.get(key, float("nan")) for run in runs[name, meters])

    figures = []
    for meters, goal in ((METERS, 0.5), (SMALL, 0.8)):
        us, them = of("product", meters, "cores"), of("telegraf", meters, "cores")
        figures += [
            figure(f"{meters} meters, product, CPU", us, "cores"),
            figure(f"{meters} meters, Telegraf 1.39, CPU", them, "cores"),
            figure(f"{meters} meters, product by Telegraf, CPU", us / them, "x", goal),
            figure(f"{meters} meters, product, memory", of("product", meters, "rss"), "MiB RSS", 250.0),
            figure(f"{meters} meters, Telegraf, memory", of("telegraf", meters, "rss"), "MiB RSS"),
            figure(f"{meters} meters, Telegraf, polls sent a second", of("telegraf", meters, "polls"), "1/s"),
        ]  # fmt: skip

    record("peers", figures)


def _answers(pipe: Connection) -> float:
    """Answers that the responder has given so far."""
    pipe.send("count")
    return float(pipe.recv())


if __name__ == "__main__":
    main(*rounds_and_seconds(__doc__))
