"""The table of figures: each a ratio of sums or a sum, taken when it is read (method, section 5).

A new figure is one row here. Books, `now`, rules, the API with its explanations, the boards of
Grafana and the docs all ask this table. Columns are those of `engine.figures.line_sums`, `hours`,
and for a few figures what `books.derived` makes of other tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from engine.figures.figure import Clock, Figure, Share, Sums, minus, plus
from engine.figures.line_sums import OTHER_CARRIERS
from engine.states import STATES
from plant.arrays import Floats
from plant.errors import QueryError
from plant.hints import nearest
from plant.names import BOOK_UNIT, Carrier

GRAMS: Final = 1e3  # g per kg
PERCENT: Final = 100.0
LINES: Final = ("line", "group", "site")
METERED: Final = (*LINES, "meter")
"""What can be told of one meter too."""

WATCHED: Final[tuple[Clock, ...]] = ("books", "now")
"""Ratios that the newest moment has as well: powers stand in for the energies of an hour."""

ELECTRICITY: Final = plus("electricity_kwh", "electricity_converters_kwh")
ELECTRIC: Final = plus("electricity_kwh", "electric_behind_kwh")
"""Electricity used, with that behind compressed air and chilled water."""

FINAL: Final = plus("final_kwh")
TRACED: Final = plus("traced_electric")
LOCATION: Final = plus("scope1_kg", "scope2_location_kg")
MARKET: Final = plus("scope1_kg", "scope2_market_kg")
GOOD: Final = plus("good")
PIECES: Final = plus("good", "scrap")
OF_GOOD_PIECES: Final = Share(part=GOOD, whole=PIECES)
"""What good pieces carry when each piece, good or not, carries the same."""

USED: Final = {
    Carrier.NATURAL_GAS: "natural gas used, in standard cubic metres (0 C, 101.325 kPa)",
    Carrier.STEAM: "heat of steam used",
    Carrier.HEAT: "heat of hot water used",
    Carrier.COMPRESSED_AIR: "compressed air used, in standard cubic metres",
    Carrier.CHILLED_WATER: "cold of chilled water used",
    Carrier.WATER: "water used",
}
"""Carriers beside electricity, in plain words."""

FIGURES: Final[tuple[Figure, ...]] = (
    Figure(
        name="energy.electricity",
        unit="kWh",
        means=(
            "electricity of a line or group: used, by its meters; of the site: import + own "
            "generation + discharge - export - charge"
        ),
        top=ELECTRICITY,
        per=METERED,
    ),
    Figure(
        name="energy.electricity@lines",
        unit="kWh",
        means="site electricity used by lines",
        top=minus("electricity_kwh", "electricity_unmetered_kwh"),
    ),
    Figure(
        name="energy.electricity@converters",
        unit="kWh",
        means=(
            "site electricity that converters keep: drives of compressors and chillers, "
            "losses of transformers"
        ),
        top=plus("electricity_converters_kwh"),
    ),
    Figure(
        name="energy.electricity@unmetered",
        unit="kWh",
        means="site electricity that entered a bus and that no meter saw leave",
        top=plus("electricity_unmetered_kwh"),
    ),
    *(
        Figure(
            name=f"energy.{carrier.value}",
            unit=BOOK_UNIT[carrier],
            means=USED[carrier],
            top=plus(f"delivered_{carrier.value}"),
            per=METERED,
        )
        for carrier in OTHER_CARRIERS
    ),
    Figure(
        name="energy.final",
        unit="kWh",
        means=(
            "final energy: all carriers in kWh; compressed air and chilled water count as "
            "the electricity behind them"
        ),
        top=FINAL,
    ),
    Figure(
        name="power.electricity",
        unit="kW",
        means="electricity / time",
        top=ELECTRICITY,
        over=plus("hours"),
        per=METERED,
    ),
    Figure(
        name="carbon.scope1",
        unit="kg",
        means="carbon of what is burnt on site, traced to where it is used",
        top=plus("scope1_kg"),
    ),
    Figure(
        name="carbon.scope2_location",
        unit="kg",
        means="carbon of bought electricity and heat by the factor of the region",
        top=plus("scope2_location_kg"),
    ),
    Figure(
        name="carbon.scope2_market",
        unit="kg",
        means=("carbon of bought electricity and heat by contracts, the rest by the residual mix"),
        top=plus("scope2_market_kg"),
    ),
    Figure(
        name="carbon.total_location",
        unit="kg",
        means="scope 1 + scope 2 by location",
        top=LOCATION,
    ),
    Figure(
        name="carbon.total_market",
        unit="kg",
        means="scope 1 + scope 2 by contracts",
        top=MARKET,
    ),
    Figure(
        name="intensity.electricity",
        unit="g/kWh",
        means=(
            "carbon of the electricity used / electricity used, with that behind compressed "
            "air and chilled water"
        ),
        top=plus("electric_location_kg"),
        over=ELECTRIC,
        scale=GRAMS,
        also=("intensity.electricity@location",),
        clock=WATCHED,
    ),
    Figure(
        name="intensity.electricity@market",
        unit="g/kWh",
        means="the same, carbon by contracts",
        top=plus("electric_market_kg"),
        over=ELECTRIC,
        scale=GRAMS,
    ),
    Figure(
        name="intensity.final",
        unit="g/kWh",
        means="all carbon / final energy",
        top=LOCATION,
        over=FINAL,
        scale=GRAMS,
        also=("intensity.final@location",),
        clock=WATCHED,
    ),
    Figure(
        name="intensity.final@market",
        unit="g/kWh",
        means="the same, carbon by contracts",
        top=MARKET,
        over=FINAL,
        scale=GRAMS,
    ),
    Figure(
        name="per_good.carbon",
        unit="kg",
        means="carbon of the period / good pieces of the period",
        top=LOCATION,
        over=GOOD,
        also=("per_good.carbon@location",),
    ),
    Figure(
        name="per_good.carbon@market",
        unit="kg",
        means="the same, carbon by contracts",
        top=MARKET,
        over=GOOD,
    ),
    Figure(
        name="per_good.energy",
        unit="kWh",
        means="final energy of the period / good pieces of the period",
        top=FINAL,
        over=GOOD,
    ),
    Figure(
        name="per_unit.carbon",
        unit="kg",
        means="carbon of the period / good pieces and scrap",
        top=LOCATION,
        over=PIECES,
        also=("per_unit.carbon@location",),
    ),
    Figure(
        name="per_unit.carbon@market",
        unit="kg",
        means="the same, carbon by contracts",
        top=MARKET,
        over=PIECES,
    ),
    Figure(
        name="per_unit.energy",
        unit="kWh",
        means="final energy of the period / good pieces and scrap",
        top=FINAL,
        over=PIECES,
    ),
    Figure(
        name="scrap.carbon",
        unit="kg",
        means=(
            "carbon that scrap carries: (carbon per good piece - carbon per piece) x good pieces"
        ),
        top=LOCATION,
        without=OF_GOOD_PIECES,
        also=("scrap.carbon@location",),
    ),
    Figure(
        name="scrap.carbon@market",
        unit="kg",
        means="the same, carbon by contracts",
        top=MARKET,
        without=OF_GOOD_PIECES,
    ),
    Figure(
        name="electrification.calorific@final",
        unit="%",
        means="electricity / final energy, by heat content",
        top=ELECTRIC,
        over=FINAL,
        scale=PERCENT,
        also=("electrification.calorific",),
        clock=WATCHED,
    ),
    Figure(
        name="electrification.calorific@purchased",
        unit="%",
        means="electricity / energy bought or generated for it, by heat content",
        top=plus("traced_electric_source_kwh"),
        over=plus("traced_kwh"),
        scale=PERCENT,
    ),
    Figure(
        name="electrification.coal_equivalent@final",
        unit="%",
        means="electricity / final energy, in coal equivalent",
        top=plus("electric_kgce"),
        over=plus("final_kgce"),
        scale=PERCENT,
        also=("electrification.coal_equivalent",),
    ),
    Figure(
        name="electrification.coal_equivalent@purchased",
        unit="%",
        means="electricity / energy bought or generated for it, in coal equivalent",
        top=plus("kgce_electric_source"),
        over=plus("kgce"),
        scale=PERCENT,
    ),
    Figure(
        name="electrification.traced@final",
        unit="%",
        means="final energy of electric origin / final energy",
        top=plus("traced_final_electric_kwh"),
        over=FINAL,
        scale=PERCENT,
        also=("electrification.traced",),
    ),
    Figure(
        name="electrification.traced@purchased",
        unit="%",
        means="source energy of electric origin / source energy",
        top=plus("traced_electric_source_kwh"),
        over=plus("traced_kwh"),
        scale=PERCENT,
    ),
    Figure(
        name="renewable.physical",
        unit="%",
        means="electricity traced to own renewable generation / electricity used",
        top=plus("traced_renewable"),
        over=TRACED,
        scale=PERCENT,
        clock=WATCHED,
    ),
    Figure(
        name="renewable.claimed",
        unit="%",
        means=(
            "electricity traced to own renewable generation or covered by green contracts / "
            "electricity used"
        ),
        top=plus("traced_claimed"),
        over=TRACED,
        scale=PERCENT,
        clock=WATCHED,
    ),
    Figure(
        name="self_consumption",
        unit="%",
        means="own generation that was not exported / own generation",
        top=minus("on_site_kwh", "exported_on_site_kwh"),
        over=plus("on_site_kwh"),
        scale=PERCENT,
    ),
    Figure(
        name="self_sufficiency",
        unit="%",
        means="electricity traced to own generation / electricity used",
        top=plus("traced_on_site"),
        over=TRACED,
        scale=PERCENT,
    ),
    Figure(
        name="idle.non_productive@energy",
        unit="%",
        means="final energy while the line was not running / final energy",
        top=plus("nonrun_kwh"),
        over=FINAL,
        scale=PERCENT,
        also=("idle.non_productive",),
    ),
    Figure(
        name="idle.avoidable@energy",
        unit="%",
        means="final energy while idle or on stand-by / final energy",
        top=plus("idle_kwh"),
        over=FINAL,
        scale=PERCENT,
        also=("idle.avoidable",),
    ),
    Figure(
        name="idle.non_productive@carbon",
        unit="%",
        means="carbon while the line was not running / carbon",
        top=plus("nonrun_kg"),
        over=LOCATION,
        scale=PERCENT,
    ),
    Figure(
        name="idle.avoidable@carbon",
        unit="%",
        means="carbon while idle or on stand-by / carbon",
        top=plus("idle_kg"),
        over=LOCATION,
        scale=PERCENT,
    ),
    Figure(
        name="coverage.time",
        unit="%",
        means="seconds in which the meters were seen / seconds",
        top=plus("seen_s"),
        over=plus("due_s"),
        scale=PERCENT,
        per=(*METERED, "bus"),
    ),
    Figure(
        name="coverage.metered",
        unit="%",
        means="final energy that a line's meter saw / final energy of the site",
        top=minus("final_kwh", "remainder_kwh"),
        over=FINAL,
        scale=PERCENT,
    ),
    Figure(
        name="remainder",
        unit="kWh",
        means="final energy that entered a bus and that no meter saw leave",
        top=plus("remainder_kwh"),
        per=(*LINES, "bus"),
    ),
    Figure(
        name="estimated",
        unit="%",
        means="energy whose size or shape is estimated / final energy",
        top=plus("estimated_kwh"),
        over=FINAL,
        scale=PERCENT,
        per=(*METERED, "bus"),
    ),
    Figure(
        name="uncertainty",
        unit="kWh",
        means=(
            "standard uncertainty of the energy, from meter classes, register steps and estimates"
        ),
        top=plus("uncertainty_kwh"),
        summed=False,
    ),
    Figure(
        name="carbon.in_storage",
        unit="kg",
        means="carbon of the energy held in batteries at the end of the period",
        top=plus("held_kg"),
        summed=False,
    ),
    Figure(
        name="demand.block",
        unit="kW",
        means=(
            "largest mean power over a fixed quarter of an hour: bought, for the site; "
            "used, for lines"
        ),
        top=plus("demand_block_kw"),
        summed=False,
    ),
    Figure(
        name="demand.sliding",
        unit="kW",
        means=(
            "largest mean power over any fifteen minutes: bought, for the site; used, for lines"
        ),
        top=plus("demand_sliding_kw"),
        summed=False,
    ),
    Figure(
        name="power_factor",
        unit="1",
        means="active / apparent power, mean of what the meters say",
        top=plus("power_factor"),
        summed=False,
    ),
    Figure(
        name="kgce",
        unit="kgce",
        means="source energy in kilograms of coal equivalent",
        top=plus("kgce"),
    ),
    Figure(
        name="carbon_per_tce",
        unit="t/tce",
        means="carbon / source energy in tonnes of coal equivalent",
        top=LOCATION,
        over=plus("kgce"),
    ),
    Figure(
        name="output.good",
        unit="unit",
        means="good pieces",
        top=GOOD,
    ),
    Figure(
        name="output.scrap",
        unit="unit",
        means="scrap pieces",
        top=plus("scrap"),
    ),
    *(
        Figure(
            name=f"seconds.{state}",
            unit="s",
            means=f"seconds in the machine state {state}",
            top=plus(f"seconds_{state.lower()}"),
        )
        for state in STATES
    ),
)


def by_name() -> Mapping[str, Figure]:
    """All figures by their own name, in the order of the table."""
    return _by_name(FIGURES)


@lru_cache(maxsize=8)
def _by_name(table: tuple[Figure, ...]) -> Mapping[str, Figure]:
    return {row.name: row for row in table}


@lru_cache(maxsize=8)
def _by_any_name(table: tuple[Figure, ...]) -> Mapping[str, Figure]:
    further = {name: row for row in table for name in row.also}
    return {
        **further,
        **_by_name(table),
    }


def figure_names() -> frozenset[str]:
    """Every name that a figure of the books answers to."""
    return frozenset(_by_any_name(FIGURES))


def find(name: str) -> Figure | None:
    """The figure of a name, its own or a further one; None where there is none."""
    return _by_any_name(FIGURES).get(name)


def figure(name: str) -> Figure:
    """The figure of a name; QueryError with the nearest names if there is none."""
    found = find(name)
    if found is None:
        close = nearest(
            name,
            figure_names(),
            most=3,
        )
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise QueryError(f"there is no figure '{name}'{hint}")

    return found


def summed() -> tuple[Figure, ...]:
    """Figures whose columns are sums of rows of lines."""
    return tuple(row for row in FIGURES if row.summed)


def of_now() -> tuple[Figure, ...]:
    """Figures that the newest moment has too."""
    return tuple(row for row in FIGURES if "now" in row.clock)


def value(name: str, sums: Sums) -> Floats:
    """Values of a figure from sums of equal length; NaN (null) where the denominator is zero or
    nothing was booked."""
    return figure(name).value(sums)


def nulls(values: Floats) -> list[float | None]:
    """A list in which NaN is None."""
    return [float(number) if np.isfinite(number) else None for number in values]


def needed(names: Iterable[str]) -> frozenset[str]:
    """The columns that figures are made of."""
    return frozenset(column for name in names for column in figure(name).columns)
