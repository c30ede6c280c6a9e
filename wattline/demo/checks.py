"""The checks of `wattline demo --verify`, each against
something that the books did not make themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from books import accounts
from engine.figures.uncertainty import meters_of_bus, standard
from engine.state import Running
from plant.profile import Profile
from plant.site import Channel
from wattline.demo.devices import Ask
from wattline.demo.served import Matched, matched
from wattline.runtime import Runtime

Report: TypeAlias = Mapping[str, Any]
"""What a driver says of the polls of one meter."""
FLOAT32: Final = 1.2e-7
"""Relative step of a 32-bit float, which many registers are."""
COVERAGE: Final = 3.0
"""k of the expanded uncertainty."""
EDGE_S: Final = 0.05
"""Seconds of real time by which the edges of a span may cut off what a meter counted."""
POLLS_ON_THEIR_WAY: Final = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One value against what it should be. The last three are those of the check of polls."""

    check: str
    of: str
    value: float
    expected: float
    within: float
    effective_period_s: float | None = None
    failed: Mapping[str, int] = field(default_factory=dict)
    skipped: int | None = None

    @property
    def ok(self) -> bool:
        """NaN is never right."""
        return bool(abs(self.value - self.expected) <= self.within)

    def as_json(self) -> dict[str, object]:
        """As a row of `--json`."""
        row: dict[str, object] = {
            "check": self.check,
            "of": self.of,
            "value": self.value,
            "expected": self.expected,
            "within": self.within,
            "ok": self.ok,
        }
        if self.skipped is not None:
            row["effective_period_s"] = self.effective_period_s
            row["failed"] = self.failed
            row["skipped"] = self.skipped

        return row

    def __str__(self) -> str:
        numbers = f"{self.value:16.6f} {self.expected:16.6f} {self.within:12.6f}"
        return f"{self.check:26} {self.of:34} {numbers}  {'ok' if self.ok else 'DIFFERS'}"


class Accepted(NamedTuple):
    """Between first and last accepted reading of a channel: booked amount and counter difference
    (edge unit), and their times (ns).
    """

    booked: float
    counted: float
    first: int
    last: int


class Compared(NamedTuple):
    """Booked, what it should be, and how far it may be off (edge unit)."""

    booked: float
    expected: float
    within: float


def all_checks(
    runtime: Runtime,
    catalogue: Mapping[str, Profile],
    ask: Ask,
) -> list[Check]:
    """All checks of a finished run. `ask` puts a command to the simulation's control port."""
    site = runtime.parts.site
    counters: dict[int, Matched] = {}
    for channel, node in enumerate(site.channels):
        if node.kind == "counter":
            found = matched(
                runtime,
                catalogue,
                ask,
                channel,
            )
            if found is not None:
                counters[channel] = found

    reports: dict[str, Report] = {}
    for driver in runtime.parts.drivers:
        reports |= driver.health()["meters"]

    checks: list[Check] = []
    for meter in range(len(site.meters)):
        checks += _meter(runtime, meter)

    checks += _lines(runtime, counters)
    checks += _remainders(runtime, ask)
    checks += [_polls(report, meter) for meter, report in reports.items()]
    until = max((int(match.received.max()) for match in counters.values()), default=0)
    for channel, match in counters.items():
        checks += _readings_served(
            runtime,
            channel,
            match,
            reports,
            until,
        )

    storing = runtime.parts.storing
    checks.append(
        Check(
            "balance",
            "each source",
            storing.imbalance,
            0.0,
            1e-9,
        )
    )
    checks.append(
        Check(
            "balance",
            "carbon",
            storing.imbalance_kg,
            0.0,
            1e-9,
        )
    )
    return checks


def _running(runtime: Runtime) -> Running:
    running = runtime.parts.engine.state.running
    if running is None:
        raise ValueError("nothing was folded: the run was too short")

    return running


