"""Panels of a board as HTML and SVG, for `deploy.render_dashboard`: stat, gauge, time series, state
timeline, bar gauge, bar chart, table.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias, TypedDict

Json: TypeAlias = Mapping[str, Any]
"""A panel as Grafana's JSON has it, or a part of one."""

PALETTE: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#7A7F87",
    "#6A4C93",
    "#8AC926",
)
GREY: Final = "#9AA0A6"
"""Of coverage, and of what is unknown."""

SUFFIX: Final = {
    "kwatth": "kWh",
    "kwatt": "kW",
    "watt": "W",
    "masskg": "kg",
    "percent": "%",
    "s": "s",
    "short": "",
    "none": "",
}
STEPS_UP: Final = {
    "kWh": ("MWh", "GWh"),
    "kW": ("MW", "GW"),
    "kg": ("t", "kt"),
    "W": ("kW", "MW"),
}
FOUR_HOURS_MS: Final = 4 * 3_600_000
COVERAGE: Final = "coverage"
NOTHING: Final = "no data"


class Series(TypedDict):
    """One series of an answer: rows of a time in ms and a value for each further column."""

    alias: str
    tags: dict[str, str]
    columns: list[str]
    values: list[list[float | None]]


class Point(NamedTuple):
    """A value at a time (ms), and what it stands on where values are stacked."""

    at: float
    base: float
    value: float

    @property
    def top(self) -> float:
        return self.base + self.value


@dataclass(frozen=True, slots=True)
class Frame:
    """The span of time that a panel shows (ms), and its size in pixels. `left` and `right` are kept
    free for labels.
    """

    since: int
    until: int
    wide: float
    high: float
    left: int = 62
    right: int = 30

    @property
    def inner(self) -> float:
        """How wide the part is that stands for the span."""
        return self.wide - self.left - self.right

    def across(self, at: float) -> float:
        """Where a time stands."""
        passed = max(at, self.since) - self.since
        return self.left + self.inner * passed / (self.until - self.since)

    def svg(self, drawn: str) -> str:
        return f'<svg viewBox="0 0 {self.wide:.0f} {self.high:.0f}">{drawn}</svg>'


@dataclass(frozen=True, slots=True)
class Scale:
    """From the least to the most value, from the bottom up; below is room for the hours."""

    least: float
    most: float
    high: float

    def __call__(self, value: float) -> float:
        share = (value - self.least) / (self.most - self.least)
        return (self.high - 16) * (1 - share)


def number(
    value: float | None,
    unit: str,
    decimals: int | None = None,
) -> str:
    """Three digits and a unit, as Grafana scales it."""
    if value is None:
        return NOTHING

    if unit.startswith("suffix"):
        suffix = unit.removeprefix("suffix: ")
    else:
        suffix = SUFFIX.get(unit, unit)

    if suffix == "s" and value >= 3600:
        value = value / 3600
        suffix = "h"
    elif suffix == "s" and value >= 60:
        value = value / 60
        suffix = "min"

    for larger in STEPS_UP.get(suffix, ()):
        if abs(value) < 1000:
            break

        value = value / 1000
        suffix = larger

    places = _places(value) if decimals is None else decimals
    return f"{value:,.{places}f} <i>{suffix}</i>"


def _places(value: float) -> int:
    """Decimals that make three digits."""
    if abs(value) >= 100:
        return 0

    return 1 if abs(value) >= 10 else 2


def step(steps: Iterable[Json], value: float | None) -> str:
    """Colour of a value by thresholds."""
    found = GREY
    if value is None:
        return found

    for threshold in steps:
        begins = threshold["value"]
        if begins is None or value >= begins:
            found = str(threshold["color"])

    return found


