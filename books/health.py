"""Data health of a running plant: how each meter is heard, what its counters did, how far the
journal and its readers are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from books.answers import Gap, Health, Journal, Meter, OddStep, StoreReport
from books.verdicts import verdicts
from plant.names import Verdict
from plant.ports import Driver, Store
from plant.reports import MeterReport
from plant.silence import Heard, heard
from plant.site import MeterPoint, Site

DAY_NS: Final = 86_400_000_000_000
SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000
KEPT_S: Final = 1.0
"""It is asked for each few seconds by several; one look serves them all."""

SHAPED_BY: Final = "power, siblings, the day before or a straight line"
POWER_UNIT: Final = {"kWh": "kW"}


NEVER_READ: Final[MeterReport] = {
    "profile": "",
    "last_ms": None,
    "period_s": None,
    "effective_period_s": None,
    "answer_s": None,
    "refused": [],
    "due": 0,
    "answered": 0,
    "failed": {},
    "skipped": 0,
    "rows": 0,
}
"""What would be said of a meter that no driver reads."""


class JournalState(Protocol):
    """What is told of the journal."""

    @property
    def bytes(self) -> int: ...
    def last(self) -> int: ...
    def last_wm(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where data health is gathered from.

    `now_ns`: event time. `slack_s`: by how much readings may lag on a scaled clock. `places`: how
    far each consumer of the journal is. `last`: newest power of each meter, in units of the books;
    None for one that was not heard. `beside`: what further stores say of themselves.
    """

    drivers: Sequence[Driver]
    store: Store
    journal: JournalState
    now_ns: Callable[[], int]
    places: Callable[[], Mapping[str, int]]
    last: Callable[[], Sequence[float | None]]
    beside: Callable[[], Sequence[StoreReport]]
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
        counted: dict[str, MeterReport] = {}
        for report in reports:
            counted |= report["meters"]

        meters = self._meters(counted, now_ns)
        found = verdicts(sources.store, now_ns - DAY_NS)
        behind_ns = now_ns - sources.journal.last_wm()
        return Health(
            connections=[report["connection"] for report in reports],
            meters=meters,
            verdicts=[step for step in found if step.verdict is not Verdict.GAP],
            gaps=[self._gap(step) for step in found if step.verdict is Verdict.GAP],
            journal=Journal(
                frames=sources.journal.last(),
                bytes=sources.journal.bytes,
                behind_s=max(behind_ns, 0) / SECOND,
                consumers=dict(sources.places()),
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

    def _meters(self, counted: Mapping[str, MeterReport], now_ns: int) -> list[Meter]:
        """Each meter as its driver counts it; one that no driver reads was never heard."""
        points = self.site.meters
        reports = [counted.get(point.id, NEVER_READ) for point in points]
        last_ns = np.array([report["last_ms"] or 0 for report in reports], np.int64) * MILLISECOND
        # A gateway that serves its meters in turn may answer less often than it was asked to; that
        # is its pace, not a silence.
        pace_s = np.array([report["effective_period_s"] or 1.0 for report in reports])
        asked_s = np.array([point.power_every_s for point in points])
        states = heard(
            last_ns,
            np.maximum(pace_s, asked_s),
            now_ns,
            self.sources.slack_s,
        )
        meters: list[Meter] = []
        for point, report, state, power in zip(
            points,
            reports,
            states,
            self.sources.last(),
            strict=True,
        ):
            meters.append(self._meter(point, report, state, now_ns, power))

        return meters

    def _meter(
        self,
        point: MeterPoint,
        report: MeterReport,
        state: Heard,
        now_ns: int,
        power: float | None,
    ) -> Meter:
        last_ms = report["last_ms"]
        return Meter(
            id=point.id,
            name=point.name,
            connection=point.connection,
            profile=point.profile,
            class_limit=point.class_limit,
            state=state,
            last_ms=last_ms,
            lag_s=None if last_ms is None else (now_ns - last_ms * MILLISECOND) / SECOND,
            period_s=report["period_s"],
            effective_period_s=report["effective_period_s"],
            answer_s=report["answer_s"],
            refused=report["refused"],
            due=report["due"],
            answered=report["answered"],
            failed=report["failed"],
            skipped=report["skipped"],
            power=power,
            power_unit=POWER_UNIT.get(point.unit, f"{point.unit}/h"),
            counter_unit=point.unit,
        )
