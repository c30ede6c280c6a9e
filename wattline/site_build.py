"""From files to a resolved site, for the real plant and the simulated one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.factors.registry import properties
from plant.config import PlantFile
from plant.errors import ConfigError, Mistake
from plant.ports import Tags
from plant.profile import Profile
from plant.resolve import resolve
from plant.site import Site

LEAST_POLL_S = 0.1
LATENCY_S = 0.4


def build_site(
    plant: PlantFile,
    catalogue: Mapping[str, Profile],
    tags: Tags,
    *,
    speed: float = 1.0,
    simulated: bool = False,
) -> Site:
    """The resolved site with its factors.

    On a clock that runs faster, poll periods and grace are what real time allows.
    """
    site = resolve(
        plant,
        catalogue,
        tags,
        simulated=simulated,
    )
    lag = LATENCY_S * speed if speed > 1.0 else 0.0
    meters = tuple(
        (
            msgspec.structs.replace(
                m,
                power_every_s=max(m.power_every_s, LEAST_POLL_S * speed) + lag,
                energy_every_s=max(m.energy_every_s, LEAST_POLL_S * speed) + lag,
            )
            if speed > 1.0
            else m
        )
        for m in site.meters
    )
    return msgspec.structs.replace(
        site,
        meters=meters,
        grace_s=max(site.grace_s, 2 * lag),
        properties=properties(plant, site),
    )


def secret(name: str) -> str:
    """A secret by name: environment variable WATTLINE_SECRET_NAME, or a
    file of that name in the folder WATTLINE_SECRETS.
    """
    found = os.environ.get(f"WATTLINE_SECRET_{name.upper()}")
    if found is not None:
        return found

    folder = os.environ.get("WATTLINE_SECRETS")
    if folder and (Path(folder) / name).is_file():
        return (Path(folder) / name).read_text(encoding="utf-8").strip()

    raise ConfigError(
        [
            Mistake(
                "secrets",
                1,
                name,
                f"not found: set WATTLINE_SECRET_{name.upper()} or put a file '{name}' into the"
                " folder that WATTLINE_SECRETS names",
            )
        ]
    )
