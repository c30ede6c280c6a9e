"""How the boards look: the colours of the live page, units, and the options of each kind of panel.

Data, no logic.
"""

from __future__ import annotations

from typing import Any, Final

from dashboards.palette import (
    CARBON_STOPS,
    COVERED_PCT,
    OTHER_COLOUR,
    SOURCE_COLOURS,
    STATE_COLOURS,
)

GRID = SOURCE_COLOURS["grid"]
SUN = SOURCE_COLOURS["pv"]
WIND = SOURCE_COLOURS["wind"]
STORE = SOURCE_COLOURS["store"]
GAS = SOURCE_COLOURS["gas"]
HEAT = SOURCE_COLOURS["heat"]
EARTH = SOURCE_COLOURS["geothermal"]
UNMETERED = OTHER_COLOUR
SOURCES: Final = {
    "grid|netz|mains|intake": GRID,
    "pv|sun|solar|roof": SUN,
    "wind": WIND,
    "batter|store|storage": STORE,
    "gas": GAS,
    "steam|heat|district": HEAT,
    "geotherm": EARTH,
    "unmetered|unknown": UNMETERED,
}
"""Part of the id of a source or store -> its colour.

A plant whose ids say nothing of the kind gets Grafana's own palette.
"""
STATES: Final = {state.lower(): colour for state, colour in STATE_COLOURS.items()}
CARBON_SCALE: Final = tuple(
    # Grafana wants no number at the step from which a scale begins.
    (float(grams) if grams else None, colour)
    for grams, colour in CARBON_STOPS
)
COVERAGE_STEPS: Final = ((None, "#B3261E"), (float(COVERED_PCT), "#C9A23F"), (99.0, "#0F766E"))
PLAIN: Final = ((None, "#0072B2"),)
LOCATION_COLOUR = "#8A4A24"
MARKET_COLOUR = "#269680"
ENERGY_COLOUR = "#0072B2"

UNITS: Final = {
    "kWh": "kwatth",
    "kW": "kwatt",
    "W": "watt",
    "kg": "masskg",
    "%": "percent",
    "g/kWh": "suffix: g/kWh",
    "s": "s",
    "kg/unit": "suffix: kg",
    "kWh/unit": "suffix: kWh",
    "pieces": "short",
    "own": "short",
    "none": "none",
}
"""Unit as we say it -> as Grafana does.

`own` is the unit of the carrier's books: kWh, Nm3 or m3.
"""

_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_TOOLTIP = {"mode": "multi", "sort": "desc"}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {"legend": _LEGEND, "tooltip": _TOOLTIP},
    "stat": {
        "graphMode": "area",
        "colorMode": "value",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "reduceOptions": _LAST,
    },
    "bargauge": {
        "displayMode": "basic",
        "orientation": "horizontal",
        "valueMode": "color",
        "showUnfilled": True,
        "minVizWidth": 8,
        "minVizHeight": 16,
        "reduceOptions": _LAST,
    },
    "gauge": {
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "reduceOptions": _LAST,
    },
    "state-timeline": {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": _LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    },
    "barchart": {
        "orientation": "horizontal",
        "barWidth": 0.8,
        "groupWidth": 0.7,
        "stacking": "none",
        "showValue": "auto",
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
        "fullHighlight": False,
        "legend": _LEGEND,
        "tooltip": _TOOLTIP,
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "heatmap": {
        "calculate": True,
        "calculation": {
            "xBuckets": {"mode": "size", "value": "1h"},
            "yBuckets": {"mode": "count", "value": "20"},
        },
        "color": {
            "mode": "scheme",
            "scheme": "Blues",
            "fill": "dark-blue",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 32,
            "reverse": False,
        },
        "cellGap": 1,
        "showValue": "never",
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "kwatt"},
        "legend": {"show": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
    },
    "text": {"mode": "markdown"},
}
LINES: Final = {
    "drawStyle": "line",
    "lineWidth": 1,
    "fillOpacity": 10,
    "lineInterpolation": "linear",
    "showPoints": "auto",
    "spanNulls": False,
    "stacking": {"mode": "none", "group": "A"},
}
AREAS: Final = LINES | {"fillOpacity": 60, "stacking": {"mode": "normal", "group": "A"}}
SIGNED: Final = LINES | {"fillOpacity": 50, "axisCenteredZero": False}
BARS: Final = LINES | {"drawStyle": "bars", "fillOpacity": 80, "showPoints": "never"}
STACKED: Final = BARS | {"stacking": {"mode": "normal", "group": "A"}}
BANDS: Final = {"lineWidth": 0, "fillOpacity": 85}
CUSTOM: Final[dict[str, dict[str, Any]]] = {
    "timeseries": LINES,
    "state-timeline": BANDS,
    "barchart": {"lineWidth": 1, "fillOpacity": 80, "gradientMode": "none"},
}
