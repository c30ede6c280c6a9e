"""Parameters that many routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Of = Annotated[
    str,
    Query(
        description="line, group, bus or site",
        examples=["site"],
    ),
]
From = Annotated[
    str,
    Query(
        alias="from",
        description="ISO 8601 with offset, today, shift, or -24h",
        examples=["-24h"],
    ),
]
To = Annotated[
    str,
    Query(
        description="ISO 8601 with offset, or now",
        examples=["now"],
    ),
]
