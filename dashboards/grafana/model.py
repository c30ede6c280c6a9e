"""From what a board says of itself to the classic JSON model
of Grafana, through the types of its SDK.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.grafana.look import CUSTOM, OPTIONS, PLAIN, UNITS

SCHEMA_VERSION: Final = 39
Steps = Sequence[tuple[float | None, str]]


def datasource(name: str = "datasource") -> sdk.DataSourceRef:
    """The data source that a variable names:

    `datasource` holds the figures, `readings` the raw readings.
    """
    return sdk.DataSourceRef(
        type_val="influxdb",
        uid=f"${{{name}}}",
    )


@dataclass(frozen=True, slots=True)
class Query(Dataquery):
    """One InfluxQL query.

    `alias` names its series: plain text, or `$tag_line` where it is grouped by line.
    """

    text: str
    alias: str = ""
    table: bool = False
    ref: str = "A"
    source: str = "datasource"

    def to_json(self) -> dict[str, object]:
        """As the InfluxDB data source keeps it."""
        named = {"alias": self.alias} if self.alias and not self.table else {}
        return {
            "refId": self.ref,
            "datasource": datasource(self.source).to_json(),
            "query": self.text,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
            **named,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    `id` is fixed for good: links and alert rules point at it. `unit` is a key of `look.UNITS`.
    """

    id: int
    kind: str
    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: str = "none"
    width: int = 6
    height: int = 8
    steps: Steps = PLAIN
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    colour: str = "thresholds"
    options: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[sdk.DashboardFieldConfigSourceOverrides, ...] = ()
    mappings: tuple[sdk.ValueMapping, ...] = ()
    shift: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question and the panels that answer it."""

    question: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. `uid` is fixed for good."""

    uid: str
    title: str
    description: str
    rows: tuple[Question, ...]
    variables: tuple[sdk.VariableModel, ...]
    links: tuple[sdk.DashboardLink, ...] = ()
    start: str = "now/d"
    refresh: str = "1m"


def override(names: str, **properties: object) -> sdk.DashboardFieldConfigSourceOverrides:
    """Properties of the series whose name matches; `__` in a key stands for a dot."""
    return sdk.DashboardFieldConfigSourceOverrides(
        matcher=sdk.MatcherConfig("byRegexp", f"/{names}/"),
        properties=[
            sdk.DynamicConfigValue(name.replace("__", "."), value)
            for name, value in properties.items()
        ],
    )


def fixed(colour: str) -> dict[str, str]:
    """A colour that does not depend on the value."""
    return {
        "mode": "fixed",
        "fixedColor": colour,
    }


def thresholds(steps: Steps) -> sdk.ThresholdsConfig:
    return sdk.ThresholdsConfig(
        mode=sdk.ThresholdsMode.ABSOLUTE,
        steps=[
            sdk.Threshold(
                value=value,
                color=colour,
            )
            for value, colour in steps
        ],
    )


def _panel(
    panel: Panel,
    column: int,
    line: int,
) -> sdk.Panel:
    defaults = sdk.FieldConfig(
        unit=UNITS[panel.unit],
        decimals=panel.decimals,
        min_val=panel.low,
        max_val=panel.high,
        thresholds=thresholds(panel.steps),
        color=sdk.FieldColor(mode=sdk.FieldColorModeId(panel.colour)),
        no_value="no data",
        custom=CUSTOM.get(panel.kind, {}) | panel.custom,
        mappings=list(panel.mappings),
    )
    return sdk.Panel(
        type_val=panel.kind,
        id_val=panel.id,
        title=panel.title,
        description=panel.description,
        transparent=None,
        datasource=datasource(panel.queries[0].source if panel.queries else "datasource"),
        grid_pos=sdk.GridPos(
            h=panel.height,
            w=panel.width,
            x=column,
            y=line,
        ),
        interval="$window",
        time_shift=panel.shift or None,
        targets=[
            replace(query, ref=chr(ord("A") + place)) for place, query in enumerate(panel.queries)
        ],
        options=OPTIONS[panel.kind] | panel.options,
        field_config=sdk.FieldConfigSource(
            defaults=defaults,
            overrides=list(panel.overrides),
        ),
    )


def _layout(rows: Sequence[Question]) -> list[sdk.Panel | sdk.RowPanel]:
    """Rows one below the other, each under its question; the id of a row is
    that of its first panel less what it is into the tens.
    """
    found: list[sdk.Panel | sdk.RowPanel] = []
    line = 0
    for row in rows:
        heading = sdk.RowPanel(
            title=row.question,
            id_val=row.panels[0].id // 10 * 10,
            collapsed=False,
            grid_pos=sdk.GridPos(
                h=1,
                w=24,
                x=0,
                y=line,
            ),
        )
        found.append(heading)
        column = 0
        for panel in row.panels:
            found.append(_panel(panel, column, line + 1))
            column += panel.width

        line += 1 + max(panel.height for panel in row.panels)

    return found


def dashboard(board: Board) -> sdk.Dashboard:
    """The whole dashboard, without `id` and `version`: those belong to the Grafana it is in."""
    return sdk.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        tags=["wattline"],
        timezone="browser",
        editable=False,
        graph_tooltip=sdk.DashboardCursorSync.CROSSHAIR,
        time=sdk.DashboardDashboardTime(board.start, "now"),
        refresh=board.refresh,
        schema_version=SCHEMA_VERSION,
        panels=_layout(board.rows),
        links=list(board.links),
        fiscal_year_start_month=0,
        templating=sdk.DashboardDashboardTemplating(list_val=list(board.variables)),
        annotations=sdk.AnnotationContainer(list_val=[]),
    )
