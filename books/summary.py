"""BOOKS in the words of docs/api.md: today, the shift so far, what needs attention.

All of it speaks of closed windows. While those are behind the clock (history is filled, a backlog
is worked off, a pause is made up for) BOOKS says that it is late and which day it speaks of, and
compares with nothing: neither a plan nor a week ago holds for a day half read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from books.answers import (
    Attention,
    Books,
    FigureValues,
    LastWeek,
    Meter,
    ShiftNow,
    Today,
)
from books.attention import NowShown, attention
from books.history import History, span
from books.verdicts import verdicts
from engine.figures.figures import value
from plant.calendar import SECOND, Span, day_start, local_time, shift_at
from plant.silence import Heard
from plant.site import Site

DAY_NS: Final = 86_400 * SECOND
WEEK_NS: Final = 7 * DAY_NS
HOUR_NS: Final = 3600 * SECOND
MILLISECOND: Final = 1_000_000

LATE_NS: Final = 300 * SECOND
"""Beyond a window and its grace, books that are further behind than this speak of another time than
now."""

LIKE_FOR_LIKE: Final = 0.98
"""A week ago is compared with only where as much of it was booked as of today, but for this."""

COVERAGE: Final = "coverage.time"
LINE_FIGURES: Final = (
    "per_good.carbon",
    "per_good.energy",
    "output.good",
    COVERAGE,
    "estimated",
    "energy.final",
    "electrification.calorific@final",
    "intensity.final",
)
TODAY_CARBON: Final = ("total_location", "total_market", "scope1", "scope2_location")
ELECTRICITY: Final = "energy.electricity"


@dataclass(frozen=True, slots=True)
class Seen:
    """The plant at the moment of asking, event time `now_ns`.

    `picture`: the newest NOW. `meters`: those of data health. `urgent`: what stands before all else
    that needs attention. `behind`: history is being filled or a backlog worked off, so that books
    are late however far they are.
    """

    now_ns: int
    picture: NowShown | None = None
    meters: Sequence[Meter] = ()
    urgent: Sequence[Attention] = ()
    behind: bool = False


def books(
    site: Site,
    history: History,
    closed_ns: int,
    seen: Seen,
) -> Books:
    """Sums of closed windows up to `closed_ns`."""
    last_instant = closed_ns - 1
    shift, shift_began = shift_at(site, last_instant)
    day = Span(day_start(site, last_instant), closed_ns)
    late = seen.behind or is_late(site, closed_ns, seen.now_ns)
    so_far = Span(shift_began, closed_ns)
    names = [line.id for line in site.lines] + [group.id for group in site.groups]
    lines = {
        name: _figures(
            history,
            name,
            so_far,
            LINE_FIGURES,
        )
        for name in names
    }
    steps = verdicts(history.store, closed_ns - HOUR_NS)
    return Books(
        to_ms=closed_ns // MILLISECOND,
        late=late,
        shift=ShiftNow(
            id=shift,
            from_ms=shift_began // MILLISECOND,
        ),
        today=_today(
            site,
            history,
            day,
            late=late,
        ),
        last_week=LastWeek(electricity_pct=None if late else _against_last_week(history, day)),
        lines=lines,
        unknown=_unknown(site, lines, seen.meters),
        comparisons=_comparisons(site, history, so_far),
        attention=attention(
            site,
            seen.picture,
            seen.meters,
            steps,
            seen.urgent,
        ),
    )


def _figures(
    history: History,
    of: str,
    during: Span,
    names: Sequence[str],
) -> FigureValues:
    """Figures of a span; all unknown, and not zero, where no second of it was seen."""
    asked = list(dict.fromkeys([*names, COVERAGE]))
    found = history.figures(
        of,
        during.start,
        during.end,
        asked,
    )
    if not found[COVERAGE]:
        found = dict.fromkeys(asked) | {COVERAGE: found[COVERAGE]}

    return {name: found[name] for name in names}


def _unknown(
    site: Site,
    lines: Mapping[str, FigureValues],
    meters: Sequence[Meter],
) -> dict[str, Heard]:
    """Why nothing is known of a line: its meters were never heard, or are silent. Lines of which
    something is known are left out."""
    state_of = {meter.id: meter.state for meter in meters}
    found: dict[str, Heard] = {}
    for line in site.lines:
        if lines[line.id][COVERAGE]:
            continue

        behind = [site.meters[index].id for draw in line.draws for index in draw.meters]
        states = {state_of.get(meter, Heard.NEVER) for meter in behind}
        found[line.id] = Heard.NEVER if states == {Heard.NEVER} else Heard.SILENT

    return found


def is_late(
    site: Site,
    closed_ns: int,
    now_ns: int,
) -> bool:
    """Whether books speak of another time than now: they are behind, or the day has changed
    since."""
    usual_ns = round((site.window_s + site.grace_s) * SECOND)
    if now_ns - closed_ns > usual_ns + LATE_NS:
        return True

    booked_day = day_start(site, closed_ns - 1)
    # In the first minutes of a day its first window is still open, so yesterday's books are shown
    # under their own date.
    return booked_day != day_start(site, now_ns)


def _today(
    site: Site,
    history: History,
    day: Span,
    *,
    late: bool,
) -> Today:
    carbon = {name: f"carbon.{name}" for name in TODAY_CARBON}
    names = (ELECTRICITY, COVERAGE, "estimated", *carbon.values())
    found = _figures(
        history,
        "site",
        day,
        names,
    )
    return Today(
        from_ms=day.start // MILLISECOND,
        date=local_time(site, day.start).date().isoformat(),
        electricity_kwh=found[ELECTRICITY],
        plan_kwh=None if late else _planned(site, day),
        gas_basis=history.gas_basis(),
        coverage=found[COVERAGE],
        estimated=found["estimated"],
        carbon_kg={name: found[figure] for name, figure in carbon.items()},
    )


def _planned(site: Site, day: Span) -> float | None:
    """What the plan gives for so much of a day."""
    if site.plan_kwh_per_day is None:
        return None

    return site.plan_kwh_per_day * (day.end - day.start) / DAY_NS


def _against_last_week(history: History, day: Span) -> float | None:
    """Electricity against the same hours a week ago, in per cent; None unless as much of them was
    booked as of today."""
    names = (ELECTRICITY, COVERAGE)
    today = history.sums("site", span(day.start, day.end), names)
    before = day.before(WEEK_NS)
    week = history.sums("site", span(before.start, before.end), names)
    if not week["due_s"][0] >= LIKE_FOR_LIKE * today["due_s"][0]:
        return None

    kwh = value(ELECTRICITY, today)[0]
    kwh_then = value(ELECTRICITY, week)[0]
    if not kwh_then > 0 or kwh != kwh:
        return None

    return float(100.0 * (kwh - kwh_then) / kwh_then)


def _comparisons(
    site: Site,
    history: History,
    so_far: Span,
) -> dict[str, list[float | None]]:
    """The figure of each configured comparison, for its lines in their order."""
    found: dict[str, list[float | None]] = {}
    for comparison in site.comparisons:
        name = comparison.figure
        compared = [site.lines[index].id for index in comparison.lines]
        found[comparison.id] = [
            _figures(
                history,
                of,
                so_far,
                [name],
            )[name]
            for of in compared
        ]

    return found
