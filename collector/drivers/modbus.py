"""Modbus TCP: one poller per connection; meters in turn, no overlap, only functions 3 and 4.

pymodbus is the transport. Timeouts, reconnection, the tick grid and what a failure means are ours: a request that is
not answered fails once, its late answer is told apart by the transaction id, and the connection is dropped only when
the peer as a whole is in doubt.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

import numpy as np
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient

from collector.drivers.modbus_meter import Job, ModbusMeter, Request
from collector.drivers.modbus_wire import open_client
from collector.health import LinkHealth
from plant.backoff import Backoff
from plant.clock import Clock
from plant.errors import DeviceError, DeviceTimeout, ProtocolError, Unreachable, Unsupported
from plant.frame import Batch, Quality
from plant.ports import Sink

log = logging.getLogger("wattline.collector.modbus")

_REFUSED: Final = frozenset({1, 2, 3})
_GOOD: Final = np.uint8(Quality.GOOD)
_BAD: Final = np.uint8(Quality.BAD)


class Busy(DeviceError):
    """An exception answer that says nothing about the request itself (busy, gateway, device failure)."""

    code = 0


class Refused(Unsupported):
    """Exception 1, 2 or 3: the request asks for what the device does not have."""

    code = 0


class ModbusDriver:
    """Reads all meters behind one Modbus TCP endpoint."""

    def __init__(
        self, link: LinkHealth, meters: Sequence[ModbusMeter], clock: Clock, timeout: float
    ) -> None:
        host, _, port = link.endpoint.removeprefix("tcp://").partition(":")
        self.connection = link.id
        self.host = host
        self.port = int(port or 502)
        self.meters = list(meters)
        self.clock = clock
        self.timeout = timeout
        self.link = link
        self._client: AsyncModbusTcpClient | None = None
        self._execute: Any = None
        self._heap: list[tuple[float, int, Job]] = []
        self._doubt: dict[str, int] = {}
        self._backoff = Backoff()
        self._free_at = 0.0

    def health(self) -> dict[str, Any]:
        """Counters of the connection and its meters."""
        return self.link.as_dict(self.clock.now())

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; connection losses are waited out."""
        quiet_library()
        now = monotonic()
        jobs = [job for meter in self.meters for job in meter.jobs]
        for job in jobs:
            job.grid.start(now)
        self._heap = [(job.grid.next, index, job) for index, job in enumerate(jobs)]
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
        return self._client is not None and bool(self._client.connected)

    async def connect(self) -> None:
        """Open the connection; Unreachable says why not."""
        client = open_client(self.host, self.port, self.timeout)
        try:
            connected = await asyncio.wait_for(client.connect(), self.timeout + 1.0)
        except (OSError, TimeoutError, ModbusException) as error:
            client.close()
            raise Unreachable(
                f"no connection: {error or 'timeout'}", endpoint=self.link.endpoint
            ) from error
        if not connected:
            client.close()
            raise Unreachable("no connection", endpoint=self.link.endpoint)
        self._client = client
        self._execute = client.execute
        self._doubt.clear()

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _serve(self, sink: Sink) -> None:
        heap = self._heap
        while heap:
            due, index, job = heap[0]
            wait = due - monotonic()
            await asyncio.sleep(max(wait, 0.0))
            try:
                await self._tick(job, sink)
            finally:
                skipped = job.grid.advance(monotonic())
                job.polls.skipped += skipped
                job.polls.due += skipped
                heapq.heapreplace(heap, (job.grid.next, index, job))

    async def _tick(self, job: Job, sink: Sink) -> None:
        job.polls.due += 1
        meter = job.meter
        now = monotonic()
        if now < meter.quiet_until:
            job.polls.skipped += 1
            return
        if now >= job.replan_at:
            job.restore()
        if not job.requests:
            meter.health.failed(job.polls, "unsupported")
            return
        try:
            await self._poll(job, sink)
        except Unreachable:
            meter.health.failed(job.polls, "connection_lost")
            raise
        except DeviceError as error:
            self._failed(job, error)

    def _failed(self, job: Job, error: DeviceError) -> None:
        """Count it, quarantine a unit that stays silent, drop a connection in doubt."""
        meter = job.meter
        meter.health.failed(job.polls, _reason(error))
        suspect = not meter.quarantined
        meter.missed(job.grid.period, self.timeout, monotonic())
        if isinstance(error, ProtocolError):
            raise Unreachable(str(error)) from error
        if isinstance(error, DeviceTimeout) and suspect:
            self._doubt[meter.id] = self._doubt.get(meter.id, 0) + 1
            if len(self._doubt) > 1 or (len(self.meters) == 1 and self._doubt[meter.id] >= 3):
                raise Unreachable(f"no answers any more (last asked: {meter.id})") from error

    async def _poll(self, job: Job, sink: Sink) -> None:
        """Read the blocks of one group and hand over one batch; a refused block is taken apart and read once more."""
        clock = self.clock
        before = clock.now()
        asked = monotonic()
        try:
            values, problem = await self._read(job)
        except Refused:
            await self._take_apart(job)
            if not job.requests:
                raise
            before = clock.now()
            asked = monotonic()
            values, problem = await self._read(job)
        after = clock.now()
        if problem is not None and np.isnan(values).all():
            raise problem
        sink(_batch(job, values, (before + after) // 2, after))
        if problem is not None:
            job.polls.failed[_reason(problem)] += 1
        job.polls.ok(after, len(values), monotonic() - asked)
        job.meter.answered()
        self._backoff.reset()
        if self._doubt:
            self._doubt.clear()

    async def _read(self, job: Job) -> tuple[Any, DeviceError | None]:
        values = np.full(job.size, np.nan)
        problem: DeviceError | None = None
        for request in job.requests:
            try:
                values[request.at : request.end] = request.decode(
                    await self.ask(job.meter, request)
                )
            except Busy as error:
                problem = error
        return values, problem

    async def ask(self, meter: ModbusMeter, request: Request) -> bytes:
        """One transaction: its registers as bytes, or the DeviceError that tells what went wrong."""
        client = self._client
        if client is None or not client.connected:
            raise Unreachable("connection lost", endpoint=self.link.endpoint)
        if meter.pause_s:
            await asyncio.sleep(max(0.0, self._free_at - monotonic()))
        try:
            answer = await self._execute(False, request.pdu)  # bounded by the client's own timeout
        except ModbusException as error:
            if not client.connected:
                raise Unreachable("connection lost", endpoint=self.link.endpoint) from error
            raise DeviceTimeout("no answer", meter=meter.id, endpoint=self.link.endpoint) from error
        finally:
            if meter.pause_s:
                self._free_at = monotonic() + meter.pause_s
        if answer.isError():
            raise refusal(meter.id, self.link.endpoint, request, int(answer.exception_code))
        if (
            answer.function_code != request.block.function_code
            or len(answer.words) != 2 * request.block.count
        ):
            raise ProtocolError(
                f"answer does not fit the request for {request.block.count} registers",
                meter=meter.id,
            )
        words: bytes = answer.words
        return words

    async def _take_apart(self, job: Job) -> None:
        """Find out by halving which rows of the group are refused, and plan around them for an hour."""
        good: list[Request] = []
        for request in job.requests:
            good += await self._parts(job, request)
        job.replace(good, monotonic())

    async def _parts(self, job: Job, request: Request) -> list[Request]:
        try:
            await self.ask(job.meter, request)
        except Refused:
            parts = request.halves(job)
            return [found for part in parts for found in await self._parts(job, part)]
        except Busy:
            return [request]
        return [request]

    def _missed(self) -> None:
        """Count the ticks that fell into the time without a connection."""
        now = monotonic()
        for _, _, job in self._heap:
            if job.grid.next <= now:
                missed = 1 + job.grid.advance(now)
                job.polls.due += missed
                job.polls.failed["connection_lost"] += missed
        self._heap = [(job.grid.next, index, job) for _, index, job in self._heap]
        heapq.heapify(self._heap)


def _batch(job: Job, values: Any, ts: int, received: int) -> Batch:
    size = len(values)
    missing = np.isnan(values)
    quality = np.where(missing, _BAD, _GOOD) if np.count_nonzero(missing) else job.good
    return Batch(np.full(size, ts), np.full(size, received), job.tags, values, quality)


def refusal(meter: str, endpoint: str, request: Request, code: int) -> DeviceError:
    """The error of an exception answer: Refused for 1, 2, 3, Busy for the rest."""
    block = request.block
    what = f"exception {code} on {block.count} registers from {block.address} (function {block.function_code})"
    kind: type[Refused] | type[Busy] = Refused if code in _REFUSED else Busy
    error = kind(what, meter=meter, endpoint=endpoint)
    error.code = code
    return error


def _reason(error: DeviceError) -> str:
    if isinstance(error, Refused | Busy):
        return f"exception_{error.code}"
    return {DeviceTimeout: "timeout", ProtocolError: "protocol", Unsupported: "unsupported"}.get(
        type(error), "device"
    )


def quiet_library() -> None:
    """pymodbus logs each timeout as an error; here failures are counted, and logged once by `collector.health`."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
