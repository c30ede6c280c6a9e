"""1,000 Modbus meters of 120 values at 1 Hz: the whole of `wattline run` against a bare pymodbus
loop that throws away what it reads.

The responder is a process of its own. Collector and bare loop take turns, each in a fresh process;
medians of the rounds. What is stored is checked value by value: see `bench.modbus_peer`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.modbus_peer import (
    BLOCKS,
    MARK,
    METERS,
    REGISTERS,
    UNITS,
    VALUES,
    bare,
    responder,
    run_loop,
)
from bench.product import rss_mb
from bench.record import figure, record
from plant.clock import SystemClock
from plant.config import PlantFile
from plant.profile import Profile
from store.duck import DuckStore
from wattline.options import Options
from wattline.runtime import Runtime

ROUNDS, WARM_S, SECONDS, BARE_S = 3, 15.0, 60.0, 30.0


def profile(key: str, first: str) -> Profile:
    """120 float32 values in two blocks; `first` is the quantity of the first row."""
    rows = [
        {"quantity": first if i == 0 else "current", "phase": "total" if i == 0 else f"h{i}", "address": 2 * i,
         "type": "float32", "unit": "kW" if i == 0 and first == "active_power" else "A",}
        for i in range(VALUES)
    ]  # fmt: skip
    return Profile.model_validate(
        {
            "id": key,
            "vendor": "bench",
            "model": key,
            "category": "electricity_meter",
            "sources": ["bench"],
            "defaults": {"max_registers_per_request": REGISTERS},
            "registers": rows,
        }
    )


def plant(ports: list[int]) -> PlantFile:
    """One connection per meter; the first two meters stand in the books, as source and line."""
    every = {
        "power": "1s",
        "energy": "1s",
    }
    meters = {
        f"m{i}": {"on": f"c{i}", "unit": 1 + i % UNITS, "profile": "power" if i < 2 else "plain", "read": "all",
                  "every": every,}
        for i in range(METERS)
    }  # fmt: skip
    return PlantFile.model_validate(
        {
            "site": {
                "id": "bench",
                "timezone": "UTC",
                "grid": "CN-ZJ",
            },
            "connections": {
                f"c{i}": {"modbus": f"tcp://127.0.0.1:{ports[i // UNITS]}"} for i in range(METERS)
            },
            "meters": meters,
            "sources": {
                "grid": {
                    "carrier": "electricity",
                    "meter": "m0",
                    "into": "main",
                }
            },
            "buses": {"main": {"carrier": "electricity"}},
            "lines": {"hall": {"draws": {"main": "m1"}}},
        }
    )


class Timed(DuckStore):
    """Keeps the age of each poll at the moment its rows are committed."""

    offset = 0

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.ages: list[Any] = []

    def write_readings(
        self,
        columns: Any,
        journal: str,
        place: int,
    ) -> None:
        super().write_readings(columns, journal, place)
        if columns:
            self.ages.append(
                (time.monotonic_ns() + self.offset - columns["received"][::VALUES]) * 1e-9
            )


def polls(runtime: Runtime) -> np.ndarray[Any, Any]:
    """Polls of all meters by now: finished (answered or not),
    answered, skipped, failed; and the event time.
    """
    meters = [m for d in runtime.parts.drivers for m in d.health()["meters"].values()]
    answered, skipped = sum(m["answered"] for m in meters), sum(m["skipped"] for m in meters)
    failed = sum(sum(m["failed"].values()) for m in meters)
    return np.array(
        [
            answered + skipped + failed,
            answered,
            skipped,
            failed,
            runtime.parts.clock.now(),
        ]
    )


def wrong(runtime: Runtime, span: list[int]) -> int:
    """Values received in `span` that were lost between two stored
    ones, doubled, or stored under another's tag.
    """
    found = runtime.parts.store.query(
        f"SELECT tag, count(*) AS n, count(DISTINCT value // {MARK}) AS kinds, min(value // {MARK})"
        f" AS low, max(value // {MARK}) AS high, min(value % {MARK}) AS least, max(value % {MARK})"
        " AS most FROM reading WHERE received > ? AND received <= ? GROUP BY tag",
        span,
    )
    names = runtime.parts.journal.names()
    place = {"total": 0.0} | {f"h{i}": float(i) for i in range(VALUES)}
    due = np.array([place[names[int(tag)][1].split(".")[1]] for tag in found["tag"]])
    lost = np.abs(found["high"] - found["low"] + 1 - found["n"]) + np.abs(
        found["n"] - found["kinds"]
    )
    other = (found["least"] != due) | (found["most"] != due)
    return int(lost.sum() + found["n"][other].sum()) + abs(len(due) - METERS * VALUES)


def collect(
    pipe: Connection,
    ports: list[int],
    warm_s: float,
    seconds: float,
) -> None:
    """Child process: the collector as `wattline run` has it,
    API included; sends its figures by name.
    """
    import wattline.places as module

    module.DuckStore = Timed  # type: ignore[misc]
    clock = SystemClock()
    catalogue = {
        key: profile(key, first) for key, first in (("plain", "voltage"), ("power", "active_power"))
    }

    async def main() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(runtime.run(stop, None))
        await asyncio.sleep(warm_s)
        runtime.parts.store.ages = []  # type: ignore[attr-defined]
        cpu, wall, began = time.process_time(), time.monotonic(), polls(runtime)
        most = 0.0
        while time.monotonic() - wall < seconds:
            await asyncio.sleep(1.0)
            most = max(most, rss_mb())

        cpu, wall, ended = time.process_time() - cpu, time.monotonic() - wall, polls(runtime)
        stop.set()
        await running
        pipe.send(
            figures(
                runtime,
                cpu / wall,
                most,
                began,
                ended,
            )
        )

    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(
            plant(ports),
            catalogue,
            clock,
            Options(Path(folder), port=0),
        )
        runtime.parts.store.offset = clock.offset_ns  # type: ignore[attr-defined]
        run_loop(main())
        runtime.close()

    os._exit(0)  # what the command does too


def figures(
    runtime: Runtime,
    cpu: float,
    most: float,
    began: Any,
    ended: Any,
) -> dict[str, float]:
    """What one run says."""
    runtime.turn()
    span = [int(began[-1]), int(ended[-1])]
    stored = runtime.parts.store.query(
        "SELECT count(*) AS n FROM reading WHERE received > ? AND received <= ?", span
    )
    age = np.concatenate(runtime.parts.store.ages)  # type: ignore[attr-defined]
    due, answered, skipped, failed, _ = ended - began
    return {
        "cpu": cpu, "rss": most, "due": float(due * VALUES), "stored": float(stored["n"][0]), "wrong": float(wrong(runtime, span)),
        "polls": float(answered), "skipped": float(skipped), "failed": float(failed),
        "p50": float(np.quantile(age, 0.5)), "p99": float(np.quantile(age, 0.99)), "max": float(age.max()),
    }  # fmt: skip


def child(target: Any, *args: Any) -> Any:
    """Run `target` in a process of its own and give back what it sends."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=target,
        args=(there, *args),
        daemon=True,
    )
    process.start()
    there.close()
    found = here.recv()
    process.join(30)
    return found


