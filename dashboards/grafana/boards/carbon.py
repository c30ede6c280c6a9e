"""Carbon: how much in both readings of scope 2, when, how clean, per piece."""

from __future__ import annotations

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BASIS, BESIDE, BUCKET, INTERVAL, NOT_ALL_SEEN
from dashboards.grafana.model import Board, Panel, Query, Row
from dashboards.grafana.query import LINE, LINES, ask

SCOPES = {"scope 1": look.GAS, "scope 2": look.LOCATION_COLOUR}


def _amounts() -> tuple[Panel, ...]:
    quiet = {
        "graphMode": "none",
        "textMode": "value_and_name",
    }
    intensity = parts.both(query.INTENSITY, query.INTENSITY_MARKET)
    whole = parts.both(
        query.INTENSITY_FINAL,
        query.INTENSITY_FINAL_MARKET,
    )
    return (
        Panel(
            11,
            "stat",
            "All carbon",
            "Scope 1 + scope 2 over the range, in both readings." + BASIS + NOT_ALL_SEEN,
            parts.both(query.LOCATION, query.MARKET),
            "kg",
            6,
            5,
            overrides=parts.BOTH_COLOURS,
            options=quiet,
        ),
        Panel(
            12,
            "stat",
            "Scope 1",
            "Carbon of what is burnt on site." + NOT_ALL_SEEN,
            (Query(ask(query.SCOPE1), "scope 1"),),
            "kg",
            4,
            5,
            options=quiet,
            steps=((None, look.GAS),),
        ),
        Panel(
            13,
            "stat",
            "Intensity of electricity",
            "Carbon of the electricity used / electricity used." + BASIS + NOT_ALL_SEEN,
            intensity,
            "g/kWh",
            6,
            5,
            look.CARBON_SCALE,
            0,
            options=quiet,
        ),
        Panel(
            14,
            "stat",
            "Intensity of all energy",
            "All carbon / final energy." + BASIS + NOT_ALL_SEEN,
            whole,
            "g/kWh",
            5,
            5,
            look.CARBON_SCALE,
            0,
            options=quiet,
        ),
        parts.coverage_stat(15, width=3),
    )


def _bars(id: int, reading: str) -> Panel:
    scope2 = Query(
        ask(query.of_figure(f"carbon.scope2_{reading}"), every=BUCKET),
        "scope 2",
    )
    queries = (
        Query(ask(query.SCOPE1, every=BUCKET), "scope 1"),
        scope2,
        parts.coverage(every=BUCKET),
    )
    words = {
        "location": "by the factor of the region",
        "market": "by contracts, the rest by the residual mix",
    }
    return Panel(
        id,
        "timeseries",
        f"Carbon, scope 2 by {reading}",
        f"Carbon in fixed buckets by the plant's clock; bought energy {words[reading]}."
        + NOT_ALL_SEEN,
        queries,
        "kg",
        12,
        9,
        colour="palette-classic",
        custom=look.STACKED,
        overrides=(
            *parts.colours(
                SCOPES | ({} if reading == "location" else {"scope 2": look.MARKET_COLOUR})
            ),
            BESIDE,
        ),
    )


def _clean() -> tuple[Panel, ...]:
    shares = (
        Query(ask(query.RENEWABLE, every=INTERVAL), "physical"),
        Query(ask(query.CLAIMED, every=INTERVAL), "claimed"),
    )
    return (
        Panel(
            31,
            "timeseries",
            "Intensity of electricity",
            "Carbon of the electricity used / electricity used, over time, in both readings."
            + BASIS
            + NOT_ALL_SEEN,
            (
                *parts.both(
                    query.INTENSITY,
                    query.INTENSITY_MARKET,
                    every=INTERVAL,
                ),
                parts.coverage(every=INTERVAL),
            ),
            "g/kWh",
            14,
            8,
            look.CARBON_SCALE,
            colour="palette-classic",
            low=0,
            overrides=(*parts.BOTH_COLOURS, BESIDE),
        ),
        Panel(
            32,
            "timeseries",
            "Renewable share",
            "Physical: electricity traced to own renewable generation. Claimed: that, or covered by"
            " green contracts." + NOT_ALL_SEEN,
            shares,
            "%",
            10,
            8,
            colour="palette-classic",
            low=0,
            high=100,
            overrides=parts.colours(
                {
                    "physical": look.SUN,
                    "claimed": look.STORE,
                }
            ),
        ),
    )


def _pieces() -> tuple[Panel, ...]:
    columns = {
        "good pieces": (query.GOOD, "pieces"),
        "scrap": (query.SCRAP, "pieces"),
        "kg a good piece": (query.PER_GOOD, "kg/unit"),
        "by market": (query.PER_GOOD_MARKET, "kg/unit"),
        "kg a piece made": (query.PER_UNIT, "kg/unit"),
        "energy a good piece": (query.ENERGY_PER_GOOD, "kWh/unit"),
    }
    return (
        parts.line_table(
            41,
            "Carbon of one piece",
            columns,
            LINE,
            width=15,
        ),
        Panel(
            42,
            "bargauge",
            "Carbon of the lines",
            "Scope 1 + scope 2 by location, over the range, a bar a line." + BASIS + NOT_ALL_SEEN,
            (parts.per_line(query.LOCATION, LINE, LINES),),
            "kg",
            9,
            12,
            steps=((None, look.LOCATION_COLOUR),),
        ),
    )


def board() -> Board:
    """The board of carbon."""
    rows = (
        Row(
            "How much carbon, in both readings of scope 2?",
            _amounts(),
        ),
        Row("When?", (_bars(21, "location"), _bars(22, "market"))),
        Row("How clean is the electricity?", _clean()),
        Row("What does one piece carry?", _pieces()),
    )
    text = "Carbon in both readings of scope 2, over time, per kWh and per piece."
    return Board(
        "wattline-carbon",
        "Wattline: Carbon",
        text,
        rows,
        parts.variables("many"),
        parts.links("many"),
    )
