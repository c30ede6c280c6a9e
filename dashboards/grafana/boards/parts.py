"""What the boards have in common: variables, links, and panels that come with their coverage."""

from __future__ import annotations

from typing import Any, Final

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.grafana import look, query
from dashboards.grafana.model import Panel, Query, datasource, fixed, override
from dashboards.grafana.query import COVERAGE, LINES, Value, ask

INTERVAL: Final = "$__interval"
BUCKET: Final = "$bucket"
NOT_ALL_SEEN: Final = (
    " Coverage is the share of the time in which the meters were seen: below 100 % the figure is of"
    " what was seen."
)
BASIS: Final = (
    " Carbon is CO2 or CO2e, as the factors of the plant say; location: factor of the region,"
    " market: contracts."
)
PIECES: Final = " No bar where no good piece was made."

# ---- variables


def _option(value: str) -> sdk.VariableOption:
    return sdk.VariableOption(
        selected=True,
        text=value,
        value=value,
    )


def _constant(
    name: str,
    label: str,
    value: str,
    description: str,
) -> sdk.VariableModel:
    return sdk.VariableModel(
        sdk.VariableType.CONSTANT,
        name,
        label,
        hide=sdk.VariableHide.HIDE_VARIABLE,
        skip_url_sync=True,
        description=description,
        query=value,
        current=_option(value),
        options=[_option(value)],
    )


def _tag(name: str, label: str, text: str, regex: str = "", **more: Any) -> sdk.VariableModel:
    return sdk.VariableModel(
        sdk.VariableType.QUERY,
        name,
        label,
        description=f"{label} of the books",
        query=text,
        datasource=datasource(),
        regex=regex,
        refresh=sdk.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=sdk.VariableSort.NATURAL_ASC,
        **more,
    )


def _source(
    name: str,
    label: str,
    uid: str,
    text: str,
    regex: str,
) -> sdk.VariableModel:
    return sdk.VariableModel(
        sdk.VariableType.DATASOURCE,
        name,
        label,
        description=f"{label}: Wattline's own store or InfluxDB",
        query="influxdb",
        regex=regex,
        refresh=sdk.VariableRefresh.ON_DASHBOARD_LOAD,
        current=sdk.VariableOption(
            selected=True,
            text=text,
            value=uid,
        ),
    )


def _lines(many: bool) -> sdk.VariableModel:
    text = f'SHOW TAG VALUES FROM "line" WITH KEY = "line" WHERE {query.SITE}'
    all_lines = (
        {
            "current": sdk.VariableOption(
                selected=True,
                text=["All"],
                value=["$__all"],
            )
        }
        if many
        else {}
    )
    return _tag(
        "line",
        "Line",
        text,
        "/^(?!unmetered\\.)(.+)$/",
        multi=many,
        include_all=many,
        **all_lines,
    )


def variables(
    lines: str = "",
    bucket: str = "1h",
    readings: bool = False,
) -> tuple[sdk.VariableModel, ...]:
    """Those of every board.

    `lines`: `one` or `many` gives a choice of lines; `bucket`: length of the bars at first.
    """
    found = [
        _source(
            "datasource",
            "Data source",
            "wattline",
            "Wattline",
            "/^(?!.*readings)/i",
        )
    ]
    if readings:
        found.append(
            _source(
                "readings",
                "Readings",
                "wattline-readings",
                "Wattline readings",
                "/readings/i",
            )
        )

    found.append(_tag("site", "Site", 'SHOW TAG VALUES FROM "line" WITH KEY = "site"'))
    if lines:
        found.append(_lines(lines == "many"))

    options = [
        sdk.VariableOption(
            selected=each == bucket,
            text=each,
            value=each,
        )
        for each in ("1h", "1d")
    ]
    found.append(
        sdk.VariableModel(
            sdk.VariableType.CUSTOM,
            "bucket",
            "Bars of",
            description="length of one bar: an hour or a day by the plant's clock",
            query="1h,1d",
            current=_option(bucket),
            options=options,
        )
    )
    return (*found, *_plant())


