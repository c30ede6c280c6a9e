"""`wattline declare`: what happened to a meter, written into the plant file."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.entry import with_entry
from plant.errors import WattlineError
from plant.hints import missing
from plant.load import load_plant, load_plant_text

app = typer.Typer(no_args_is_help=True, help="What happened to a meter.")


@app.callback()
def root() -> None:
    """Keeps `swap` a word of its own while it is the only one."""


@app.command()
def swap(
    meter: Annotated[str, typer.Argument(help="meter that was replaced, by its name")],
    plant: Annotated[Path, typer.Argument(help="plant file")] = Path("plant.yaml"),
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="when, with its offset from UTC: 2026-11-21T10:30:00+08:00; without it, now",
        ),
    ] = None,
    starts_at: Annotated[
        float,
        typer.Option(
            "--starts-at",
            min=0.0,
            help="counter value of the new device then, in its unit",
        ),
    ] = 0.0,
    export_starts_at: Annotated[
        float,
        typer.Option(
            "--export-starts-at",
            min=0.0,
            help="the same of its counter of what flows back",
        ),
    ] = 0.0,
) -> None:
    """A meter was replaced by another device: say so, and its energy goes on."""
    catalogue = load_catalogue()
    known = load_plant(plant, catalogue, figure_names())
    if meter not in known.meters:
        raise WattlineError(missing(meter, known.meters, "meter"))

    entry = _entry(_moment(at), starts_at, export_starts_at)
    changed = with_entry(
        plant.read_bytes().decode("utf-8"),
        ("meters", meter),
        "swaps",
        entry,
    )
    # What is written is what `check` would pass, or nothing is written.
    load_plant_text(
        str(plant),
        changed,
        catalogue,
        figure_names(),
    )
    _replace(plant, changed)
    print(f"{plant}: meters.{meter}.swaps: {entry}; taken over at the next start of Wattline")


def _moment(given: str | None) -> datetime:
    """When, in whole seconds; WattlineError for what is no moment."""
    if given is None:
        return datetime.now().astimezone().replace(microsecond=0)

    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise WattlineError(
            f"--at {given} is no time; write it like 2026-11-21T10:30:00+08:00"
        ) from None

    if moment.tzinfo is None:
        raise WattlineError(
            f"--at {given} lacks its offset from UTC; write {given}+08:00 or {given}Z"
        )

    return moment


def _entry(
    at: datetime,
    starts_at: float,
    export_starts_at: float,
) -> str:
    parts = [f'at: "{at.isoformat()}"', f"starts_at: {starts_at:g}"]
    if export_starts_at:
        parts.append(f"export_starts_at: {export_starts_at:g}")

    return f"{{{', '.join(parts)}}}"


def _replace(path: Path, text: str) -> None:
    """Write the file anew as a whole, so that a crash leaves the old or the new one."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

    beside.chmod(path.stat().st_mode)
    beside.replace(path)
