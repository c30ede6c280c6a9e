"""Data health of a running plant: how each meter is heard, what its counters did, how far the journal and its readers are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from books.answers import Gap, Health, JournalHealth, MeterHealth, OddStep
from books.verdicts import verdicts
from plant.names import Verdict
from plant.ports import Driver, Store
from plant.silence import heard
from plant.site import MeterPoint, Site

DAY_NS: Final = 86_400_000_000_000
SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000
KEPT_S: Final = 1.0
"""It is asked for each few seconds by several; one look serves them all."""

SHAPED_BY: Final = "power, siblings, the day before or a straight line"
POWER_UNIT: Final = {"kWh": "kW"}

DriverReport = Mapping[str, Any]
"""What a driver says of one meter: counters under the names of the API, JSON-like."""


class JournalState(Protocol):
    """What is told of the journal."""

    @property
    def bytes(self) -> int: ...
    def last(self) -> int: ...
    def last_wm(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where data health is gathered from.

    `now_ns`: event time. `slack_s`: by how much readings may lag on a scaled clock. `places`: how far each consumer of the journal is.
    `last`: by meter, its newest power in units of the books, and how old that is. `beside`: what further stores say of themselves.
    """

    drivers: Sequence[Driver]
    store: Store
    journal: JournalState
    now_ns: Callable[[], int]
    places: Callable[[], Mapping[str, int]]
    last: Callable[[], Mapping[str, tuple[float, float]]]
    beside: Callable[[], list[dict[str, Any]]]
    slack_s: float = 0.0


@dataclass(slots=True)
class HealthOf:
    """Data health of a site; asked each few seconds, kept for one."""

    site: Site
    sources: Sources
    _kept: Health | None = field(default=None, init=False)
    _looked_at: float = field(default=0.0, init=False)

    def __call__(self) -> Health:
        now = time.monotonic()
        if self._kept is None or now - self._looked_at > KEPT_S:
            self._kept = self._look()
            self._looked_at = now
        return self._kept

    def _look(self) -> Health:
        sources = self.sources
        now_ns = sources.now_ns()
        reports = [driver.health() for driver in sources.drivers]
        counted: dict[str, DriverReport] = {}
        for report in reports:
            counted |= report["meters"]
        powers = sources.last()
        found = verdicts(sources.store, now_ns - DAY_NS)
        behind_ns = now_ns - sources.journal.last_wm()
        return Health(
            connections=[report["connection"] for report in reports],
            meters=[
                self._meter(
                    point,
                    counted.get(point.id, {}),
                    power=powers.get(point.id),
                    now_ns=now_ns,
                )
                for point in self.site.meters
            ],
            verdicts=[step for step in found if step.verdict is not Verdict.GAP],
            gaps=[self._gap(step) for step in found if step.verdict is Verdict.GAP],
            journal=JournalHealth(
                frames=sources.journal.last(),
                bytes=sources.journal.bytes,
                behind_s=max(behind_ns, 0) / SECOND,
                consumers=sources.places(),
            ),
            stores=list(sources.beside()),
        )

    def _gap(self, step: OddStep) -> Gap:
        units = {meter.id: meter.unit for meter in self.site.meters}
        return Gap(
            at_ms=step.at_ms,
            from_ms=step.from_ms,
            meter=step.meter,
            verdict=step.verdict,
            amount=step.amount,
            bound=step.bound,
            to_ms=step.at_ms,
            unit=units.get(step.meter, ""),
            shaped_by=SHAPED_BY,
        )

    def _meter(
        self,
        point: MeterPoint,
        counted: DriverReport,
        *,
        power: tuple[float, float] | None,
        now_ns: int,
    ) -> MeterHealth:
        last_ns = int(counted.get("last_ms") or 0) * MILLISECOND
        # A gateway that serves its meters in turn may give answers less often than was asked for; that is its pace, not a silence.
        pace_s = counted.get("effective_period_s") or 1.0
        due_every_s = max(point.power_every_s, pace_s)
        return MeterHealth(
            id=point.id,
            name=point.name,
            connection=point.connection,
            profile=point.profile,
            class_limit=point.class_limit,
            state=heard(last_ns, due_every_s, now_ns, self.sources.slack_s),
            last_ms=last_ns // MILLISECOND or None,
            lag_s=(now_ns - last_ns) / SECOND if last_ns else None,
            period_s=counted.get("period_s"),
            effective_period_s=counted.get("effective_period_s"),
            answer_s=counted.get("answer_s"),
            refused=list(counted.get("refused", [])),
            due=counted.get("due", 0),
            answered=counted.get("answered", 0),
            failed=counted.get("failed", {}),
            skipped=counted.get("skipped", 0),
            power=None if power is None else power[0],
            power_unit=POWER_UNIT.get(point.unit, f"{point.unit}/h"),
            counter_unit=point.unit,
        )
