"""The stores beside the embedded one: each is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from plant.config import PlantFile
from plant.site import Site
from store.journal import SqliteJournal
from wattline.hosts.beside import BesideHost


@dataclass(frozen=True, slots=True)
class Around:
    """What a store beside is opened with.

    `site` is that of books whose own is not known; `data` is the data folder.
    """

    plant: PlantFile
    site: Site
    journal: SqliteJournal
    data: Path


Opener: TypeAlias = Callable[[Around], BesideHost | None]
"""Opens a store beside; None where the plant file has none of this kind."""


def _influx(around: Around) -> BesideHost | None:
    if around.plant.influx is None:
        return None

    # Its client takes a while to load, which a plant without it need not wait for.
    from wattline.hosts.influx import open_influx

    return open_influx(
        around.plant.influx,
        around.journal,
        around.site,
        around.data,
    )


BESIDE: Final[Mapping[str, Opener]] = MappingProxyType({"influx": _influx})


def open_beside(around: Around, openers: Mapping[str, Opener]) -> list[BesideHost]:
    """All stores beside that the plant has; for the others the journal keeps nothing any more."""
    hosts: list[BesideHost] = []
    for name, opener in openers.items():
        host = opener(around)
        if host is None:
            around.journal.release(name)
        else:
            hosts.append(host)

    return hosts
