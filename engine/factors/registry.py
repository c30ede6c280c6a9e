"""Choosing a factor: which value, of which region and year, and which
fallback was taken to get there (method, section 5).
"""

from __future__ import annotations

import csv
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from plant.config import PlantFile
from plant.names import Carrier, SourceKind
from plant.site import DatedFactor, FactorRow, Site, SourceProperty
from plant.units import KWH_PER_GJ, SECOND_NS

HEAT_KG_PER_GJ = 110.0
HEAT_KGCE_PER_GJ = 34.12
ELECTRICITY_KGCE_PER_KWH = 0.1229
GAS_NCV_GJ_PER_NM3 = 0.038931
GAS_KG_PER_NM3 = 2.16219
GAS_KGCE_PER_NM3 = 1.33


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """Rows of one of the shipped tables: grid_factors, fuel_factors, coal_equivalents."""
    with files("engine.factors").joinpath(f"{name}.csv").open(encoding="utf-8") as stream:
        return tuple(csv.DictReader(stream))


def grid_factor(
    region: str,
    kind: str,
    year: int | None,
) -> FactorRow | None:
    """The grid factor of a region: of `year`, else the latest before it; without `year` the latest
    there is. A province falls back to its country, and says so.
    """
    rows = [r for r in table("grid_factors") if r["kind"] == kind and r["factor_kgco2_per_kwh"]]
    for place, fallback in (
        (region, ""),
        (region.split("-")[0], f"no {kind} factor of {region}; that of the country"),
    ):
        mine = [
            r
            for r in rows
            if r["region_code"] == place and (year is None or int(r["year"]) <= year)
        ]
        if mine:
            best = max(mine, key=lambda r: int(r["year"]))
            late = (
                f"{year} is not published; {best['year']} is the nearest earlier one"
                if year and int(best["year"]) != year
                else ""
            )
            return _row(
                f"grid.{kind}",
                best,
                "; ".join(x for x in (fallback, late) if x),
            )

    return None


def newest_year(region: str, kind: str) -> int | None:
    """The newest year for which a grid factor of a region is
    published; None where there is none.
    """
    years = [
        int(r["year"])
        for r in table("grid_factors")
        if r["kind"] == kind and r["region_code"] == region and r["factor_kgco2_per_kwh"]
    ]
    return max(years, default=None)


