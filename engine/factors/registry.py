"""Choosing a factor: which value, of which region and year, and by which fallback.

The method says how (section 5).
"""

from __future__ import annotations

import csv
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from plant.config import PlantFile, SiteConfig
from plant.names import ON_SITE, PSEUDO_SOURCES, RENEWABLE, Carrier, SourceKind
from plant.site import DatedFactor, FactorRow, Site, SourceNode, SourceProperty
from plant.units import KWH_PER_GJ, SECOND_NS

HEAT_KG_PER_GJ = 110.0
HEAT_KGCE_PER_GJ = 34.12
ELECTRICITY_KGCE_PER_KWH = 0.1229
GAS_NCV_GJ_PER_NM3 = 0.038931
GAS_KG_PER_NM3 = 2.16219
GAS_KGCE_PER_NM3 = 1.33

Row: TypeAlias = dict[str, str]
"""A row of a shipped table, by the names of its columns."""


@cache
def table(name: str) -> tuple[Row, ...]:
    """Rows of one of the shipped tables: grid_factors, fuel_factors, coal_equivalents."""
    path = files("engine.factors").joinpath(f"{name}.csv")
    with path.open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        return tuple(rows)


def grid_factor(
    region: str,
    kind: str,
    year: int | None,
) -> FactorRow | None:
    """The grid factor of a region: of `year`, else the latest before it.

    Without `year` the latest there is. A province falls back to its country, and says so.
    """
    notes = []
    best = _latest(region, kind, year)
    if best is None:
        best = _latest(_country(region), kind, year)
        notes.append(f"no {kind} factor of {region}; that of the country")

    if best is None:
        return None

    if year and _year(best) != year:
        notes.append(f"{year} is not published; {best['year']} is the nearest earlier one")

    return _row(
        key=f"grid.{kind}",
        row=best,
        fallback="; ".join(notes),
    )


def newest_year(region: str, kind: str) -> int | None:
    """The newest year for which a grid factor of a region is published; None without any."""
    years = published_years(region, kind)
    return max(years, default=None)


def published_years(region: str, kind: str) -> list[int]:
    """Years of which the tables hold a grid factor of a region, in order."""
    years = {_year(row) for row in _published(region, kind)}
    return sorted(years)


def _published(region: str, kind: str) -> list[Row]:
    """The rows of the grid factors of one kind of a region; a row may stand there without one."""
    rows = []
    for row in table("grid_factors"):
        is_asked = row["region_code"] == region and row["kind"] == kind
        if is_asked and row["factor_kgco2_per_kwh"]:
            rows.append(row)

    return rows


def _latest(
    region: str,
    kind: str,
    year: int | None,
) -> Row | None:
    """The row of a year or of the latest one before it; None where none is published."""
    rows = []
    for row in _published(region, kind):
        if year is None or _year(row) <= year:
            rows.append(row)

    return max(rows, key=_year, default=None)


def _year(row: Row) -> int:
    """The year that a grid factor is of."""
    return int(row["year"])


def _country(region: str) -> str:
    """The country of a province, which its code begins with: `CN-GD` lies in `CN`."""
    return region.split("-")[0]


def _row(
    key: str,
    row: Row,
    fallback: str,
) -> FactorRow:
    """A row of the table of grid factors."""
    return FactorRow(
        key=key,
        value_kg=float(row["factor_kgco2_per_kwh"]),
        unit="kWh",
        gas_basis=row["gas_basis"],
        kind=row["kind"],
        region=row["region_code"],
        year=int(row["year"]),
        source=row["source"],
        status=row["status"],
        fallback=fallback,
    )


def _own(
    key: str,
    value: float,
    unit: str,
) -> FactorRow:
    """A factor that the plant file declares."""
    return FactorRow(
        key=key,
        value_kg=value,
        unit=unit,
        gas_basis="CO2",
        kind="own",
        region="",
        year=0,
        source="plant file",
        status="declared",
    )


def _zero(
    key: str,
    unit: str,
    why: str,
) -> FactorRow:
    """No emission, and why."""
    return FactorRow(
        key=key,
        value_kg=0.0,
        unit=unit,
        gas_basis="CO2",
        kind="zero",
        region="",
        year=0,
        source=why,
        status="by method",
    )


