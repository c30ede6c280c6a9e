"""Where things lie: the files of a data folder, the built page, the addresses of a simulation."""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from plant.errors import WattlineError
from store.agreement import agree
from store.alert_book import AlertBook
from store.duck import DuckStore
from store.journal import SqliteJournal

log = logging.getLogger("wattline")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """What a plant keeps, open. One Wattline at a time."""

    path: Path
    journal: SqliteJournal
    store: DuckStore
    alerts: AlertBook
    warnings: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Open the three files; WattlineError that says what is
        wrong and what to do, and then nothing stays open.

        What is missing but can be done without is said in the log, and kept in `warnings`.
        """
        path.mkdir(
            parents=True,
            exist_ok=True,
        )
        journal = SqliteJournal(path / "journal.db")
        try:
            store = DuckStore(path / "figures.duckdb")
        except BaseException:
            journal.close()
            raise

        try:
            alerts = AlertBook(path / "alerts.db")
        except BaseException:
            store.close()
            journal.close()
            raise

        opened = cls(
            path,
            journal,
            store,
            alerts,
        )
        try:
            warnings = agree(journal, store, alerts)
        except BaseException:
            opened.close()
            raise

        for sentence in warnings:
            log.warning("%s", sentence)

        return cls(
            path,
            journal,
            store,
            alerts,
            tuple(warnings),
        )

    def query_token(self) -> str:
        """The token of dashboards: made once and kept, since a data source keeps it too.

        It only reads, and only over InfluxQL.
        """
        path = self.path / "query.token"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(
                secrets.token_urlsafe(24) + "\n",
                encoding="utf-8",
            )

        return path.read_text(encoding="utf-8").strip()

    def close(self) -> None:
        """After everything that uses it has ended."""
        self.alerts.close()
        self.store.close()
        self.journal.close()


class ClockOf(TypedDict):
    """The clock of a simulation, as `plant.clock.ScaledClock` takes it."""

    real_ns: int
    event_ns: int
    speed: float


class Endpoints(TypedDict):
    """endpoints.json of a simulation: its clock, the address of
    each connection, and where it takes commands.
    """

    clock: ClockOf
    connections: dict[str, str]
    control: str
    epoch_ns: int
    seed: int


def read_endpoints(path: Path) -> Endpoints:
    """endpoints.json of a simulation; WattlineError if it cannot be read."""
    try:
        found: Endpoints = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WattlineError(
            f"{path}: cannot be read as endpoints.json ({error}); start `wattline simulate"
            f" PLANT.yaml --endpoints {path}` first"
        ) from error

    return found


def page_folder() -> Path:
    """The built live page, from the package."""
    import dashboards

    return Path(dashboards.__file__).parent / "live" / "dist"