def properties(panel: Json, name: str) -> Json:
    """What the overrides say of a series: the last one wins."""
    found: dict[str, Any] = {}
    for override in panel["fieldConfig"]["overrides"]:
        pattern = override["matcher"]["options"].strip("/")
        any_case = pattern.startswith("(?i)")
        flags = re.IGNORECASE if any_case else 0
        if not re.search(pattern.removeprefix("(?i)"), name, flags):
            continue

        for entry in override["properties"]:
            found[entry["id"]] = entry.get("value")

    return found


def colour(
    panel: Json,
    name: str,
    place: int,
) -> str:
    """Colour of a series: its own, else the one of its place."""
    own = properties(panel, name).get("color", {})
    of_place = PALETTE[place % len(PALETTE)]
    return str(own.get("fixedColor", of_place))


def body(
    panel: Json,
    answers: Iterable[list[Series]],
    frame: Frame,
) -> str:
    """The inside of a panel, out of the answers to its queries."""
    kind = panel["type"]
    series: list[Series] = []
    for answer in answers:
        series += answer

    if kind in ("stat", "gauge"):
        return stats(panel, series)

    if kind == "heatmap":
        return '<div class="key">a heat map: Grafana draws it</div>'

    if kind == "table":
        return table(panel, series)

    if kind in ("bargauge", "barchart"):
        return bars(panel, series)

    if kind == "state-timeline":
        return timeline(panel, series, frame)

    return chart(panel, series, frame)


def last(series: Series) -> float | None:
    """The newest value that is known."""
    for row in reversed(series["values"]):
        if row[1] is not None:
            return row[1]

    return None


def known(series: Series) -> list[tuple[float, float]]:
    """Time and value, where the value is known."""
    found = []
    for at, value in series["values"]:
        if at is not None and value is not None:
            found.append((at, value))

    return found


def stats(panel: Json, series: list[Series]) -> str:
    """Newest values in large digits."""
    config = panel["fieldConfig"]["defaults"]
    decimals = config.get("decimals")
    found = []
    for place, one in enumerate(series):
        alias = one["alias"]
        value = last(one)
        own = properties(panel, alias)
        unit = own.get("unit", config["unit"])
        if own.get("color"):
            paint = colour(panel, alias, place)
        else:
            thresholds = own.get("thresholds", config["thresholds"])
            paint = step(thresholds["steps"], value)

        text = f"<b>{number(value, unit, decimals)}</b>"
        if len(series) > 1:
            text += f"<br>{html.escape(alias)}"

        found.append(f'<span class="stat" style="color:{paint}">{text}</span>')

    inside = "".join(found) or NOTHING
    return f'<div class="stats">{inside}</div>'


def table(panel: Json, series: list[Series]) -> str:
    """A row for each series: its tags and its first values."""
    if not series:
        return NOTHING

    tags = list(series[0]["tags"])
    columns = series[0]["columns"][1:]
    rows = []
    for one in series:
        cells = [html.escape(one["tags"][tag]) for tag in tags]
        first_row = one["values"][0]
        for name, value in zip(
            columns,
            first_row[1:],
            strict=True,
        ):
            cells.append(_cell(properties(panel, name), value))

        rows.append("<tr>" + _all("td", cells) + "</tr>")

    heads = [html.escape(name) for name in (*tags, *columns)]
    return f"<table><tr>{_all('th', heads)}</tr>{''.join(rows)}</table>"


def _cell(own: Json, value: float | None) -> str:
    """A number, with a bar where the column has one."""
    text = number(value, own.get("unit", "none"), own.get("decimals"))
    if own.get("custom.cellOptions") and value is not None:
        paint = step(own["thresholds"]["steps"], value)
        text += _bar(f"{0.6 * value:.0f}", paint)

    return text


def _all(element: str, cells: Iterable[str]) -> str:
    return "".join(f"<{element}>{cell}</{element}>" for cell in cells)


def _bar(pixels: str, paint: str) -> str:
    return f'<span class="bar" style="width:{pixels}px;background:{paint}"></span>'


