"""Panels of a board as HTML and SVG, for `deploy.render_dashboard`: stat, gauge, time series, state timeline, bar gauge, bar chart, table."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Series = dict[str, Any]
PALETTE = (
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
SUFFIX = {
    "kwatth": "kWh",
    "kwatt": "kW",
    "watt": "W",
    "masskg": "kg",
    "percent": "%",
    "s": "s",
    "short": "",
    "none": "",
}
STEPS_UP = {"kWh": ("MWh", "GWh"), "kW": ("MW", "GW"), "kg": ("t", "kt"), "W": ("kW", "MW")}
Span = tuple[int, int]
Size = tuple[float, float]
Point = tuple[float, float, float]
Scale = Callable[[float], float]
LEFT = 62
RIGHT = 30


def number(value: float | None, unit: str, decimals: int | None = None) -> str:
    """Three digits and a unit, as Grafana scales it."""
    if value is None:
        return "no data"
    suffix = unit.removeprefix("suffix: ") if unit.startswith("suffix") else SUFFIX.get(unit, unit)
    if suffix == "s" and value >= 60:
        value, suffix = (value / 60, "min") if value < 3600 else (value / 3600, "h")
    for larger in STEPS_UP.get(suffix, ()):
        if abs(value) < 1000:
            break
        value = value / 1000
        suffix = larger
    places = (
        decimals
        if decimals is not None
        else 0
        if abs(value) >= 100
        else 1
        if abs(value) >= 10
        else 2
    )
    return f"{value:,.{places}f} <i>{suffix}</i>"


def step(steps: list[dict[str, Any]], value: float | None) -> str:
    """Colour of a value by thresholds."""
    found = "#9AA0A6"
    for s in steps:
        if value is not None and (s["value"] is None or value >= s["value"]):
            found = s["color"]
    return str(found)


def properties(panel: dict[str, Any], name: str) -> dict[str, Any]:
    """What the overrides say of a series: the last one wins."""
    found: dict[str, Any] = {}
    for o in panel["fieldConfig"]["overrides"]:
        pattern = o["matcher"]["options"].strip("/")
        if re.search(
            pattern.removeprefix("(?i)"), name, re.IGNORECASE if pattern.startswith("(?i)") else 0
        ):
            found |= {p["id"]: p.get("value") for p in o["properties"]}
    return found


def colour(panel: dict[str, Any], name: str, i: int) -> str:
    return str(
        properties(panel, name).get("color", {}).get("fixedColor", PALETTE[i % len(PALETTE)])
    )


def body(panel: dict[str, Any], answers: list[list[Series]], span: Span, size: Size) -> str:
    """The inside of a panel. `span`: from and to in ms; `size` in pixels."""
    kind = panel["type"]
    series = [s for found in answers for s in found]
    if kind in ("stat", "gauge"):
        return stats(panel, series)
    if kind == "heatmap":
        return '<div class="key">a heat map: Grafana draws it</div>'
    if kind == "table":
        return table(panel, series)
    if kind in ("bargauge", "barchart"):
        return bars(panel, series)
    return (
        timeline(panel, series, span, size)
        if kind == "state-timeline"
        else chart(panel, series, span, size)
    )


def last(series: Series) -> float | None:
    return next((v[1] for v in reversed(series["values"]) if v[1] is not None), None)


def stats(panel: dict[str, Any], series: list[Series]) -> str:
    config = panel["fieldConfig"]["defaults"]
    found = []
    for i, s in enumerate(series):
        value = last(s)
        own = properties(panel, s["alias"])
        fixed = own.get("color")
        unit = own.get("unit", config["unit"])
        paint = (
            colour(panel, s["alias"], i)
            if fixed
            else step(own.get("thresholds", config["thresholds"])["steps"], value)
        )
        label = f"<br>{html.escape(s['alias'])}" if len(series) > 1 else ""
        found.append(
            f'<span class="stat" style="color:{paint}"><b>{number(value, unit, config.get("decimals"))}</b>{label}</span>'
        )
    return f'<div class="stats">{"".join(found) or "no data"}</div>'


def table(panel: dict[str, Any], series: list[Series]) -> str:
    if not series:
        return "no data"
    tags = list(series[0]["tags"])
    columns = series[0]["columns"][1:]
    rows = []
    for s in series:
        cells = [html.escape(s["tags"][t]) for t in tags]
        for name, value in zip(columns, s["values"][0][1:], strict=True):
            own = properties(panel, name)
            text = number(value, own.get("unit", "none"), own.get("decimals"))
            if own.get("custom.cellOptions") and value is not None:
                paint = step(own["thresholds"]["steps"], value)
                text += f'<span class="bar" style="width:{0.6 * value:.0f}px;background:{paint}"></span>'
            cells.append(text)
        rows.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    return f"<table><tr>{''.join(f'<th>{html.escape(n)}</th>' for n in (*tags, *columns))}</tr>{''.join(rows)}</table>"


def bars(panel: dict[str, Any], series: list[Series]) -> str:
    config = panel["fieldConfig"]["defaults"]
    values = [(s["alias"] or "/".join(s["tags"].values()), last(s) or 0.0) for s in series]
    most = max((abs(v) for _, v in values), default=1.0) or 1.0
    rows = []
    for i, (name, value) in enumerate(values):
        paint = (
            colour(panel, name, i)
            if config["color"]["mode"] != "thresholds"
            else step(config["thresholds"]["steps"], value)
        )
        bar = f'<span class="bar" style="width:{220 * abs(value) / most:.0f}px;background:{paint}"></span>'
        rows.append(
            f'<tr><td>{html.escape(name)}</td><td style="text-align:left">{bar}</td><td>{number(value, config["unit"])}</td></tr>'
        )
    return f"<table>{''.join(rows)}</table>"


def across(at: float, span: Span, wide: float, left: int = LEFT, right: int = RIGHT) -> float:
    return left + (wide - left - right) * (max(at, span[0]) - span[0]) / (span[1] - span[0])


def hours(span: Span, size: Size) -> str:
    """Labels of time, every four hours, in UTC."""
    found = []
    every = 4 * 3_600_000
    for at in range(span[0] - span[0] % every + every, span[1], every):
        x = across(at, span, size[0])
        found.append(
            f'<text x="{x:.0f}" y="{size[1] - 2:.0f}" text-anchor="middle">{datetime.fromtimestamp(at / 1000, UTC):%H:%M}</text>'
        )
    return "".join(found)


def timeline(panel: dict[str, Any], series: list[Series], span: Span, size: Size) -> str:
    """A band a series; nothing is drawn where nothing is known."""
    each = size[1] / max(1, len(series))
    found = []
    for i, s in enumerate(series):
        own = properties(panel, s["alias"]).get(
            "thresholds", panel["fieldConfig"]["defaults"]["thresholds"]
        )
        found.append(
            f'<text x="116" y="{i * each + each / 2 + 3:.1f}" text-anchor="end">{html.escape(s["alias"])}</text>'
        )
        points = [v for v in s["values"] if span[0] <= v[0]]
        wide = (
            (size[0] - 122) * (points[1][0] - points[0][0]) / (span[1] - span[0])
            if len(points) > 1
            else 4
        )
        for at, value in points:
            if value is not None:
                x = across(at, span, size[0], 122, 0)
                found.append(
                    f'<rect x="{x:.1f}" y="{i * each + 1.5:.1f}" width="{wide + 0.3:.2f}" height="{each - 3:.1f}" fill="{step(own["steps"], value)}"/>'
                )
    return f'<svg viewBox="0 0 {size[0]:.0f} {size[1]:.0f}">{"".join(found)}</svg>'


def unbroken(values: list[list[Any]], points: list[Point]) -> list[list[Point]]:
    """The points in stretches without a gap: a line ends where nothing is known."""
    found: list[list[Point]] = [[]]
    rest = iter(points)
    for _, value in values:
        if value is None:
            found.append([])
        else:
            found[-1].append(next(rest))
    return [part for part in found if part]


def area(points: list[Point], across_: Scale, y: Scale, paint: str, opacity: float) -> str:
    """A line over what it stands on, filled."""
    edge = [f"{across_(at):.1f},{y(b + v):.1f}" for at, b, v in points]
    under = [f"{across_(at):.1f},{y(b):.1f}" for at, b, _ in reversed(points)]
    line = f'<polyline points="{" ".join(edge)}" fill="none" stroke="{paint}"/>'
    return f'<polygon points="{" ".join(edge + under)}" fill="{paint}" fill-opacity="{opacity}"/>{line}'


def chart(panel: dict[str, Any], series: list[Series], span: Span, size: Size) -> str:
    """Lines, areas and bars, stacked where the panel says so; coverage dashed on its own scale."""
    config = panel["fieldConfig"]["defaults"]
    (wide, high) = size
    style = config["custom"]
    stacked = style["stacking"]["mode"] == "normal"
    plain = [s for s in series if s["alias"] != "coverage"]
    tops: dict[int, float] = {}
    for s in plain if stacked else ():
        for at, value in s["values"]:
            tops[at] = tops.get(at, 0.0) + (value or 0.0)
    single = [v for s in plain for _, v in s["values"] if v is not None]
    most = max(tops.values() if stacked else single, default=1.0) * 1.05 or 1.0
    least = min([0.0, *single])

    def y(value: float) -> float:
        return (high - 16) * (1 - (value - least) / (most - least))

    def across_(at: float) -> float:
        return across(at, span, wide)

    found = []
    base = dict.fromkeys(tops, 0.0)
    for i, s in enumerate(plain):
        paint = colour(panel, s["alias"], i)
        points = [
            (at, base.get(at, 0.0) if stacked else 0.0, v) for at, v in s["values"] if v is not None
        ]
        if stacked:
            base |= {at: base[at] + (v or 0.0) for at, v in s["values"]}
        if style["drawStyle"] == "bars":
            found += [
                f'<rect x="{across(at, span, wide) + 2:.1f}" y="{y(b + v):.1f}" width="{(wide - LEFT - RIGHT) / 24 - 5:.1f}" height="{max(0.0, y(b) - y(b + v)):.1f}" fill="{paint}"/>'
                for at, b, v in points
            ]
        else:
            found += [
                area(part, across_, y, paint, style["fillOpacity"] / 100)
                for part in unbroken(s["values"], points)
            ]
    for s in series:
        if s["alias"] == "coverage":
            line = " ".join(
                f"{across(at, span, wide):.1f},{(high - 16) * (1 - v / 105):.1f}"
                for at, v in s["values"]
                if v is not None
            )
            found.append(
                f'<polyline points="{line}" fill="none" stroke="#9AA0A6" stroke-dasharray="4 6"/>'
            )
    ticks = "".join(
        f'<text x="58" y="{y(v) + 3:.0f}" text-anchor="end">{re.sub("<.*?>", "", number(v, config["unit"]))}</text><line x1="62" x2="{wide - RIGHT:.0f}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#eceef0"/>'
        for v in (least + (most - least) * k / 4 for k in range(1, 4))
    )
    names = [
        (s["alias"], "#9AA0A6" if s["alias"] == "coverage" else colour(panel, s["alias"], i))
        for i, s in enumerate([*plain, *(s for s in series if s["alias"] == "coverage")])
    ]
    if not panel["options"]["legend"]["showLegend"]:
        names = []
    key = "".join(f'<span><u style="background:{c}"></u>{html.escape(n)}</span>' for n, c in names)
    return f'<svg viewBox="0 0 {size[0]:.0f} {size[1]:.0f}">{ticks}{"".join(found)}{hours(span, size)}</svg><div class="key">{key}</div>'
