"""`wattline demo --verify`: the books against what truly flowed, and every reading accounted for.

Per meter: booked energy between first and last accepted reading equals the counter difference. Per
line: it equals what the simulated registers truly counted between the same readings, within a
register step and the bound of each verdict. Per bus: the remainder equals the true losses within
its uncertainty (k = 3). Per meter: every due poll is answered, refused with a reason, or missed and
counted; every reading stored was served, and every reading served and due is stored or counted.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.clock import ScaledClock
from plant.load import load_plant
from wattline.demo.checks import Check, all_checks
from wattline.demo.demo import plant_path
from wattline.demo.devices import Devices, ask
from wattline.options import Options
from wattline.runtime import Runtime


def run_verify(
    *,
    speed: float,
    seconds: float,
    as_json: bool,
    plant: Path | None = None,
) -> int:
    """Run, compare, print; 0 if all holds."""
    path = plant or plant_path()
    with tempfile.TemporaryDirectory(prefix="wattline-verify-") as folder:
        checks = _run(
            path,
            Path(folder),
            speed,
            seconds,
        )

    good = all(check.ok for check in checks)
    if as_json:
        rows = [check.as_json() for check in checks]
        answer = {
            "ok": good,
            "speed": speed,
            "seconds": seconds,
            "checks": rows,
        }
        print(json.dumps(answer, indent=1))
    else:
        print(_table(checks, good))

    return 0 if good else 1


def _run(
    path: Path,
    folder: Path,
    speed: float,
    seconds: float,
) -> list[Check]:
    catalogue = load_catalogue()
    plant = load_plant(path, catalogue, figure_names())
    devices = Devices(
        path,
        folder,
        speed,
        None,
        None,
    )
    try:
        endpoints = devices.wait()
        options = Options(
            folder / "data",
            simulated=True,
            endpoints=endpoints["connections"],
        )
        runtime = Runtime(
            plant,
            catalogue,
            ScaledClock(**endpoints["clock"]),
            options,
        )
        try:
            asyncio.run(_collect(runtime, seconds))
            return all_checks(
                runtime,
                catalogue,
                partial(ask, endpoints["control"]),
            )
        finally:
            runtime.close()
    finally:
        devices.stop()


async def _collect(runtime: Runtime, seconds: float) -> None:
    """Run without page and API, and close every window that is still open."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await runtime.run(
        stop,
        None,
        serve=False,
    )
    # Nothing more comes, so the watermark moves on past the window and its grace.
    open_ns = round((runtime.parts.site.window_s + runtime.parts.site.grace_s) * 1e9)
    runtime.parts.sequencer.cut(runtime.parts.clock.now() + open_ns)
    while runtime.turn():
        pass


def _table(checks: Sequence[Check], good: bool) -> str:
    lines = [f"{'check':26} {'of':34} {'value':>16} {'expected':>16} {'within':>12}  "]
    lines += [str(check) for check in checks]
    periods = [check.effective_period_s for check in checks if check.effective_period_s]
    if periods:
        lines.append(f"effective period: {min(periods):.1f} to {max(periods):.1f} event seconds")

    failed = sum(not check.ok for check in checks)
    lines.append("all hold" if good else f"{failed} differ")
    return "\n".join(lines)
