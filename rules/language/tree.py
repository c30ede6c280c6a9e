"""The tree of a condition: what the parser makes, what the checker types and what is evaluated.

Nothing else can be said in a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A number with the unit as written; no unit: plain.

    A duration such as 10m is a number of seconds.
    """

    value: float
    unit: str
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """`value`, `state`, a limit of the rule, or a figure in its newest window."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function over time; `figure` is empty where it is the figure that the rule watches."""

    function: str
    figure: str
    over_s: float
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`sign` is and, or, a comparison, or one of + - * /."""

    sign: str
    left: Node
    right: Node
    at: int


Node: TypeAlias = Number | Text | Name | Call | Not | Binary
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def parts(node: Node) -> list[Node]:
    """A node and all below it, from left to right."""
    found = [node]
    for part in below(node):
        found += parts(part)

    return found


def below(node: Node) -> list[Node]:
    """The parts that a node joins."""
    if isinstance(node, Not):
        return [node.part]

    if isinstance(node, Binary):
        return [node.left, node.right]

    return []
