"""What one unit of a source is multiplied with, by the hour in
which it came from there (method, sections 2 and 5).

What leaves a battery in January may have entered it in December: its
factor is that of its origin, never that of its use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.book import Book
from engine.tracing.graph import Array
from plant.names import Carrier
from plant.site import FactorRow, Site, SourceProperty

Ints = npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
class Weights:
    """`since` [d]: from when each table holds (ns); `table` [d, By, sources]."""

    since: Ints
    table: Array

    @classmethod
    def of_site(cls, site: Site) -> Weights:
        """Of all sources and pseudo-sources of a site, from the first
        dated factor on; earlier origins take the first.
        """
        dates = sorted({d.from_ns for p in site.properties for d in p.dated})
        since = np.array([np.iinfo(np.int64).min, *dates], np.int64)
        return cls(
            since,
            np.stack([_table(site, int(at)) for at in since]),
        )

    def of(self, source: Ints, origin: Ints) -> Array:
        """Weights [By, rows] of amounts of `source` that came from there at `origin`."""
        if len(self.since) == 1:
            return np.asarray(self.table[0][:, source])

        at = np.searchsorted(self.since, origin, "right") - 1
        return np.asarray(self.table[at, :, source].T)

    def kg_of(self, layers: list[list[Any]]) -> Array:
        """Carbon held in each store, kg on the location basis, from the layers of a book."""
        return np.array([self._held(held) for held in layers])

    def imbalance(self, book: Book, sources: int) -> float:
        """Largest difference, per basis, between the carbon that came in and all that became of it,
        relative to what came in (kg).
        """
        f = book.flows
        rows = np.flatnonzero(f.source < sources)
        came = self.of(np.arange(sources), np.full(sources, book.start)) @ book.primary
        went = self.of(f.source[rows], f.origin[rows]) @ f.amount[rows]
        both = [By.LOCATION, By.MARKET]
        return float(
            (np.abs(went - came)[both] / np.maximum(np.abs(came[both]), 1.0)).max(initial=0.0)
        )

    def _held(self, layers: list[Any]) -> float:
        rows = [row for _, _, amounts in layers for row in amounts]
        source, origin = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
        return float(
            self.of(source, origin)[By.LOCATION] @ np.array([row[2] for row in rows], float)
        )


def factors_at(p: SourceProperty, at: int) -> tuple[FactorRow, FactorRow]:
    """Location and market factor of a source for what comes from it at `at` (ns)."""
    known = [d for d in p.dated if d.from_ns <= at]
    return (
        (known[-1].location, known[-1].market)
        if known
        else (p.dated[0].location, p.dated[0].market)
        if p.dated
        else (p.location, p.market)
    )


def _table(site: Site, at: int) -> Array:
    properties = site.properties
    pairs = [factors_at(p, at) for p in properties]
    location = np.array([a.value_kg for a, _ in pairs])
    market = np.array([b.value_kg for _, b in pairs])
    scope1, scope2 = (
        np.array([p.scope == scope for p in properties]) for scope in ("scope1", "scope2")
    )
    electric = np.array(
        [s.carrier == Carrier.ELECTRICITY for s in site.sources] + [False, True, True],
        float,
    )
    renewable = np.array([p.renewable for p in properties], float)
    contract = np.array([p.contract_share for p in properties])
    on_site = np.array([p.on_site for p in properties], float)
    kwh = np.array([p.kwh for p in properties])
    kgce = np.array([p.kgce for p in properties])
    return np.stack(
        [
            np.where(scope1, location, 0.0),
            np.where(scope2, location, 0.0),
            np.where(scope2, market, 0.0),
            location,
            market,
            renewable,
            np.maximum(renewable, contract),
            on_site,
            kwh,
            kwh * electric,
            kgce,
            kgce * electric,
        ]
    )
