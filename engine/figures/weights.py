"""What one unit of a source is multiplied with, by the hour in which it came from there (method,
sections 2 and 5).

What leaves a battery in January may have entered it in December: its factor is that of its origin,
never that of its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from engine.book import Book
from engine.tracing.storage import KeptLayers
from plant.arrays import Floats, Ints
from plant.names import Carrier
from plant.site import FactorRow, Site, SourceProperty


class By(IntEnum):
    """Rows of the weights: kg per unit by scope and basis, shares, kWh and kgce per unit."""

    SCOPE1 = 0
    SCOPE2_LOCATION = 1
    SCOPE2_MARKET = 2
    LOCATION = 3
    MARKET = 4
    RENEWABLE = 5
    CLAIMED = 6
    ON_SITE = 7
    KWH = 8
    ELECTRIC_KWH = 9
    KGCE = 10
    ELECTRIC_KGCE = 11


class Factors(NamedTuple):
    """The factors of a source on either basis."""

    location: FactorRow
    market: FactorRow


@dataclass(frozen=True, slots=True)
class Weights:
    """`since` [d]: from when each table holds (ns); `table` [d, By, sources]."""

    since: Ints
    table: Floats

    @classmethod
    def of_site(cls, site: Site) -> Weights:
        """Of all sources and pseudo-sources of a site, from the first dated factor on; earlier
        origins take the first.
        """
        dates: set[int] = set()
        for source in site.properties:
            dates.update(dated.from_ns for dated in source.dated)

        # Before the first date holds a table of its own, without end towards the past.
        always = int(np.iinfo(np.int64).min)
        since = [always, *sorted(dates)]
        tables = [_table(site, at_ns) for at_ns in since]
        return cls(
            since=np.array(since, np.int64),
            table=np.stack(tables),
        )

    def of(self, source: Ints, origin: Ints) -> Floats:
        """Weights [By, rows] of amounts of `source` that came from there at `origin` (ns UTC)."""
        # Most plants have no dated factors, and one table holds for every origin.
        if len(self.since) == 1:
            always = self.table[0]
            return np.asarray(always[:, source])

        later = np.searchsorted(self.since, origin, side="right")
        in_force = later - 1
        of_rows = self.table[in_force, :, source]
        return np.asarray(of_rows.T)

    def kg_of(self, layers: Sequence[KeptLayers]) -> Floats:
        """Carbon held in each storage, kg on the location basis, from the layers of a book."""
        of_storages = [self._held(held) for held in layers]
        return np.array(of_storages)

    def _held(self, layers: KeptLayers) -> float:
        """Carbon of the layers of one storage, kg."""
        sources: list[int] = []
        origins: list[int] = []
        amounts: list[float] = []
        for _, _, amounts_of_layer in layers:
            for source, origin, amount in amounts_of_layer:
                sources.append(source)
                origins.append(origin)
                amounts.append(amount)

        weights = self.of(
            source=np.array(sources, np.int64),
            origin=np.array(origins, np.int64),
        )
        kg_per_unit = weights[By.LOCATION]
        kg = kg_per_unit @ np.array(amounts, float)
        return float(kg)

    def imbalance(self, book: Book, sources: int) -> float:
        """Largest difference, per basis, between the carbon that came in and all that became of it,
        relative to what came in, or to one kilogram where less came in. `sources` are those of the
        plant, without pseudo-sources: of these nothing comes in that could be compared.
        """
        entered = self.of(
            source=np.arange(sources),
            origin=np.full(sources, book.start),
        )
        came = entered @ book.primary

        flows = book.flows
        rows = np.flatnonzero(flows.source < sources)
        left = self.of(
            source=flows.source[rows],
            origin=flows.origin[rows],
        )
        went = left @ flows.amount[rows]

        bases = [By.LOCATION, By.MARKET]
        came_kg = came[bases]
        went_kg = went[bases]
        difference_kg = np.abs(went_kg - came_kg)
        compared_with_kg = np.maximum(np.abs(came_kg), 1.0)
        relative = difference_kg / compared_with_kg
        return float(relative.max(initial=0.0))


def factors_at(source: SourceProperty, at_ns: int) -> Factors:
    """The factors of a source for what comes from it at a time."""
    if not source.dated:
        return Factors(source.location, source.market)

    in_force = source.dated[0]
    for dated in source.dated:
        if dated.from_ns <= at_ns:
            in_force = dated

    return Factors(in_force.location, in_force.market)


def _table(site: Site, at_ns: int) -> Floats:
    """Weights [By, sources] of what comes from the sources at a time."""
    properties = site.properties
    factors = [factors_at(source, at_ns) for source in properties]
    location = np.array([each.location.value_kg for each in factors])
    market = np.array([each.market.value_kg for each in factors])

    scopes = [source.scope for source in properties]
    is_scope1 = np.array([scope == "scope1" for scope in scopes])
    is_scope2 = np.array([scope == "scope2" for scope in scopes])

    renewable = np.array([source.renewable for source in properties], float)
    contract = np.array([source.contract_share for source in properties])
    on_site = np.array([source.on_site for source in properties], float)

    kwh = np.array([source.kwh for source in properties])
    kgce = np.array([source.kgce for source in properties])
    electric = _electric(site)
    rows = {
        By.SCOPE1: np.where(is_scope1, location, 0.0),
        By.SCOPE2_LOCATION: np.where(is_scope2, location, 0.0),
        By.SCOPE2_MARKET: np.where(is_scope2, market, 0.0),
        By.LOCATION: location,
        By.MARKET: market,
        By.RENEWABLE: renewable,
        By.CLAIMED: np.maximum(renewable, contract),
        By.ON_SITE: on_site,
        By.KWH: kwh,
        By.ELECTRIC_KWH: kwh * electric,
        By.KGCE: kgce,
        By.ELECTRIC_KGCE: kgce * electric,
    }
    in_order = [rows[by] for by in By]
    return np.stack(in_order)


def _electric(site: Site) -> Floats:
    """1 for each source [sources] of which a unit is electricity, else 0."""
    is_electric = [source.carrier == Carrier.ELECTRICITY for source in site.sources]
    # Ambient heat is not electric; what is of unknown source, and the opening stock, is taken for
    # electricity.
    of_ambient = False
    of_unknown = True
    of_opening_stock = True
    is_electric += [
        of_ambient,
        of_unknown,
        of_opening_stock,
    ]
    return np.array(is_electric, float)
