"""`make bench-alerts`: is every fault that `wattline simulate --fault` offers alerted, how soon,
and what is alerted although nothing is wrong?

Faults: the demo plant without its story, on real protocols at five times the speed, seven faults at
once on meters drawn by seed. False alerts: books of 20 other seeds with gaps of two to forty
minutes, judged after four days of warm-up; an alert is true if one of those gaps lies behind it, or
the world says that the line stood idle all the time.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.alert_books import Fired, judged
from bench.record import figure, record
from collector.catalogue import load_catalogue
from plant.clock import ScaledClock
from plant.config import PlantFile, as_list
from plant.load import load_plant
from plant.profile import Profile
from rules.language.load import rules_for
from wattline.demo.demo import plant_path
from wattline.demo.devices import Devices
from wattline.options import Options
from wattline.runtime import Runtime

SPEED, LASTS_S = 5.0, 480.0
SEEDS_OF_FAULTS = (1, 2, 3, 4, 5)
HELD_OUT, DAYS, WARM_DAYS = tuple(range(101, 121)), 8, 4
MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Offered:
    """A kind of fault, when and for how long (plant seconds), the
    rule that is for it, and the bound of its delay.
    """

    kind: str
    at_s: int
    for_s: int
    rule: str
    bound_s: float


OFFERED = (
    Offered("silent", 90, 90, "meter_silent", 75), Offered("bad_register", 90, 90, "register_refused", 90), Offered("frozen", 90, 180, "meter_frozen", 150),
    Offered("late", 90, 90, "meter_slow", 75), Offered("reset", 100, 1, "counter_unusual", 150), Offered("preset", 100, 1, "counter_unusual", 150),
    Offered("wrap", 110, 1, "counter_wrapped", 150),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault on one meter, and the delay of its alert in plant seconds; None: it never came."""

    kind: str
    meter: str
    delay_s: float | None


def quiet_plant(folder: Path) -> Path:
    """The demo plant without the events of its story."""
    path = plant_path()
    shutil.copy(path, folder / "plant.yaml")
    sim = path.with_name(path.name.replace(".yaml", ".sim.yaml")).read_text(encoding="utf-8")
    (folder / "plant.sim.yaml").write_text(
        re.sub(r"(?ms)^events:.*", "events: []\n", sim),
        encoding="utf-8",
    )
    return folder / "plant.yaml"


def drawn(
    plant: PlantFile,
    profiles: Mapping[str, Profile],
    seed: int,
) -> dict[str, str]:
    """A meter for each kind of fault:

    Modbus meters of lines, which always carry load; for a wrap one whose register is known to wrap.
    """
    fit = sorted(
        {
            m
            for n in plant.lines.values()
            for d in n.draws.values()
            for m in as_list(d)
            if plant.meters[m].register_map
        }
    )
    chosen = [str(m) for m in np.random.default_rng(seed).permutation(fit)]
    wraps = next(
        m
        for m in chosen
        if any(r.wraps_at for r in profiles[plant.meters[m].register_map].registers)
    )
    chosen.remove(wraps)
    return {
        o.kind: wraps if o.kind == "wrap" else m
        for o, m in zip(
            OFFERED,
            chosen,
            strict=False,
        )
    }


def run_faults(seed: int) -> tuple[list[Injected], int]:
    """One run; its faults with their delays, and how many alerts were about anything else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = quiet_plant(folder)
        catalogue = load_catalogue()
        plant = load_plant(path, frozenset(catalogue))
        meters = drawn(plant, catalogue, seed)
        devices = Devices(
            path,
            folder,
            SPEED,
            None,
            seed,
            [f"{o.kind}:{meters[o.kind]}@{o.at_s}s+{o.for_s}s" for o in OFFERED],
        )
        try:
            endpoints = devices.wait()
            clock = ScaledClock(**endpoints["clock"])
            options = Options(
                folder / "data",
                simulated=True,
                endpoints=endpoints["connections"],
                rules=rules_for(path, plant),
            )
            runtime = Runtime(
                plant,
                catalogue,
                clock,
                options,
            )
            try:
                asyncio.run(_for_a_while(runtime))
                rows = runtime.parts.data.alerts.rows("SELECT rule, subject, fired_ns FROM alert")
            finally:
                runtime.close()
        finally:
            devices.stop()

    return judge(rows, meters, int(endpoints["clock"]["event_ns"]))


async def _for_a_while(runtime: Runtime) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(
        LASTS_S / SPEED,
        stop.set,
    )
    await runtime.run(
        stop,
        None,
        serve=False,
    )


def judge(
    rows: list[dict[str, Any]],
    meters: dict[str, str],
    start_ns: int,
) -> tuple[list[Injected], int]:
    found, true = [], set()
    for o in OFFERED:
        begin = start_ns + o.at_s * 1_000_000_000
        mine = [
            r
            for r in rows
            if r["subject"] == meters[o.kind] and r["rule"] == o.rule and r["fired_ns"] >= begin
        ]
        true |= {
            (r["rule"], r["subject"], r["fired_ns"]) for r in rows if r["subject"] == meters[o.kind]
        }
        first = min((r["fired_ns"] for r in mine), default=None)
        found.append(
            Injected(
                o.kind,
                meters[o.kind],
                None if first is None else (first - begin) * 1e-9,
            )
        )

    others = [r for r in rows if (r["rule"], r["subject"], r["fired_ns"]) not in true]
    for r in others:
        print(
            f"about something else: {r['rule']} on {r['subject']} after"
            f" {(r['fired_ns'] - start_ns) * 1e-9:.0f} s",
            file=sys.stderr,
        )

    return found, len(others)


def held_out(seed: int) -> list[Fired]:
    return judged(seed, DAYS, WARM_DAYS)


def main() -> None:
    runs = [run_faults(seed) for seed in SEEDS_OF_FAULTS]
    injected = [i for found, _ in runs for i in found]
    figures = []
    for o in OFFERED:
        mine = [i for i in injected if i.kind == o.kind]
        delays = sorted(i.delay_s for i in mine if i.delay_s is not None)
        figures.append(
            figure(
                f"{o.kind}: alerted as {o.rule}, of {len(mine)} injected",
                len(delays),
                "alerts",
                len(mine),
                at_most=False,
            )
        )
        if delays:
            p95 = delays[-1] if len(delays) < 20 else statistics.quantiles(delays, n=20)[-1]
            figures.append(
                figure(
                    f"{o.kind}: delay, p95 in plant time",
                    p95,
                    "s",
                    o.bound_s,
                )
            )

        print(
            figures[-2:],
            file=sys.stderr,
            flush=True,
        )

    figures.append(
        figure(
            "alerts about anything else in those runs",
            sum(n for _, n in runs),
            "alerts",
            0.0,
        )
    )
    with ProcessPoolExecutor(2) as pool:
        fired = [f for found in pool.map(held_out, HELD_OUT) for f in found]

    months = len(HELD_OUT) * (DAYS - WARM_DAYS) / MONTH_DAYS
    false = [f for f in fired if not f.true]
    for f in false:
        print(f, file=sys.stderr)

    figures += [
        figure("20 held-out seeds: plant-months judged", months, "months"),
        figure(
            "20 held-out seeds: true alerts (a gap behind them, or truly idle)",
            len(fired) - len(false),
            "alerts",
        ),
        figure(
            "20 held-out seeds: false alerts per plant-month",
            len(false) / months,
            "per month",
            1.0,
        ),
    ]
    record("alerts", figures)


if __name__ == "__main__":
    main()
