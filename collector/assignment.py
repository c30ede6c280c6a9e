"""What a driver is given to do: one connection of a plant with everything it needs to read it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collector.health import LinkHealth
from plant.clock import Clock
from plant.config import PlantFile
from plant.meter import Connection, Login, Meter
from plant.ports import Tags
from plant.profile import Profile

Secrets = Callable[[str], str]
"""Gives a secret by its name."""

Password = Callable[[], str]
"""Gives a password when it is needed, so that it is never kept."""


def no_secrets(name: str) -> str:
    """Where there are none."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One connection, the meters behind it, and what belongs to the site as a whole.

    `reader` says who reads: its name goes to brokers, so a probe never takes a collector's place.
    With `lasting` a broker may keep messages for it while it is away.
    """

    link: LinkHealth
    connection: Connection
    meters: Mapping[str, Meter]
    catalogue: Mapping[str, Profile]
    tags: Tags
    clock: Clock
    secrets: Secrets = field(default=no_secrets)
    reader: str = "wattline"
    lasting: bool = True

    @property
    def login(self) -> Login:
        """User and password of the connection; none where its protocol knows none."""
        return self.connection if isinstance(self.connection, Login) else Login()

    @property
    def password(self) -> Password | None:
        """The password of the connection, where it has one."""
        secret = self.login.password
        if secret is None:
            return None

        return lambda: self.secrets(secret.secret)


def assignments(
    plant: PlantFile,
    catalogue: Mapping[str, Profile],
    tags: Tags,
    clock: Clock,
    *,
    endpoints: Mapping[str, str] | None = None,
    secrets: Secrets = no_secrets,
    reader: str = "wattline",
    lasting: bool = True,
) -> list[Assignment]:
    """One for each connection that has something to read.

    `endpoints` replaces addresses by connection id.
    """
    found: list[Assignment] = []
    for key, connection in plant.connections.items():
        meters = plant.behind(key)
        if not meters and not connection.signals:
            continue

        endpoint = (endpoints or {}).get(key, connection.endpoint)
        found.append(
            Assignment(
                link=_link(key, connection, endpoint),
                connection=connection,
                meters=meters,
                catalogue=catalogue,
                tags=tags,
                clock=clock,
                secrets=secrets,
                reader=f"{reader}-{key}",
                lasting=lasting,
            ),
        )

    return found


def _link(
    key: str,
    connection: Connection,
    endpoint: str,
) -> LinkHealth:
    """Health of a connection, with the address in force."""
    logger = logging.getLogger(f"wattline.collector.{connection.protocol}")
    return LinkHealth(
        key,
        connection.protocol,
        endpoint,
        logger,
    )