def properties(plant: PlantFile, site: Site) -> tuple[SourceProperty, ...]:
    """What each source of the site is multiplied with, and the pseudo-sources after them."""
    found = []
    for source in site.sources:
        found.append(_property(plant, source))

    for name in PSEUDO_SOURCES:
        found.append(_pseudo(plant, name))

    return tuple(found)


def _property(plant: PlantFile, node: SourceNode) -> SourceProperty:
    """What a unit of one source of the plant is."""
    kind = SourceKind(node.kind)
    if node.carrier == Carrier.NATURAL_GAS:
        return _gas(plant, node.id, node.unit)

    if node.carrier in (Carrier.STEAM, Carrier.HEAT):
        return _heat(plant, node.id, node.unit)

    if node.carrier == Carrier.ELECTRICITY and (kind is SourceKind.GRID or not node.own):
        return _grid(plant, node.id)

    kwh = 1.0 if node.carrier == Carrier.ELECTRICITY else 0.0
    zero = _zero(node.id, node.unit, "no emission at generation on site")
    return SourceProperty(
        source=node.id,
        scope="none",
        kwh=kwh,
        kgce=ELECTRICITY_KGCE_PER_KWH * kwh,
        location=zero,
        market=zero,
        renewable=kind in RENEWABLE,
        on_site=kind in ON_SITE,
    )


class _GridFactors(NamedTuple):
    """What a kWh from the grid emits, by location and by market, and the share under contract."""

    location: FactorRow
    market: FactorRow
    contract_share: float


def _grid_factors(
    plant: PlantFile,
    source: str,
    year: int | None,
) -> _GridFactors:
    """The factors of a source of grid power, for a year or the latest."""
    site = plant.site
    location = _location(site, source, year)
    residual = _residual(site, location, year)
    contracts = [each for each in plant.contracts.values() if each.source == source]
    share = sum(contract.share for contract in contracts)
    under_contract = sum(contract.share * contract.factor for contract in contracts)
    # What no contract covers comes out of the rest of the grid's power.
    uncovered = (1.0 - share) * residual.value_kg
    market = FactorRow(
        key="grid.market",
        value_kg=under_contract + uncovered,
        unit="kWh",
        gas_basis=residual.gas_basis,
        kind="market",
        region=residual.region,
        year=residual.year,
        source=f"{share:.0%} contracts, the rest: {residual.source}",
        status=residual.status,
        fallback=residual.fallback,
    )
    return _GridFactors(
        location=location,
        market=market,
        contract_share=share,
    )


def _location(
    site: SiteConfig,
    source: str,
    year: int | None,
) -> FactorRow:
    """The average of the grid; what the plant file declares for it comes first."""
    of_grid = site.factors.get("grid")
    own = site.factors.get(source, of_grid)
    if own is not None:
        return _own("grid", own, "kWh")

    published = grid_factor(site.grid, "location_average", year)
    if published is not None:
        return published

    return FactorRow(
        key="grid",
        value_kg=float("nan"),
        unit="kWh",
        gas_basis="CO2",
        kind="missing",
        region=site.grid,
        year=0,
        source="none found",
        status="missing",
        fallback=f"no factor of {site.grid}: set site.factors.grid",
    )


def _residual(
    site: SiteConfig,
    location: FactorRow,
    year: int | None,
) -> FactorRow:
    """What grid power emits once contracts took theirs; where that is not known, the average."""
    own = site.factors.get("residual")
    if own is not None:
        return _own("residual", own, "kWh")

    published = grid_factor(site.grid, "residual_mix", year)
    return published or location


def _grid(plant: PlantFile, source: str) -> SourceProperty:
    """Grid power: the newest factor.

    Under a method that goes by the year of consumption also those of all years.
    """
    site = plant.site
    factors = _grid_factors(plant, source, site.factors_year)
    is_declared = source in site.factors or "grid" in site.factors
    by_year = site.method == "GHGP" and site.factors_year is None and not is_declared
    return SourceProperty(
        source=source,
        scope="scope2",
        kwh=1.0,
        kgce=ELECTRICITY_KGCE_PER_KWH,
        location=factors.location,
        market=factors.market,
        contract_share=factors.contract_share,
        dated=_dated(plant, source) if by_year else (),
    )


