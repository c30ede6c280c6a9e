"""The drawing of boards: numbers as they are read, lines that end
where nothing is known, every kind of panel drawn.
"""

from __future__ import annotations

import json

import pytest

from dashboards.grafana.build import FOLDER
from dashboards.grafana.lint import panels
from deploy.render_panels import Frame, Point, Series, body, number, step, unbroken

SITE = json.loads((FOLDER / "site.json").read_text(encoding="utf-8"))
LINE = json.loads((FOLDER / "line.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (469_000.0, "kwatth", "469 <i>MWh</i>"), (858.2, "masskg", "858 <i>kg</i>"), (4.52, "kwatt", "4.52 <i>kW</i>"),
        (86400.0, "s", "24.0 <i>h</i>"), (493.7, "suffix: g/kWh", "494 <i>g/kWh</i>"), (None, "kwatt", "no data"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_unit(value: float | None, unit: str, said: str) -> None:
    assert number(value, unit) == said


def test_a_line_ends_where_nothing_is_known() -> None:
    points = [Point(1.0, 0.0, 5.0), Point(2.0, 0.0, 6.0), Point(4.0, 0.0, 7.0)]
    assert unbroken([[1, 5.0], [2, 6.0], [3, None], [4, 7.0]], points) == [points[:2], points[2:]]


def test_colours_follow_thresholds() -> None:
    steps = [{"value": None, "color": "red"}, {"value": 95, "color": "green"}]
    assert (step(steps, 94.9), step(steps, 95.0), step(steps, None)) == ("red", "green", "#9AA0A6")


@pytest.mark.parametrize(
    "panel", [*panels(SITE), *panels(LINE)], ids=lambda p: f"{p['type']} {p['title']}"
)
def test_every_panel_is_drawn(panel: dict[str, object]) -> None:
    rows: list[list[float | None]] = [[0, 5.0, 99.0], [60, None, None], [120, 7.0, 98.0]]
    found = Series(
        alias="run",
        tags={"line": "press"},
        columns=["time", "electricity", "coverage"],
        values=rows if panel["type"] == "table" else [row[:2] for row in rows],
    )
    frame = Frame(since=0, until=180, wide=400.0, high=200.0)
    text = body(panel, [[found]], frame)
    drawn = {
        "stat": "<b>7",
        "gauge": "<b>7",
        "table": "99.0",
        "timeseries": "<svg",
        "state-timeline": "<rect",
    }
    assert drawn[str(panel["type"])] in text and "nan" not in text.lower()
