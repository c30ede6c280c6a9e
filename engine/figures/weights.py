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
        dates = {dated.from_ns for source in site.properties for dated in source.dated}
        always = np.iinfo(np.int64).min
        since = np.array([always, *sorted(dates)], np.int64)
        tables = [_table(site, int(at)) for at in since]
        return cls(since, np.stack(tables))

    def of(self, source: Ints, origin: Ints) -> Floats:
        """Weights [By, rows] of amounts of `source` that came from there at `origin`."""
        if len(self.since) == 1:
            return np.asarray(self.table[0][:, source])

        at = np.searchsorted(self.since, origin, "right") - 1
        return np.asarray(self.table[at, :, source].T)

    def kg_of(self, layers: Sequence[KeptLayers]) -> Floats:
        """Carbon held in each storage, kg on the location basis, from the layers of a book."""
        return np.array([self._held(held) for held in layers])

    def _held(self, layers: KeptLayers) -> float:
        """Carbon of the layers of one storage, kg."""
        source: list[int] = []
        origin: list[int] = []
        amount: list[float] = []
        for _, _, amounts in layers:
            for its_source, its_origin, its_amount in amounts:
                source.append(its_source)
                origin.append(its_origin)
                amount.append(its_amount)

        weights = self.of(
            np.array(source, np.int64),
            np.array(origin, np.int64),
        )
        return float(weights[By.LOCATION] @ np.array(amount, float))

    def imbalance(self, book: Book, sources: int) -> float:
        """Largest difference, per basis, between the carbon that came in and all that became of it,
        relative to what came in (kg).
        """
        flows = book.flows
        every = np.arange(sources)
        now = np.full(sources, book.start)
        came = self.of(every, now) @ book.primary
        rows = np.flatnonzero(flows.source < sources)
        went = self.of(flows.source[rows], flows.origin[rows]) @ flows.amount[rows]
        bases = [By.LOCATION, By.MARKET]
        difference = np.abs(went - came)[bases]
        relative = difference / np.maximum(np.abs(came[bases]), 1.0)
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
    is_scope1 = np.array([source.scope == "scope1" for source in properties])
    is_scope2 = np.array([source.scope == "scope2" for source in properties])
    renewable = np.array([source.renewable for source in properties], float)
    contract = np.array([source.contract_share for source in properties])
    on_site = np.array([source.on_site for source in properties], float)
    kwh = np.array([source.kwh for source in properties])
    kgce = np.array([source.kgce for source in properties])
    # Ambient heat is not electric; what is of unknown source, and the opening stock, is taken for
    # electricity.
    carriers = [source.carrier == Carrier.ELECTRICITY for source in site.sources]
    electric = np.array(
        [
            *carriers,
            False,
            True,
            True,
        ],
        float,
    )
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
    return np.stack([rows[by] for by in By])
