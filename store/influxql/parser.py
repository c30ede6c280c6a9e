"""Queries to trees, by recursive descent. What is not in the grammar is an error that says what was
expected and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from plant.errors import QueryError
from store.influxql.conditions import split_time
from store.influxql.expressions import Expressions
from store.influxql.lexer import nanoseconds, tokens
from store.influxql.tree import (
    Column,
    Ref,
    Select,
    Show,
    Statement,
)

DEEPEST: Final = 3


def parse(query: str, now_ns: int) -> list[Statement]:
    """The statements of `query`, which `;` separates; QueryError if one cannot be read. `now_ns`
    stands for now()."""
    return Parser(tokens(query), now_ns).statements()


class Parser(Expressions):
    """Statements from left to right."""

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
            found = replace(
                found,
                where=where,
                since=since,
                until=until,
            )

        if self.take("GROUP"):
            self.need("BY")
            found = self.group(found)

        return self.rest(found)

    def column(self) -> Column:
        if self.take("*"):
            return Column(Ref("*"))

        expr = self.sum()
        return Column(expr, self.name() if self.take("AS") else None)

    def measurement(self) -> str:
        """["db".]["rp".]"name": there is one database and one policy, so only the name counts."""
        name = self.name()
        while self.take("."):
            self.take(".")
            name = self.name()

        return name

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

        return replace(
            found,
            every=every,
            offset=offset,
        )

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

    def fill(self, found: Select) -> Select:
        self.need("(")
        for word in ("null", "none", "previous", "linear"):
            if self.take(word.upper()):
                self.need(")")
                return replace(found, fill=word)

        sign = -1.0 if self.take("-") else 1.0
        number = sign * float(self.kind("number", "null, none, previous, linear or a number"))
        self.need(")")
        return replace(
            found,
            fill="number",
            fill_number=number,
        )

    def show(self) -> Show:
        if self.take("MEASUREMENTS"):
            found = Show("measurements")
            if self.take("WITH"):
                self.need("MEASUREMENT")
                exact = self.take("=")
                if not exact:
                    self.need("=~")

                found = (
                    replace(
                        found,
                        pattern=None,
                        source=self.name(),
                    )
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
