"""`wattline grafana`: put dashboards and data sources into a
Grafana, or say what would change, or what is wrong there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plant.config import PlantFile
from plant.errors import ConfigError, PushError
from plant.load import load_plant
from wattline import __version__

if TYPE_CHECKING:
    from dashboards.grafana.client import Change, Client

grafana = typer.Typer(
    no_args_is_help=True,
    help=(
        "Dashboards in a Grafana (9 to 13). The token of a service account comes from"
        " WATTLINE_SECRET_GRAFANA."
    ),
)
Url = Annotated[
    str, typer.Option("--url", help="address of Grafana, with its sub-path if it has one")
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        help=(
            "where Grafana reads: http://HOST:8000/api/influx (Wattline) or http://HOST:8086"
            " (InfluxDB); without it, data sources are left alone. Its token comes from"
            " WATTLINE_SECRET_GRAFANA_SOURCE"
        ),
    ),
]
Database = Annotated[str, typer.Option("--database", help="database or bucket of the figures")]
RawDatabase = Annotated[
    str, typer.Option("--raw-database", help="database or bucket of the readings")
]
Plant = Annotated[
    Path | None, typer.Option("--plant", help="plant file: gives window, time zone and shifts")
]
Renew = Annotated[
    bool, typer.Option("--renew-token", help="write the token of the data sources again")
]


@grafana.command()
def push(
    url: Url,
    source: Source = None,
    plant: Plant = None,
    database: Database = "wattline",
    raw_database: RawDatabase = "wattline_raw",
    renew: Renew = False,
) -> None:
    """Bring a Grafana up to date; what is as it should be is not written again."""
    client = _client(url)
    print(f"Grafana {client.version()} at {client.transport.url}")
    for change in _changes(
        client,
        _sources(
            source,
            database,
            raw_database,
            plant,
        ),
        plant,
        renew,
        True,
    ):
        print(f"{change.what}: {change.done.value}")


@grafana.command()
def diff(
    url: Url,
    source: Source = None,
    plant: Plant = None,
    database: Database = "wattline",
    raw_database: RawDatabase = "wattline_raw",
) -> None:
    """Say what `push` would do, and write nothing; exit 1 if there is something."""
    client = _client(url)
    client.version()
    found = _changes(
        client,
        _sources(
            source,
            database,
            raw_database,
            plant,
        ),
        plant,
        False,
        False,
    )
    for change in found:
        places = ", ".join(change.where[:8])
        done = f"differs: {places}" if change.where else change.done.value
        print(f"{change.what}: {done}")
        if len(change.where) > 8:
            print(f"  and {len(change.where) - 8} more")

    if any(change.where or change.done.value == "created" for change in found):
        raise typer.Exit(1)


@grafana.command()
def check(url: Url) -> None:
    """Ask Grafana whether it can read from Wattline; exit 1 if not."""
    from dashboards.grafana import shipped

    client = _client(url)
    print(f"Grafana {client.version()} at {client.transport.url}")
    problems = 0
    for uid in shipped.NAMES:
        try:
            print(f"data source {uid}: {client.health(uid)}")
        except PushError as problem:
            problems += 1
            print(problem, file=sys.stderr)

    for change in _changes(
        client,
        [],
        None,
        False,
        False,
    ):
        if change.done.value == "created":
            problems += 1
            print(
                f"{change.what}: not there; run wattline grafana push",
                file=sys.stderr,
            )

    if problems:
        raise typer.Exit(1)


@grafana.command()
def write(
    folder: Annotated[Path, typer.Argument(help="folder for the JSON files")], plant: Plant = None
) -> None:
    """Write the dashboards as files, for Grafana's provisioning."""
    from dashboards.grafana import shipped

    folder.mkdir(
        parents=True,
        exist_ok=True,
    )
    read = _plant(plant)
    for name, board in shipped.dashboards().items():
        text = (
            json.dumps(
                shipped.fitted(board, read),
                indent=1,
                ensure_ascii=False,
            )
            + "\n"
        )
        (folder / name).write_text(text, encoding="utf-8")

    print(f"wrote {len(shipped.dashboards())} dashboards to {folder}")


def _client(url: str) -> Client:
    from dashboards.grafana.client import Client
    from dashboards.grafana.transport import HttpTransport
    from wattline.site_build import secret

    return Client(HttpTransport(url, secret("grafana")))


def _plant(path: Path | None) -> PlantFile | None:
    return None if path is None else load_plant(path)


def _sources(
    source: str | None,
    database: str,
    raw_database: str,
    plant: Path | None,
) -> list[dict[str, Any]]:
    """The data sources to write; none without an address."""
    from dashboards.grafana import shipped

    if source is None:
        return []

    if not source.startswith(("http://", "https://")):
        raise typer.BadParameter(
            f"'{source}' is not an address; give http://HOST:PORT/...",
            param_hint="--source",
        )

    read = _plant(plant)
    interval = "1m" if read is None else shipped.constants(read)["window"]
    token = _token()
    return [
        shipped.datasource(
            shipped.FIGURES,
            source.rstrip("/"),
            database,
            interval,
            token,
        ),
        shipped.datasource(
            shipped.READINGS,
            source.rstrip("/"),
            raw_database,
            "10s",
            token,
        ),
    ]


def _token() -> str | None:
    """The token Grafana shows to the store; none where the store needs none."""
    from wattline.site_build import secret

    try:
        return secret("grafana_source")
    except ConfigError:
        return None


def _changes(
    client: Client,
    sources: list[dict[str, Any]],
    plant: Path | None,
    renew: bool,
    put: bool,
) -> list[Change]:
    """What was done, or would be, in the order in which things need each other."""
    from dashboards.grafana import shipped

    read = _plant(plant)
    folder = shipped.FOLDER
    found = [client.datasource(source, put, renew) for source in sources]
    found.append(client.folder(folder, put))
    for board in shipped.dashboards().values():
        fitted = shipped.fitted(board, read)
        found.append(
            client.dashboard(
                fitted,
                folder["uid"],
                put,
                f"wattline {__version__}",
            )
        )

    return found
