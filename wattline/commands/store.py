"""`wattline store`: the InfluxDB beside the embedded store:
making its buckets, comparing what is in both.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from collector.catalogue import load_catalogue
from plant.config import Influx, PlantFile
from plant.errors import WattlineError
from plant.load import load_plant
from store.duck import DuckStore

app = typer.Typer(no_args_is_help=True, help="The InfluxDB beside the embedded store.")
PlantArg = Annotated[Path, typer.Argument(help="plant file")]


class _NoTags:
    """Times need the site, and a site needs tags; nothing is read by these."""

    def tag(self, meter: str, quantity: str) -> int:
        return 0

    def names(self) -> dict[int, tuple[str, str]]:
        return {}


def _parsed(path: Path) -> tuple[PlantFile, Influx]:
    plant = load_plant(path, frozenset(load_catalogue()))
    if plant.influx is None:
        raise WattlineError(
            f"{path} has no InfluxDB: add `influx: {{url: http://HOST:8086}}`, see docs/influxdb.md"
        )

    return plant, plant.influx


@app.command()
def init(plant: PlantArg) -> None:
    """Make the databases or buckets: figures for good, raw readings for seven days."""
    from store.influx_setup import make
    from wattline.hosts.influx import access

    _, config = _parsed(plant)
    for sentence in make(access(config)):
        print(sentence)


@app.command()
def compare(
    plant: PlantArg,
    data: Annotated[Path, typer.Option("--data", help="folder for journal and figures")] = Path(
        "data/plant"
    ),
    start: Annotated[
        str,
        typer.Option("--from", help="2026-01-31T08:00:00+08:00, today or a span back such as -24h"),
    ] = "-24h",
    end: Annotated[str, typer.Option("--to", help="as --from, or now")] = "now",
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Are the figures in both stores the same, per line, flow, bus or source, and hour?

    Only while no Wattline runs on the data folder.
    """
    from api.times import span
    from store.influx import InfluxStore
    from wattline.commands import compare as both
    from wattline.hosts.influx import access
    from wattline.site_build import build_site

    parsed, config = _parsed(plant)
    site = build_site(parsed, load_catalogue(), _NoTags())
    a, b = span(
        start,
        end,
        site,
        time.time_ns(),
    )
    duck = open_embedded(data)
    influx = InfluxStore(
        access(config),
        site.id,
        data / "influx-dead-letters.jsonl",
    )
    try:
        compared, found = both.compare(
            duck,
            influx,
            site.window_s,
            a,
            b,
        )
    finally:
        duck.close()
        influx.close()

    if as_json:
        print(json.dumps(both.as_json(compared, found), indent=1))
    else:
        print(both.as_text(compared, found))

    raise typer.Exit(0 if compared and not found else 1)


def open_embedded(data: Path) -> DuckStore:
    """The embedded store of a data folder that is not in use."""
    path = data / "figures.duckdb"
    if not path.exists():
        raise WattlineError(f"there is no {path}; give the data folder of the plant with --data")

    return DuckStore(path)