def _row(
    key: str,
    row: dict[str, str],
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
    return (
        *(_property(plant, site, i) for i in range(len(site.sources))),
        *(_pseudo(plant, name) for name in ("ambient", "unknown", "opening_stock")),
    )


def _property(
    plant: PlantFile,
    site: Site,
    index: int,
) -> SourceProperty:
    """What a unit of one source of the plant is."""
    node = site.sources[index]
    kind = SourceKind(node.kind)
    if node.carrier == Carrier.NATURAL_GAS:
        return _gas(plant, node.id, node.unit)

    if node.carrier in (Carrier.STEAM, Carrier.HEAT):
        return _heat(plant, node.id, node.unit)

    if node.carrier == Carrier.ELECTRICITY and (kind is SourceKind.GRID or not node.own):
        return _grid(plant, node.id)

    kwh = 1.0 if node.carrier == Carrier.ELECTRICITY else 0.0
    renewable = kind in (SourceKind.PV, SourceKind.WIND, SourceKind.GEOTHERMAL)
    zero = _zero(node.id, node.unit, "no emission at generation on site")
    return SourceProperty(
        source=node.id,
        scope="none",
        kwh=kwh,
        kgce=ELECTRICITY_KGCE_PER_KWH * kwh,
        location=zero,
        market=zero,
        renewable=renewable,
        on_site=renewable,
    )


def _grid_factors(
    plant: PlantFile,
    source: str,
    year: int | None,
) -> tuple[FactorRow, FactorRow, float]:
    """Location factor, market factor and the share of contracts in it, for a year or the latest."""
    site = plant.site
    own = site.factors.get(source, site.factors.get("grid"))
    location = (
        _own("grid", own, "kWh")
        if own is not None
        else grid_factor(site.grid, "location_average", year)
    )
    if location is None:
        location = FactorRow(
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

    residual_own = site.factors.get("residual")
    residual = (
        _own("residual", residual_own, "kWh")
        if residual_own is not None
        else (grid_factor(site.grid, "residual_mix", year) or location)
    )
    contracts = [c for c in plant.contracts.values() if c.source == source]
    share = sum(c.share for c in contracts)
    value = sum(c.share * c.factor for c in contracts) + (1.0 - share) * residual.value_kg
    market = FactorRow(
        key="grid.market",
        value_kg=value,
        unit="kWh",
        gas_basis=residual.gas_basis,
        kind="market",
        region=residual.region,
        year=residual.year,
        source=f"{share:.0%} contracts, the rest: {residual.source}",
        status=residual.status,
        fallback=residual.fallback,
    )
    return location, market, share


def _grid(plant: PlantFile, source: str) -> SourceProperty:
    """Grid power: the newest factor, and under a method that goes
    by the year of consumption those of all years.
    """
    location, market, share = _grid_factors(plant, source, plant.site.factors_year)
    own = {source, "grid"} & plant.site.factors.keys()
    by_year = plant.site.method == "GHGP" and plant.site.factors_year is None and not own
    return SourceProperty(
        source=source,
        scope="scope2",
        kwh=1.0,
        kgce=ELECTRICITY_KGCE_PER_KWH,
        location=location,
        market=market,
        contract_share=share,
        dated=_dated(plant, source) if by_year else (),
    )


def _dated(plant: PlantFile, source: str) -> tuple[DatedFactor, ...]:
    """Factors by local year of consumption, from the first year that is published."""
    place = plant.site.grid
    years = published_years(place, "location_average") or published_years(
        place.split("-")[0],
        "location_average",
    )
    found = [(year, _grid_factors(plant, source, year)) for year in years]
    return tuple(
        DatedFactor(
            from_ns=year_begins(plant.site.timezone, year),
            location=a,
            market=b,
        )
        for year, (a, b, _) in found
    )


def published_years(region: str, kind: str) -> list[int]:
    """Years of which the tables hold a grid factor of a region."""
    rows = table("grid_factors")
    return sorted(
        {
            int(r["year"])
            for r in rows
            if r["kind"] == kind and r["region_code"] == region and r["factor_kgco2_per_kwh"]
        }
    )


def year_begins(timezone: str, year: int) -> int:
    """The first moment of a local year, ns."""
    return (
        round(
            datetime(
                year,
                1,
                1,
                tzinfo=ZoneInfo(timezone),
            ).timestamp()
        )
        * SECOND_NS
    )


def _fuel(set_name: str, fuel: str) -> dict[str, str] | None:
    """The row of a fuel in a set of factors."""
    return next(
        (r for r in table("fuel_factors") if r["factor_set"] == set_name and r["fuel_id"] == fuel),
        None,
    )


def _gas(
    plant: PlantFile,
    source: str,
    unit: str,
) -> SourceProperty:
    """Natural gas: burnt on site, so scope 1."""
    row = _fuel("CN_NDRC_2015", "natural_gas")
    origin, status = (
        (row["source"], row["status"])
        if row
        else ("NDRC China guide, appendix 2, 2015", "secondary")
    )
    ncv_kwh = GAS_NCV_GJ_PER_NM3 * KWH_PER_GJ
    per_unit = 1.0 if unit == "Nm3" else 1.0 / ncv_kwh
    own = plant.site.factors.get(
        source,
        plant.site.factors.get("gas"),
    )
    factor = (
        _own(source, own, unit)
        if own is not None
        else FactorRow(
            key=source,
            value_kg=GAS_KG_PER_NM3 * per_unit,
            unit=unit,
            gas_basis="CO2",
            kind="fuel",
            region="CN",
            year=2015,
            source=origin,
            status=status,
        )
    )
    return SourceProperty(
        source=source,
        scope="scope1",
        kwh=ncv_kwh * per_unit,
        kgce=GAS_KGCE_PER_NM3 * per_unit,
        location=factor,
        market=factor,
    )


def _heat(
    plant: PlantFile,
    source: str,
    unit: str,
) -> SourceProperty:
    """Steam and heat that are bought, so scope 2."""
    own = plant.site.factors.get("heat_per_gj")
    text = "NDRC China sector guides, default of purchased heat 0.11 tCO2/GJ"
    kg_per_gj = HEAT_KG_PER_GJ if own is None else own
    factor = FactorRow(
        key=source,
        value_kg=kg_per_gj / KWH_PER_GJ,
        unit=unit,
        gas_basis="CO2",
        kind="heat",
        region="CN",
        year=2015,
        source=text if own is None else "plant file",
        status="secondary" if own is None else "declared",
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
    """Ambient heat counts for nothing; what is unknown or was there on the first day is charged as
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
