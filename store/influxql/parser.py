"""Queries to trees, by recursive descent. What is not in the grammar is an error that says what was expected and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from plant.errors import QueryError
from store.influxql.conditions import split_time
from store.influxql.lexer import Token, nanoseconds, tokens
from store.influxql.tree import (
    FUNCTIONS,
    Binary,
    Call,
    Column,
    Compare,
    Condition,
    Expr,
    Logic,
    Number,
    Ref,
    Select,
    Show,
    Statement,
)

DEEPEST: Final = 3
NESTED: Final = 60


def parse(query: str, now_ns: int) -> list[Statement]:
    """The statements of `query`, which `;` separates; QueryError if one cannot be read. `now_ns` stands for now()."""
    return Parser(tokens(query), now_ns).statements()


class Parser:
    """Reads tokens from left to right."""

    def __init__(self, found: list[Token], now_ns: int) -> None:
        self.tokens, self.at, self.now, self.nested = found, 0, now_ns, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def wrong(self, expected: str) -> QueryError:
        got = self.token.value or "end of query"
        return QueryError(f"error parsing query: found {got}, expected {expected} at char {self.token.at + 1}")

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

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        while self.token.kind != "end":
            if self.take(";"):
                continue
            found.append(self.statement())
            if self.token.kind != "end" and not self.token.says(";"):
                raise self.wrong(";")
        if not found:
            raise self.wrong("SELECT, SHOW")
        return found

    def statement(self) -> Statement:
        if self.take("SELECT"):
            return self.select(1)
        if self.take("SHOW"):
            return self.show()
        raise self.wrong("SELECT, SHOW")

    def select(self, depth: int) -> Select:
        if depth > DEEPEST:
            raise QueryError(f"subqueries are nested deeper than {DEEPEST}")
        columns = tuple(self.many(self.column))
        self.need("FROM")
        if self.take("("):
            self.need("SELECT")
            source: str | Select = self.select(depth + 1)
            self.need(")")
        else:
            source = self.measurement()
        found = Select(columns, source)
        if self.take("WHERE"):
            where, since, until = split_time(self.condition())
            found = replace(found, where=where, since=since, until=until)
        if self.take("GROUP"):
            self.need("BY")
            found = self.group(found)
        return self.rest(found)

    def many(self, part: Callable[[], Any]) -> list[Any]:
        found = [part()]
        while self.take(","):
            found.append(part())
        return found

    def column(self) -> Column:
        if self.take("*"):
            return Column(Ref("*"))
        expr = self.sum()
        return Column(expr, self.name() if self.take("AS") else None)

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

    def deeper(self) -> None:
        self.nested += 1
        if self.nested > NESTED:
            raise QueryError("the expression has too many parentheses")

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

    def measurement(self) -> str:
        """["db".]["rp".]"name": there is one database and one policy, so only the name counts."""
        name = self.name()
        while self.take("."):
            self.take(".")
            name = self.name()
        return name

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
        if not self.token.says("=", "!=", "<>", "<", "<=", ">", ">=", "=~", "!~"):
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
        """A time: now(), a text or an integer, plus and minus durations; as text of ns, so that no digit is lost."""
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

    def group(self, found: Select) -> Select:
        tags: list[str] = []
        while True:
            if self.take("*"):
                found = replace(found, all_tags=True)
            elif self.token.says("TIME") and self.tokens[self.at + 1].says("("):
                found = self.time(found)
            else:
                tags.append(self.name())
                self.cast()
            if not self.take(","):
                return replace(found, tags=tuple(dict.fromkeys(tags)))

    def time(self, found: Select) -> Select:
        self.need("TIME", "(")
        every = nanoseconds(self.kind("duration", "duration"))
        offset = 0
        if self.take(","):
            sign = -1 if self.take("-") else 1
            offset = sign * nanoseconds(self.kind("duration", "duration"))
        self.need(")")
        if every <= 0:
            raise QueryError("GROUP BY time needs a duration above zero")
        return replace(found, every=every, offset=offset)

    def rest(self, found: Select) -> Select:
        if self.take("FILL"):
            found = self.fill(found)
        if self.take("ORDER"):
            self.need("BY")
            self.need("TIME")
            found = replace(found, descending=self.take("DESC") or (self.take("ASC") and False))
        if self.take("LIMIT"):
            found = replace(found, limit=self.whole())
        if self.take("OFFSET"):
            found = replace(found, skip=self.whole())
        if self.take("SLIMIT"):
            found = replace(found, series_limit=self.whole())
        if self.take("SOFFSET"):
            found = replace(found, series_skip=self.whole())
        if self.take("TZ"):
            self.need("(")
            found = replace(found, timezone=self.kind("text", "'time zone'"))
            self.need(")")
        return found

    def whole(self) -> int:
        text = self.kind("number", "number")
        if not text.isdigit():
            raise self.wrong("a whole number")
        return int(text)

    def fill(self, found: Select) -> Select:
        self.need("(")
        for word in ("null", "none", "previous", "linear"):
            if self.take(word.upper()):
                self.need(")")
                return replace(found, fill=word)
        sign = -1.0 if self.take("-") else 1.0
        number = sign * float(self.kind("number", "null, none, previous, linear or a number"))
        self.need(")")
        return replace(found, fill="number", fill_number=number)

    def show(self) -> Show:
        if self.take("MEASUREMENTS"):
            found = Show("measurements")
            if self.take("WITH"):
                self.need("MEASUREMENT")
                exact = self.take("=")
                if not exact:
                    self.need("=~")
                found = (
                    replace(found, pattern=None, source=self.name())
                    if exact
                    else replace(found, pattern=self.kind("pattern", "/pattern/"))
                )
        elif self.take("DATABASES"):
            found = Show("databases")
        elif self.take("RETENTION"):
            self.need("POLICIES")
            if self.take("ON"):
                self.name()
            found = Show("retention policies")
        elif self.take("FIELD"):
            self.need("KEYS")
            found = self.of(Show("field keys"))
        else:
            self.need("TAG")
            found = self.tag_show()
        return self.show_rest(found)

    def of(self, found: Show) -> Show:
        return replace(found, source=self.measurement()) if self.take("FROM") else found

    def tag_show(self) -> Show:
        if self.take("KEYS"):
            return self.of(Show("tag keys"))
        self.need("VALUES")
        found = self.of(Show("tag values"))
        self.need("WITH", "KEY")
        if self.take("IN"):
            self.need("(")
            found = replace(found, keys=tuple(self.many(self.name)))
            self.need(")")
            return found
        self.need("=")
        return replace(found, keys=(self.name(),))

    def show_rest(self, found: Show) -> Show:
        if self.take("WHERE"):
            found = replace(found, where=split_time(self.condition())[0])
        if self.take("LIMIT"):
            found = replace(found, limit=self.whole())
        if self.take("OFFSET"):
            found = replace(found, skip=self.whole())
        return found


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise QueryError(f"error parsing query: '{text}' is not a time such as 2026-11-21T08:00:00Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = round(aware.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + aware.microsecond * 1_000
