"""Modbus TCP: one poller per connection, devices in turn, over pymodbus as transport.

Ticks lie on a fixed grid of the monotonic clock with an offset per meter, so polls spread over the period. What cannot be asked in
time is skipped and counted. After a time-out the connection is dropped, because a late answer could be taken for the next one.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from collector.decode import Decoder, compile_block, tag_name
from collector.health import Health, MeterHealth
from collector.plan import Block, groups, halve, plan, wanted_rows
from plant.clock import Clock
from plant.config import Connection, Meter
from plant.frame import Batch, Quality
from plant.ports import Sink, Tags
from plant.profile import Profile, Row

FLOOR_S = 0.1
BACKOFF_S = (0.5, 30.0)
QUARANTINE_AFTER, QUARANTINE_TICKS, QUARANTINE_S = 3, 10, 30.0
RETRY_BAD_S = 3600.0
REFUSED = {1: "function not supported", 2: "register not available", 3: "block refused"}


@dataclass(slots=True)
class Read:
    """One block of one meter, ready to ask and decode."""

    block: Block
    address: int
    decoder: Decoder
    tags: np.ndarray


@dataclass(slots=True)
class Task:
    """One group of one meter: what to read, how often in real seconds."""

    meter: str
    unit: int
    period_s: float
    profile: Profile
    config: Meter
    rows: list[Row]
    health: MeterHealth
    reads: list[Read] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    bad_since: float = 0.0
    failures: int = 0
    asked_at: float = 0.0


class ModbusDriver:
    """Polls all meters of one connection. `endpoint` is tcp://HOST:PORT."""

    def __init__(self, connection: str, config: Connection, endpoint: str, meters: dict[str, Meter], catalogue: dict[str, Profile], tags: Tags, clock: Clock) -> None:
        self.connection, self.config, self.clock, self.registry = connection, config, clock, tags
        host, _, port = endpoint.removeprefix("tcp://").partition(":")
        self.host, self.port = host, int(port or 502)
        self.status = Health(connection, "modbus", endpoint)
        self.tasks = [task for key, meter in meters.items() for task in self._tasks(key, meter, catalogue[meter.profile or ""])]
        self.client: AsyncModbusTcpClient | None = None

    def _tasks(self, key: str, meter: Meter, profile: Profile) -> list[Task]:
        fast, slow = groups(wanted_rows(meter, profile))
        found = []
        for rows, every in ((fast, meter.every.power), (slow, meter.every.energy)):
            if rows:
                real = max(every / self.clock.speed, FLOOR_S)
                health = self.status.meter(key)
                health.period_s = meter.every.power
                health.effective_period_s = max(meter.every.power, FLOOR_S * self.clock.speed)
                task = Task(key, int(meter.unit or 0), real, profile, meter, rows, health)
                self._compile(task, plan(rows, profile))
                found.append(task)
        return found

    def _compile(self, task: Task, blocks: list[Block]) -> None:
        task.reads = [
            Read(b, b.address + task.config.address, compile_block(b, task.profile, task.config),
                 np.array([self.registry.tag(task.meter, tag_name(r, task.config)) for r in b.rows], np.int32))
            for b in blocks
        ]  # fmt: skip

    def health(self) -> dict[str, Any]:
        return self.status.as_dict()

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; reconnects by itself."""
        delay = BACKOFF_S[0]
        try:
            while True:
                if await self._connect():
                    delay = BACKOFF_S[0]
                    await self._poll(sink)
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF_S[1])
        finally:
            self._close()

    async def _connect(self) -> bool:
        self._close()
        self.client = AsyncModbusTcpClient(self.host, port=self.port, timeout=self.config.timeout, retries=0, reconnect_delay=0, name=self.connection)
        try:
            connected = await asyncio.wait_for(self.client.connect(), self.config.timeout + 1)
        except (TimeoutError, OSError, ModbusException) as error:
            self.status.down(str(error) or "no answer")
            return False
        if not connected:
            self.status.down("connection refused or no answer")
            self._count_missed()
            return False
        self.status.up()
        return True

    def _count_missed(self) -> None:
        for task in self.tasks:
            task.health.due += 1
            task.health.fail("unreachable")

    def _close(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None

    async def _poll(self, sink: Sink) -> None:
        """Ask each task at its ticks until the connection fails."""
        start = time.monotonic()
        queue = [(start + (i + 0.5) / len(self.tasks) * min(t.period_s, 1.0), i) for i, t in enumerate(self.tasks)]
        heapq.heapify(queue)
        while queue:
            due, i = heapq.heappop(queue)
            task = self.tasks[i]
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            skipped = max(int(-wait / task.period_s), 0) if wait < 0 else 0
            task.health.due += 1 + skipped
            task.health.skipped += skipped
            heapq.heappush(queue, (due + (1 + skipped) * task.period_s, i))
            if not await self._ask(task, sink):
                return

    def _quarantined(self, task: Task) -> bool:
        since = time.monotonic() - task.asked_at
        return task.failures >= QUARANTINE_AFTER and since < min(QUARANTINE_TICKS * task.period_s, QUARANTINE_S)

    async def _ask(self, task: Task, sink: Sink) -> bool:
        """One poll of one task; False if the connection must be made anew."""
        if self._quarantined(task):
            task.health.skipped += 1
            return True
        task.asked_at = time.monotonic()
        if task.bad and task.asked_at - task.bad_since > RETRY_BAD_S:
            task.bad.clear()
            self._compile(task, plan(task.rows, task.profile))
        before = self.clock.now()
        values, tags = [], []
        for read in list(task.reads):
            outcome = await self._read(task, read)
            if outcome is None:
                return False
            if isinstance(outcome, np.ndarray):
                values.append(outcome)
                tags.append(read.tags)
        if values:
            after = self.clock.now()
            self._hand_over(task, sink, before + (after - before) // 2, after, values, tags)
        return True

    def _hand_over(self, task: Task, sink: Sink, ts: int, received: int, values: list[np.ndarray], tags: list[np.ndarray]) -> None:
        value = values[0] if len(values) == 1 else np.concatenate(values)
        tag = tags[0] if len(tags) == 1 else np.concatenate(tags)
        n = len(value)
        quality = np.where(np.isnan(value), np.uint8(Quality.BAD), np.uint8(Quality.GOOD))
        health = task.health
        health.answered += 1
        health.rows += n
        health.last_ns = received
        task.failures = 0
        sink(Batch(np.full(n, ts), np.full(n, received), tag, value, quality))

    async def _read(self, task: Task, read: Read) -> np.ndarray | str | None:
        """Values of a block, the reason why there are none, or None if the connection is in doubt."""
        client = self.client
        assert client is not None
        ask = client.read_holding_registers if read.block.function_code == 3 else client.read_input_registers
        try:
            answer = await ask(read.address, count=read.block.count, device_id=task.unit)
        except (ModbusException, TimeoutError, OSError) as error:
            task.health.fail("timeout")
            task.failures += 1
            self.status.down(f"{task.meter}: no answer: {error}")
            return None
        if answer.isError():
            return self._refused(task, read, answer)
        try:
            return read.decoder.decode(answer.registers)
        except ValueError:
            task.health.fail("garbage")
            return None

    def _refused(self, task: Task, read: Read, answer: ModbusPDU) -> str:
        """An exception: bisect the block on 1, 2, 3 and remember the bad register; others pass."""
        code = getattr(answer, "exception_code", 0)
        reason = REFUSED.get(code, f"exception {code}")
        task.health.fail(reason)
        task.failures += 1
        if code in REFUSED:
            smaller = halve(read.block, task.profile)
            if not smaller:
                row = read.block.rows[0]
                task.bad |= set(range(row.address, row.address + row.registers))
                task.bad_since = time.monotonic()
            blocks = [b for r in task.reads for b in ([r.block] if r is not read else smaller)]
            self._compile(task, blocks)
            task.failures = 0 if blocks else task.failures
        return reason
