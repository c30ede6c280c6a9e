"""Data health: can the figures be trusted, which line lacks
data, what no meter saw, which meter.
"""

from __future__ import annotations

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BUCKET, INTERVAL
from dashboards.grafana.model import Board, Panel, Query, Row, override
from dashboards.grafana.query import COVERAGE, LINE, SITE, ask, total

SHARES = ((None, "#0F766E"), (5.0, "#C9A23F"), (10.0, "#B3261E"))
POWER = "active_power.total"
METER = f'FROM "meter" WHERE {SITE} AND $timeFilter'


def _trust() -> tuple[Panel, ...]:
    quiet = {"graphMode": "none"}
    return (
        Panel(
            11,
            "gauge",
            "Coverage",
            "Share of the time in which the meters of all lines were seen.",
            (Query(ask(COVERAGE), "coverage"),),
            "%",
            6,
            6,
            look.COVERAGE_STEPS,
            1,
            0,
            100,
        ),
        Panel(
            12,
            "stat",
            "Estimated",
            "Energy whose size or shape is estimated / final energy.",
            (Query(ask(query.ESTIMATED), "estimated"),),
            "%",
            6,
            6,
            SHARES,
            1,
            options=quiet,
        ),
        Panel(
            13,
            "stat",
            "Unmetered",
            "Final energy that entered a bus and that no meter saw leave / final energy. Below zero"
            " the meters saw more leave than enter.",
            (Query(ask(query.UNMETERED), "unmetered"),),
            "%",
            6,
            6,
            SHARES,
            1,
            options=quiet,
        ),
        Panel(
            14,
            "stat",
            "Books",
            "Time that there are books for, in the range.",
            (Query(query.booked(), "booked"),),
            "s",
            6,
            6,
            options=quiet,
        ),
    )


def _lines() -> tuple[Panel, ...]:
    return (
        Panel(
            21,
            "state-timeline",
            "Coverage of the lines",
            "Green 99 % and more, ochre 95 % and more, red less; where nothing is drawn there are"
            " no books.",
            (
                parts.per_line(
                    COVERAGE,
                    LINE,
                    every=INTERVAL,
                ),
            ),
            "%",
            15,
            10,
            look.COVERAGE_STEPS,
            0,
        ),
        Panel(
            22,
            "bargauge",
            "Coverage over the range",
            "Share of the time in which the meters of each line were seen.",
            (parts.per_line(COVERAGE, LINE),),
            "%",
            9,
            10,
            look.COVERAGE_STEPS,
            1,
            0,
            100,
        ),
    )


def _unseen() -> tuple[Panel, ...]:
    remainder = total("remainder", of="bus")
    return (
        Panel(
            31,
            "timeseries",
            "What no meter saw leave a bus",
            "In fixed buckets, in the unit of the bus: kWh, Nm3 or m3. Below zero the meters saw"
            " more leave than enter.",
            (
                Query(
                    ask(
                        remainder,
                        per=("bus",),
                        every=BUCKET,
                    ),
                    "$tag_bus",
                ),
            ),
            "own",
            14,
            9,
            colour="palette-classic",
            custom=look.BARS,
        ),
        Panel(
            32,
            "timeseries",
            "Estimated and unmetered",
            "Shares of final energy, beside coverage.",
            (
                Query(ask(query.ESTIMATED, every=BUCKET), "estimated"),
                Query(ask(query.UNMETERED, every=BUCKET), "unmetered"),
                parts.coverage(every=BUCKET),
            ),
            "%",
            10,
            9,
            colour="palette-classic",
            overrides=parts.colours(
                {
                    "estimated": look.STATES["idle"],
                    "unmetered": look.UNMETERED,
                    "coverage": look.STATES["run"],
                }
            ),
        ),
    )


def _meters() -> tuple[Panel, ...]:
    last = f'SELECT last("{POWER}") AS "power" {METER} GROUP BY "meter"'
    seen = f'SELECT count("{POWER}") AS "readings" {METER} GROUP BY time($bucket), "meter" fill(0)'
    return (
        Panel(
            41,
            "table",
            "Last reading of each electricity meter",
            "Active power as read, and when; a meter that is not listed gave none in the range.",
            (
                Query(
                    last,
                    table=True,
                    source="readings",
                ),
            ),
            "none",
            12,
            10,
            overrides=(override("^power$", unit="kwatt"),),
        ),
        Panel(
            42,
            "timeseries",
            "Readings per hour or day",
            "How many values of active power each meter gave: a step down is a meter that went"
            " silent.",
            (
                Query(
                    seen,
                    "$tag_meter",
                    source="readings",
                ),
            ),
            "pieces",
            12,
            10,
            colour="palette-classic",
            options={
                "legend": {
                    "showLegend": False,
                    "displayMode": "list",
                    "placement": "bottom",
                    "calcs": [],
                }
            },
        ),
    )


def board() -> Board:
    """The board of data health."""
    rows = (
        Row("Can the figures be trusted?", _trust()),
        Row("Which line lacks data?", _lines()),
        Row("What did no meter see?", _unseen()),
        Row("Which meter?", _meters()),
    )
    text = "Coverage, estimates, what no meter saw, and the meters behind the books."
    return Board(
        "wattline-health",
        "Wattline: Data health",
        text,
        rows,
        parts.variables("many", readings=True),
        parts.links("many"),
    )