def _plant() -> tuple[sdk.VariableModel, ...]:
    """What a board must know of the plant; `wattline grafana push --plant` fills them in."""
    return (
        _constant(
            "window",
            "Window",
            "1m",
            "window of the plant file",
        ),
        _constant(
            "tz",
            "Time zone",
            "UTC",
            "time zone of the plant file",
        ),
        _constant(
            "shift",
            "Shift",
            "8h",
            "length of a shift",
        ),
        _constant(
            "shift_offset",
            "First shift",
            "6h",
            "when the first shift begins",
        ),
    )


# ---- links


SPANS: Final = (
    ("Today", "now/d", "now", "1h"),
    ("Yesterday", "now-1d/d", "now-1d/d", "1h"),
    ("Month", "now/M", "now", "1d"),
    ("Year", "now/y", "now", "1d"),
)


def links(lines: str = "") -> tuple[sdk.DashboardLink, ...]:
    """Today, yesterday, month and year of the same board, and the other boards.

    What is chosen is kept, but for several lines: not every board takes them.
    """
    kept = "".join(
        f"&${{{name}:queryparam}}" for name in ("datasource", "site", *(["line"] if lines else []))
    )
    found = [
        sdk.DashboardLink(
            title,
            sdk.DashboardLinkType.LINK,
            "time",
            f"{title}, bars of {bucket}",
            f"?from={start}&to={end}&var-bucket={bucket}{kept}",
            [],
        )
        for title, start, end, bucket in SPANS
    ]
    others = sdk.DashboardLink(
        "Wattline",
        sdk.DashboardLinkType.DASHBOARDS,
        "external link",
        "the other boards",
        None,
        ["wattline"],
        as_dropdown=True,
        include_vars=lines != "many",
        keep_time=True,
    )
    return (*found, others)


# ---- coverage


def coverage(*where: str, every: str) -> Query:
    """Coverage over time, to stand beside other series."""
    return Query(
        ask(
            COVERAGE,
            *where,
            every=every,
        ),
        "coverage",
    )


BESIDE: Final = override(
    "^coverage$",
    color=fixed("#9AA0A6"),
    unit="percent",
    min=0,
    max=100,
    custom__axisPlacement="right",
    custom__drawStyle="line",
    custom__lineWidth=1,
    custom__fillOpacity=0,
    custom__lineStyle={"fill": "dash", "dash": [4, 6]},
    custom__stacking={"mode": "none", "group": "B"},
)
"""Coverage beside figures: thin, dashed, grey, on the right."""


def coverage_stat(id: int, *where: str, width: int, height: int = 5, shift: str = "") -> Panel:
    """Coverage of the range, red below 95 %, ochre below 99
    %, and how much time there are books for.
    """
    return Panel(
        id,
        "stat",
        "Coverage",
        "Share of the time in which the meters were seen, and the time that there are books for."
        " Everything in this row is of that.",
        (Query(ask(COVERAGE, *where), "seen"), Query(query.booked(*where), "books")),
        "%",
        width,
        height,
        look.COVERAGE_STEPS,
        1,
        0,
        shift=shift,
        options={
            "graphMode": "none",
            "textMode": "value_and_name",
        },
        overrides=(
            override(
                "^books$",
                unit="s",
                color=fixed("#7A7F87"),
            ),
        ),
    )


def colours(names: dict[str, str]) -> tuple[Any, ...]:
    """One fixed colour for the series of each name."""
    return tuple(
        override(
            f"(?i){name}" if "|" in name else f"^{name}$",
            color=fixed(colour),
        )
        for name, colour in names.items()
    )


def by_source(*where: str) -> tuple[Query, ...]:
    """Power by source, what came through a store as that store."""
    kwh = query.total("kwh", of="flow")
    return (
        Query(
            query.flow_power(
                kwh,
                *where,
                query.NOT_THROUGH_A_STORE,
                per=("source",),
            ),
            "$tag_source",
        ),
        Query(
            query.flow_power(
                kwh,
                *where,
                query.THROUGH_A_STORE,
                per=("via",),
            ),
            "$tag_via",
        ),
    )


