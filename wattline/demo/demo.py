"""`wattline demo`: simulated devices in a child process, everything else here; history made by the same world, through the same step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.clock import ScaledClock
from plant.errors import WattlineError
from plant.load import load_plant
from plant.units import MINUTE_NS, SECOND_NS
from rules.language.load import rules_for
from simulator.config import load_sim
from simulator.history import batches
from simulator.world import World
from wattline.runtime import Options, Runtime, page_folder

log = logging.getLogger("wattline.demo")
BLOCK_NS = 15 * MINUTE_NS
BACKFILL_NS = 7 * 24 * 60 * MINUTE_NS
EPOCH_BEFORE_NS = BACKFILL_NS + 120 * MINUTE_NS


def plant_path(name: str = "jiaxing") -> Path:
    """A plant file that ships with Wattline."""
    return Path(str(files("simulator") / "plants" / f"{name}.yaml"))


class Devices:
    """The child process with the simulated devices. Ends with this process, whatever happens to it."""

    def __init__(
        self,
        plant: Path,
        folder: Path,
        speed: float,
        epoch_ns: int | None,
        seed: int | None,
        faults: Sequence[str] = (),
    ) -> None:
        self.path = folder / "endpoints.json"
        self.path.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "wattline.cli",
            "simulate",
            str(plant),
            "--speed",
            str(speed),
            "--endpoints",
            str(self.path),
            "--with-parent",
        ]
        command += [] if epoch_ns is None else ["--epoch-ns", str(epoch_ns)]
        command += [] if seed is None else ["--seed", str(seed)]
        command += [part for fault in faults for part in ("--fault", fault)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def wait(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """endpoints.json, once the devices serve; WattlineError if they do not."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.path.exists():
                found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise WattlineError(
            "the simulated devices did not start; try `wattline simulate` alone to see why"
        )

    def stop(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(2)


def ask(control: str, command: dict[str, Any]) -> dict[str, Any]:
    """One command to the control port of a simulation."""

    host, _, port = control.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as link:
        link.sendall(json.dumps(command).encode() + b"\n")
        body = b""
        while not body.endswith(b"\n"):
            part = link.recv(1 << 20)
            if not part:
                break
            body += part
    answer: dict[str, Any] = json.loads(body)
    if not answer.get("ok"):
        raise WattlineError(f"the simulation refused {command['cmd']}: {answer.get('error')}")
    return answer


class Backfill:
    """Makes the history of a simulated plant: since its beginning at the first start, since the last reading at a later one."""

    def __init__(self, world: World, span_ns: int = BACKFILL_NS) -> None:
        self.world = world
        self.span_ns = span_ns

    async def __call__(self, runtime: Runtime) -> None:
        """Fill, and fill again what passed meanwhile, until the present is reached."""
        while True:
            end = await asyncio.to_thread(self._fill, runtime)
            if runtime.clock.now() - end < 80 * SECOND_NS:
                break
        pending = runtime.sequencer.pending
        runtime.sequencer.pending = [b for b in pending if not len(b) or b.ts[0] > end]

    def _fill(self, runtime: Runtime) -> int:
        """History up to the last whole minute; returns its end."""
        journal = runtime.journal
        sequencer = runtime.sequencer
        now = runtime.clock.now()
        end = now - now % MINUTE_NS
        last = journal.last_wm()
        start = (
            max(last - last % MINUTE_NS + MINUTE_NS, self.world.epoch_ns)
            if last
            else end - self.span_ns
        )
        if end - start < MINUTE_NS:
            return end
        first = runtime.backfill_span[0] if runtime.backfill_span is not None else start
        runtime.backfill_span = (first, end)
        frames = []
        wm = sequencer.wm
        for rows in batches(self.world, start, end, 60.0, journal):
            ts = int(rows.ts[-1])
            # The watermark moves once a block, so that its windows close together; a minute past it, so that the grace is over.
            wm = ts if ts % BLOCK_NS == MINUTE_NS or ts >= end - MINUTE_NS else wm
            frames.append(sequencer.history(rows, wm))
            if len(frames) >= 240:
                journal.append_all(frames)
                frames = []
                runtime.host.wake.set()
        if frames:
            journal.append_all(frames)
        runtime.host.wake.set()
        return end


def run_demo(
    *,
    speed: float,
    seconds: float | None,
    data: Path,
    host: str,
    port: int,
    backfill: bool = True,
    plant: Path | None = None,
    allowed_hosts: Sequence[str] = (),
) -> None:
    """The demo until Ctrl-C, or for `seconds` of real time."""
    path = plant or plant_path()
    catalogue = load_catalogue()
    parsed = load_plant(path, catalogue, figure_names())
    data.mkdir(parents=True, exist_ok=True)
    memo = data / "demo.json"
    kept = json.loads(memo.read_text()) if memo.exists() and speed == 1.0 else {}
    devices = Devices(path, data, speed, kept.get("epoch_ns"), kept.get("seed"))
    try:
        endpoints = devices.wait()
        memo.write_text(json.dumps({"epoch_ns": endpoints["epoch_ns"], "seed": endpoints["seed"]}))
        clock = ScaledClock(**endpoints["clock"])
        runtime = Runtime(
            parsed,
            catalogue,
            clock,
            Options(
                data,
                host,
                port,
                simulated=True,
                endpoints=endpoints["connections"],
                rules=rules_for(path, parsed),
                allowed_hosts=allowed_hosts,
            ),
        )
        world = World(
            parsed,
            load_sim(path, parsed),
            catalogue,
            endpoints["epoch_ns"],
            endpoints["seed"],
            start_ns=endpoints["clock"]["event_ns"],
        )
        try:
            print(
                f"Wattline: a simulated factory, live at {runtime.link()}   (Ctrl-C ends it; data in {data})",
                flush=True,
            )
            asyncio.run(serve(runtime, Backfill(world) if backfill else None, seconds))
        finally:
            runtime.close()
    finally:
        devices.stop()


async def serve(runtime: Runtime, fill: Any, seconds: float | None) -> None:
    """Run with Ctrl-C and SIGTERM as the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    print(runtime.options.keep.sentence(), flush=True)
    await runtime.run(stop, page_folder(), fill)
    print("Wattline: ended, everything is stored.", flush=True)