def _dated(plant: PlantFile, source: str) -> tuple[DatedFactor, ...]:
    """Factors by local year of consumption, from the first year that is published."""
    region = plant.site.grid
    years = published_years(region, "location_average")
    if not years:
        years = published_years(_country(region), "location_average")

    dated = []
    for year in years:
        factors = _grid_factors(plant, source, year)
        of_year = DatedFactor(
            from_ns=year_begins(plant.site.timezone, year),
            location=factors.location,
            market=factors.market,
        )
        dated.append(of_year)

    return tuple(dated)


def year_begins(timezone: str, year: int) -> int:
    """The first moment of a local year, ns."""
    new_year = datetime(
        year,
        1,
        1,
        tzinfo=ZoneInfo(timezone),
    )
    return round(new_year.timestamp()) * SECOND_NS


def _fuel(set_name: str, fuel: str) -> Row | None:
    """The row of a fuel in a set of factors; None where the set does not hold it."""
    for row in table("fuel_factors"):
        if row["factor_set"] == set_name and row["fuel_id"] == fuel:
            return row

    return None


def _gas(
    plant: PlantFile,
    source: str,
    unit: str,
) -> SourceProperty:
    """Natural gas: burnt on site, so scope 1."""
    ncv_kwh = GAS_NCV_GJ_PER_NM3 * KWH_PER_GJ
    # Gas is metered by volume or by its energy: a kWh is this part of a cubic metre.
    nm3_per_unit = 1.0 if unit == "Nm3" else 1.0 / ncv_kwh
    of_gas = plant.site.factors.get("gas")
    own = plant.site.factors.get(source, of_gas)
    if own is not None:
        factor = _own(source, own, unit)
    else:
        factor = _published_gas(source, unit, nm3_per_unit)

    return SourceProperty(
        source=source,
        scope="scope1",
        kwh=ncv_kwh * nm3_per_unit,
        kgce=GAS_KGCE_PER_NM3 * nm3_per_unit,
        location=factor,
        market=factor,
    )


def _published_gas(
    source: str,
    unit: str,
    nm3_per_unit: float,
) -> FactorRow:
    """The national factor of natural gas, by the unit that the source is metered in."""
    row = _fuel("CN_NDRC_2015", "natural_gas")
    if row is None:
        origin = "NDRC China guide, appendix 2, 2015"
        status = "secondary"
    else:
        origin = row["source"]
        status = row["status"]

    return FactorRow(
        key=source,
        value_kg=GAS_KG_PER_NM3 * nm3_per_unit,
        unit=unit,
        gas_basis="CO2",
        kind="fuel",
        region="CN",
        year=2015,
        source=origin,
        status=status,
    )


def _heat(
    plant: PlantFile,
    source: str,
    unit: str,
) -> SourceProperty:
    """Steam and heat that are bought, so scope 2."""
    own_kg_per_gj = plant.site.factors.get("heat_per_gj")
    if own_kg_per_gj is None:
        kg_per_gj = HEAT_KG_PER_GJ
        origin = "NDRC China sector guides, default of purchased heat 0.11 tCO2/GJ"
        status = "secondary"
    else:
        kg_per_gj = own_kg_per_gj
        origin = "plant file"
        status = "declared"

    factor = FactorRow(
        key=source,
        value_kg=kg_per_gj / KWH_PER_GJ,
        unit=unit,
        gas_basis="CO2",
        kind="heat",
        region="CN",
        year=2015,
        source=origin,
        status=status,
    )
    return SourceProperty(
        source=source,
        scope="scope2",
        kwh=1.0,
        kgce=HEAT_KGCE_PER_GJ / KWH_PER_GJ,
        location=factor,
        market=factor,
    )


def _pseudo(plant: PlantFile, name: str) -> SourceProperty:
    """What a pseudo-source is multiplied with.

    Ambient heat counts for nothing; what is unknown or was there on the first day is charged as
    grid power, without its contracts.
    """
    if name == "ambient":
        zero = _zero(name, "kWh", "ambient heat")
        return SourceProperty(
            source=name,
            scope="none",
            kwh=0.0,
            kgce=0.0,
            location=zero,
            market=zero,
        )

    grid = _grid(plant, name)  # no contract covers what is not known
    return SourceProperty(
        source=name,
        scope="scope2",
        kwh=1.0,
        kgce=ELECTRICITY_KGCE_PER_KWH,
        location=grid.location,
        market=grid.market,
        dated=grid.dated,
    )