def _accepted(runtime: Runtime, channel: int) -> Accepted:
    """By the verdicts of the engine; all zero if no reading was accepted."""
    node = runtime.parts.site.channels[channel]
    points = _running(runtime).meters.points
    mine = points.channel == channel
    if not mine.any():
        return Accepted(
            0.0,
            0.0,
            0,
            0,
        )

    stored = accounts.readings(runtime.parts.store, node.tag)
    meter = runtime.parts.site.meters[node.meter].id
    return Accepted(
        booked=accounts.booked(
            runtime.parts.store,
            meter,
            reverse=node.reverse,
        ),
        counted=float(points.total[mine][-1]),
        first=int(stored.ts[0]),
        last=int(points.ts[mine][-1]),
    )


def _meter(runtime: Runtime, meter: int) -> list[Check]:
    """Booked energy of one meter against its counters, in each direction that it counts."""
    checks = []
    for reverse in (False, True):
        channels = _counters_of(runtime, meter, reverse)
        if not channels:
            continue

        booked = 0.0
        difference = 0.0
        for channel in channels:
            node = runtime.parts.site.channels[channel]
            stored = accounts.readings(runtime.parts.store, node.tag)
            if len(stored.value):
                accepted = _accepted(runtime, channel)
                booked = accepted.booked
                difference += (accepted.counted - float(stored.value[0])) * node.scale

        within = max(1e-9 * abs(difference), 1e-6)
        name = _name(runtime, meter, reverse)
        checks.append(
            Check(
                "meter books = counter",
                name,
                booked,
                difference,
                within,
            )
        )

    return checks


def _counters_of(
    runtime: Runtime,
    meter: int,
    reverse: bool,
) -> list[int]:
    """Channels of a meter that count in one direction; with tariffs there are several."""
    return [
        channel
        for channel, node in enumerate(runtime.parts.site.channels)
        if node.meter == meter and node.kind == "counter" and node.reverse is reverse
    ]


def _name(
    runtime: Runtime,
    meter: int,
    reverse: bool,
) -> str:
    return runtime.parts.site.meters[meter].id + (" (export)" if reverse else "")


