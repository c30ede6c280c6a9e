"""Words of a query. A pattern (/.../) is told from a division by what stands before it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from plant.errors import QueryError

LONGEST: Final = 65_536
UNITS: Final = {
    "ns": 1,
    "u": 1_000,
    "µ": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|--[^\n]*)+)
    |(?P<duration>(?:\d+(?:ns|ms|[uµsmhdw]))+(?![\w.]))
    |(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<quoted>"(?:[^"\\\n]|\\.)*")
    |(?P<text>'(?:[^'\\\n]|\\.)*')
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>=~|!~|!=|<>|<=|>=|::|[=<>(),;.*+/-])""",
    re.VERBOSE,
)
_PATTERN: Final = re.compile(r"/((?:[^/\\\n]|\\.)*)/")
_PART: Final = re.compile(r"(\d+)(ns|ms|[uµsmhdw])")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is duration, number, name, text, word, sign, pattern or end. `value` is without
    quotes."""

    kind: str
    value: str
    at: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these keywords or signs."""
        return (self.kind == "word" and self.value.upper() in words) or (
            self.kind == "sign" and self.value in words
        )


def tokens(query: str) -> list[Token]:
    """All tokens, an end token last; QueryError where something is none."""
    if len(query) > LONGEST:
        raise QueryError(f"the query is longer than {LONGEST} characters")

    found: list[Token] = []
    at = 0
    while at < len(query):
        match = _PATTERN.match(query, at) if found and found[-1].says("=~", "!~") else None
        if match:
            found.append(Token("pattern", match[1].replace("\\/", "/"), at))
        else:
            match = _TOKEN.match(query, at)
            if match is None:
                raise QueryError(
                    f"error parsing query: cannot read {query[at : at + 12]!r} at char {at + 1}"
                )

            kind = str(match.lastgroup)
            if kind != "space":
                found.append(_token(kind, match[0], at))

        at = match.end()

    return [*found, Token("end", "", len(query))]


def _token(
    kind: str,
    text: str,
    at: int,
) -> Token:
    if kind in ("quoted", "text"):
        value = re.sub(
            r"\\(.)",
            lambda m: {"n": "\n"}.get(m[1], m[1]),
            text[1:-1],
        )
        return Token("name" if kind == "quoted" else "text", value, at)

    return Token(kind, text, at)


def nanoseconds(duration: str) -> int:
    """1h30m and the like in ns."""
    return sum(int(count) * UNITS[unit] for count, unit in _PART.findall(duration))
