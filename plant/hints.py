"""Did you mean: the nearest word that there is, for messages about a word that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

# Two words are near when six tenths of their letters agree in order; below that, hints mislead.
NEAR: Final = 0.6


def nearest(
    word: str,
    known: Iterable[str],
    most: int = 1,
) -> list[str]:
    """The known words that look like `word`, best first, at most `most` of them."""
    return difflib.get_close_matches(
        word,
        list(known),
        n=most,
        cutoff=NEAR,
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """ " (did you mean 'x'?)" or nothing."""
    close = nearest(word, known)
    return f" (did you mean '{close[0]}'?)" if close else ""


def missing(
    word: str,
    known: Iterable[str],
    what: str,
) -> str:
    """A reference that leads nowhere, with the nearest name that there is."""
    return f"there is no {what} '{word}'{suggestion(word, known)}"
