"""Whether it runs and whether it is ready."""

from __future__ import annotations

from typing import Literal

from api.answers.base import Answer


class Healthy(Answer):
    """It runs, and which version."""

    status: Literal["ok"]
    version: str


class Ready(Answer):
    """There are figures and nothing stands still."""

    status: Literal["ready"]
