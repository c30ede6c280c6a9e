"""`wattline probe`: one read of each meter, and whether what it gives is plausible."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from collector.catalogue import load_catalogue
from collector.probe import ProbeRow, probe
from plant.load import load_plant
from wattline.places import read_endpoints
from wattline.site_build import secret


def run_probe(
    plant_path: Path,
    endpoints: Path | None,
    as_json: bool,
) -> int:
    """Print what each meter gave; 0 if all gave something plausible."""
    catalogue = load_catalogue()
    plant = load_plant(plant_path, frozenset(catalogue))
    found = read_endpoints(endpoints)["connections"] if endpoints else None
    rows = asyncio.run(
        probe(
            plant,
            catalogue,
            found,
            secret,
        )
    )
    print(
        json.dumps([asdict(r) for r in rows], indent=1)
        if as_json
        else "\n".join(_line(r) for r in rows)
    )
    return 0 if all(r.ok for r in rows) else 1


def _line(row: ProbeRow) -> str:
    shown = ", ".join(f"{k} {v:.6g}" for k, v in list(row.values.items())[:4] if v is not None)
    verdict = "good" if row.ok else "LOOK"
    problems = "; ".join(row.problems)
    return f"{row.meter:24} {verdict:5} {shown}  {problems}".rstrip()
