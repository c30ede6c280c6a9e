"""Line: how is this line doing, from which source, what did
the machine do, what does a piece carry.
"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DashboardFieldConfigSourceOverrides

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BESIDE, BUCKET, INTERVAL, NOT_ALL_SEEN
from dashboards.grafana.model import Board, Panel, Query, Row, override
from dashboards.grafana.query import LINE, ask, ratio

SECONDS = tuple(f"seconds_{state}" for state in look.STATES)


def _sources() -> tuple[Panel, ...]:
    return (
        Panel(
            21,
            "timeseries",
            "Power by source",
            "Where the energy of the line comes from, traced through buses, converters and"
            " batteries, in kW of source energy." + NOT_ALL_SEEN,
            (*parts.by_source(LINE), parts.coverage(LINE, every=INTERVAL)),
            "kW",
            15,
            9,
            colour="palette-classic",
            custom=look.AREAS,
            overrides=(*parts.SOURCE_COLOURS, BESIDE),
        ),
        Panel(
            22,
            "timeseries",
            "Final energy per hour or day",
            "Electricity, air and cold as the electricity behind them, and heat, in fixed buckets"
            " by the plant's clock." + NOT_ALL_SEEN,
            (
                Query(
                    ask(
                        query.FINAL,
                        LINE,
                        every=BUCKET,
                    ),
                    "final energy",
                ),
                parts.coverage(LINE, every=BUCKET),
            ),
            "kWh",
            9,
            9,
            colour="palette-classic",
            custom=look.BARS,
            overrides=(BESIDE,),
        ),
    )


def _band(state: str, colour: str) -> DashboardFieldConfigSourceOverrides:
    """A state is drawn where the line was in it: full where it
    lasted for most of the time, pale where for less.
    """
    steps = [
        {
            "value": None,
            "color": "transparent",
        },
        {
            "value": 1,
            "color": f"{colour}66",
        },
        {
            "value": 50,
            "color": colour,
        },
    ]
    return override(
        f"^{state}$",
        thresholds={
            "mode": "absolute",
            "steps": steps,
        },
    )


def _states() -> tuple[Panel, ...]:
    bands = tuple(
        Query(
            ask(
                ratio((f"seconds_{state}",), SECONDS, 100.0),
                LINE,
                every=INTERVAL,
            ),
            state,
        )
        for state in look.STATES
    )
    return (
        Panel(
            31,
            "state-timeline",
            "Machine states",
            "When the line was in each state: full where it was for most of the time, pale where"
            " for less. Where no state is drawn, nothing is known.",
            bands,
            "%",
            15,
            9,
            decimals=0,
            overrides=tuple(_band(state, colour) for state, colour in look.STATES.items()),
        ),
        Panel(
            32,
            "gauge",
            "Energy while not producing",
            "Final energy while the line did not run, and the part of it while idle or on stand-by,"
            " which could be avoided / final energy." + NOT_ALL_SEEN,
            (
                Query(ask(query.NOT_RUNNING, LINE), "not running"),
                Query(ask(query.IDLE, LINE), "avoidable"),
                Query(ask(query.COVERAGE, LINE), "coverage"),
            ),
            "%",
            9,
            9,
            ((None, "#0F766E"), (10.0, "#C9A23F"), (25.0, "#B3261E")),
            1,
            0,
            100,
            overrides=(
                override(
                    "^coverage$",
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
            ),
        ),
    )


def _pieces() -> tuple[Panel, ...]:
    carbon = parts.both(
        query.PER_GOOD,
        query.PER_GOOD_MARKET,
        LINE,
        every=BUCKET,
    )
    return (
        Panel(
            41,
            "timeseries",
            "Carbon per good piece",
            "Carbon of the bar / its good pieces." + parts.PIECES + parts.BASIS + NOT_ALL_SEEN,
            (*carbon, parts.coverage(LINE, every=BUCKET)),
            "kg/unit",
            10,
            9,
            colour="palette-classic",
            custom=look.BARS,
            overrides=(*parts.BOTH_COLOURS, BESIDE),
        ),
        Panel(
            42,
            "timeseries",
            "Energy per good piece",
            "Final energy of the bar / its good pieces." + parts.PIECES + NOT_ALL_SEEN,
            (
                Query(
                    ask(
                        query.ENERGY_PER_GOOD,
                        LINE,
                        every=BUCKET,
                    ),
                    "energy",
                ),
            ),
            "kWh/unit",
            7,
            9,
            colour="palette-classic",
            custom=look.BARS,
        ),
        Panel(
            43,
            "timeseries",
            "Output",
            "Good pieces and scrap, as the line's control counts them.",
            (
                Query(
                    ask(
                        query.GOOD,
                        LINE,
                        every=BUCKET,
                    ),
                    "good",
                ),
                Query(
                    ask(
                        query.SCRAP,
                        LINE,
                        every=BUCKET,
                    ),
                    "scrap",
                ),
            ),
            "pieces",
            7,
            9,
            colour="palette-classic",
            custom=look.STACKED,
            overrides=parts.colours(
                {
                    "good": "#0F766E",
                    "scrap": "#B3261E",
                }
            ),
        ),
    )


def board() -> Board:
    """The board of one line."""
    rows = (
        Row("How is $line doing?", parts.headline(10, LINE)),
        Row(
            "From which source does $line draw, and when?",
            _sources(),
        ),
        Row("What did $line do?", _states()),
        Row("What does one piece of $line carry?", _pieces()),
    )
    text = (
        "One line: its power by source, its machine states, and the energy and carbon of one piece."
    )
    return Board(
        "wattline-line",
        "Wattline: Line",
        text,
        rows,
        parts.variables("one"),
        parts.links("one"),
    )
