"""Columns of rules out of a book: one value for each subject of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from plant.arrays import Floats
from plant.names import Carrier
from plant.units import HOUR_NS
from rules.variables.book_row import BookRow
from rules.variables.variable import RuleColumn

ODD_KINDS: Final = {"reset": "unusual", "unknown": "unusual", "wrap": "wrapped"}
"""What rules call the verdicts on counter steps that were no plain ones."""

TRACED: Final = "energy.source."
"""Columns and variables of traced energy: this and the id of a source or storage."""

PIECES: Final = ("good", "scrap")
METER_TAKES: Final = ("meter.forward", "meter.reverse", "meter.seen_s", "meter.estimated")
FLOW_TAKES: Final = ("flow.kwh",)


def read(
    columns: Sequence[RuleColumn],
    per: str,
    book: BookRow,
) -> Floats:
    """What a ring of `per` keeps of a book [columns, subjects]."""
    as_its_kind = _OF_KIND[per]
    rows = []
    for column in columns:
        row = as_its_kind(column.name, book) if column.read is None else column.read(book)
        rows.append(row)

    return np.stack(rows)


def takes(column: RuleColumn, per: str) -> tuple[str, ...]:
    """Columns of the tables of books that a column is made of."""
    if column.takes or column.read is not None:
        return column.takes

    if column.name == "hours":
        return ()

    if column.name.startswith(TRACED):
        return FLOW_TAKES

    if per == "meter":
        return METER_TAKES

    if per == "bus" and column.name == "due_s":
        return ()

    if per == "bus" and column.name == "seen_s":
        return METER_TAKES

    return (f"line.{column.name}",)


def bought_kwh(book: BookRow) -> Floats:
    """Electricity from the grid."""
    given = book.source("given")
    return np.array([given[book.seats.bought].sum()])


def held_kg(book: BookRow) -> Floats:
    """Carbon of what the storages on buses hold at the end of
    the window; that of a line is the line's own.
    """
    held = book.source("held_kg")[book.seats.sources :]
    total = 0.0
    for storage, kg in zip(
        book.seats.site.storages,
        held,
        strict=True,
    ):
        if storage.line is None:
            total += kg

    return np.array([total])


def odd_steps(kind: str) -> Callable[[BookRow], Floats]:
    """How many counter steps of a kind each meter made."""

    def count(book: BookRow) -> Floats:
        meters = range(book.seats.meters)
        return np.array([float(book.odd.get((kind, meter), 0)) for meter in meters])

    return count


def through(book: BookRow) -> Floats:
    """What went through each meter, either way."""
    return book.meter("forward") + book.meter("reverse")


def _of_line(name: str, book: BookRow) -> Floats:
    return _each_line(name, book)[: book.seats.lines]


def _of_group(name: str, book: BookRow) -> Floats:
    seats = book.seats
    groups = seats.lines_of_group
    if name == "hours":
        return np.full(len(groups), _hours(book))

    each = _each_line(name, book)
    totals = np.array([_total(each[lines]) for lines in groups])
    if name in PIECES:
        return np.where(seats.group_makes_one_thing, totals, np.nan)

    return totals


def _of_bus(name: str, book: BookRow) -> Floats:
    """What no meter saw leave; seen as long as the meters around the bus were."""
    seats = book.seats
    around = seats.meters_of_bus
    if name == "due_s":
        counts = np.array([len(meters) for meters in around])
        return seats.site.window_s * counts

    if name == "seen_s":
        seen_s = book.meter("seen_s")
        return np.array([seen_s[meters].sum() for meters in around])

    return _each_line(name, book)[seats.lines :]


def _of_meter(name: str, book: BookRow) -> Floats:
    seats = book.seats
    if name == "hours":
        return np.full(seats.meters, _hours(book))

    if name == "due_s":
        return np.full(seats.meters, seats.site.window_s)

    if name == "seen_s":
        return book.meter("seen_s")

    if name == "estimated_kwh":
        return book.meter("estimated")

    if name == "final_kwh":
        return book.meter("forward")

    if name == "electricity_converters_kwh":
        # Converters keep something of what the site has, not of what one meter saw.
        return np.zeros(book.seats.meters)

    carrier = name.removeprefix("delivered_")
    if name == "electricity_kwh":
        carrier = Carrier.ELECTRICITY.value

    is_carrier = [own == carrier for own in seats.carriers]
    net = book.meter("forward") - book.meter("reverse")
    return np.where(is_carrier, net, np.nan)


def _of_site(name: str, book: BookRow) -> Floats:
    if name == "hours":
        return np.array([_hours(book)])

    if name in PIECES and not book.seats.site_makes_one_thing:
        return np.array([np.nan])

    each = _each_line(name, book)
    if name.startswith(TRACED):
        return np.array([each.sum()])

    return np.array([_total(each)])


_OF_KIND: Final[Mapping[str, Callable[[str, BookRow], Floats]]] = {
    "line": _of_line,
    "group": _of_group,
    "bus": _of_bus,
    "meter": _of_meter,
    "site": _of_site,
}


def _each_line(name: str, book: BookRow) -> Floats:
    """A column of lines, and then of what is left on each bus."""
    if name == "hours":
        return np.full(book.seats.lines + book.seats.buses, _hours(book))

    if name.startswith(TRACED):
        return book.traced(name.removeprefix(TRACED))

    return book.line(name)


def _hours(book: BookRow) -> float:
    return book.seats.site.window_s * 1e9 / HOUR_NS


def _total(values: Floats) -> float:
    """Of what is known; not known where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else np.nan
