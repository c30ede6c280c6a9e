"""The figures of method section 5: each is a ratio of sums (or a sum), taken when it is read. A ratio of nothing is null.

`FIGURES` is the one list for API, page, rules and docs. Columns are those of `engine.figures.line_sums.LINE_SUMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.figures.line_sums import OTHER_CARRIERS
from engine.states import STATES
from plant.errors import QueryError
from plant.hints import nearest
from plant.names import BOOK_UNIT

Floats = npt.NDArray[np.float64]
Sums = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Figure:
    """`over` is None for a plain sum. Value = scale * top / over."""

    unit: str
    top: Callable[[Sums], Floats]
    over: Callable[[Sums], Floats] | None = None
    scale: float = 1.0


def _plus(*names: str) -> Callable[[Sums], Floats]:
    return lambda s: sum((s[n] for n in names[1:]), s[names[0]])


_final = _plus("final_kwh")
_electric = _plus("electricity_kwh", "electric_behind_kwh")
_location = _plus("scope1_kg", "scope2_location_kg")
_market = _plus("scope1_kg", "scope2_market_kg")
_source = _plus("traced_kwh")
_source_electric = _plus("traced_electric_source_kwh")
_good = _plus("good")
_all = _plus("good", "scrap")


def _of_scrap(carbon: Callable[[Sums], Floats]) -> Callable[[Sums], Floats]:
    return lambda s: carbon(s) - carbon(s) / np.where(_all(s) > 0, _all(s), np.nan) * s["good"]


FIGURES: dict[str, Figure] = {
    "energy.electricity": Figure("kWh", _plus("electricity_kwh")),
    **{
        f"energy.{c.value}": Figure(BOOK_UNIT[c], _plus(f"delivered_{c.value}"))
        for c in OTHER_CARRIERS
    },
    "energy.final": Figure("kWh", _final),
    "power.electricity": Figure("kW", _plus("electricity_kwh"), _plus("hours")),
    "carbon.scope1": Figure("kg", _plus("scope1_kg")),
    "carbon.scope2_location": Figure("kg", _plus("scope2_location_kg")),
    "carbon.scope2_market": Figure("kg", _plus("scope2_market_kg")),
    "carbon.total_location": Figure("kg", _location),
    "carbon.total_market": Figure("kg", _market),
    "intensity.electricity": Figure("g/kWh", _plus("electric_location_kg"), _electric, 1e3),
    "intensity.electricity@market": Figure("g/kWh", _plus("electric_market_kg"), _electric, 1e3),
    "intensity.final": Figure("g/kWh", _location, _final, 1e3),
    "intensity.final@market": Figure("g/kWh", _market, _final, 1e3),
    "per_good.carbon": Figure("kg", _location, _good),
    "per_good.carbon@market": Figure("kg", _market, _good),
    "per_good.energy": Figure("kWh", _final, _good),
    "per_unit.carbon": Figure("kg", _location, _all),
    "per_unit.carbon@market": Figure("kg", _market, _all),
    "per_unit.energy": Figure("kWh", _final, _all),
    "scrap.carbon": Figure("kg", _of_scrap(_location)),
    "scrap.carbon@market": Figure("kg", _of_scrap(_market)),
    "electrification.calorific@final": Figure("%", _electric, _final, 100.0),
    "electrification.calorific@purchased": Figure("%", _source_electric, _source, 100.0),
    "electrification.coal_equivalent@final": Figure(
        "%", _plus("electric_kgce"), _plus("final_kgce"), 100.0
    ),
    "electrification.coal_equivalent@purchased": Figure(
        "%", _plus("kgce_electric_source"), _plus("kgce"), 100.0
    ),
    "electrification.traced@final": Figure("%", _plus("traced_final_electric_kwh"), _final, 100.0),
    "electrification.traced@purchased": Figure("%", _source_electric, _source, 100.0),
    "renewable.physical": Figure("%", _plus("traced_renewable"), _plus("traced_electric"), 100.0),
    "renewable.claimed": Figure("%", _plus("traced_claimed"), _plus("traced_electric"), 100.0),
    "self_consumption": Figure(
        "%", lambda s: s["on_site_kwh"] - s["exported_on_site_kwh"], _plus("on_site_kwh"), 100.0
    ),
    "self_sufficiency": Figure("%", _plus("traced_on_site"), _plus("traced_electric"), 100.0),
    "idle.non_productive@energy": Figure("%", _plus("nonrun_kwh"), _final, 100.0),
    "idle.avoidable@energy": Figure("%", _plus("idle_kwh"), _final, 100.0),
    "idle.non_productive@carbon": Figure("%", _plus("nonrun_kg"), _location, 100.0),
    "idle.avoidable@carbon": Figure("%", _plus("idle_kg"), _location, 100.0),
    "coverage.time": Figure("%", _plus("seen_s"), _plus("due_s"), 100.0),
    "coverage.metered": Figure("%", lambda s: s["final_kwh"] - s["remainder_kwh"], _final, 100.0),
    "remainder": Figure("kWh", _plus("remainder_kwh")),
    "estimated": Figure("%", _plus("estimated_kwh"), _final, 100.0),
    "uncertainty": Figure("kWh", _plus("uncertainty_kwh")),
    "carbon.in_storage": Figure("kg", _plus("held_kg")),
    "demand.block": Figure("kW", _plus("demand_block_kw")),
    "demand.sliding": Figure("kW", _plus("demand_sliding_kw")),
    "power_factor": Figure("1", _plus("power_factor")),
    "kgce": Figure("kgce", _plus("kgce")),
    "carbon_per_tce": Figure("t/tce", _location, _plus("kgce")),
    "output.good": Figure("unit", _good),
    "output.scrap": Figure("unit", _plus("scrap")),
    **{f"seconds.{state}": Figure("s", _plus(f"seconds_{state.lower()}")) for state in STATES},
}
# figures that are no sum of line rows: their columns are made from other tables when they are read (`books.derived`)
DERIVED = {
    "uncertainty": "uncertainty_kwh",
    "carbon.in_storage": "held_kg",
    "demand.block": "demand_block_kw",
    "demand.sliding": "demand_sliding_kw",
    "power_factor": "power_factor",
}
ALIASES = {
    "electrification.calorific": "electrification.calorific@final",
    "electrification.coal_equivalent": "electrification.coal_equivalent@final",
    "electrification.traced": "electrification.traced@final",
    "intensity.electricity@location": "intensity.electricity",
    "intensity.final@location": "intensity.final",
    "per_good.carbon@location": "per_good.carbon",
    "per_unit.carbon@location": "per_unit.carbon",
    "scrap.carbon@location": "scrap.carbon",
    "idle.non_productive": "idle.non_productive@energy",
    "idle.avoidable": "idle.avoidable@energy",
}


def figure_names() -> frozenset[str]:
    """Every name that a figure of the books answers to."""
    return frozenset(FIGURES) | frozenset(ALIASES)


def figure(name: str) -> Figure:
    """The definition of a figure; QueryError with the nearest names if there is none."""
    found = FIGURES.get(ALIASES.get(name, name))
    if found is None:
        close = nearest(name, figure_names(), most=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise QueryError(f"there is no figure '{name}'{hint}")
    return found


def value(name: str, sums: Sums) -> Floats:
    """Values of a figure from sums of equal length; NaN (null) where the denominator is zero or nothing was booked."""
    wanted = figure(name)
    top = np.asarray(wanted.top(sums), float)
    if wanted.over is None:
        return top * wanted.scale
    over = np.asarray(wanted.over(sums), float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(over > 0, wanted.scale * top / np.where(over > 0, over, 1.0), np.nan)


def nulls(values: Floats) -> list[float | None]:
    """A list in which NaN is None."""
    return [None if not np.isfinite(x) else float(x) for x in values]


def needed(names: Iterable[str]) -> frozenset[str]:
    """The columns that the definitions of figures look at."""
    seen = _Seen()
    for wanted in map(figure, names):
        for part in (wanted.top, wanted.over):
            if part is not None:
                part(seen)
    return frozenset(seen)


class _Seen(dict[str, Floats]):
    """Columns of ones that remembers which were asked for."""

    def __missing__(self, name: str) -> Floats:
        return self.setdefault(name, np.ones(1))
