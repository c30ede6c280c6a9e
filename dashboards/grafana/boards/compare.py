"""Compare: lines, shifts, days, and the week before."""

from __future__ import annotations

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BESIDE, INTERVAL, NOT_ALL_SEEN
from dashboards.grafana.model import Board, Panel, Query, Row, override
from dashboards.grafana.query import LINE, ask

SHIFT = "$shift,$shift_offset"
DAY = "1d"


def _lines() -> tuple[Panel, ...]:
    columns = {
        "final energy": (query.FINAL, "kWh"),
        "carbon": (query.LOCATION, "kg"),
        "carbon by market": (query.MARKET, "kg"),
        "per good piece": (query.PER_GOOD, "kg/unit"),
        "idle": (query.IDLE, "%"),
        "electric": (query.ELECTRIFICATION, "%"),
    }
    bars = ask(
        {
            "electricity": query.ELECTRICITY,
            "final energy": query.FINAL,
        },
        LINE,
        per=("line",),
    )
    return (
        Panel(
            11,
            "barchart",
            "Energy of the lines",
            "Electricity and final energy over the range, a pair of bars a line." + NOT_ALL_SEEN,
            (Query(bars, table=True),),
            "kWh",
            10,
            12,
            colour="palette-classic",
            options={"xField": "line"},
            overrides=(
                override(
                    "^Time$",
                    custom__hideFrom={
                        "legend": True,
                        "tooltip": True,
                        "viz": True,
                    },
                ),
            ),
        ),
        parts.line_table(
            12,
            "Lines side by side",
            columns,
            LINE,
            width=14,
        ),
    )


def _shifts() -> tuple[Panel, ...]:
    return (
        Panel(
            21,
            "timeseries",
            "Electricity per shift",
            "A bar begins with its shift; shifts are of equal length, by the plant's clock."
            + NOT_ALL_SEEN,
            (
                parts.per_line(
                    query.ELECTRICITY,
                    LINE,
                    every=SHIFT,
                ),
                parts.coverage(LINE, every=SHIFT),
            ),
            "kWh",
            12,
            9,
            colour="palette-classic",
            custom=look.STACKED,
            overrides=(BESIDE,),
        ),
        Panel(
            22,
            "timeseries",
            "Intensity per shift",
            "Carbon of the electricity used / electricity used, of the chosen lines, in both"
            " readings." + parts.BASIS + NOT_ALL_SEEN,
            parts.both(
                query.INTENSITY,
                query.INTENSITY_MARKET,
                LINE,
                every=SHIFT,
            ),
            "g/kWh",
            12,
            9,
            colour="palette-classic",
            custom=look.BARS,
            overrides=parts.BOTH_COLOURS,
            low=0,
        ),
    )


def _days() -> tuple[Panel, ...]:
    return (
        Panel(
            31,
            "timeseries",
            "Electricity per day",
            "Days begin at midnight by the plant's clock; today is not full yet." + NOT_ALL_SEEN,
            (
                parts.per_line(
                    query.ELECTRICITY,
                    LINE,
                    every=DAY,
                ),
                parts.coverage(LINE, every=DAY),
            ),
            "kWh",
            12,
            9,
            colour="palette-classic",
            custom=look.STACKED,
            overrides=(BESIDE,),
        ),
        Panel(
            32,
            "timeseries",
            "Carbon per good piece and day",
            "Carbon of the day / its good pieces, a line each: cells and boards are not one number."
            + parts.PIECES
            + parts.BASIS
            + NOT_ALL_SEEN,
            (
                parts.per_line(
                    query.PER_GOOD,
                    LINE,
                    every=DAY,
                ),
            ),
            "kg/unit",
            12,
            9,
            colour="palette-classic",
            custom=look.BARS,
        ),
    )


def _weeks() -> tuple[Panel, ...]:
    power = (
        Query(query.power(query.ELECTRICITY, LINE), "power"),
        parts.coverage(LINE, every=INTERVAL),
    )
    text = "Electric power of the chosen lines" + NOT_ALL_SEEN
    return (
        Panel(
            41,
            "timeseries",
            "Power",
            text,
            power,
            "kW",
            9,
            8,
            colour="palette-classic",
            low=0,
            overrides=(BESIDE,),
        ),
        Panel(
            42,
            "timeseries",
            "Power, a week earlier",
            "The same, seven days earlier. " + text,
            power,
            "kW",
            9,
            8,
            colour="palette-classic",
            low=0,
            overrides=(BESIDE,),
            shift="7d",
        ),
        Panel(
            43,
            "heatmap",
            "Load over the hours",
            "How often the chosen lines drew how much, by the hour: the band that never empties is"
            " the base load.",
            power[:1],
            "kW",
            6,
            8,
        ),
    )


def board() -> Board:
    """The board that puts things side by side."""
    rows = (
        Row("Which line?", _lines()),
        Row("Which shift?", _shifts()),
        Row("Which day?", _days()),
        Row("Is it more than a week ago?", _weeks()),
    )
    text = "Lines, shifts, days and weeks side by side."
    return Board(
        "wattline-compare",
        "Wattline: Compare",
        text,
        rows,
        parts.variables("many"),
        parts.links("many"),
        "now-7d",
        "5m",
    )
