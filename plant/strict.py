"""Words that every part of the plant file is made of.

Ids, durations, times of day, secrets by reference, models that refuse unknown keys.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from plant import units

Id = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,47}$", description="lower-case letters, digits and underscores"
    ),
]
Seconds = Annotated[
    float,
    BeforeValidator(units.seconds),
    Field(gt=0, description="a duration such as 10s, 15m or 1h"),
]
ClockTime = Annotated[
    str,
    Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time such as 07:00"),
]
Shift = Annotated[
    str,
    Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"),
]


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Strict):
    """A secret by reference: an environment variable WATTLINE_SECRET_NAME or a file in the secrets
    folder.
    """

    secret: Id
