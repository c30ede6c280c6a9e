"""What the Modbus driver knows of a meter: its poll groups, compiled requests, and how long to leave it alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from collector.decode import Decode, compile_block, tag_name
from collector.health import MeterHealth, Polls
from collector.plan import Block, halves, plan_blocks, registers_of, split_groups, wanted_rows
from collector.schedule import Grid, real_period
from plant.config import Meter
from plant.frame import Quality
from plant.ports import Tags
from plant.profile import Profile, Row

REPLAN_S: Final = 3600.0
_PDU: Final[dict[int, Any]] = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}


@dataclass(slots=True)
class Request:
    """One block made ready: the PDU to send, the decoder of its answer, and where its values stand in the group."""

    block: Block
    pdu: Any
    decode: Decode
    at: int = 0
    end: int = 0

    def halves(self, job: Job) -> list[Request]:
        """The same rows in two requests; none if it is a single row."""
        return [job.request(block) for block in halves(self.block)]


@dataclass(slots=True, eq=False)
class ModbusMeter:
    """One unit behind the connection."""

    id: str
    meter: Meter
    profile: Profile
    health: MeterHealth
    jobs: list[Job] = field(default_factory=list)
    quiet_until: float = 0.0
    failures: int = 0

    @property
    def unit(self) -> int:
        return int(self.meter.unit or 0)

    @property
    def pause_s(self) -> float:
        return self.profile.defaults.min_request_interval_ms / 1000

    @property
    def quarantined(self) -> bool:
        return self.failures >= 3

    def missed(self, period: float, timeout: float, now: float) -> None:
        """A poll failed. From the third in a row on the unit is asked at every tenth tick only, but within 30 s.

        Where ticks are shorter than the timeout the wait is ten timeouts, so a dead unit takes at most a tenth of the
        time of its neighbours.
        """
        self.failures += 1
        if self.quarantined:
            self.quiet_until = now + min(30.0, 10 * max(period, timeout))

    def answered(self) -> None:
        """It answers."""
        self.failures = 0
        self.quiet_until = 0.0
        self.health.recovered()


@dataclass(slots=True, eq=False)
class Job:
    """One poll group of one meter."""

    meter: ModbusMeter
    rows: tuple[Row, ...]
    grid: Grid
    polls: Polls
    tag_of: dict[str, int]
    requests: list[Request] = field(default_factory=list)
    tags: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    good: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    size: int = 0
    replan_at: float = float("inf")

    def request(self, block: Block) -> Request:
        """A block made ready to be sent."""
        meter = self.meter.meter
        profile = self.meter.profile
        pdu = _PDU[block.function_code](
            dev_id=self.meter.unit, address=block.address, count=block.count
        )
        decode = compile_block(block, profile.defaults.word_order, meter.wiring)
        return Request(block, pdu, decode)

    def restore(self) -> None:
        """The full plan, as if nothing had ever been refused."""
        blocks = plan_blocks(self.rows, self.meter.profile.defaults, self.meter.meter.address)
        self._use([self.request(block) for block in blocks])
        self.replan_at = float("inf")
        self.polls.refused = ()

    def replace(self, good: list[Request], now: float) -> None:
        """Go on with what was not refused, in as few requests as that allows; try all again in an hour."""
        asked = [row for request in self.requests for row in request.block.rows]
        kept = [row for request in good for row in request.block.rows]
        if len(kept) < len(asked):  # else only a gap was refused, and merging would bring it back
            refused = [row for row in self.rows if row not in kept]
            defaults = self.meter.profile.defaults
            base = self.meter.meter.address
            bad = {
                register
                for block in plan_blocks(refused, defaults, base)
                for register in registers_of(block)
            }
            merged = plan_blocks(kept, defaults, base, bad)
            good = [self.request(block) for block in merged] if len(merged) < len(good) else good
        self._use(good)
        self.polls.refused = tuple(row.name for row in self.rows if row not in kept)
        self.replan_at = now + REPLAN_S

    def _use(self, requests: list[Request]) -> None:
        at = 0
        for request in requests:
            request.at = at
            request.end = at + len(request.block.rows)
            at = request.end
        rows = [row for request in requests for row in request.block.rows]
        wiring = self.meter.meter.wiring
        self.requests = requests
        self.size = at
        self.tags = np.array([self.tag_of[tag_name(row, wiring)] for row in rows], np.int32)
        self.good = np.full(at, Quality.GOOD, np.uint8)


def add_jobs(
    meter: ModbusMeter, connection: str, tags: Tags, speed: float, rows: Iterable[Row] | None = None
) -> None:
    """Give a meter its poll groups: instantaneous values at `every.power`, counters at `every.energy`."""
    every = {"power": meter.meter.every.power, "energy": meter.meter.every.energy}
    chosen = wanted_rows(meter.meter, meter.profile) if rows is None else list(rows)
    for group, members in split_groups(chosen).items():
        names = [tag_name(row, meter.meter.wiring) for row in members]
        grid = Grid.named(f"{connection}/{meter.id}/{group}", real_period(every[group], speed))
        polls = meter.health.groups.setdefault(group, Polls(every[group]))
        job = Job(
            meter, tuple(members), grid, polls, {name: tags.tag(meter.id, name) for name in names}
        )
        job.restore()
        meter.jobs.append(job)
