"""What a condition means, before it runs: types, units and names.

A mistake is a QueryError in words that help to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.states import STATES
from plant.errors import QueryError
from plant.hints import suggestion
from rules.language.tree import COMPARISONS, Binary, Call, Name, Node, Not, Number, Text, below
from rules.language.units import PLAIN, canonical
from rules.variables.table import Watchable
from rules.variables.variable import Variable

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S
LONGEST_S: Final = 28 * DAY_S
RECENT_S: Final = 26 * HOUR_S
SHORT: Final = ("mean", "min", "max", "sum")
LONG: Final = ("median", "median_of_days", "last_week", "baseline")
STATE_WORDS: Final = frozenset(state.value.lower() for state in STATES)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may name: the variables of a place, and the rule's own `limits` by unit.

    `figure` is what the rule watches.
    """

    figure: str
    place: Watchable
    limits: Mapping[str, str]
    window_s: float
    recent_s: float = RECENT_S

    def find(self, figure: str) -> Variable:
        """What a name stands for."""
        found = self.place.find(figure)
        if found is None:
            known = [
                *self.place.variables,
                *self.limits,
                "value",
                "state",
            ]
            raise QueryError(
                f"there is no figure, limit or word '{figure}' here{suggestion(figure, known)}"
            )

        return found


def check(node: Node, scope: Scope) -> None:
    """QueryError unless the condition is one that can be true or false."""
    if _type(node, scope) != "truth":
        raise QueryError("a condition must compare something, such as mean(10m) > 4 kW")


def figures(node: Node, scope: Scope) -> set[str]:
    """The figures that a condition looks at."""
    if isinstance(node, Call):
        return {node.figure or scope.figure}

    if isinstance(node, Name):
        if node.name == "value":
            return {scope.figure}

        return set() if scope.place.find(node.name) is None else {node.name}

    found: set[str] = set()
    for part in below(node):
        found |= figures(part, scope)

    return found


def unit_of(node: Node, scope: Scope) -> str:
    """Unit of a number of a checked condition; nothing for a plain one."""
    unit = _type(node, scope).removeprefix("unit:")
    return "" if unit == PLAIN else unit


def _type(node: Node, scope: Scope) -> str:
    """`truth`, `text`, or `unit:` and the canonical unit of a number."""
    if isinstance(node, Number):
        return "unit:" + _unit(node)

    if isinstance(node, Text):
        return "text"

    if isinstance(node, Name):
        return _name(node, scope)

    if isinstance(node, Call):
        return _call(node, scope)

    if isinstance(node, Not):
        _need_truth(node.part, scope, "not")
        return "truth"

    return _binary(node, scope)


def _unit(node: Number) -> str:
    found = canonical(node.unit)
    if found is None:
        raise QueryError(
            f"'{node.unit}' is not a unit; "
            "known are kW, MW, kWh, MWh, g/kWh, kg, %, Nm3, s and the like"
        )

    return found[0]


def _name(node: Name, scope: Scope) -> str:
    if node.name == "state":
        if not scope.place.has_state:
            raise QueryError("only a line has a state; use `per: line`")

        return "text"

    if node.name in scope.limits:
        return "unit:" + scope.limits[node.name]

    return "unit:" + _figure(
        scope.figure if node.name == "value" else node.name,
        scope,
    )


def _figure(name: str, scope: Scope) -> str:
    """The unit in which a variable is compared."""
    unit = scope.find(name).unit
    known = canonical(unit)
    return unit if known is None else known[0]


def _call(node: Call, scope: Scope) -> str:
    name = node.function
    figure = node.figure or scope.figure
    if name not in (*SHORT, *LONG):
        known = [*SHORT, *LONG]
        raise QueryError(
            f"there is no function '{name}'{suggestion(name, known)}; known are {', '.join(known)}"
        )

    unit = _figure(figure, scope)
    if name == "sum" and not scope.find(figure).adds_up:
        raise QueryError(f"'{figure}' is a ratio and has no sum; use mean, which divides the sums")

    _span(node, scope)
    return "unit:" + unit


def _span(node: Call, scope: Scope) -> None:
    over = node.over_s
    name = node.function
    if name in SHORT and not scope.window_s <= over <= scope.recent_s:
        raise QueryError(
            f"{name} looks back over {scope.window_s:g}s to {scope.recent_s / HOUR_S:g}h, "
            f"not {over:g}s; for longer spans of the books there are {', '.join(LONG)}"
        )

    if name in SHORT and over % scope.window_s:
        raise QueryError(
            f"the duration of {name} must be a multiple of the window of {scope.window_s:g}s"
        )

    if name not in LONG:
        return

    goes_by_days = name in ("baseline", "median_of_days")
    step = DAY_S if goes_by_days else HOUR_S
    most = DAY_S if name == "last_week" else LONGEST_S
    if over % step or not step <= over <= most:
        raise QueryError(
            f"the duration of {name} is {step / HOUR_S:g}h to {most / HOUR_S:g}h "
            f"in steps of {step / HOUR_S:g}h"
        )


def _need_truth(
    node: Node,
    scope: Scope,
    word: str,
) -> None:
    if _type(node, scope) != "truth":
        raise QueryError(
            f"'{word}' joins conditions, such as value > 4 kW; "
            f"at character {node.at + 1} stands none"
        )


def _binary(node: Binary, scope: Scope) -> str:
    if node.sign in ("and", "or"):
        _need_truth(node.left, scope, node.sign)
        _need_truth(node.right, scope, node.sign)
        return "truth"

    left = _type(node.left, scope)
    right = _type(node.right, scope)
    if "truth" in (left, right):
        raise QueryError(f"'{node.sign}' at character {node.at + 1} cannot take a condition")

    if "text" in (left, right):
        return _texts(node, left, right)

    return _numbers(
        node,
        left.removeprefix("unit:"),
        right.removeprefix("unit:"),
    )


def _texts(
    node: Binary,
    left: str,
    right: str,
) -> str:
    if left != right or node.sign not in ("==", "!="):
        raise QueryError(
            "a text can only be compared by == or != with a text, such as state == 'idle'"
        )

    for side in (node.left, node.right):
        if isinstance(side, Text) and side.value.lower() not in STATE_WORDS:
            known = sorted(STATE_WORDS)
            raise QueryError(
                f"'{side.value}' is not a machine state{suggestion(side.value.lower(), known)}; "
                f"known are {', '.join(known)}"
            )

    return "truth"


def _numbers(
    node: Binary,
    left: str,
    right: str,
) -> str:
    if node.sign == "*":
        if PLAIN not in (left, right):
            raise QueryError(
                f"{left} times {right} has no meaning here; one of the two must be a plain number"
            )

        return "unit:" + (left if right == PLAIN else right)

    if node.sign == "/":
        if right not in (PLAIN, left):
            raise QueryError(
                f"{left} divided by {right} has no meaning here; "
                f"divide by a plain number or by {left}"
            )

        return "unit:" + (left if right == PLAIN else PLAIN)

    if left != right:
        raise QueryError(_mixed(node, left, right))

    return "truth" if node.sign in COMPARISONS else "unit:" + left


def _mixed(
    node: Binary,
    left: str,
    right: str,
) -> str:
    for side, mine, other in ((node.left, left, right), (node.right, right, left)):
        if isinstance(side, Number) and mine == PLAIN:
            return f"{side.value:g} needs a unit to stand beside {other}: {side.value:g} {other}"

    return (
        f"'{node.sign}' at character {node.at + 1} has {left} on one side and {right} on the other"
    )
