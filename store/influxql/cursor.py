"""Stepping over the tokens of a query; what is not there is an error that says what was expected
and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from plant.errors import QueryError
from store.influxql.lexer import Token

NESTED: Final = 60
T = TypeVar("T")


class Cursor:
    """Stands before a token and steps over what it is asked for."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.nested = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def wrong(self, expected: str) -> QueryError:
        got = self.token.value or "end of query"
        return QueryError(
            f"error parsing query: found {got}, expected {expected} at char {self.token.at + 1}"
        )

    def take(self, *words: str) -> bool:
        """Step over one of these, if it is there."""
        if self.token.says(*words):
            self.at += 1
            return True

        return False

    def need(self, *words: str) -> None:
        for word in words:
            if not self.take(word):
                raise self.wrong(word)

    def kind(self, kind: str, expected: str) -> str:
        if self.token.kind != kind:
            raise self.wrong(expected)

        self.at += 1
        return self.tokens[self.at - 1].value

    def name(self) -> str:
        if self.token.kind not in ("name", "word"):
            raise self.wrong("identifier")

        self.at += 1
        return self.tokens[self.at - 1].value

    def many(self, part: Callable[[], T]) -> list[T]:
        found = [part()]
        while self.take(","):
            found.append(part())

        return found

    def whole(self) -> int:
        text = self.kind("number", "number")
        if not text.isdigit():
            raise self.wrong("a whole number")

        return int(text)

    def deeper(self) -> None:
        self.nested += 1
        if self.nested > NESTED:
            raise QueryError("the expression has too many parentheses")
