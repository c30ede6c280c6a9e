"""`wattline probe`: one read of each meter, and whether what it gives is plausible."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from collector.build import drivers
from collector.catalogue import load_catalogue
from plant.clock import SystemClock
from plant.frame import Batch, Quality
from plant.load import load_plant
from store.journal import SqliteJournal
from wattline.runtime import read_endpoints
from wattline.site_build import secret

PATIENCE_S = 12.0
LIMITS = {"frequency": (45.0, 65.0), "power_factor": (-1.02, 1.02)}


def run_probe(plant_path: Path, endpoints: Path | None, as_json: bool) -> int:
    """Print what each meter gave; 0 if all gave something plausible."""
    catalogue = load_catalogue()
    plant = load_plant(plant_path, frozenset(catalogue))
    found = read_endpoints(endpoints)["connections"] if endpoints else {}
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "probe.db")
        rows = asyncio.run(_probe(plant, catalogue, journal, found))
        journal.close()
    print(json.dumps(rows, indent=1) if as_json else "\n".join(_line(r) for r in rows))
    return 0 if all(r["ok"] for r in rows) else 1


async def _probe(plant: Any, catalogue: Any, journal: SqliteJournal, endpoints: dict[str, str]) -> list[dict[str, Any]]:
    values: dict[str, dict[str, float]] = {}
    done = asyncio.Event()
    units = drivers(plant, catalogue, journal, SystemClock(), endpoints, secret)

    def take(rows: Batch) -> None:
        names = journal.names()
        for tag, value, quality in zip(rows.tag, rows.value, rows.quality, strict=True):
            meter, quantity = names[int(tag)]
            values.setdefault(meter, {})[quantity] = float(value) if quality != Quality.BAD else float("nan")
        if all(m in values for m in plant.meters):
            done.set()

    tasks = [asyncio.create_task(d.run(take)) for d in units]
    try:
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await asyncio.sleep(1.5)
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    links = {h["connection"]["id"]: h["connection"] for h in (d.health() for d in units)}
    return [_judge(m, links.get(meter.on, {}), values.get(m)) for m, meter in plant.meters.items()]


def _judge(meter: str, link: dict[str, Any], got: dict[str, float] | None) -> dict[str, Any]:
    if got is None:
        why = link.get("last_error") or "no answer within the time"
        return {"meter": meter, "endpoint": link.get("endpoint"), "ok": False, "values": {}, "problems": [str(why)]}
    problems = []
    for name, value in got.items():
        low, high = LIMITS.get(name.split(".")[0], (-np.inf, np.inf))
        if np.isnan(value):
            problems.append(f"{name}: no value")
        elif not low <= value <= high or abs(value) > 1e13:
            problems.append(f"{name} = {value:g} is not plausible: check profile and word order")
    shown = {k: (None if np.isnan(v) else v) for k, v in got.items()}
    return {"meter": meter, "endpoint": link.get("endpoint"), "ok": not problems, "values": shown, "problems": problems}


def _line(row: dict[str, Any]) -> str:
    shown = ", ".join(f"{k} {v:.6g}" for k, v in list(row["values"].items())[:4] if v is not None)
    return f"{row['meter']:24} {'good' if row['ok'] else 'LOOK':5} {shown or '; '.join(row['problems'])}" + (f"   {'; '.join(row['problems'])}" if row["values"] and row["problems"] else "")
