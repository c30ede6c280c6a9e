"""Modbus: one poller per connection; units in turn, no overlap, only functions 3 and 4.

The wire is `modbus_tcp`, or pymodbus where a serial server passes RTU frames through. A request
that is not answered fails once, and the connection is dropped only when the peer as a whole is in
doubt.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from collector.assignment import Assignment
from collector.drivers.modbus_meter import Job, Request, Unit, add_jobs
from collector.drivers.modbus_tcp import TcpWire
from collector.drivers.modbus_wire import Wire
from collector.health import LinkHealth
from plant.backoff import Backoff
from plant.clock import Clock
from plant.errors import DeviceError, DeviceTimeout, ProtocolError, Unreachable, Unsupported
from plant.frame import Batch, Quality
from plant.ports import Sink
from plant.protocols.modbus import ModbusMeter
from plant.reports import DriverReport

Values = npt.NDArray[np.float64]

PORT: Final = 502
RTU_OVER_TCP: Final = "rtu+tcp"

# Exceptions 1, 2 and 3: function, address or value that the device does not have.
_REFUSED: Final = frozenset({1, 2, 3})
_GOOD: Final = np.uint8(Quality.GOOD)
_BAD: Final = np.uint8(Quality.BAD)

# A unit alone on its connection is believed to be silent, and not the connection, this often.
_DOUBTS_OF_ONE: Final = 3

# What is added to the time for an answer, for a connection to be made.
_CONNECT_MORE_S: Final = 1.0


class Busy(DeviceError):
    """An exception answer that says nothing of the request: busy, gateway, device failure."""

    code = 0


class Refused(Unsupported):
    """Exception 1, 2 or 3: the request asks for what the device does not have."""

    code = 0


class Due(NamedTuple):
    """When a job is due next, in monotonic seconds; `turn` keeps jobs of one moment in order."""

    at: float
    turn: int
    job: Job


class Polled(NamedTuple):
    """Values of one poll; `problem` is why some, or all, are missing."""

    values: Values
    problem: DeviceError | None


def build(assignment: Assignment) -> ModbusDriver:
    """The poller of one Modbus TCP connection."""
    link = assignment.link
    units: list[Unit] = []
    for key, declared in assignment.meters.items():
        meter = ModbusMeter.of(declared)
        profile = assignment.catalogue[meter.profile]
        unit = Unit(
            key,
            meter,
            profile,
            link.add(key, profile.id, {}),
        )
        add_jobs(
            unit,
            link.id,
            assignment.tags,
            assignment.clock.speed,
        )
        units.append(unit)

    return ModbusDriver(
        link,
        units,
        assignment.clock,
        assignment.connection.timeout,
    )


class ModbusDriver:
    """Reads all units behind one Modbus TCP endpoint."""

    def __init__(
        self,
        link: LinkHealth,
        units: Sequence[Unit],
        clock: Clock,
        timeout: float,
    ) -> None:
        self.connection = link.id
        self.units = list(units)
        self.clock = clock
        self.timeout = timeout
        self.link = link
        self._wire: Wire | None = None
        self._heap: list[Due] = []
        self._doubt: Counter[str] = Counter()
        self._backoff = Backoff()
        self._free_at = 0.0

    def health(self) -> DriverReport:
        """Counters of the connection and its units."""
        return self.link.report()

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; connection losses are waited out."""
        now = monotonic()
        for unit in self.units:
            for job in unit.jobs:
                job.grid.start(now)
                self._heap.append(Due(job.grid.next, len(self._heap), job))

        heapq.heapify(self._heap)
        try:
            while True:
                await self._session(sink)
                await asyncio.sleep(self._backoff.take())
                self._missed()
        finally:
            self.close()

    async def _session(self, sink: Sink) -> None:
        """One connection from its making to its loss."""
        try:
            await self.connect()
            self.link.up()
            await self._serve(sink)
        except Unreachable as error:
            self.link.down(str(error))
        finally:
            self.close()

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._wire is not None and self._wire.connected

    async def connect(self) -> None:
        """Open the connection; Unreachable says why not."""
        wire = open_wire(self.link.endpoint, self.timeout)
        try:
            async with asyncio.timeout(self.timeout + _CONNECT_MORE_S):
                await wire.open()
        except (OSError, TimeoutError) as error:
            wire.close()
            why = f"no connection: {str(error) or 'timeout'}"
            raise Unreachable(why, endpoint=self.link.endpoint) from error

        self._wire = wire
        self._doubt.clear()

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _serve(self, sink: Sink) -> None:
        """Poll what is due, one job after the other, until the connection is lost."""
        heap = self._heap
        while heap:
            due = heap[0]
            await asyncio.sleep(max(due.at - monotonic(), 0.0))
            job = due.job
            try:
                await self._tick(job, sink)
            finally:
                skipped = job.grid.advance(monotonic())
                job.polls.skipped += skipped
                job.polls.due += skipped
                heapq.heapreplace(heap, Due(job.grid.next, due.turn, job))

    async def _tick(self, job: Job, sink: Sink) -> None:
        """One turn of a job; a failure of its unit alone is counted and ends nothing."""
        job.polls.due += 1
        unit = job.unit
        now = monotonic()
        if now < unit.quiet_until:
            job.polls.skipped += 1
            return

        if now >= job.replan_at:
            job.restore()

        if not job.requests:
            unit.health.failed(job.polls, "unsupported")
            return

        try:
            await self._poll(job, sink)
        except Unreachable:
            unit.health.failed(job.polls, "connection_lost")
            raise
        except DeviceError as error:
            self._failed(job, error)

    def _failed(self, job: Job, error: DeviceError) -> None:
        """Count it, quarantine a unit that stays silent, drop a connection in doubt."""
        unit = job.unit
        unit.health.failed(job.polls, _reason(error))
        known_silent = unit.quarantined
        unit.missed(job.grid.period, self.timeout, monotonic())
        if isinstance(error, ProtocolError):
            raise Unreachable(str(error)) from error

        if isinstance(error, DeviceTimeout) and not known_silent:
            self._doubt[unit.id] += 1
            if self._peer_is_gone(unit):
                raise Unreachable(f"no answers any more (last asked: {unit.id})") from error

    def _peer_is_gone(self, unit: Unit) -> bool:
        """Whether so many stay silent that it is the connection, not a unit behind it."""
        several = len(self._doubt) > 1
        alone = len(self.units) == 1
        return several or (alone and self._doubt[unit.id] >= _DOUBTS_OF_ONE)

    async def _poll(self, job: Job, sink: Sink) -> None:
        """Read the blocks of one group and hand over one batch.

        A refused block is taken apart and read once more. The time of a reading is the middle of
        the time it took, since nobody knows when in between the unit looked.
        """
        before = self.clock.now()
        asked = monotonic()
        try:
            reading = await self._read(job)
        except Refused:
            await self._take_apart(job)
            if not job.requests:
                raise

            before = self.clock.now()
            asked = monotonic()
            reading = await self._read(job)

        after = self.clock.now()
        values, problem = reading
        if problem is not None and np.isnan(values).all():
            raise problem

        sink(
            _batch(
                job,
                values,
                (before + after) // 2,
                after,
            )
        )
        if problem is not None:
            job.polls.failed[_reason(problem)] += 1

        job.polls.ok(after, len(values), monotonic() - asked)
        job.unit.answered()
        self._backoff.reset()
        if self._doubt:
            self._doubt.clear()

    async def _read(self, job: Job) -> Polled:
        """Every block of the group; one that is answered with "busy" leaves its values out."""
        values = np.full(job.size, np.nan)
        problem: DeviceError | None = None
        for request in job.requests:
            try:
                registers = await self.ask(job.unit, request)
            except Busy as error:
                problem = error
            else:
                values[request.at : request.end] = request.decode(registers)

        return Polled(values, problem)

    async def ask(self, unit: Unit, request: Request) -> bytes:
        """One transaction: its registers as bytes, or the DeviceError that says why not."""
        endpoint = self.link.endpoint
        wire = self._wire
        if wire is None:
            raise Unreachable("connection lost", endpoint=endpoint)

        if unit.pause_s:
            await asyncio.sleep(max(0.0, self._free_at - monotonic()))

        try:
            # Bounded by the time-out of the wire.
            answer = await wire.read(request.question)
        except ConnectionError as error:
            raise Unreachable("connection lost", endpoint=endpoint) from error
        except TimeoutError as error:
            raise DeviceTimeout(
                "no answer",
                meter=unit.id,
                endpoint=endpoint,
            ) from error
        finally:
            if unit.pause_s:
                self._free_at = monotonic() + unit.pause_s

        if answer.exception:
            raise refusal(
                unit.id,
                endpoint,
                request,
                answer.exception,
            )

        words = answer.words
        block = request.block
        fits = answer.function_code == block.function_code and len(words) == 2 * block.count
        if not fits:
            why = f"answer does not fit the request for {block.count} registers"
            raise ProtocolError(why, meter=unit.id)

        return words

    async def _take_apart(self, job: Job) -> None:
        """Find out by halving which rows of the group are refused, and plan around them for an
        hour.
        """
        good: list[Request] = []
        for request in job.requests:
            good += await self._parts(job.unit, request)

        job.replace(good, monotonic())

    async def _parts(self, unit: Unit, request: Request) -> list[Request]:
        """The request, or the parts of it that are not refused."""
        try:
            await self.ask(unit, request)
        except Busy:
            return [request]
        except Refused:
            found: list[Request] = []
            for half in request.halves(unit):
                found += await self._parts(unit, half)

            return found

        return [request]

    def _missed(self) -> None:
        """Count the ticks that fell into the time without a connection."""
        now = monotonic()
        moved: list[Due] = []
        for due in self._heap:
            job = due.job
            if job.grid.next <= now:
                missed = 1 + job.grid.advance(now)
                job.polls.due += missed
                job.polls.failed["connection_lost"] += missed

            moved.append(Due(job.grid.next, due.turn, job))

        self._heap = moved
        heapq.heapify(self._heap)


