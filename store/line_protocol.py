"""Line protocol from columns: `measurement,tag=value field=1.5,other=2.0 time`, one line a point,
time in ns.

The part before the fields is escaped once per series (`series`); a batch is then text operations on
whole columns. All fields are floats, written so that reading them gives the same number. NaN and
infinity have no text: such a field is left out of its point, and a point without fields is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from plant.arrays import Ints
from plant.ports import Column

_TAG = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_NAME = str.maketrans({",": "\\,", " ": "\\ "})
_UNWRITABLE = re.compile(r"[\x00-\x1f\\]")


def series(measurement: str, tags: Mapping[str, str]) -> str:
    """Start of each line of one series, up to its fields."""
    listed = "".join(
        f",{key_text(tag)}={_plain(value).translate(_TAG)}" for tag, value in tags.items()
    )
    if measurement.startswith("#"):
        raise ValueError(
            f"line protocol cannot write the measurement {measurement!r}: a line that begins with "
            "# is a comment"
        )

    return f"{_plain(measurement).translate(_NAME)}{listed} "


def key_text(key: str) -> str:
    """A tag or field name as it stands in a line."""
    return _plain(key).translate(_TAG)


def _plain(text: str) -> str:
    if not text or _UNWRITABLE.search(text):
        raise ValueError(
            f"line protocol cannot write the name {text!r}: it must not be empty, nor have "
            "control characters or backslashes"
        )

    return text


def lines(
    starts: Sequence[str],
    at: Column,
    fields: Mapping[str, Column],
    ts: Ints,
) -> pl.Series:
    """Lines of points: `starts[at[i]]`, the fields' values at i, `ts[i]`."""
    check(at, fields, ts)
    if not fields or not len(ts):
        return pl.Series("line", [], pl.String)

    whole = all(np.isfinite(values).all() for values in fields.values())
    first = f"{key_text(next(iter(fields)))}=" if whole else ""
    start = (pl.Series("start", starts, pl.String) + first).gather(pl.Series(at.astype(np.uint32)))
    frame = pl.DataFrame(
        {
            "start": start,
            "ts": ts,
            **{f"f{number}": value for number, value in enumerate(fields.values())},
        }
    )
    if whole:
        return frame.select(line=_whole(list(fields)))["line"]

    frame = frame.with_columns(body=_known(list(fields))).filter(pl.col("body") != "")
    return frame.select(
        line=pl.concat_str(
            "start",
            pl.col("body").str.slice(1),
            pl.lit(" "),
            "ts",
        )
    )["line"]


def _whole(names: list[str]) -> pl.Expr:
    """Every field has a value in every point; the first one's name stands at the end of `start`."""
    parts: list[str | pl.Expr] = ["start", "f0"]
    for number, name in enumerate(names[1:], 1):
        parts += [pl.lit(f",{key_text(name)}="), f"f{number}"]

    return pl.concat_str(*parts, pl.lit(" "), "ts")


def _known(names: list[str]) -> pl.Expr:
    """The fields that have a value, each after a comma."""
    return pl.concat_str(
        pl.when(pl.col(f"f{number}").is_finite())
        .then(pl.concat_str(pl.lit(f",{key_text(name)}="), f"f{number}"))
        .otherwise(pl.lit(""))
        for number, name in enumerate(names)
    )


def gathered(
    starts: Sequence[str | None],
    names: Sequence[str | None],
    at: Column,
    values: Column,
    ts: Ints,
) -> pl.Series:
    """Lines of points whose fields stand in rows: field `names[at[i]]` of series `starts[at[i]]`;
    rows of one series and time are one point.

    Of a field that is there twice the last row counts.
    """
    check(at, {"value": values}, ts)
    keys = pl.DataFrame(
        {
            "start": starts,
            "name": names,
        },
        schema={
            "start": pl.String,
            "name": pl.String,
        },
    )
    rows = keys[at.astype(np.uint32)].with_columns(
        value=pl.Series(values),
        ts=pl.Series(ts),
        at=pl.Series(at),
    )
    rows = rows.filter(pl.col("value").is_finite() & pl.col("start").is_not_null())
    if _twice(at, ts):
        rows = rows.unique(
            ["at", "ts"],
            keep="last",
            maintain_order=True,
        )

    parts = (
        rows.select(
            "start",
            "ts",
            part=pl.concat_str("name", pl.lit("="), "value"),
        )
        .group_by("start", "ts")
        .agg("part")
    )
    return parts.select(
        line=pl.concat_str(
            "start",
            pl.col("part").list.join(","),
            pl.lit(" "),
            "ts",
        )
    )["line"]


def _twice(at: Column, ts: Ints) -> bool:
    order = np.lexsort((at, ts))
    tag = at[order]
    time = ts[order]
    return bool(((tag[1:] == tag[:-1]) & (time[1:] == time[:-1])).any())


def check(
    at: Column,
    fields: Mapping[str, Column],
    ts: Column,
) -> None:
    """TypeError unless all columns have one length, fields are float64 and times int64: a store
    would keep what it got first."""
    for name, values, kind in [
        ("series", at, "i"),
        ("time", ts, "i8"),
        *((name, value, "f8") for name, value in fields.items()),
    ]:
        if values.dtype.str[1:] != kind and values.dtype.kind != kind:
            raise TypeError(
                f"column '{name}' is {values.dtype}, line protocol takes "
                f"{'float64' if kind == 'f8' else 'int64'}"
            )

        if values.shape != ts.shape:
            raise TypeError(f"column '{name}' has {len(values)} rows, time has {len(ts)}")


def requests(
    found: pl.Series,
    most_lines: int,
    most_bytes: int,
) -> Iterator[pl.Series]:
    """Slices of at most so many lines and bytes; a longer line stands alone."""
    ends = np.cumsum(found.str.len_bytes().to_numpy().astype(np.int64) + 1)
    first = 0
    while first < len(found):
        before = int(ends[first - 1]) if first else 0
        fit = int(np.searchsorted(ends, before + most_bytes, "right"))
        last = max(min(first + most_lines, fit), first + 1)
        yield found.slice(first, last - first)
        first = last


def body(found: pl.Series) -> bytes:
    """Lines as they are sent."""
    return bytes(found.str.join("\n").cast(pl.Binary).item()) if len(found) else b""
