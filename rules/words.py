"""What alerts say of themselves, a language each.

What a rule says stands in its own file, in all its languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language.

    `meters_silent` tells of meters behind a connection: {n} of {all} behind {connection}.
    """

    decimal: str
    meters_silent: str


WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        decimal=".",
        meters_silent="{n} of {all} meters behind {connection} are silent",
    ),
    "zh": Words(
        decimal=".",
        meters_silent="{connection} 下的 {all} 台表计中有 {n} 台无数据",
    ),
    "de": Words(
        decimal=",",
        meters_silent="{n} von {all} Zählern hinter {connection} schweigen",
    ),
}


def words(language: str) -> Words:
    """The words of a language; English where there are none."""
    return WORDS.get(language, WORDS["en"])