def open_wire(endpoint: str, timeout_s: float) -> Wire:
    """The wire to an endpoint, not connected yet: tcp://HOST:PORT or rtu+tcp://HOST:PORT."""
    scheme, _, address = endpoint.partition("://")
    host, _, port = address.partition(":")
    if scheme == RTU_OVER_TCP:
        # pymodbus is large, and most plants have no serial server.
        from collector.drivers.modbus_rtu import RtuWire

        return RtuWire(host, int(port or PORT), timeout_s)

    return TcpWire(host, int(port or PORT), timeout_s)


def _batch(
    job: Job,
    values: Values,
    ts: int,
    received: int,
) -> Batch:
    """The columns of one poll; a value that is missing is marked as bad."""
    size = len(values)
    missing = np.isnan(values)
    quality = np.where(missing, _BAD, _GOOD) if np.count_nonzero(missing) else job.good
    return Batch(
        ts=np.full(size, ts),
        received=np.full(size, received),
        tag=job.tags,
        value=values,
        quality=quality,
    )


def refusal(
    meter: str,
    endpoint: str,
    request: Request,
    code: int,
) -> DeviceError:
    """The error of an exception answer: Refused for 1, 2, 3, Busy for the rest."""
    block = request.block
    what = (
        f"exception {code} on {block.count} registers from {block.address} "
        f"(function {block.function_code})"
    )
    kind: type[Refused] | type[Busy] = Refused if code in _REFUSED else Busy
    error = kind(
        what,
        meter=meter,
        endpoint=endpoint,
    )
    error.code = code
    return error


_REASONS: Final = {
    DeviceTimeout: "timeout",
    ProtocolError: "protocol",
    Unsupported: "unsupported",
}


def _reason(error: DeviceError) -> str:
    """Under which name a failure is counted."""
    if isinstance(error, Refused | Busy):
        return f"exception_{error.code}"

    return _REASONS.get(type(error), "device")
