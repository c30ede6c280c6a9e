"""InfluxQL texts of the dashboards. Every sum goes over the last point of each window and set of
tags, so that a corrected window counts once.

Variables of the dashboards stand in the texts: `$window` (the plant's
window, such as `1m`), `$tz`, `$bucket`, `$site`, `$line`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.figures import figures
from engine.figures.figure import Weights
from store.schema import DIRECT, SCHEMA

SITE: Final = '"site" =~ /^$site$/'
LINE: Final = '"line" =~ /^$line$/'
LINES: Final = '"line" !~ /^unmetered\\./'
"""Lines alone: what no meter of a line saw stands in the same
measurement, under `unmetered.` and the bus.
"""
THROUGH_A_STORE: Final = f"\"via\" != '{DIRECT}'"
NOT_THROUGH_A_STORE: Final = f"\"via\" = '{DIRECT}'"


@dataclass(frozen=True, slots=True)
class Value:
    """What is asked of sums of fields: `text` over `fields` of one measurement."""

    text: str
    fields: tuple[str, ...]
    of: str = "line"


def total(*fields: str, of: str = "line") -> Value:
    """The fields summed and added up."""
    return Value(_weighted(dict.fromkeys(fields, 1.0)), fields, of)


def ratio(
    top: Sequence[str],
    over: Sequence[str],
    scale: float = 1.0,
) -> Value:
    """Sums over sums. Never the mean of a ratio that was kept."""
    return _ratio(
        dict.fromkeys(top, 1.0),
        dict.fromkeys(over, 1.0),
        scale,
    )


def of_figure(name: str) -> Value:
    """A figure as its row in the table of figures says: the one that the API gives too."""
    wanted = figures.figure(name)
    if wanted.without is not None or not wanted.summed:
        raise ValueError(f"{name} is no ratio or sum of fields of lines")

    if wanted.over is None:
        return Value(_weighted(wanted.top, wanted.scale), tuple(wanted.top))

    return _ratio(wanted.top, wanted.over, wanted.scale)


def share(part: str, whole: str) -> Value:
    """One figure as a percentage of another; both are sums."""
    top = figures.figure(part).top
    return _ratio(top, figures.figure(whole).top, figures.PERCENT)


def _ratio(
    top: Weights,
    over: Weights,
    scale: float,
) -> Value:
    return Value(
        f"({_weighted(top)}) / ({_weighted(over)}){_times(scale)}",
        tuple(dict.fromkeys((*top, *over))),
    )


def _weighted(weights: Weights, scale: float = 1.0) -> str:
    """The sums of fields, each times its weight, added up."""
    text = ""
    for field, weight in weights.items():
        sign = " - " if weight < 0 else " + "
        text += f'{sign if text or weight < 0 else ""}sum("{field}"){_times(abs(weight))}'

    text = text.strip()
    return text if scale == 1.0 else f"({text}){_times(scale)}"


def _times(factor: float) -> str:
    return "" if factor == 1.0 else f" * {factor:g}"


def windows(value: Value, *where: str) -> str:
    """The last point of each window and set of tags."""
    chosen = ", ".join(f'last("{field}") AS "{field}"' for field in value.fields)
    tags = ", ".join(f'"{tag}"' for tag in SCHEMA[value.of].tags)
    asked = " AND ".join((SITE, *where, "$timeFilter"))
    return (
        f'SELECT {chosen} FROM "{value.of}" WHERE {asked} GROUP BY time($window), {tags} fill(none)'
    )


def ask(
    values: Value | dict[str, Value],
    *where: str,
    per: Sequence[str] = (),
    every: str = "",
    fill: str = "null",
) -> str:
    """One value, or several side by side, over the range or
    in buckets of `every`, by the tags `per`.
    """
    named = values if isinstance(values, dict) else {"value": values}
    first = next(iter(named.values()))
    fields: dict[str, None] = {}
    for value in named.values():
        fields |= dict.fromkeys(value.fields)

    chosen = ", ".join(f'{value.text} AS "{name}"' for name, value in named.items())
    inner = windows(Value("", tuple(fields), first.of), *where)
    return f"SELECT {chosen} FROM ({inner}) WHERE $timeFilter{_groups(per, every, fill)}"


def _groups(
    per: Sequence[str],
    every: str,
    fill: str,
) -> str:
    """End of a query. Buckets of hours, days and shifts begin by the plant's clock."""
    listed = [f'"{tag}"' for tag in per]
    if every:
        listed.insert(0, f"time({every})")

    text = " GROUP BY " + ", ".join(listed) if listed else ""
    if every:
        text += f" fill({fill})"

    if every and every != "$__interval":
        text += " tz('$tz')"

    return text


