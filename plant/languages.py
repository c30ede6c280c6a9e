"""The languages of names, rules and messages: which there are, and texts in each of them.

A further one is a word here, a words file of the page (`dashboards/live/src/words/`), one of the
alerts (`rules/words.py`), and one of the rules that ship (`rules/packs/words/`). Tests say which of
them is missing.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Language = Literal["en", "zh", "de"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

IN_WORDS: Final = f"{', '.join(LANGUAGES[:-1])} or {LANGUAGES[-1]}"

Name = str | dict[Language, str]
"""A name as a file gives it: one text for all languages, or one each."""


def names(value: Name, fallback: str) -> dict[str, str]:
    """Display names by language.

    A plain string serves all, and an id serves where there is none.
    """
    if not isinstance(value, dict):
        text = value or fallback.replace("_", " ")
        return dict.fromkeys(LANGUAGES, text)

    first = next(iter(value.values()), fallback)
    usual = value.get("en") or first
    found: dict[str, str] = {}
    for language in LANGUAGES:
        found[language] = value.get(language, usual)

    return found
