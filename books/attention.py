"""What needs attention on the Site page: silent meters, unusual counters, idle lines, unloaded
converters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypedDict

from books.answers import Attention, AttentionParams, Meter, OddStep
from plant.names import Verdict
from plant.silence import Heard
from plant.site import Site
from plant.standing import Standing

IDLE_MS: Final = 10 * 60_000
"""A line that stands idle for less is in the middle of its work."""

UNLOADED_MS: Final = 2 * 60_000
MOST: Final = 7
"""As many as one looks at; the most urgent stand first."""

COUNTER_CODES: Final = {Verdict.RESET: "counter_reset", Verdict.UNKNOWN: "counter_unknown"}


class LineShown(TypedDict, total=False):
    """What is read here of a line in NOW."""

    state: str
    state_since_ms: int | None
    final_kw: float | None


class ConverterShown(TypedDict):
    """What is read here of a converter in NOW."""

    taken: float | None
    unloaded_since_ms: int | None


class NowShown(TypedDict):
    """What is read here of NOW."""

    at_ms: int
    lines: Mapping[str, LineShown]
    converters: Mapping[str, ConverterShown]


def attention(
    site: Site,
    now: NowShown | None,
    meters: Sequence[Meter],
    verdicts: Sequence[OddStep],
    urgent: Sequence[Attention] = (),
) -> list[Attention]:
    """Items of docs/api.md, most urgent first, seven at most. `urgent` is known already and stands
    before them."""
    found = [
        *urgent,
        *_silent(site, meters),
        *_counters(verdicts),
        *(_unloaded(now) if now else ()),
        *_gaps(site, verdicts),
        *(_idle(site, now) if now else ()),
    ]
    return found[:MOST]


def item(
    code: str,
    severity: str,
    since_ms: int | None,
    params: AttentionParams,
    *,
    until_ms: int | None = None,
    meter: str | None = None,
    line: str | None = None,
) -> Attention:
    """One item; it lasts where it has no end."""
    return Attention(
        code=code,
        severity=severity,
        since_ms=since_ms,
        until_ms=until_ms,
        meter=meter,
        line=line,
        params=params,
    )


def stands(host: Standing) -> Attention:
    """A host that does not go on. It tries again by itself; the cause says what somebody can do."""
    return item(
        code="host_stands",
        severity="critical",
        since_ms=host.since_ns // 1_000_000,
        params=AttentionParams(host=host.who, cause=host.cause),
    )


def _line_of(site: Site, meter: str) -> str | None:
    """The line that hangs on a meter."""
    for line in site.lines:
        for draw in line.draws:
            if meter in [site.meters[index].id for index in draw.meters]:
                return line.id

    return None


def _silent(site: Site, meters: Sequence[Meter]) -> Iterator[Attention]:
    """Meters that fell silent; those that never said anything are commissioning, not a fault."""
    for meter in meters:
        if meter.state is Heard.SILENT and meter.lag_s is not None:
            yield item(
                code="meter_silent",
                severity="warning",
                since_ms=meter.last_ms,
                meter=meter.id,
                line=_line_of(site, meter.id),
                params=AttentionParams(seconds=round(meter.lag_s)),
            )


def _counters(verdicts: Sequence[OddStep]) -> Iterator[Attention]:
    """Counters that began anew, or stepped in a way that nobody can explain."""
    for step in verdicts:
        code = COUNTER_CODES.get(step.verdict)
        if code is not None:
            yield item(
                code=code,
                severity="info",
                since_ms=step.at_ms,
                meter=step.meter,
                params=AttentionParams(
                    amount=step.amount,
                    bound=step.bound,
                ),
            )


def _gaps(site: Site, verdicts: Sequence[OddStep]) -> Iterator[Attention]:
    """Silences that are over: their energy is kept, its shape estimated."""
    for step in verdicts:
        line = _line_of(site, step.meter)
        if step.verdict is Verdict.GAP and line is not None:
            seconds = (step.at_ms - step.from_ms) // 1000
            yield item(
                code="meter_silent",
                severity="info",
                since_ms=step.from_ms,
                until_ms=step.at_ms,
                meter=step.meter,
                line=line,
                params=AttentionParams(seconds=seconds),
            )


def _minutes(span_ms: int) -> int:
    return round(span_ms / 60_000)


def _idle(site: Site, now: NowShown) -> Iterator[Attention]:
    """Lines that are switched on and make nothing."""
    nothing: LineShown = {}
    for line in site.lines:
        shown = now["lines"].get(line.id, nothing)
        since = shown.get("state_since_ms")
        if shown.get("state") != "IDLE" or not since:
            continue

        idle_ms = now["at_ms"] - since
        if idle_ms > IDLE_MS:
            yield item(
                code="line_idle",
                severity="info",
                since_ms=since,
                line=line.id,
                params=AttentionParams(
                    minutes=_minutes(idle_ms),
                    kw=shown.get("final_kw"),
                ),
            )


def _unloaded(now: NowShown) -> Iterator[Attention]:
    """Compressors, boilers and chillers that take energy and give none."""
    for name, shown in now["converters"].items():
        since = shown["unloaded_since_ms"]
        if not since:
            continue

        unloaded_ms = now["at_ms"] - since
        if unloaded_ms > UNLOADED_MS:
            yield item(
                code="converter_unloaded",
                severity="warning",
                since_ms=since,
                params=AttentionParams(
                    converter=name,
                    minutes=_minutes(unloaded_ms),
                    kw=shown["taken"],
                ),
            )