SOURCE_COLOURS: Final = tuple(
    override(f"(?i){part}", color=fixed(colour)) for part, colour in look.SOURCES.items()
)


def both(location: Value, market: Value, *where: str, every: str = "") -> tuple[Query, ...]:
    """One figure in both readings of scope 2."""
    return (
        Query(
            ask(
                location,
                *where,
                every=every,
            ),
            "location",
        ),
        Query(
            ask(
                market,
                *where,
                every=every,
            ),
            "market",
        ),
    )


BOTH_COLOURS: Final = (
    override("^location$", color=fixed(look.LOCATION_COLOUR)),
    override("^market$", color=fixed(look.MARKET_COLOUR)),
)


def line_table(
    id: int, title: str, columns: dict[str, tuple[Value, str]], *where: str, width: int
) -> Panel:
    """A row a line: the columns, and coverage as a bar at the end."""
    values = {name: value for name, (value, _) in columns.items()} | {"coverage": COVERAGE}
    places = {
        "%": {"decimals": 1},
        "pieces": {"decimals": 0},
    }
    units = [
        override(
            f"^{name}$",
            unit=look.UNITS[u],
            **places.get(u, {}),
        )
        for name, (_, u) in columns.items()
    ]
    bar = {
        "type": "gauge",
        "mode": "basic",
        "valueDisplayMode": "text",
    }
    return Panel(
        id,
        "table",
        title,
        "One row a line, over the whole range." + NOT_ALL_SEEN + BASIS,
        (
            Query(
                ask(
                    values,
                    *(where or (LINES,)),
                    per=("line",),
                ),
                table=True,
            ),
        ),
        width=width,
        height=12,
        overrides=(
            *units,
            override(
                "^coverage$",
                unit="percent",
                decimals=1,
                min=0,
                max=100,
                custom__cellOptions=bar,
                thresholds={
                    "mode": "absolute",
                    "steps": [
                        {
                            "value": value,
                            "color": colour,
                        }
                        for value, colour in look.COVERAGE_STEPS
                    ],
                },
            ),
            override("^Time$", custom__hidden=True),
        ),
    )


def headline(base: int, *where: str) -> tuple[Panel, ...]:
    """Power, electricity, carbon in both readings, intensity, coverage."""
    every = INTERVAL
    carbon = both(query.LOCATION, query.MARKET, *where)
    return (
        Panel(
            base + 1,
            "stat",
            "Power",
            "Electric power of the newest windows, mean over one point of the curve."
            + NOT_ALL_SEEN,
            (
                Query(
                    query.power(
                        query.ELECTRICITY,
                        *where,
                        every=every,
                    ),
                    "power",
                ),
            ),
            "kW",
            5,
            5,
        ),
        Panel(
            base + 2,
            "stat",
            "Electricity",
            "Electricity over the range, by its meters." + NOT_ALL_SEEN,
            (Query(ask(query.ELECTRICITY, *where), "electricity"),),
            "kWh",
            5,
            5,
            options={"graphMode": "none"},
        ),
        Panel(
            base + 3,
            "stat",
            "Carbon",
            "Scope 1 and 2 over the range." + BASIS + NOT_ALL_SEEN,
            carbon,
            "kg",
            6,
            5,
            overrides=BOTH_COLOURS,
            options={
                "graphMode": "none",
                "textMode": "value_and_name",
            },
        ),
        Panel(
            base + 4,
            "stat",
            "Intensity of electricity",
            "Carbon of the electricity used / electricity used, by location." + NOT_ALL_SEEN,
            (Query(ask(query.INTENSITY, *where), "intensity"),),
            "g/kWh",
            5,
            5,
            look.CARBON_SCALE,
            0,
            options={"graphMode": "none"},
        ),
        coverage_stat(
            base + 5,
            *where,
            width=3,
        ),
    )


def per_line(value: Value, *where: str, every: str = "") -> Query:
    """One series a line, of the chosen lines or of all."""
    return Query(
        ask(
            value,
            *(where or (LINES,)),
            per=("line",),
            every=every,
        ),
        "$tag_line",
    )
