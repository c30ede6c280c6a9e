"""`wattline demo`: simulated devices in a child process, everything else here; history made by the
same world, through the same step.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypedDict

import msgspec

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.clock import ScaledClock
from plant.errors import WattlineError
from plant.load import load_plant
from rules.language.load import rules_for
from simulator.config import load_sim
from simulator.world import World
from wattline.demo.backfill import Backfill
from wattline.demo.devices import Devices
from wattline.options import Options
from wattline.runtime import Runtime
from wattline.until_stopped import run_until_stopped


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says. Without `seconds` it runs until Ctrl-C."""

    data: Path
    speed: float = 1.0
    seconds: float | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    backfill: bool = True
    allowed_hosts: Sequence[str] = ()


class Memo(TypedDict, total=False):
    """What a later start of the demo needs to show the same world."""

    epoch_ns: int
    seed: int


def plant_path(name: str = "jiaxing") -> Path:
    """A plant file that ships with Wattline."""
    return Path(str(files("simulator") / "plants" / f"{name}.yaml"))


def run_demo(options: DemoOptions, plant: Path | None = None) -> None:
    """The demo until its end."""
    path = plant or plant_path()
    options.data.mkdir(
        parents=True,
        exist_ok=True,
    )
    memo_path = options.data / "demo.json"
    memo: Memo = {}
    if memo_path.exists() and options.speed == 1.0:
        memo = _remembered(memo_path)

    devices = Devices(
        path,
        options.data,
        options.speed,
        memo.get("epoch_ns"),
        memo.get("seed"),
    )
    try:
        _run(
            options,
            path,
            devices,
            memo_path,
        )
    finally:
        devices.stop()


def _remembered(path: Path) -> Memo:
    """The world of the last start; WattlineError if that cannot be read."""
    try:
        found: Memo = msgspec.json.decode(path.read_bytes(), type=Memo)
    except msgspec.MsgspecError as error:
        raise WattlineError(
            f"{path} is damaged: {error}. It says which world the demo showed; "
            "begin anew with --reset"
        ) from error

    return found


def _run(
    options: DemoOptions,
    path: Path,
    devices: Devices,
    memo_path: Path,
) -> None:
    """Everything but the devices, in this process."""
    catalogue = load_catalogue()
    plant = load_plant(path, catalogue, figure_names())
    endpoints = devices.wait()
    memo: Memo = {
        "epoch_ns": endpoints["epoch_ns"],
        "seed": endpoints["seed"],
    }
    memo_path.write_text(json.dumps(memo))
    runtime = Runtime(
        plant,
        catalogue,
        ScaledClock(**endpoints["clock"]),
        Options(
            options.data,
            options.host,
            options.port,
            simulated=True,
            endpoints=endpoints["connections"],
            rules=rules_for(path, plant),
            allowed_hosts=options.allowed_hosts,
        ),
    )
    try:
        world = World(
            plant,
            load_sim(path, plant),
            catalogue,
            endpoints["epoch_ns"],
            endpoints["seed"],
            start_ns=endpoints["clock"]["event_ns"],
        )
        link = runtime.parts.door.link()
        print(
            f"Wattline: a simulated factory, live at {link}   (Ctrl-C ends it; data in"
            f" {options.data})",
            flush=True,
        )
        fill = Backfill(world) if options.backfill else None
        asyncio.run(run_until_stopped(runtime, fill, options.seconds))
    finally:
        runtime.close()
