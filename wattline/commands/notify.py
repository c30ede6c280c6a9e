"""`wattline notify`: try a channel of the plant file from the command line."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.catalogue import load_catalogue
from plant.clock import SystemClock
from plant.errors import WattlineError
from plant.languages import names
from plant.load import load_plant

app = typer.Typer(no_args_is_help=True, help="Telling people about alerts.")


@app.callback()
def root() -> None:
    """Keeps `test` a word of its own while it is the only one."""


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(help="channel, by its name under notify.channels")],
    plant: Annotated[Path, typer.Argument(help="plant file")],
    by: Annotated[str, typer.Option("--by", help="who sends it, for the message")] = "",
) -> None:
    """Send a test message through one channel; exit 1 if the channel does not take it."""
    from rules.notify.build import Notifier
    from store.outbox import Outbox
    from wattline.site_build import secret

    parsed = load_plant(plant, frozenset(load_catalogue()))
    if parsed.notify is None:
        raise WattlineError(f"{plant} has no section notify: see docs/notifications.md")

    db = sqlite3.connect(":memory:", isolation_level=None)
    site = names(parsed.site.name, parsed.site.id)[parsed.notify.language]
    notifier = Notifier(
        parsed.notify,
        site,
        ZoneInfo(parsed.site.timezone),
        Outbox(db, threading.RLock()),
        SystemClock(),
        secret,
    )
    taken, detail = notifier.test(channel, by)
    print(detail)
    raise typer.Exit(0 if taken else 1)
