"""The colours that page and boards share, and the limit under which a figure is not well covered.

Colour means one thing: each kind of source has one, each state of a machine has one, and carbon per
kWh has one scale. Chosen so that people who see no difference between red and green tell them
apart.
"""

from __future__ import annotations

from typing import Final

SOURCE_COLOURS: Final = {
    "grid": "#7A7F87",
    "pv": "#E69F00",
    "wind": "#56B4E9",
    "store": "#009E73",
    "gas": "#D55E00",
    "heat": "#CC79A7",
    "geothermal": "#0072B2",
}
"""By kind of source; `store` is what comes out of a battery or a tank."""

OTHER_COLOUR: Final = "#B9BCC2"
"""What has no colour of its own, such as what is unmetered."""

UNKNOWN_COLOUR: Final = "#9aa0a6"
"""Carbon that is not known."""

STATE_COLOURS: Final = {
    "RUN": "#0F766E",
    "IDLE": "#C9A23F",
    "STANDBY": "#D9CFA0",
    "WARMUP": "#6FA8DC",
    "CHANGEOVER": "#8FA3AD",
    "FAULT": "#B3261E",
    "OFF": "#C6C9CE",
    "UNKNOWN": "#E5E5E5",
}

CARBON_STOPS: Final = (
    (0, "#269680"),
    (300, "#CE9E3A"),
    (600, "#8A4A24"),
    (900, "#1E1816"),
)
"""g CO2 per kWh and the colour there; between two, the colours run into each other."""

COVERED_PCT: Final = 95
"""Percent of time under which a figure is dimmed and says so."""
