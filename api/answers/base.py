"""What all answers are made of, and the one shape of an error."""

from __future__ import annotations

import msgspec

Names = dict[str, str]
"""Texts by language, as `plant.languages` has them."""
Figures = dict[str, float | None]
"""Values by name of the figure."""


class Answer(msgspec.Struct):
    """One JSON object of the API."""


class Problem(Answer):
    """What is wrong: a word for programs, a sentence for people, and what to do."""

    code: str
    message: str
    hint: str


class Error(Answer):
    """The one shape of every error."""

    error: Problem
