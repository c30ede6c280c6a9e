"""Arithmetic, conditions and moments of a query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from plant.errors import QueryError
from store.influxql.cursor import Cursor
from store.influxql.lexer import Token, nanoseconds
from store.influxql.tree import (
    FUNCTIONS,
    Binary,
    Call,
    Compare,
    Condition,
    Expr,
    Logic,
    Number,
    Ref,
)


class Expressions(Cursor):
    """`now_ns` stands for now()."""

    def __init__(self, found: list[Token], now_ns: int) -> None:
        super().__init__(found)
        self.now = now_ns

    def sum(self) -> Expr:
        return self.chain(self.product, "+", "-")

    def product(self) -> Expr:
        return self.chain(self.factor, "*", "/")

    def chain(self, part: Callable[[], Expr], *signs: str) -> Expr:
        left = part()
        while self.token.says(*signs):
            sign = self.token.value
            self.at += 1
            left = Binary(sign, left, part())

        return left

    def factor(self) -> Expr:
        if self.take("("):
            self.deeper()
            inner = self.sum()
            self.need(")")
            return inner

        if self.take("-"):
            self.deeper()
            return Binary("*", Number(-1.0), self.factor())

        if self.token.kind == "number":
            return Number(float(self.kind("number", "number")))

        quoted = self.token.kind == "name"
        name = self.name()
        if not quoted and self.take("("):
            return self.call(name.lower())

        self.cast()
        return Ref(name)

    def call(self, function: str) -> Call:
        if function not in FUNCTIONS:
            raise QueryError(f"undefined function {function}(); known are {', '.join(FUNCTIONS)}")

        of = self.name()
        self.cast()
        self.need(")")
        return Call(function, of)

    def cast(self) -> None:
        """`"x"::field` and `"k"::tag` say what the schema says already."""
        if self.take("::") and self.name().lower() not in ("field", "tag", "float"):
            raise self.wrong("field, tag, float")

    def condition(self) -> Condition:
        left = self.conjunction()
        while self.take("OR"):
            left = Logic("OR", left, self.conjunction())

        return left

    def conjunction(self) -> Condition:
        left = self.comparison()
        while self.take("AND"):
            left = Logic("AND", left, self.comparison())

        return left

    def comparison(self) -> Condition:
        if self.take("("):
            self.deeper()
            inner = self.condition()
            self.need(")")
            return inner

        name = self.name()
        self.cast()
        operator = self.token.value
        if not self.token.says(
            "=",
            "!=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "=~",
            "!~",
        ):
            raise self.wrong("a comparison")

        self.at += 1
        operator = "!=" if operator == "<>" else operator
        if name.lower() == "time":
            return Compare("time", operator, self.moment())

        return Compare(name, operator, self.literal(operator))

    def literal(self, operator: str) -> str | float:
        if operator in ("=~", "!~"):
            return self.kind("pattern", "/pattern/")

        if self.token.kind == "text":
            return self.kind("text", "'text'")

        sign = -1.0 if self.take("-") else 1.0
        return sign * float(self.kind("number", "'text' or number"))

    def moment(self) -> float | str:
        """A time: now(), a text or an integer, plus and minus durations; as text of ns, so that no
        digit is lost."""
        at = self.instant()
        while self.token.says("+", "-"):
            sign = 1 if self.token.value == "+" else -1
            self.at += 1
            at += sign * nanoseconds(self.kind("duration", "duration"))

        return str(at)

    def instant(self) -> int:
        if self.take("NOW"):
            self.need("(", ")")
            return self.now

        if self.token.kind == "text":
            return _moment(self.kind("text", "'time'"))

        sign = -1 if self.take("-") else 1
        if self.token.kind == "duration":
            return sign * nanoseconds(self.kind("duration", "time"))

        return sign * self.whole()


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise QueryError(
            f"error parsing query: '{text}' is not a time such as 2026-11-21T08:00:00Z"
        ) from None

    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = round(aware.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + aware.microsecond * 1_000
