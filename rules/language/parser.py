"""Conditions of rules: `mean(10m) > 4 kW and state == 'idle'`. Text to tree; what cannot be read is
a QueryError that says what was expected.

    condition  = and {"or" and}            and   = not {"and" not}         not  = ["not"] comparison
    comparison = sum [sign sum]            sum   = term {("+" | "-") term}
    term       = part {("*" | "/") part}
    part       = "-" part | number [unit] | duration | 'text' | name
               | function "(" [figure ","] duration ")" | "(" condition ")"

Bounded in length and depth; one pass over the text, no
pattern of the user's, nothing that loops or calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plant.errors import QueryError
from plant.units import seconds
from rules.language.tree import COMPARISONS, Binary, Call, Name, Node, Not, Number, Text

LONGEST: Final = 500
NESTED: Final = 20
_KEYWORDS: Final = frozenset({"and", "or", "not"})
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    |(?P<duration>\d+(?:\.\d+)?(?:ms|min|[smhd])(?![\w/]))
    |(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
    |(?P<text>'[^'\n]*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*(?:@[a-z]+)?)
    |(?P<sign><=|>=|==|!=|[-+*/<>(),%])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str
    at: int


def parse(text: str) -> Node:
    """The tree of a condition."""
    if len(text) > LONGEST:
        raise QueryError(f"a condition may have {LONGEST} characters, this one has {len(text)}")

    reader = _Reader(_tokens(text))
    found = reader.condition()
    if reader.token.kind != "end":
        raise reader.wrong("'and', 'or' or the end")

    return found


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryError(f"cannot read {text[at : at + 10]!r} at character {at + 1}")

        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match[0], at))

        at = match.end()

    return [*found, _Token("end", "", len(text))]


class _Reader:
    """Stands before a token; each method reads one kind of part."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def wrong(self, expected: str) -> QueryError:
        found = repr(self.token.value) if self.token.value else "the end"
        return QueryError(f"expected {expected}, found {found} at character {self.token.at + 1}")

    def take(self, *words: str) -> _Token | None:
        token = self.token
        if token.kind in ("sign", "name") and token.value in words:
            self.place += 1
            return token

        return None

    def need(self, word: str) -> None:
        if self.take(word) is None:
            raise self.wrong(f"'{word}'")

    def _chain(self, part: Callable[[], Node], *signs: str) -> Node:
        left = part()
        while (sign := self.take(*signs)) is not None:
            left = Binary(
                sign.value,
                left,
                part(),
                sign.at,
            )

        return left

    def condition(self) -> Node:
        self.depth += 1
        if self.depth > NESTED:
            raise QueryError(f"a condition may be {NESTED} parentheses deep")

        found = self._chain(lambda: self._chain(self._negated, "and"), "or")
        self.depth -= 1
        return found

    def _negated(self) -> Node:
        sign = self.take("not")
        return self._comparison() if sign is None else Not(self._comparison(), sign.at)

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self.take(*COMPARISONS)
        return (
            left
            if sign is None
            else Binary(
                sign.value,
                left,
                self._sum(),
                sign.at,
            )
        )

    def _sum(self) -> Node:
        return self._chain(
            lambda: self._chain(self._part, "*", "/"),
            "+",
            "-",
        )

    def _part(self) -> Node:
        token = self.token
        if self.take("("):
            found = self.condition()
            self.need(")")
            return found

        if self.take("-"):
            number = self._number()
            return Number(-number.value, number.unit, token.at)

        if token.kind in ("number", "duration"):
            return self._number()

        if token.kind == "text":
            self.place += 1
            return Text(token.value[1:-1], token.at)

        if token.kind == "name" and token.value not in _KEYWORDS:
            self.place += 1
            return self._call(token) if self.take("(") else Name(token.value, token.at)

        raise self.wrong("a number, a function such as mean(10m), a figure or a text in quotes")

    def _number(self) -> Number:
        token = self.token
        if token.kind == "duration":
            self.place += 1
            return Number(seconds(token.value), "s", token.at)

        if token.kind != "number":
            raise self.wrong("a number")

        self.place += 1
        return Number(float(token.value), self._unit(), token.at)

    def _unit(self) -> str:
        token = self.token
        if self.take("%"):
            return "%"

        if (
            token.kind != "name"
            or token.value in _KEYWORDS
            or self.tokens[self.place + 1].value == "("
        ):
            return ""

        self.place += 1
        over = self.tokens[self.place + 1] if self.token.value == "/" else token
        if (
            over.kind == "name" and over.at == token.at + len(token.value) + 1
        ):  # g/kWh is a unit, kW / value is not
            self.place += 2
            return f"{token.value}/{over.value}"

        return token.value

    def _call(self, function: _Token) -> Call:
        figure = ""
        if self.token.kind == "name":
            figure = self.token.value
            self.place += 1
            self.need(",")

        if self.token.kind != "duration":
            raise self.wrong("a duration such as 10m")

        over = seconds(self.token.value)
        self.place += 1
        self.need(")")
        return Call(
            function.value,
            figure,
            over,
            function.at,
        )
