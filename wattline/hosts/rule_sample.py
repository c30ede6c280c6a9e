"""Newest values for the rules that must be early: what the
plant and the program itself show at this moment.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from books.health import HealthOf
from plant.standing import Standing
from rules.variables.newest import NewestSources, Values
from rules.variables.table import HOSTS, values_of
from wattline.live import Live
from wattline.places import DataFolder


@dataclass(frozen=True, slots=True)
class NewestValues:
    """Asked by the host of the rules: event time and newest
    values, or None before live frames are cut.
    """

    live: Live
    health: HealthOf
    data: DataFolder
    standing: Callable[[], Sequence[Standing]]

    def __call__(self) -> tuple[int, Values] | None:
        picture = self.live.hub.latest["now"]
        since_ns = self.live.since_ns
        if picture is None or since_ns is None:
            return None

        at_ns = self.live.clock.now()
        journal = self.data.journal
        of_site = {
            "disk.used": disk_used(self.data.path),
            "journal.used": 100.0 * journal.bytes / journal.most_bytes,
            **standing_seconds(self.standing(), at_ns),
        }
        newest = NewestSources(
            now=self.live.now,
            picture=picture,
            meters=self.health().meters,
            at_ns=at_ns,
            since_ns=since_ns,
            of_site=of_site,
        )
        return at_ns, values_of(newest)


def standing_seconds(standing: Sequence[Standing], at_ns: int) -> dict[str, float]:
    """For how long each host has stood still; stores beside count under one name."""
    found = {f"standing.{host}": 0.0 for host in HOSTS}
    for host in standing:
        name = f"standing.{host.who}"
        if name not in found:
            name = "standing.beside"

        found[name] = max(found.get(name, 0.0), host.seconds(at_ns))

    return found


def disk_used(folder: Path) -> float:
    """Share of the disk of the data folder that is in use, in per cent."""
    usage = shutil.disk_usage(folder)
    return 100.0 * usage.used / usage.total