def main(
    rounds: int,
    seconds: float,
    bare_s: float,
) -> None:
    """All rounds; prints and records the medians."""
    here, peer, ports = responder()
    loops, runs = [], []
    for _ in range(rounds):
        loops.append(
            child(
                bare,
                ports,
                6.0,
                bare_s,
            )
        )
        runs.append(
            child(
                collect,
                ports,
                WARM_S,
                seconds,
            )
        )
        print(
            "bare",
            loops[-1],
            "collector",
            runs[-1],
            flush=True,
        )

    here.send("stop")
    peer.join(5)
    ours = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    plain = statistics.median(loop[0] for loop in loops)
    whole = min(run["stored"] / run["due"] for run in runs)
    record("collect", [
        figure(f"values stored of those due, worst of {rounds} runs", whole, "share", 1.0, at_most=False,),
        figure("values stored a second", ours["stored"] / seconds, "1/s",),
        figure("values lost, doubled or under another tag", max(run["wrong"] for run in runs), "values", 0.0,),
        figure("answer received to stored, p50", ours["p50"], "s"),
        figure("answer received to stored, p99", ours["p99"], "s", 1.0,),
        figure("answer received to stored, worst", max(run["max"] for run in runs), "s",),
        figure("memory, largest", max(run["rss"] for run in runs), "MiB RSS", 400.0,),
        figure("CPU of the collector with journal, step, store and API", ours["cpu"], "cores",),
        figure("CPU of the bare pymodbus loop", plain, "cores"),
        figure("reads of the bare loop", statistics.median(loop[1] for loop in loops), "1/s", 0.99 * METERS * BLOCKS, at_most=False,),
        figure("collector by bare loop, CPU", ours["cpu"] / plain, "x", 1.5,),
    ],)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--bare-seconds", type=float, default=BARE_S)
    given = parser.parse_args()
    main(given.rounds, given.seconds, given.bare_seconds)
