"""InfluxQL texts of the dashboards. Every sum goes over the last point of each window and set of
tags, so that a corrected window counts once.

Variables of the dashboards stand in the texts: `$window` (the plant's
window, such as `1m`), `$tz`, `$bucket`, `$site`, `$line`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from store.schema import DIRECT, SCHEMA

SITE: Final = '"site" =~ /^$site$/'
LINE: Final = '"line" =~ /^$line$/'
LINES: Final = '"line" !~ /^unmetered\\./'
"""Lines alone: what no meter of a line saw stands in the same
measurement, under `unmetered.` and the bus.
"""
THROUGH_A_STORE: Final = f"\"via\" != '{DIRECT}'"
NOT_THROUGH_A_STORE: Final = f"\"via\" = '{DIRECT}'"
ELECTRIC: Final = ("electricity_kwh", "electric_behind_kwh")


@dataclass(frozen=True, slots=True)
class Value:
    """What is asked of sums of fields: `text` over `fields` of one measurement."""

    text: str
    fields: tuple[str, ...]
    of: str = "line"


def total(*fields: str, of: str = "line") -> Value:
    """The fields summed and added up."""
    return Value(_plus(fields), fields, of)


def ratio(
    top: Sequence[str],
    over: Sequence[str],
    scale: float = 1.0,
) -> Value:
    """A figure: sums over sums. Never the mean of a ratio that was kept."""
    times = "" if scale == 1.0 else f" * {scale:g}"
    return Value(
        f"({_plus(top)}) / ({_plus(over)}){times}",
        tuple(dict.fromkeys((*top, *over))),
    )


def _plus(fields: Sequence[str]) -> str:
    return " + ".join(f'sum("{field}")' for field in fields)


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


COVERAGE: Final = ratio(("seen_s",), ("due_s",), 100.0)
ELECTRICITY: Final = total("electricity_kwh", "electricity_converters_kwh")
CONVERTERS: Final = total("electricity_converters_kwh")
NOT_METERED: Final = total("electricity_unmetered_kwh")
BY_LINES: Final = Value(
    'sum("electricity_kwh") - sum("electricity_unmetered_kwh")',
    ("electricity_kwh", "electricity_unmetered_kwh"),
)
FINAL: Final = total("final_kwh")
LOCATION: Final = total("scope1_kg", "scope2_location_kg")
MARKET: Final = total("scope1_kg", "scope2_market_kg")
INTENSITY: Final = ratio(("electric_location_kg",), ELECTRIC, 1000.0)
INTENSITY_MARKET: Final = ratio(("electric_market_kg",), ELECTRIC, 1000.0)
INTENSITY_FINAL: Final = ratio(LOCATION.fields, FINAL.fields, 1000.0)
ELECTRIFICATION: Final = ratio(ELECTRIC, FINAL.fields, 100.0)
RENEWABLE: Final = ratio(("traced_renewable",), ("traced_electric",), 100.0)
CLAIMED: Final = ratio(("traced_claimed",), ("traced_electric",), 100.0)
ON_SITE: Final = ratio(("traced_on_site",), ("traced_electric",), 100.0)
IDLE: Final = ratio(("idle_kwh",), FINAL.fields, 100.0)
NOT_RUNNING: Final = ratio(("nonrun_kwh",), FINAL.fields, 100.0)
ESTIMATED: Final = ratio(("estimated_kwh",), FINAL.fields, 100.0)
UNMETERED: Final = ratio(("remainder_kwh",), FINAL.fields, 100.0)
PER_GOOD: Final = ratio(LOCATION.fields, ("good",))
PER_GOOD_MARKET: Final = ratio(MARKET.fields, ("good",))
ENERGY_PER_GOOD: Final = ratio(FINAL.fields, ("good",))
PER_UNIT: Final = ratio(LOCATION.fields, ("good", "scrap"))
PER_UNIT_MARKET: Final = ratio(MARKET.fields, ("good", "scrap"))
