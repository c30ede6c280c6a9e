"""What rules can watch: the one table. A new variable is one row here, unless it is a figure.

The checker of conditions, the feed from books, that from newest values, `rules test`, the back-test
and the docs all ask this table. Figures come from the engine's own table, as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final

from engine.figures import figures
from engine.figures.figure import Clock, Figure
from plant.arrays import Floats
from plant.names import Carrier
from rules.variables import columns, newest, over_time
from rules.variables.columns import TRACED
from rules.variables.newest import Values
from rules.variables.past import Sums
from rules.variables.variable import KINDS, RuleColumn, Variable

LINES_TO_SITE: Final = ("line", "group", "site")
METER: Final = ("meter",)
BUS: Final = ("bus",)
SITE: Final = ("site",)
UNSEEN: Final = ("coverage.", "seconds.")
"""Figures that say how much was seen, or for how long: known of any span."""

HOSTS: Final = ("polling", "engine", "store", "rules", "beside")
"""Parts of Wattline that can stand still; `beside` is any store beside the embedded one."""

ALWAYS: Final = (RuleColumn("seen_s"), RuleColumn("due_s"), RuleColumn("hours"))
"""Kept of every subject: whether a span was seen at all."""

UNUSUAL: Final = RuleColumn("unusual", columns.odd_steps("unusual"))
WRAPPED: Final = RuleColumn("wrapped", columns.odd_steps("wrapped"))
THROUGH: Final = RuleColumn("through", columns.through, ("meter.forward", "meter.reverse"))
BOUGHT_KWH: Final = RuleColumn("bought_kwh", columns.bought_kwh, ("source.given",))
HELD_KG: Final = RuleColumn("held_kg", columns.held_kg, ("source.held_kg",))
KEPT: Final[Mapping[str, tuple[RuleColumn, ...]]] = {
    "line": tuple(RuleColumn(name) for name in over_time.STATE_COLUMNS),
    "meter": (UNUSUAL, WRAPPED, THROUGH),
    "site": (BOUGHT_KWH, HELD_KG),
}
"""Kept besides of these kinds, whether a rule looks at it today or not: states, what a corrected
window must remember, what a bus needs of its meters.
"""


def _of_figure(figure: Figure) -> list[Variable]:
    """A figure as the engine defines it: in books, and of the newest moment where it has one."""
    found = []
    if figure.summed:
        found.append(
            Variable(
                name=figure.name,
                unit=figure.unit,
                of=figure.per,
                columns=tuple(RuleColumn(column) for column in sorted(figure.columns)),
                value=figure.value,
                adds_up=figure.adds_up,
                when_unseen=figure.name.startswith(UNSEEN),
            )
        )

    if "now" in figure.clock:
        found.append(
            _now(
                figure.name,
                figure.unit,
                LINES_TO_SITE,
                newest.figure(figure.name),
            )
        )

    return found


def _column(name: str, sums: Sums) -> Floats:
    return sums[name]


def _now(
    name: str,
    unit: str,
    of: tuple[str, ...],
    read: newest.Read,
) -> Variable:
    """A newest value."""
    return Variable(
        name=name,
        unit=unit,
        of=of,
        clock="now",
        newest=read,
    )


def _power_unit(carrier: Carrier) -> str:
    return "Nm3/h" if carrier is Carrier.COMPRESSED_AIR else "kW"


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="uncertainty",
        unit=figures.figure("uncertainty").unit,
        of=BUS,
        means="what is left on a bus is known to within this",
        over_time=over_time.uncertainty,
        adds_up=True,
    ),
    Variable(
        name="counter.unusual",
        unit="1",
        of=METER,
        means="counter steps that were a reset or could not be told",
        columns=(UNUSUAL,),
        value=partial(_column, UNUSUAL.name),
        adds_up=True,
        when_unseen=True,
    ),
    Variable(
        name="counter.wrapped",
        unit="1",
        of=METER,
        means="counter steps over the end of the register",
        columns=(WRAPPED,),
        value=partial(_column, WRAPPED.name),
        adds_up=True,
        when_unseen=True,
    ),
    Variable(
        name="demand.block",
        unit="kW",
        of=SITE,
        means="power bought, mean of the fixed quarter of an hour so far",
        columns=(BOUGHT_KWH,),
        over_time=over_time.demand_block,
    ),
    Variable(
        name="demand.sliding",
        unit="kW",
        of=SITE,
        means="power bought, mean of the last 15 minutes",
        columns=(BOUGHT_KWH,),
        over_time=over_time.demand_sliding,
    ),
    Variable(
        name="demand.forecast",
        unit="kW",
        of=SITE,
        means="what the fixed quarter comes to if the newest window goes on",
        columns=(BOUGHT_KWH,),
        over_time=over_time.demand_forecast,
    ),
    Variable(
        name="power.bought",
        unit="kW",
        of=SITE,
        means="power from the grid",
        columns=(BOUGHT_KWH,),
        value=lambda sums: sums[BOUGHT_KWH.name] / sums["hours"],
    ),
    Variable(
        name="carbon.in_storage",
        unit="kg",
        of=SITE,
        means="carbon of the energy that storages hold at the end of the window",
        columns=(HELD_KG,),
        over_time=over_time.held,
    ),
    Variable(
        name="plan.demand",
        unit="kW",
        of=SITE,
        means="what the plant file plans",
        over_time=over_time.planned(lambda site: site.plan_kw),
    ),
    Variable(
        name="plan.intensity",
        unit="g/kWh",
        of=SITE,
        means="what the plant file plans",
        over_time=over_time.planned(lambda site: site.plan_g_per_kwh),
    ),
    Variable(
        name=TRACED,
        unit="kWh",
        of=LINES_TO_SITE,
        means="energy traced to one source or storage",
        adds_up=True,
        family=True,
    ),
    # Newest values.
    *(
        _now(
            f"power.{carrier.value}",
            _power_unit(carrier),
            LINES_TO_SITE,
            newest.power(carrier.value),
        )
        for carrier in Carrier
    ),
    _now("power.final", "kW", LINES_TO_SITE, newest.final_power),
    _now("power_factor", "1", LINES_TO_SITE, newest.power_factor),
    _now("disk.used", "%", SITE, newest.of_site("disk.used")),
    _now("journal.used", "%", SITE, newest.of_site("journal.used")),
    _now("factor.newer", "1", SITE, newest.factor_newer),
    *(_now(f"standing.{host}", "s", SITE, newest.of_site(f"standing.{host}")) for host in HOSTS),
    _now(
        "host.standing_still",
        "s",
        SITE,
        newest.longest([f"standing.{host}" for host in HOSTS]),
    ),
    _now("power", "kW", METER, newest.meter_power),
    _now("silence", "s", METER, newest.silence),
    _now("register_silence", "s", METER, newest.register_silence),
    _now("registers_refused", "1", METER, newest.registers_refused),
    _now("answer", "s", METER, newest.answer),
    _now("unmoved", "1", METER, newest.unmoved),
    _now("clock_error", "s", METER, newest.clock_error),
    _now("power_factor", "1", METER, newest.meter_power_factor),
)
STATE: Final = Variable(
    name="state",
    unit="",
    of=("line",),
    means="the machine state in which a line was for most of the window",
    columns=KEPT["line"],
    over_time=over_time.state_of_lines,
)
"""The one variable that is a word: conditions compare it with a text."""


@dataclass(frozen=True, slots=True)
class Watchable:
    """What can be watched of one kind of subject on one clock."""

    per: str
    clock: Clock
    variables: Mapping[str, Variable]
    families: tuple[Variable, ...]

    def find(self, name: str) -> Variable | None:
        """The variable of this name; None where it cannot be watched here."""
        found = self.variables.get(name)
        if found is not None:
            return found

        for family in self.families:
            if name.startswith(family.name):
                return replace(
                    family,
                    name=name,
                    columns=(RuleColumn(name),),
                    value=partial(_column, name),
                    family=False,
                )

        return None

    @property
    def has_state(self) -> bool:
        """Whether its subjects have machine states."""
        return self.per in STATE.of and self.clock == STATE.clock


def place(per: str, clock: Clock = "books") -> Watchable:
    """What can be watched of one kind of subject on one clock."""
    return _place(
        figures.FIGURES,
        VARIABLES,
        per,
        clock,
    )


@lru_cache(maxsize=32)
def _place(
    table: tuple[Figure, ...],
    further: tuple[Variable, ...],
    per: str,
    clock: Clock,
) -> Watchable:
    of_figures = [variable for figure in table for variable in _of_figure(figure)]
    variables = [*of_figures, *further]
    here = [row for row in variables if per in row.of and row.clock == clock]
    return Watchable(
        per=per,
        clock=clock,
        variables={row.name: row for row in here if not row.family},
        families=tuple(row for row in here if row.family),
    )


def values_of(now: newest.NewestSources) -> Values:
    """All newest values, by kind of subject and variable."""
    found: dict[str, dict[str, Floats]] = {}
    for per in KINDS:
        here = found.setdefault(per, {})
        for name, variable in place(per, "now").variables.items():
            if variable.newest is not None:
                here[name] = variable.newest(now, per)

    return found
