"""What the Modbus driver knows of a meter: its poll groups, compiled requests, how long to leave it
alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from collector.decode import Decode, compile_block, tag_name
from collector.drivers.modbus_wire import Read
from collector.health import MeterHealth, Polls
from collector.plan import (
    Block,
    Register,
    halves,
    plan_blocks,
    registers_of,
    split_groups,
    wanted_rows,
)
from collector.schedule import Grid, real_period
from plant.frame import Quality
from plant.ports import Tags
from plant.profile import Profile, Row
from plant.protocols.modbus import ModbusMeter

# What a unit refused is asked for again after an hour: firmware changes, and so do settings.
REPLAN_S: Final = 3600.0
NEVER: Final = float("inf")

# From the third failure in a row on a unit is asked less often, but within half a minute.
PATIENCE: Final = 3
QUIET_MOST_S: Final = 30.0
QUIET_TICKS: Final = 10


@dataclass(slots=True)
class Request:
    """One block made ready: the question to ask, the decoder of its answer, its values' place in
    the group.
    """

    block: Block
    question: Read
    decode: Decode
    at: int = 0
    end: int = 0

    def halves(self, unit: Unit) -> list[Request]:
        """The same rows in two requests; none if it is a single row."""
        return [unit.request(block) for block in halves(self.block)]


@dataclass(slots=True, eq=False)
class Unit:
    """One meter behind the connection."""

    id: str
    meter: ModbusMeter
    profile: Profile
    health: MeterHealth
    jobs: list[Job] = field(default_factory=list)
    quiet_until: float = 0.0
    failures: int = 0

    @property
    def pause_s(self) -> float:
        """Rest that the unit needs between two requests."""
        return self.profile.defaults.min_request_interval_ms / 1000

    @property
    def quarantined(self) -> bool:
        """Whether it failed so often that it is asked less."""
        return self.failures >= PATIENCE

    def missed(
        self,
        period: float,
        timeout: float,
        now: float,
    ) -> None:
        """A poll failed. A quarantined unit is asked at every tenth tick only.

        Where ticks are shorter than the timeout the wait is ten timeouts, so a dead unit takes at
        most a tenth of the time of its neighbours.
        """
        self.failures += 1
        if self.quarantined:
            wait_s = QUIET_TICKS * max(period, timeout)
            self.quiet_until = now + min(QUIET_MOST_S, wait_s)

    def answered(self) -> None:
        """It answers."""
        self.failures = 0
        self.quiet_until = 0.0
        self.health.recovered()

    def plan(self, rows: Iterable[Row], bad: set[Register] | None = None) -> tuple[Block, ...]:
        """The fewest blocks that bring these rows of the unit's map, none over a bad register."""
        return plan_blocks(
            rows,
            self.profile.defaults,
            self.meter.address,
            bad or (),
        )

    def request(self, block: Block) -> Request:
        """A block made ready to be sent."""
        question = Read(
            unit=self.meter.unit,
            function_code=block.function_code,
            address=block.address,
            count=block.count,
        )
        word_order = self.profile.defaults.word_order
        return Request(
            block,
            question,
            compile_block(block, word_order, self.meter.wiring),
        )


@dataclass(slots=True, eq=False)
class Job:
    """One poll group of one unit. `tag_of` is the tag by the name under which a row travels."""

    unit: Unit
    rows: tuple[Row, ...]
    grid: Grid
    polls: Polls
    tag_of: dict[str, int]
    requests: list[Request] = field(default_factory=list)
    tags: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    good: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    size: int = 0
    replan_at: float = NEVER

    def restore(self) -> None:
        """The full plan, as if nothing had ever been refused."""
        blocks = self.unit.plan(self.rows)
        self._use([self.unit.request(block) for block in blocks])
        self.replan_at = NEVER
        self.polls.refused = ()

    def replace(self, good: list[Request], now: float) -> None:
        """Go on with what was not refused; try all again in an hour."""
        asked = _rows_of(self.requests)
        kept = _rows_of(good)
        refused = [row for row in self.rows if row not in kept]
        # Where nothing but a gap was refused, merging would bring the gap back.
        if len(kept) < len(asked):
            good = self._merged(good, kept, refused)

        self._use(good)
        self.polls.refused = tuple(row.name for row in refused)
        self.replan_at = now + REPLAN_S

    def _merged(
        self,
        good: list[Request],
        kept: list[Row],
        refused: list[Row],
    ) -> list[Request]:
        """The same rows in as few requests as that allows without touching a refused register."""
        bad: set[Register] = set()
        for block in self.unit.plan(refused):
            bad |= registers_of(block)

        merged = self.unit.plan(kept, bad)
        if len(merged) >= len(good):
            return good

        return [self.unit.request(block) for block in merged]

    def _use(self, requests: list[Request]) -> None:
        """Ask these requests from now on; each has its place in the group's values."""
        at = 0
        for request in requests:
            request.at = at
            request.end = at + len(request.block.rows)
            at = request.end

        wiring = self.unit.meter.wiring
        names = [tag_name(row, wiring) for row in _rows_of(requests)]
        self.requests = requests
        self.size = at
        self.tags = np.array([self.tag_of[name] for name in names], np.int32)
        self.good = np.full(at, Quality.GOOD, np.uint8)


def _rows_of(requests: list[Request]) -> list[Row]:
    """All rows that these requests bring, in their order."""
    rows: list[Row] = []
    for request in requests:
        rows += request.block.rows

    return rows


def add_jobs(
    unit: Unit,
    connection: str,
    tags: Tags,
    speed: float,
) -> None:
    """Give a unit its poll groups: instantaneous values at `every.power`, counters at
    `every.energy`.
    """
    meter = unit.meter
    period_of = {
        "power": meter.every.power,
        "energy": meter.every.energy,
    }
    groups = split_groups(wanted_rows(meter, unit.profile))
    for group, rows in groups.items():
        period_s = period_of[group]
        names = [tag_name(row, meter.wiring) for row in rows]
        job = Job(
            unit=unit,
            rows=tuple(rows),
            grid=Grid.named(
                f"{connection}/{unit.id}/{group}",
                real_period(period_s, speed),
            ),
            polls=unit.health.groups.setdefault(group, Polls(period_s)),
            tag_of={name: tags.tag(unit.id, name) for name in names},
        )
        job.restore()
        unit.jobs.append(job)
