"""A running simulation: every connection of a plant file served on
free loopback ports, and endpoints.json that says where.

`simulate(...)` is what `wattline simulate` calls; `Simulation`
is the same inside a running event loop, for tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypedDict, cast

from plant.clock import ScaledClock
from plant.config import PlantFile
from plant.errors import WattlineError
from plant.load import load_plant
from plant.profile import Profile
from plant.protocols import PROTOCOLS
from plant.protocols.base import part
from plant.units import HOUR_NS, SECOND_NS
from simulator.config import EventSim, SimConfig, load_sim
from simulator.control import Control
from simulator.devices.faults import FaultBook
from simulator.devices.instruments import Instruments
from simulator.devices.ledger import Ledger
from simulator.devices.stage import Play, Stage, Stoppable
from simulator.world import World

BACK_NS: Final = (7 * 24 + 2) * HOUR_NS
AHEAD_NS: Final = 2 * HOUR_NS


class ClockPlace(TypedDict):
    """Where event time stood at a moment of the monotonic clock, and how fast it runs."""

    real_ns: int
    event_ns: int
    speed: float


class Endpoints(TypedDict):
    """What endpoints.json says; addresses by connection of the plant file."""

    clock: ClockPlace
    epoch_ns: int
    seed: int
    pid: int
    control: str
    connections: dict[str, str]


Ready = Callable[[Endpoints], None]


class Simulation:
    """All devices of one plant.

    `start` begins event time (now, unless `start_ns` is given) and opens the ports.
    """

    def __init__(
        self,
        plant: PlantFile,
        sim: SimConfig,
        catalogue: Mapping[str, Profile],
        *,
        speed: float = 1.0,
        epoch_ns: int | None = None,
        seed: int | None = None,
        start_ns: int | None = None,
    ) -> None:
        start = time.time_ns() if start_ns is None else start_ns
        epoch = start - BACK_NS if epoch_ns is None else epoch_ns
        self.plant = plant
        self.speed = speed
        self.world = World(
            plant,
            sim,
            catalogue,
            epoch,
            seed,
            start_ns=start,
        )
        self.world.prepare(start)
        self.world.prepare(start + AHEAD_NS)
        self.ledger = Ledger()
        self.faults = FaultBook(
            plant,
            sim,
            self.world.seed,
            start,
        )
        self.instruments = Instruments(self.world, self.faults, self.ledger)
        self.clock = ScaledClock(time.monotonic_ns(), start, speed)
        self.control: Control | None = None
        self.endpoints: Endpoints | None = None
        self._running: list[Stoppable] = []
        self._ahead: asyncio.Task[None] | None = None

    def now(self) -> int:
        """Event time in ns UTC."""
        return self.clock.now()

    async def start(self) -> Endpoints:
        """Open all ports; returns the content of endpoints.json."""
        connections = {}
        for key, connection in self.plant.connections.items():
            connections[key] = await self._play(key, connection.protocol)

        self.control = Control(
            self.world,
            self.faults,
            self.ledger,
            self.now,
        )
        control = await self.control.start()
        self._ahead = asyncio.create_task(self._prepare(), name="days ahead")
        clock: ClockPlace = {
            "real_ns": self.clock.real_ns,
            "event_ns": self.clock.event_ns,
            "speed": self.speed,
        }
        endpoints: Endpoints = {
            "clock": clock,
            "epoch_ns": self.world.epoch_ns,
            "seed": self.world.seed,
            "pid": os.getpid(),
            "control": control,
            "connections": connections,
        }
        self.endpoints = endpoints
        return endpoints

    async def _play(self, key: str, protocol: str) -> str:
        """Serve a connection as its protocol is played; its address."""
        entry = PROTOCOLS[protocol]
        if not entry.simulate:
            raise ValueError(f"connection '{key}': {protocol} cannot be simulated")

        play = cast(Play, part(entry.simulate))
        stage = Stage(
            connection=key,
            instruments=self.instruments,
            now=self.now,
            speed=self.speed,
            running=self._running,
        )
        return await play(stage)

    async def _prepare(self) -> None:
        """Make the next day before anybody asks for it."""
        while True:
            self.world.prepare(self.now() + AHEAD_NS)
            await asyncio.sleep(min(30.0, AHEAD_NS / SECOND_NS / self.speed / 4))

    async def stop(self) -> None:
        """Close everything, last opened first."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)

        for device in reversed(self._running):
            await device.stop()

        if self.control is not None:
            await self.control.close()