def flow_power(value: Value, *where: str, per: Sequence[str]) -> str:
    """Mean source power in kW over each point of a curve: its energy by its length. A source that
    gave nothing in a window has no point there, so a mean over points would be too large.
    """
    mean = Value(
        f"({value.text}) * 3600000 / $__interval_ms",
        value.fields,
        value.of,
    )
    return ask(
        {"kw": mean},
        *where,
        per=per,
        every="$__interval",
    )


def booked(*where: str) -> str:
    """Seconds that there are books for: those of the line that has
    most, since each line is in the books of each window.
    """
    inner = windows(total("due_s"), *where)
    sums = f'SELECT sum("due_s") AS "s" FROM ({inner}) WHERE $timeFilter GROUP BY "site", "line"'
    return f'SELECT max("s") AS "value" FROM ({sums}) WHERE $timeFilter'


def power(value: Value, *where: str, every: str = "$__interval") -> str:
    """Mean power of lines together, in kW: their energy by the time there are books for.

    A window that is missing is left out, not counted as zero.
    """
    lines = Value("", (*value.fields, "due_s"))
    sums = (
        f'SELECT {value.text} AS "kwh", sum("due_s") AS "s" FROM ({windows(lines, *where)})'
        f' WHERE $timeFilter GROUP BY time({every}), "site", "line" fill(none)'
    )
    return (
        f'SELECT sum("kwh") / max("s") * 3600 AS "kw" FROM ({sums})'
        f" WHERE $timeFilter GROUP BY time({every}) fill(null)"
    )


COVERAGE: Final = of_figure("coverage.time")
ELECTRICITY: Final = of_figure("energy.electricity")
CONVERTERS: Final = of_figure("energy.electricity@converters")
NOT_METERED: Final = of_figure("energy.electricity@unmetered")
BY_LINES: Final = of_figure("energy.electricity@lines")
FINAL: Final = of_figure("energy.final")
SCOPE1: Final = of_figure("carbon.scope1")
LOCATION: Final = of_figure("carbon.total_location")
MARKET: Final = of_figure("carbon.total_market")
INTENSITY: Final = of_figure("intensity.electricity")
INTENSITY_MARKET: Final = of_figure("intensity.electricity@market")
INTENSITY_FINAL: Final = of_figure("intensity.final")
INTENSITY_FINAL_MARKET: Final = of_figure("intensity.final@market")
ELECTRIFICATION: Final = of_figure("electrification.calorific")
RENEWABLE: Final = of_figure("renewable.physical")
CLAIMED: Final = of_figure("renewable.claimed")
ON_SITE: Final = of_figure("self_sufficiency")
IDLE: Final = of_figure("idle.avoidable")
NOT_RUNNING: Final = of_figure("idle.non_productive")
ESTIMATED: Final = of_figure("estimated")
UNMETERED: Final = share("remainder", "energy.final")
PER_GOOD: Final = of_figure("per_good.carbon")
PER_GOOD_MARKET: Final = of_figure("per_good.carbon@market")
ENERGY_PER_GOOD: Final = of_figure("per_good.energy")
PER_UNIT: Final = of_figure("per_unit.carbon")
PER_UNIT_MARKET: Final = of_figure("per_unit.carbon@market")
GOOD: Final = of_figure("output.good")
SCRAP: Final = of_figure("output.scrap")
