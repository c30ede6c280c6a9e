"""Books and readings as points: integer codes become tag values, columns become fields
(`store.schema`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from plant.ports import Columns
from store import line_protocol
from store.schema import DIRECT, SCHEMA

TABLES = ("line", "flow", "bus", "source")
TRACED = (0, 1)
"""Kinds of flow that are points: what went to a line, and what is unmetered on a bus."""
KEYS = {
    "line": ("line",),
    "bus": ("bus",),
    "source": ("source",),
    "flow": ("node", "carrier", "source", "via"),
}
"""Columns of the embedded store that become tags, in the order of the tags."""
BAD = 3


def of_books(
    table: str,
    columns: Columns,
    text: Sequence[str],
    site: str,
) -> pl.Series:
    """Lines of one table of books. `text` are the names by code."""
    if table == "flow":
        columns = _summed(columns)

    codes = [columns[key].astype(np.int64) for key in KEYS[table]]
    starts, at = _series(
        table,
        codes,
        text,
        site,
    )
    fields = {
        name: np.asarray(columns[name], np.float64)
        for name in SCHEMA[table].fields
        if name in columns
    }
    return line_protocol.lines(
        starts,
        at,
        fields,
        columns["start"] + columns["rev"],
    )


def _summed(columns: Columns) -> dict[str, npt.NDArray[Any]]:
    """What went to lines and remainders, over all hours of origin."""
    keys = [
        "start",
        "rev",
        *KEYS["flow"],
    ]
    sums = [name for name in SCHEMA["flow"].fields if name in columns]
    frame = pl.DataFrame(
        {
            name: columns[name]
            for name in [
                "kind",
                *keys,
                *sums,
            ]
        }
    )
    frame = (
        frame.filter(pl.col("kind").is_in(TRACED))
        .group_by(keys, maintain_order=True)
        .agg(pl.col(sums).sum())
    )
    return {name: frame[name].to_numpy() for name in (*keys, *sums)}


def _series(
    table: str,
    codes: Sequence[npt.NDArray[np.int64]],
    text: Sequence[str],
    site: str,
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The starts of lines, and which of them each row has."""
    places, at = np.unique(
        np.ravel_multi_index(codes, [len(text)] * len(codes)),
        return_inverse=True,
    )
    rows = np.stack(
        np.unravel_index(places, [len(text)] * len(codes)),
        1,
    )
    tags = SCHEMA[table].tags
    values = ([site, *(text[code] or DIRECT for code in row)] for row in rows)
    return [
        line_protocol.series(
            table,
            dict(
                zip(
                    tags,
                    value,
                    strict=True,
                )
            ),
        )
        for value in values
    ], at.reshape(-1)


class MeterPoints:
    """Readings as points of the measurement `meter`: one point per meter and time. `names` are the
    tags of the registry."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.starts: list[str | None] = []
        self.fields: list[str | None] = []

    def know(self, names: Mapping[int, tuple[str, str]]) -> None:
        """Series and field of each tag, escaped once."""
        size = max(names, default=-1) + 1
        self.starts = [None] * size
        self.fields = [None] * size
        for tag, (meter, quantity) in names.items():
            self.starts[tag] = line_protocol.series(
                "meter",
                {
                    "site": self.site,
                    "meter": meter,
                },
            )
            self.fields[tag] = line_protocol.key_text(quantity)

    def lines(self, columns: Columns) -> pl.Series:
        """BAD and NaN are left out: a failed read has no value."""
        good = (columns["quality"] < BAD) & (columns["tag"] < len(self.starts))
        tag, value, ts = (np.asarray(columns[name])[good] for name in ("tag", "value", "ts"))
        return line_protocol.gathered(
            self.starts,
            self.fields,
            tag,
            value,
            ts,
        )
