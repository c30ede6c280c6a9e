"""Commissioning: each meter of a plant is asked once, before anything is stored.

Only the size of a value tells a wrong profile from a right one, so every value is held against what
its quantity can be. How a connection is asked is the business of its protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import cast

from collector.assignment import Assignment, Secrets, assignments, no_secrets
from collector.catalogue import load_catalogue
from plant.clock import SystemClock
from plant.config import PlantFile
from plant.frame import Batch
from plant.ports import Driver
from plant.profile import Profile
from plant.protocols import PROTOCOLS
from plant.protocols.base import part
from plant.quantity import ANYTHING, QUANTITIES


@dataclass(slots=True)
class ProbeRow:
    """What one meter said: canonical values by name, and everything that looks wrong."""

    meter: str
    endpoint: str
    values: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether it said something, and nothing looks wrong."""
        return bool(self.values) and not self.problems


Probe = Callable[[Assignment, float], Awaitable[list[ProbeRow]]]


class _Tags:
    """Tags that live as long as the probe."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        """The tag of a value, new or known."""
        return self._known.setdefault((meter, quantity), len(self._known))

    def names(self) -> dict[int, tuple[str, str]]:
        """Whose value each tag is."""
        return {tag: name for name, tag in self._known.items()}


async def probe(
    plant: PlantFile,
    catalogue: Mapping[str, Profile] | None = None,
    endpoints: Mapping[str, str] | None = None,
    secrets: Secrets = no_secrets,
    wait_s: float = 10.0,
) -> list[ProbeRow]:
    """Read each meter of the plant once, connections side by side; nothing is written anywhere."""
    work = assignments(
        plant,
        load_catalogue() if catalogue is None else catalogue,
        _Tags(),
        SystemClock(),
        endpoints=endpoints,
        secrets=secrets,
        reader="wattline-probe",
        lasting=False,
    )
    asked = [_ask(assignment, wait_s) for assignment in work if assignment.meters]
    found: list[ProbeRow] = []
    for rows in await asyncio.gather(*asked):
        found += rows

    return found


async def _ask(assignment: Assignment, wait_s: float) -> list[ProbeRow]:
    """Ask the meters of a connection, as its protocol does."""
    protocol = PROTOCOLS[assignment.connection.protocol]
    ask = cast(Probe, part(protocol.probe))
    return await ask(assignment, wait_s)


def implausible(name: str, value: float) -> str | None:
    """Why a value cannot be right, or None. Canonical units; names as in `Row.name`."""
    if isnan(value):
        return f"{name}: no value (the device says not available)"

    quantity, _, phase = name.partition(".")
    known = QUANTITIES.get(quantity)
    between = known.plausible(phase) if known is not None else ANYTHING
    if between.holds(value):
        return None

    return f"{name}: {value:g} is not between {between.low:g} and {between.high:g}"


async def listen(
    driver: Driver,
    assignment: Assignment,
    wait_s: float,
) -> list[ProbeRow]:
    """Let a subscribing driver run until every meter was heard or the time is over."""
    endpoint = assignment.link.endpoint
    rows = {meter: ProbeRow(meter, endpoint) for meter in assignment.meters}
    names = assignment.tags.names()
    all_heard = asyncio.Event()

    def take(batch: Batch) -> None:
        for tag, value in zip(
            batch.tag.tolist(),
            batch.value.tolist(),
            strict=True,
        ):
            meter, name = names[tag]
            if meter in rows:
                rows[meter].values[name] = value

        if all(row.values for row in rows.values()):
            all_heard.set()

    running = asyncio.create_task(driver.run(take))
    waiting = asyncio.create_task(all_heard.wait())
    tasks = {running, waiting}
    await asyncio.wait(
        tasks,
        timeout=wait_s,
        return_when=asyncio.FIRST_COMPLETED,
    )
    for task in tasks:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)

    error = driver.health()["connection"]["last_error"]
    for row in rows.values():
        row.problems += _problems(
            row,
            error or f"nothing heard within {wait_s:g} s",
        )

    return list(rows.values())


def _problems(row: ProbeRow, why_silent: str) -> list[str]:
    if not row.values:
        return [why_silent]

    judged = [implausible(name, value) for name, value in row.values.items()]
    return [problem for problem in judged if problem is not None]