def write_endpoints(path: Path, endpoints: Endpoints) -> None:
    """Write endpoints.json so that a reader sees all of it or nothing; WattlineError where that
    fails.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(
            json.dumps(endpoints, indent=1) + "\n",
            encoding="utf-8",
        )
        temporary.replace(path)
    except OSError as error:
        raise WattlineError(f"{path} cannot be written: {error.strerror}") from error


FAULT_FORM: Final = "write KIND:METER@AT+FOR, such as silent:smt_3_el@3m+2m"


def _with_faults(
    sim: SimConfig,
    faults: Sequence[str],
    plant: PlantFile,
) -> SimConfig:
    """Add faults given as KIND:METER@AT+FOR, such as silent:smt_3_el@3m+2m."""
    added = [_scheduled(text, plant) for text in faults]
    return sim.model_copy(update={"events": [*sim.events, *added]})


def _scheduled(text: str, plant: PlantFile) -> EventSim:
    """One fault as an event of the simulator file; ValueError says how to write it."""
    what, _, when = text.partition("@")
    kind, _, meter = what.partition(":")
    at, _, lasts = when.partition("+")
    if meter not in plant.meters:
        raise ValueError(f"fault '{text}': there is no meter '{meter}'; {FAULT_FORM}")

    event = {
        "kind": kind,
        "meter": meter,
        "at": at or "1s",
        "for": lasts or "1m",
    }
    return EventSim.model_validate(event)


async def run_simulation(
    plant_path: Path,
    catalogue: Mapping[str, Profile],
    *,
    speed: float = 1.0,
    epoch_ns: int | None = None,
    seed: int | None = None,
    endpoints_path: Path | None = None,
    faults: Sequence[str] = (),
    with_parent: bool = False,
    ready: Ready | None = None,
) -> None:
    """Simulate a plant file until stopped: by command, SIGTERM or
    SIGINT, or the end of stdin when `with_parent`.

    `ready` is called with the endpoints once all ports are open.
    """
    plant = load_plant(plant_path, frozenset(catalogue))
    sim = _with_faults(load_sim(plant_path, plant), faults, plant)
    simulation = Simulation(
        plant,
        sim,
        catalogue,
        speed=speed,
        epoch_ns=epoch_ns,
        seed=seed,
    )
    try:
        endpoints = await simulation.start()
        if endpoints_path is not None:
            write_endpoints(endpoints_path, endpoints)

        if ready is not None:
            ready(endpoints)

        assert simulation.control is not None
        await _until_stopped(simulation.control.stop_asked, with_parent)
    finally:
        await simulation.stop()
        if endpoints_path is not None:
            endpoints_path.unlink(missing_ok=True)


async def _until_stopped(stop: asyncio.Event, with_parent: bool) -> None:
    """Wait for the stop command, a signal, or the end of the parent."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, stop.set)

    if with_parent:
        loop.add_reader(sys.stdin.fileno(), _parent_spoke, stop)

    try:
        await stop.wait()
    finally:
        if with_parent:
            loop.remove_reader(sys.stdin.fileno())


def _parent_spoke(stop: asyncio.Event) -> None:
    """Nothing is expected from the parent: an empty read is its end."""
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()


def simulate(
    plant_path: Path,
    *,
    speed: float = 1.0,
    epoch_ns: int | None = None,
    seed: int | None = None,
    endpoints_path: Path | None = None,
    faults: Sequence[str] = (),
    with_parent: bool = False,
    ready: Ready | None = None,
) -> None:
    """Entry point of `wattline simulate`: runs until stopped.

    ConfigError for mistakes in files, ValueError for a bad fault.
    """
    from collector.catalogue import load_catalogue

    logging.getLogger("asyncua").setLevel(logging.ERROR)
    catalogue = load_catalogue()
    asyncio.run(
        run_simulation(
            plant_path,
            catalogue,
            speed=speed,
            epoch_ns=epoch_ns,
            seed=seed,
            endpoints_path=endpoints_path,
            faults=faults,
            with_parent=with_parent,
            ready=ready,
        )
    )
