"""What a figure of carbon is made of, by source: only the sources and carriers that are in it, with
shares that add up to it.

The same flows are summed here that the figure's own columns were made of, with the same factors: so
the parts add up to the numerator of the figure to the last digit but for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from books.answers import Factor, Part
from books.members import members
from books.rows import Edges, codes, listed, rows_between
from engine.figures.figures import figure
from plant.names import AS_ELECTRICITY, Carrier
from plant.ports import Column, Store
from plant.site import FactorRow, Site

ELECTRIC: Final = (Carrier.ELECTRICITY, *AS_ELECTRICITY)
"""What counts as electricity at a line: air and cold are the electricity behind them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Which flows a column of the figures sums: the kilograms in `kg`, of sources of these scopes,
    delivered by these carriers.

    A source without carbon, such as a roof, has the scope "none"; it is shown with nothing beside
    bought energy.
    """

    kg: str
    scopes: tuple[str, ...] = ("scope1", "scope2", "none")
    electric_only: bool = False


CARBON: Final = {
    "scope1_kg": Measured("location_kg", scopes=("scope1",)),
    "scope2_location_kg": Measured("location_kg", scopes=("scope2", "none")),
    "scope2_market_kg": Measured("market_kg", scopes=("scope2", "none")),
    "electric_location_kg": Measured("location_kg", electric_only=True),
    "electric_market_kg": Measured("market_kg", electric_only=True),
}
"""By column of the figures."""

EVERYTHING: Final = Measured("location_kg")
"""All that was traced, with its carbon by location."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What came from one source, through one storage or directly, as the figures count it."""

    source: str
    via: str
    amount: float
    kg: float


def parts(
    site: Site,
    store: Store,
    of: str,
    edges: Edges,
    name: str,
) -> list[Part]:
    """The sources behind the numerator of a figure between two edges, the greatest first; none
    where it holds no carbon."""
    measures = [CARBON[column] for column in sorted(figure(name).top) if column in CARBON]
    return _parts(
        site,
        store,
        of,
        edges,
        measures,
    )


def _parts(
    site: Site,
    store: Store,
    of: str,
    edges: Edges,
    measures: Sequence[Measured],
) -> list[Part]:
    properties = {prop.source: prop for prop in site.properties}
    found: list[Part] = []
    for measured in measures:
        for row in _rows(
            store,
            site,
            of,
            edges,
            measured,
        ):
            prop = properties.get(row.source)
            if prop is None or prop.scope not in measured.scopes:
                continue

            factor = prop.market if measured.kg == "market_kg" else prop.location
            found.append(
                Part(
                    source=row.source,
                    via=row.via or None,
                    amount=row.amount,
                    unit=prop.location.unit,
                    kg=row.kg,
                    value=row.kg,
                    factor=factor_row(factor),
                )
            )

    return sorted(found, key=lambda part: -abs(part.amount))


def sources_by_line(
    site: Site,
    store: Store,
    edges: Edges,
) -> dict[str, list[SourceRow]]:
    """What each line used between two edges, the greatest first, in one question."""
    names = {store.codes[line.id]: line.id for line in site.lines if line.id in store.codes}
    found: dict[str, list[SourceRow]] = {line.id: [] for line in site.lines}
    if not names or not store.has("flow"):
        return found

    columns = ("node", "source", "via", "amount", EVERYTHING.kg)
    where = f"kind IN (0, 1) AND node IN ({listed(names)})"
    rows = store.query(
        f"SELECT node, source, via, sum(amount) AS amount, sum({EVERYTHING.kg}) AS kg "
        f"FROM ({rows_between('flow', edges, columns, where)}) GROUP BY ALL HAVING sum(amount) <> 0"
    )
    counted = {prop.source for prop in site.properties if prop.scope in EVERYTHING.scopes}
    for node, row in zip(rows["node"], _source_rows(store, rows), strict=True):
        if row.source in counted:
            found[names[int(node)]].append(row)

    for of_line in found.values():
        of_line.sort(key=lambda row: -abs(row.amount))

    return found


def _rows(
    store: Store,
    site: Site,
    of: str,
    edges: Edges,
    measured: Measured,
) -> list[SourceRow]:
    kept_as = codes(store, members(site, of))
    if not kept_as or not store.has("flow"):
        return []

    where = f"kind IN (0, 1) AND node IN ({listed(kept_as)})"
    if measured.electric_only:
        where += f" AND carrier IN ({listed(codes(store, ELECTRIC)) or 'NULL'})"

    columns = ("source", "via", "amount", measured.kg)
    rows = store.query(
        f"SELECT source, via, sum(amount) AS amount, sum({measured.kg}) AS kg "
        f"FROM ({rows_between('flow', edges, columns, where)}) GROUP BY ALL HAVING sum(amount) <> 0"
    )
    return _source_rows(store, rows)


def _source_rows(store: Store, rows: Mapping[str, Column]) -> list[SourceRow]:
    """Rows of a question, with names in place of numbers."""
    text = store.text()
    named = zip(
        rows["source"],
        rows["via"],
        rows["amount"],
        rows["kg"],
        strict=True,
    )
    return [
        SourceRow(
            source=text[int(source)],
            via=text[int(via)],
            amount=float(amount),
            kg=float(kg),
        )
        for source, via, amount, kg in named
    ]


def factor_row(row: FactorRow) -> Factor:
    """A factor in the words of the API."""
    return Factor(
        value_kg=row.value_kg,
        unit=row.unit,
        source=row.source,
        year=row.year,
        region=row.region,
        gas_basis=row.gas_basis,
        status=row.status,
        fallback=row.fallback,
    )
