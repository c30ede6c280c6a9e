"""Drivers of a plant: one per connection that has something to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from collector.assignment import Assignment, Secrets, assignments, no_secrets
from plant.clock import Clock
from plant.config import PlantFile
from plant.ports import Driver, Tags
from plant.profile import Profile
from plant.protocols import PROTOCOLS
from plant.protocols.base import part

Build = Callable[[Assignment], Driver]


def drivers(
    plant: PlantFile,
    catalogue: Mapping[str, Profile],
    tags: Tags,
    clock: Clock,
    endpoints: Mapping[str, str] | None = None,
    secrets: Secrets = no_secrets,
) -> list[Driver]:
    """One driver per connection.

    `endpoints` replaces addresses by connection id, `secrets` gives a secret by name.
    """
    work = assignments(
        plant,
        catalogue,
        tags,
        clock,
        endpoints=endpoints,
        secrets=secrets,
        reader=f"wattline-{plant.site.id}",
    )
    return [driver(assignment) for assignment in work]


def driver(assignment: Assignment) -> Driver:
    """The driver of a connection, as its protocol builds it."""
    protocol = PROTOCOLS[assignment.connection.protocol]
    build = cast(Build, part(protocol.build))
    return build(assignment)
