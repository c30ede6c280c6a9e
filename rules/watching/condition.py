"""A checked condition as a function of a view: one answer per subject, 0 false, 1 unknown, 2 true.
`and` is the least, `or` the greatest of two.

So what is unknown decides nothing: `state == 'run' and mean(10m) > 4 kW` is false for a machine
that stands, whether its power is known or not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.states import STATES
from plant.arrays import Floats
from rules.language.tree import COMPARISONS, Binary, Call, Name, Node, Not, Number, Text, parts
from rules.language.units import canonical
from rules.watching.view import View

Truth = npt.NDArray[np.int8]
FALSE = 0
UNKNOWN = 1
TRUE = 2
Numbers = Callable[[View], "Floats | float"]
Test = Callable[[View], Truth]
_SIGNS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What names stand for: the watched figure, and limits by subject of the view."""

    figure: str
    limits: Mapping[str, Floats]


def test(node: Node, terms: Terms) -> Test:
    """The condition as a function."""
    if isinstance(node, Not):
        part = test(node.part, terms)
        return lambda view: (TRUE - part(view)).astype(np.int8)

    assert isinstance(node, Binary)
    if node.sign in ("and", "or"):
        left = test(node.left, terms)
        right = test(node.right, terms)
        pick = np.minimum if node.sign == "and" else np.maximum
        return lambda view: np.asarray(pick(left(view), right(view)), np.int8)

    if isinstance(node.left, Text) or isinstance(node.right, Text):
        return _state(node)

    return _compare(
        _SIGNS[node.sign],
        number(node.left, terms),
        number(node.right, terms),
    )


def _compare(
    sign: Callable[[Any, Any], Any],
    left: Numbers,
    right: Numbers,
) -> Test:
    def answer(view: View) -> Truth:
        first = left(view)
        second = right(view)
        is_true = np.asarray(sign(first, second))
        found = is_true.view(np.int8) * np.int8(TRUE)
        if found.ndim == 0:
            found = np.full(len(view.subjects), found)

        for gaps in (view.unknown(first), view.unknown(second)):
            if gaps is not None:
                found[gaps] = UNKNOWN

        return found

    return answer


def _state(node: Binary) -> Test:
    """`state == 'idle'`, or with !=."""
    text = node.left if isinstance(node.left, Text) else node.right
    assert isinstance(text, Text)
    words = [known.value.lower() for known in STATES]
    code = words.index(text.value.lower())
    equal = node.sign == "=="

    def answer(view: View) -> Truth:
        states = view.states()
        is_it = states == code
        is_true = is_it == equal
        found: Truth = is_true.view(np.int8) * np.int8(TRUE)
        found[np.isnan(states)] = UNKNOWN
        return np.asarray(found, np.int8)

    return answer


def number(node: Node, terms: Terms) -> Numbers:
    """A number of the condition as a function: an array by subject, or one for all."""
    if isinstance(node, Number):
        known = canonical(node.unit)
        scale = 1.0 if known is None else known[1]
        value = node.value * scale
        return lambda view: value

    if isinstance(node, Call):
        figure = node.figure or terms.figure
        over = round(node.over_s * 1e9)
        return lambda view: view.figure(node.function, figure, over)

    if isinstance(node, Name):
        return _named(node.name, terms)

    assert isinstance(node, Binary)
    left = number(node.left, terms)
    right = number(node.right, terms)
    if node.sign == "/":
        return lambda view: _divide(left(view), right(view))

    sign = _SIGNS[node.sign]
    return lambda view: sign(left(view), right(view))


def _named(name: str, terms: Terms) -> Numbers:
    limit = terms.limits.get(name)
    if limit is not None:
        return lambda view: limit

    figure = terms.figure if name == "value" else name
    return lambda view: view.figure("value", figure, view.ring.window)


def _divide(top: Floats | float, over: Floats | float) -> Floats | float:
    """What is divided by nothing is unknown."""
    with np.errstate(
        invalid="ignore",
        divide="ignore",
    ):
        is_something = np.asarray(over) != 0
        return np.where(is_something, np.divide(top, over), np.nan)


def compared(node: Node) -> tuple[Node, Node] | None:
    """What to show of a condition: value and limit, the sides of its
    first comparison of numbers that are measured.
    """
    for part in parts(node):
        if not isinstance(part, Binary) or part.sign not in COMPARISONS:
            continue

        value = part.left
        limit = part.right
        if isinstance(value, Number):  # 4 kW < mean(10m)
            value = part.right
            limit = part.left

        of_numbers = not isinstance(value, Text) and not isinstance(limit, Text)
        if of_numbers and _is_measured(value):
            return value, limit

    return None


def _is_measured(node: Node) -> bool:
    return any(isinstance(part, Call | Name) for part in parts(node))
