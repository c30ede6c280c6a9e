"""InfluxDB as a store beside: where it is, and the host that feeds it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from plant.config import Influx
from plant.site import Site
from store.influx import Access, InfluxStore
from store.journal import SqliteJournal
from wattline.hosts.beside import BesideHost, Pace
from wattline.site_build import secret

NAME: Final = "influx"
DEAD_LETTERS: Final = "influx-dead-letters.jsonl"


def access(config: Influx) -> Access:
    """Where and how; ConfigError if the secret is not there."""
    token = secret(config.token.secret) if config.token else None
    return Access(
        config.url,
        config.org,
        config.bucket,
        config.raw_bucket,
        token,
    )


def open_influx(
    config: Influx,
    journal: SqliteJournal,
    site: Site,
    data: Path,
    pace: Pace | None = None,
) -> BesideHost:
    """The host that feeds the InfluxDB of a plant; `site` is
    that of books whose own is not known.
    """
    store = InfluxStore(access(config), site.id, data / DEAD_LETTERS)
    return BesideHost(
        NAME,
        journal,
        store,
        site,
        pace=pace,
    )