def _truth_span(runtime: Runtime) -> tuple[int, int]:
    """Whole windows in which every meter was read: from the second window, and the first readings
    of all, to the one before the last readings.
    """
    site = runtime.parts.site
    points = _running(runtime).meters.points
    window_ns = round(site.window_s * 1e9)
    counters = [channel for channel, node in enumerate(site.channels) if node.meter >= 0]
    never_read = 2**62
    last = never_read
    for channel in counters:
        newest = int(points.ts[points.channel == channel].max(initial=0))
        last = min(last, newest or never_read)

    tags = {site.channels[channel].tag for channel in counters}
    first_read = 0
    for tag, ts in accounts.first_readings(runtime.parts.store).items():
        if tag in tags:
            first_read = max(first_read, ts)

    after_first_read = -(-first_read // window_ns) * window_ns + window_ns
    first_booked = accounts.first_window(runtime.parts.store) or 0
    start = max(first_booked + 2 * window_ns, after_first_read)
    return start, last // window_ns * window_ns


def _lines(runtime: Runtime, counters: Mapping[int, Matched]) -> list[Check]:
    """Each draw against what its registers truly counted between the same two readings."""
    bounds = accounts.bounds(runtime.parts.store)
    checks = []
    for line in runtime.parts.site.lines:
        for draw in line.draws:
            parts = [
                _registered(
                    runtime,
                    counters,
                    meter,
                    bounds,
                )
                for meter in draw.meters
            ]
            check = Check(
                check="line = registered truth",
                of=f"{line.id} from {runtime.parts.site.buses[draw.bus].id}",
                value=sum(part.booked for part in parts),
                expected=sum(part.expected for part in parts),
                within=sum(part.within for part in parts),
            )
            checks.append(check)

    return checks


def _registered(
    runtime: Runtime,
    counters: Mapping[int, Matched],
    meter: int,
    bounds: Mapping[str, float],
) -> Compared:
    """Booked, truly registered, and one register step plus the bounds of
    verdicts, for one meter over its accepted readings.
    """
    channel = _forward_channel(runtime, counters, meter)
    if channel is None:
        return Compared(0.0, 0.0, 0.0)

    node = _node(runtime, channel)
    match = counters[channel]
    accepted = _accepted(runtime, channel)
    registered = match.between(accepted.first, accepted.last)
    step_of_float = abs(float(match.value[-1])) * FLOAT32 if node.float32 else 0.0
    step = max(node.step, step_of_float) * node.scale
    bound = bounds.get(runtime.parts.site.meters[meter].id, 0.0)
    return Compared(
        booked=accepted.booked,
        expected=float("nan") if registered is None else registered * node.scale,
        within=step + 1e-6 * abs(accepted.booked) + bound,
    )


def _forward_channel(
    runtime: Runtime,
    counters: Mapping[int, Matched],
    meter: int,
) -> int | None:
    for channel in counters:
        node = _node(runtime, channel)
        if node.meter == meter and not node.reverse:
            return channel

    return None


def _node(runtime: Runtime, channel: int) -> Channel:
    return runtime.parts.site.channels[channel]


def _readings_served(
    runtime: Runtime,
    channel: int,
    match: Matched,
    reports: Mapping[str, Report],
    until: int,
) -> list[Check]:
    """Nothing is stored that was not served; nothing served and due is missing beyond what was
    counted (one may be on its way at the end).
    """
    node = _node(runtime, channel)
    point = runtime.parts.site.meters[node.meter]
    name = _name(runtime, node.meter, node.reverse)
    report = reports.get(point.id, {})
    counted = sum(report.get("failed", {}).values()) + report.get("skipped", 0)
    never_served = float((match.place < 0).sum())
    lost = match.lost(round(point.energy_every_s * 1e9), until)
    return [
        Check(
            "stored readings were served",
            name,
            never_served,
            0.0,
            0.0,
        ),
        Check(
            "served readings are stored",
            name,
            float(lost),
            0.0,
            counted + 1.0,
        ),
    ]


def _remainders(runtime: Runtime, ask: Ask) -> list[Check]:
    """Each bus's remainder against its true losses, within k = 3 of its uncertainty."""
    start, end = _truth_span(runtime)
    truth = ask(
        {
            "cmd": "truth",
            "from": start,
            "to": end,
        }
    )["truth"]["buses"]
    measured = accounts.remainders(runtime.parts.store, start, end)
    checks = []
    for index, bus in enumerate(runtime.parts.site.buses):
        check = Check(
            check="remainder = true losses",
            of=bus.id,
            value=measured.get(bus.id, 0.0),
            expected=float(truth[bus.id]["remainder"]),
            within=COVERAGE * uncertainty(runtime, index) + 0.5,
        )
        checks.append(check)

    return checks


def uncertainty(runtime: Runtime, bus: int) -> float:
    """Standard uncertainty of a bus's remainder: that of the method, and
    what the edges of the span may cut off at this speed.
    """
    site = runtime.parts.site
    edge_hours = EDGE_S * max(runtime.parts.clock.speed, 1.0) / 3600.0
    through = {}
    edges = 0.0
    for meter in meters_of_bus(_running(runtime).graph, bus):
        point = site.meters[meter]
        forward = accounts.booked(
            runtime.parts.store,
            point.id,
            reverse=False,
        )
        reverse = accounts.booked(
            runtime.parts.store,
            point.id,
            reverse=True,
        )
        through[meter] = np.array([forward + reverse])
        # Both edges of the span may cut off what flows at most.
        edges += (2.0 * (point.max_per_hour or 0.0) * edge_hours) ** 2

    of_method = standard(site, through, {})[0]
    return float(np.hypot(of_method, np.sqrt(edges)))


def _polls(report: Report, meter: str) -> Check:
    """Every due poll answered, failed with a reason, or skipped and counted."""
    failed = sum(report["failed"].values())
    return Check(
        check="polls accounted",
        of=meter,
        value=report["answered"] + failed + report["skipped"],
        expected=report["due"],
        within=POLLS_ON_THEIR_WAY,
        effective_period_s=report["effective_period_s"],
        failed=report["failed"],
        skipped=report["skipped"],
    )