def bars(panel: Json, series: list[Series]) -> str:
    """Newest values as bars, as long as they are large."""
    config = panel["fieldConfig"]["defaults"]
    by_threshold = config["color"]["mode"] == "thresholds"
    values = [last(one) or 0.0 for one in series]
    most = max((abs(value) for value in values), default=1.0) or 1.0
    rows = []
    for place, (one, value) in enumerate(
        zip(
            series,
            values,
            strict=True,
        )
    ):
        name = one["alias"] or "/".join(one["tags"].values())
        if by_threshold:
            paint = step(config["thresholds"]["steps"], value)
        else:
            paint = colour(panel, name, place)

        length = 220 * abs(value) / most
        rows.append(
            f"<tr><td>{html.escape(name)}</td>"
            f'<td style="text-align:left">{_bar(f"{length:.0f}", paint)}</td>'
            f"<td>{number(value, config['unit'])}</td></tr>"
        )

    return f"<table>{''.join(rows)}</table>"


def hours(frame: Frame) -> str:
    """Labels of time, every four hours, in UTC."""
    begin = frame.since - frame.since % FOUR_HOURS_MS + FOUR_HOURS_MS
    found = []
    for at in range(begin, frame.until, FOUR_HOURS_MS):
        clock = datetime.fromtimestamp(at / 1000, UTC)
        found.append(
            f'<text x="{frame.across(at):.0f}" y="{frame.high - 2:.0f}"'
            f' text-anchor="middle">{clock:%H:%M}</text>'
        )

    return "".join(found)


def timeline(
    panel: Json,
    series: list[Series],
    frame: Frame,
) -> str:
    """A band a series; nothing is drawn where nothing is known."""
    bands = Frame(
        since=frame.since,
        until=frame.until,
        wide=frame.wide,
        high=frame.high,
        left=122,
        right=0,
    )
    each = frame.high / max(1, len(series))
    defaults = panel["fieldConfig"]["defaults"]["thresholds"]
    found = []
    for place, one in enumerate(series):
        thresholds = properties(panel, one["alias"]).get("thresholds", defaults)
        top = place * each
        found.append(
            f'<text x="116" y="{top + each / 2 + 3:.1f}"'
            f' text-anchor="end">{html.escape(one["alias"])}</text>'
        )
        wide = _width_of_one(one, bands)
        for at, value in known(one):
            if at < bands.since:
                continue

            found.append(
                f'<rect x="{bands.across(at):.1f}" y="{top + 1.5:.1f}"'
                f' width="{wide + 0.3:.2f}" height="{each - 3:.1f}"'
                f' fill="{step(thresholds["steps"], value)}"/>'
            )

    return frame.svg("".join(found))


def _width_of_one(series: Series, frame: Frame) -> float:
    """How wide the time between two values is."""
    times = []
    for at, _ in series["values"]:
        if at is not None and at >= frame.since:
            times.append(at)

    if len(times) < 2:
        return 4

    between = times[1] - times[0]
    return frame.inner * between / (frame.until - frame.since)


def unbroken(values: list[list[float | None]], points: list[Point]) -> list[list[Point]]:
    """The points in stretches without a gap: a line ends where nothing is known."""
    found: list[list[Point]] = [[]]
    rest = iter(points)
    for _, value in values:
        if value is None:
            found.append([])
        else:
            found[-1].append(next(rest))

    return [part for part in found if part]


def area(
    points: list[Point],
    across: Callable[[float], float],
    scale: Scale,
    paint: str,
    opacity: float,
) -> str:
    """A line over what it stands on, filled."""
    edge = []
    under = []
    for point in points:
        x = f"{across(point.at):.1f}"
        edge.append(f"{x},{scale(point.top):.1f}")
        under.append(f"{x},{scale(point.base):.1f}")

    line = " ".join(edge)
    outline = " ".join([*edge, *reversed(under)])
    return (
        f'<polygon points="{outline}" fill="{paint}" fill-opacity="{opacity}"/>'
        f'<polyline points="{line}" fill="none" stroke="{paint}"/>'
    )


