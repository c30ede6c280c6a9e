"""A rule with another threshold: the level of its first comparison
times a factor, as a rule of its own, for back-tests.
"""

from __future__ import annotations

from dataclasses import replace

from rules.language.config import Rule
from rules.language.parser import parse
from rules.language.tree import COMPARISONS, Binary, Call, Name, Node, Not, Number, Text, parts

MARK = "#"


def with_level(rule: Rule, factor: float) -> Rule:
    """The rule with its levels times `factor`, on and off alike.

    Its id gets the factor behind a mark.
    """
    changed = {
        "id": f"{rule.id}{MARK}{factor:g}",
        "when": scaled(rule.when, factor),
    }
    if rule.until is not None:
        changed["until"] = scaled(rule.until, factor)

    return rule.model_copy(update=changed)


def scaled(text: str, factor: float) -> str:
    """A condition with the level of its first comparison of numbers times `factor`."""
    tree = parse(text)
    for part in parts(tree):
        if _compares(part):
            return render(_swap(tree, part, factor))

    return text


def _compares(node: Node) -> bool:
    return (
        isinstance(node, Binary)
        and node.sign in COMPARISONS
        and not isinstance(node.left, Text)
        and not isinstance(node.right, Text)
    )


def _swap(
    node: Node,
    target: Node,
    factor: float,
) -> Node:
    if node is target:
        assert isinstance(node, Binary)
        if isinstance(node.left, Number):
            return replace(node, left=_times(factor, node.left))

        return replace(node, right=_times(factor, node.right))

    if isinstance(node, Not):
        return replace(node, part=_swap(node.part, target, factor))

    if isinstance(node, Binary):
        return replace(
            node,
            left=_swap(node.left, target, factor),
            right=_swap(node.right, target, factor),
        )

    return node


def _times(factor: float, node: Node) -> Binary:
    return Binary(
        "*",
        Number(factor, "", 0),
        node,
        0,
    )


def render(node: Node) -> str:
    """Text of a tree; parsed again it is the same tree."""
    if isinstance(node, Number):
        value = f"{node.value:.12g}"
        return f"{value}s" if node.unit == "s" else f"{value} {node.unit}".strip()

    if isinstance(node, Text):
        return f"'{node.value}'"

    if isinstance(node, Name):
        return node.name

    if isinstance(node, Call):
        figure = f"{node.figure}, " if node.figure else ""
        return f"{node.function}({figure}{node.over_s:.12g}s)"

    if isinstance(node, Not):
        return f"not ({render(node.part)})"

    return f"({render(node.left)}) {node.sign} ({render(node.right)})"
