"""What an answer of the API costs: a day of one-minute windows of 50 lines for figures, 1,000 meters of
120 values for health and metrics. CPU of the whole process, a request.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from bench.bench_month import START, Works
from bench.bench_month import plant as works_plant
from bench.bench_peers import plant as meters_plant
from bench.bench_peers import profiles
from bench.modbus_peer import METERS, PORTS
from bench.record import figure, record
from collector.catalogue import load_catalogue
from plant.clock import ManualClock
from plant.config import PlantFile
from plant.load import load_plant_text
from plant.profile import Profile
from plant.units import HOUR_NS
from wattline.application import application
from wattline.options import Options
from wattline.parts import Parts

REQUESTS, ROUNDS = 20, 5
DAY = "from=-24h&to=now"
FIGURES = {
    "series of the site, 24 h": (f"/api/v1/series?of=site&figures=energy.electricity&every=15m&{DAY}", 3.0),
    "series of a line, 24 h, all minutes": (f"/api/v1/series?of=l1&figures=energy.electricity&every=1m&{DAY}", None),
    "explain": (f"/api/v1/explain?figure=energy.electricity&of=site&{DAY}", 10.0),
    "flows over a day": (f"/api/v1/flows?{DAY}", None),
}  # fmt: skip
OF_METERS = {
    "health": ("/api/v1/health", 5.0),
    "metrics": ("/metrics", 5.0),
}


async def cost_ms(parts: Parts, path: str) -> float:
    """Median over rounds of the CPU of one request, ms."""
    app = application(parts, None)
    transport = httpx.ASGITransport(app=app)
    found: list[float] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            for _ in range(REQUESTS):
                answer = await client.get(path)
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code} {answer.text}")

            found.append((time.process_time() - began) / REQUESTS * 1e3)

    return statistics.median(found[1:])


def of_figures(folder: Path) -> dict[str, float]:
    """Answers over a day of books."""
    works = Works.at(folder)
    works.fill(1)
    works.data.close()
    catalogue = load_catalogue()
    parts = Parts(
        load_plant_text("bench.yaml", works_plant(), frozenset(catalogue)),
        catalogue,
        ManualClock(START + 24 * HOUR_NS),
        Options(folder, port=0),
    )
    found = {name: asyncio.run(cost_ms(parts, path)) for name, (path, _) in FIGURES.items()}
    parts.data.close()
    return found


def of_meters(folder: Path) -> dict[str, float]:
    """Answers about 1,000 meters."""
    catalogue = load_catalogue()
    for given in profiles():
        profile = Profile.model_validate(given)
        catalogue[profile.id] = profile

    parts = Parts(
        PlantFile.model_validate(meters_plant([5020] * PORTS, METERS)),
        catalogue,
        ManualClock(START),
        Options(folder, port=0),
    )
    found = {}
    for name, (path, _) in OF_METERS.items():
        found[name] = asyncio.run(cost_ms(parts, path))

    parts.data.close()
    return found


def main() -> None:
    """Prints and records."""
    with tempfile.TemporaryDirectory() as folder:
        found = of_figures(Path(folder) / "works") | of_meters(Path(folder) / "meters")

    goals = {name: goal for name, (_, goal) in (FIGURES | OF_METERS).items()}
    record("api", [figure(name, cost, "ms CPU", goals[name]) for name, cost in found.items()])


if __name__ == "__main__":
    main()
