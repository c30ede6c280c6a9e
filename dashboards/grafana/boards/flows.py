"""Sources and flows: where the energy comes from, what batteries do, where it goes."""

from __future__ import annotations

from dashboards.grafana import look, query
from dashboards.grafana.boards import parts
from dashboards.grafana.boards.parts import BESIDE, BUCKET, INTERVAL, NOT_ALL_SEEN
from dashboards.grafana.model import Board, Panel, Query, Row, override
from dashboards.grafana.query import Value, ask, total

KWH = total("kwh", of="flow")
TAKEN = Value('sum("taken") * -1', ("taken",), "source")


def _from() -> tuple[Panel, ...]:
    shares = (
        Query(ask(query.ON_SITE), "own"),
        Query(ask(query.RENEWABLE), "renewable"),
        Query(ask(query.CLAIMED), "with contracts"),
    )
    return (
        Panel(
            11,
            "bargauge",
            "Energy by source",
            "Source energy of all that was used, over the range, straight from the source.",
            (
                Query(
                    ask(
                        KWH,
                        query.NOT_THROUGH_A_STORE,
                        per=("source",),
                    ),
                    "$tag_source",
                ),
            ),
            "kWh",
            9,
            7,
            colour="palette-classic",
            overrides=parts.SOURCE_COLOURS,
        ),
        Panel(
            12,
            "bargauge",
            "Of which through batteries",
            "Source energy that was stored first, by battery, over the range.",
            (
                Query(
                    ask(
                        KWH,
                        query.THROUGH_A_STORE,
                        per=("via",),
                    ),
                    "$tag_via",
                ),
            ),
            "kWh",
            6,
            7,
            colour="palette-classic",
            overrides=parts.SOURCE_COLOURS,
        ),
        Panel(
            13,
            "stat",
            "Shares of electricity",
            "Electricity traced to own generation, to own renewable generation, and to that or"
            " green contracts / electricity used." + NOT_ALL_SEEN,
            shares,
            "%",
            6,
            7,
            decimals=1,
            low=0,
            high=100,
            options={
                "graphMode": "none",
                "textMode": "value_and_name",
            },
        ),
        parts.coverage_stat(
            14,
            width=3,
            height=7,
        ),
    )


def _when() -> tuple[Panel, ...]:
    return (
        Panel(
            21,
            "timeseries",
            "Power by source",
            "Source energy of all that is used, in kW; what left a battery stands under its name."
            + NOT_ALL_SEEN,
            (*parts.by_source(), parts.coverage(every=INTERVAL)),
            "kW",
            14,
            9,
            colour="palette-classic",
            custom=look.AREAS,
            overrides=(*parts.SOURCE_COLOURS, BESIDE),
        ),
        Panel(
            22,
            "timeseries",
            "Energy by source per hour or day",
            "In fixed buckets by the plant's clock.",
            (
                Query(
                    ask(
                        KWH,
                        per=("source",),
                        every=BUCKET,
                    ),
                    "$tag_source",
                ),
                parts.coverage(every=BUCKET),
            ),
            "kWh",
            10,
            9,
            colour="palette-classic",
            custom=look.STACKED,
            overrides=(*parts.SOURCE_COLOURS, BESIDE),
        ),
    )


def _batteries() -> tuple[Panel, ...]:
    given = Query(
        query.flow_power(
            KWH,
            query.THROUGH_A_STORE,
            per=("via",),
        ),
        "$tag_via gives",
    )
    taken = Query(
        query.flow_power(
            TAKEN,
            '"taken" > 0',
            per=("source",),
        ),
        "$tag_source takes",
    )
    energy = _held("held_kwh")
    carbon = _held("held_kg")
    return (
        Panel(
            31,
            "timeseries",
            "Batteries give and take",
            "Above zero what batteries gave, below zero what they took, in kW." + NOT_ALL_SEEN,
            (given, taken, parts.coverage(every=INTERVAL)),
            "kW",
            12,
            8,
            colour="palette-classic",
            custom=look.SIGNED,
            overrides=(*parts.SOURCE_COLOURS, BESIDE),
        ),
        Panel(
            32,
            "timeseries",
            "Energy held",
            "Energy in each battery at the end of each window; no line where it is empty.",
            (Query(energy, "$tag_source"),),
            "kWh",
            6,
            8,
            colour="palette-classic",
            low=0,
            overrides=parts.SOURCE_COLOURS,
        ),
        Panel(
            33,
            "timeseries",
            "Carbon held",
            "Carbon of the energy in each battery: it is booked to those who use it." + parts.BASIS,
            (Query(carbon, "$tag_source"),),
            "kg",
            6,
            8,
            colour="palette-classic",
            low=0,
            overrides=parts.SOURCE_COLOURS,
        ),
    )


def _held(field: str) -> str:
    """What storages hold, by storage, over time."""
    newest = Value(f'last("{field}")', (field,), "source")
    return ask(
        newest,
        f'"{field}" > 0',
        per=("source",),
        every=INTERVAL,
    )


def _to() -> tuple[Panel, ...]:
    columns = {
        "energy": KWH,
        "carbon": total("location_kg", of="flow"),
        "carbon by market": total("market_kg", of="flow"),
    }
    units = {
        "energy": "kWh",
        "carbon": "kg",
        "carbon by market": "kg",
    }
    return (
        Panel(
            41,
            "table",
            "From source to line",
            "Source energy and carbon of each line from each source, over the range." + parts.BASIS,
            (Query(ask(columns, per=("line", "source")), table=True),),
            width=14,
            height=10,
            overrides=(
                *(
                    override(
                        f"^{name}$",
                        unit=look.UNITS[unit],
                        decimals=1,
                    )
                    for name, unit in units.items()
                ),
                override("^Time$", custom__hidden=True),
            ),
        ),
        Panel(
            42,
            "timeseries",
            "Unmetered",
            "Final energy that entered a bus and that no meter saw leave, as a share of all final"
            " energy." + NOT_ALL_SEEN,
            (Query(ask(query.UNMETERED, every=BUCKET), "unmetered"), parts.coverage(every=BUCKET)),
            "%",
            10,
            10,
            colour="palette-classic",
            custom=look.BARS,
            overrides=(*parts.colours({"unmetered": look.UNMETERED}), BESIDE),
        ),
    )


def board() -> Board:
    """The board of sources and flows."""
    rows = (
        Row("Where does the energy come from?", _from()),
        Row("When?", _when()),
        Row("What do the batteries do?", _batteries()),
        Row("Where does it go?", _to()),
    )
    text = (
        "Where energy comes from, what batteries give, take and hold, and which line uses which"
        " source."
    )
    return Board(
        "wattline-flows",
        "Wattline: Sources and flows",
        text,
        rows,
        parts.variables(),
        parts.links(),
    )
