"""Site: how are we doing, against last week, where from, which line."""

from __future__ import annotations

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BESIDE, BUCKET, INTERVAL, NOT_ALL_SEEN
from dashboards.grafana.model import Board, Panel, Query, Row
from dashboards.grafana.query import ask, ratio

RUN_STEPS = ((None, look.STATES["off"]), (1.0, look.STATES["idle"]), (50.0, look.STATES["run"]))


def _week_ago() -> tuple[Panel, ...]:
    quiet = {
        "graphMode": "none",
        "textMode": "value_and_name",
    }
    return (
        Panel(
            21,
            "stat",
            "Electricity, a week earlier",
            "Electricity of the same range, seven days earlier." + NOT_ALL_SEEN,
            (Query(ask(query.ELECTRICITY), "electricity"),),
            "kWh",
            9,
            4,
            shift="7d",
            options=quiet,
        ),
        Panel(
            22,
            "stat",
            "Carbon, a week earlier",
            "Scope 1 and 2 of the same range, seven days earlier." + parts.BASIS + NOT_ALL_SEEN,
            parts.both(query.LOCATION, query.MARKET),
            "kg",
            9,
            4,
            overrides=parts.BOTH_COLOURS,
            shift="7d",
            options=quiet,
        ),
        parts.coverage_stat(
            23,
            width=6,
            height=4,
            shift="7d",
        ),
    )


def _sources() -> tuple[Panel, ...]:
    return (
        Panel(
            31,
            "timeseries",
            "Power by source",
            "Where the energy that the site uses comes from, in kW of source energy. What left a"
            " battery stands under its name." + NOT_ALL_SEEN,
            (*parts.by_source(), parts.coverage(every=INTERVAL)),
            "kW",
            15,
            9,
            colour="palette-classic",
            custom=look.AREAS,
            overrides=(*parts.SOURCE_COLOURS, BESIDE),
        ),
        Panel(
            32,
            "timeseries",
            "Electricity per hour or day",
            "Site electricity by the plant's clock: what lines used, what converters kept, and what"
            " no meter saw leave. The last bar is not full yet." + NOT_ALL_SEEN,
            (
                Query(ask(query.BY_LINES, every=BUCKET), "used by lines"),
                Query(ask(query.CONVERTERS, every=BUCKET), "kept by converters"),
                Query(ask(query.NOT_METERED, every=BUCKET), "unmetered"),
                parts.coverage(every=BUCKET),
            ),
            "kWh",
            9,
            9,
            colour="palette-classic",
            custom=look.STACKED,
            overrides=(BESIDE,),
        ),
    )


def _lines() -> tuple[Panel, ...]:
    columns = {
        "electricity": (query.ELECTRICITY, "kWh"),
        "final energy": (query.FINAL, "kWh"),
        "carbon": (query.LOCATION, "kg"),
        "intensity": (query.INTENSITY, "g/kWh"),
        "electric": (query.ELECTRIFICATION, "%"),
    }
    running = ratio(("seconds_run",), ("due_s",), 100.0)
    return (
        parts.line_table(
            41,
            "Lines",
            columns,
            width=14,
        ),
        Panel(
            42,
            "state-timeline",
            "Running",
            "Share of the time in which each line ran: dark ran, light idle or off. Where nothing"
            " is drawn, nothing is known.",
            (parts.per_line(running, every=INTERVAL),),
            "%",
            10,
            12,
            RUN_STEPS,
            0,
        ),
    )


def board() -> Board:
    """The board of the whole site."""
    rows = (
        Row("How are we doing?", parts.headline(10)),
        Row("And a week earlier?", _week_ago()),
        Row("Where does it come from, and when?", _sources()),
        Row("Which line?", _lines()),
    )
    text = (
        "How the site is doing: power, energy, carbon and coverage, where the energy comes from and"
        " which line uses it."
    )
    return Board(
        "wattline-site",
        "Wattline: Site",
        text,
        rows,
        parts.variables(),
        parts.links(),
    )