def chart(
    panel: Json,
    series: list[Series],
    frame: Frame,
) -> str:
    """Lines, areas and bars, stacked where the panel says so; coverage dashed on its own scale."""
    style = panel["fieldConfig"]["defaults"]["custom"]
    is_stacked = style["stacking"]["mode"] == "normal"
    plain = [one for one in series if one["alias"] != COVERAGE]
    coverage = [one for one in series if one["alias"] == COVERAGE]
    scale = _scale(plain, is_stacked, frame)
    found = []
    base: dict[float, float] = {}
    for place, one in enumerate(plain):
        points = []
        for at, value in known(one):
            below = base.get(at, 0.0)
            points.append(Point(at, below, value))
            if is_stacked:
                base[at] = below + value

        paint = colour(panel, one["alias"], place)
        if style["drawStyle"] == "bars":
            found += [
                _upright(
                    point,
                    frame,
                    scale,
                    paint,
                )
                for point in points
            ]
            continue

        for part in unbroken(one["values"], points):
            opacity = style["fillOpacity"] / 100
            found.append(
                area(
                    part,
                    frame.across,
                    scale,
                    paint,
                    opacity,
                )
            )

    for one in coverage:
        found.append(_dashed(one, frame))

    unit = panel["fieldConfig"]["defaults"]["unit"]
    drawn = _ticks(scale, unit, frame) + "".join(found) + hours(frame)
    return frame.svg(drawn) + _key(panel, plain, coverage)


def _scale(
    series: list[Series],
    is_stacked: bool,
    frame: Frame,
) -> Scale:
    """A scale that holds all values, or all stacks of them."""
    stacks: dict[float, float] = {}
    single = []
    for one in series:
        for at, value in known(one):
            single.append(value)
            stacks[at] = stacks.get(at, 0.0) + value

    highest = stacks.values() if is_stacked else single
    most = max(highest, default=1.0) * 1.05 or 1.0
    least = min([0.0, *single])
    return Scale(least, most, frame.high)


def _upright(
    point: Point,
    frame: Frame,
    scale: Scale,
    paint: str,
) -> str:
    """A value of one hour as a bar."""
    x = frame.across(point.at) + 2
    y = scale(point.top)
    wide = frame.inner / 24 - 5
    high = max(0.0, scale(point.base) - y)
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{paint}"/>'


def _dashed(coverage: Series, frame: Frame) -> str:
    """Coverage in percent, whatever the scale of the rest."""
    scale = Scale(0.0, 105.0, frame.high)
    points = []
    for at, value in known(coverage):
        points.append(f"{frame.across(at):.1f},{scale(value):.1f}")

    line = " ".join(points)
    return f'<polyline points="{line}" fill="none" stroke="{GREY}" stroke-dasharray="4 6"/>'


def _ticks(
    scale: Scale,
    unit: str,
    frame: Frame,
) -> str:
    """Three lines across, with their numbers."""
    found = []
    for quarter in range(1, 4):
        value = scale.least + (scale.most - scale.least) * quarter / 4
        y = scale(value)
        label = re.sub("<.*?>", "", number(value, unit))
        found.append(
            f'<text x="58" y="{y + 3:.0f}" text-anchor="end">{label}</text>'
            f'<line x1="62" x2="{frame.wide - frame.right:.0f}"'
            f' y1="{y:.1f}" y2="{y:.1f}" stroke="#eceef0"/>'
        )

    return "".join(found)


def _key(
    panel: Json,
    plain: list[Series],
    coverage: list[Series],
) -> str:
    """The names of the series beside their colours."""
    found = []
    if panel["options"]["legend"]["showLegend"]:
        for place, one in enumerate(plain):
            found.append(_named(one, colour(panel, one["alias"], place)))

        found += [_named(one, GREY) for one in coverage]

    return f'<div class="key">{"".join(found)}</div>'


def _named(series: Series, paint: str) -> str:
    return f'<span><u style="background:{paint}"></u>{html.escape(series["alias"])}</span>'
