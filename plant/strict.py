"""Words that every part of the plant file is made of: ids, names, durations, secrets by reference, models that refuse unknown keys."""

from __future__ import annotations

from typing import Annotated, Literal

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
Language = Literal["en", "zh", "de"]
Name = str | dict[Literal["en", "zh", "de"], str]


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Strict):
    """A secret by reference: an environment variable WATTLINE_SECRET_NAME or a file in the secrets folder."""

    secret: Id
