"""What stands in the books and readings of one meter, bus or
channel: for those who check them against something else.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.arrays import Floats, Ints
from plant.ports import Store

GOOD = "quality < 3"
"""Readings that were taken for what they say."""
UNKNOWN = -1
"""Code of a name that nothing was ever booked of."""
PLAIN_VERDICTS = ("gap", "wrap", "glitch")
"""Their amounts are known exactly, so they add nothing to what may be wrong."""


class Readings(NamedTuple):
    """Good readings of one tag, by event time. Times in ns, values in the unit of the edge."""

    ts: Ints
    received: Ints
    value: Floats


def readings(store: Store, tag: int) -> Readings:
    """All that are stored."""
    found = store.query(
        f"SELECT ts, received, value FROM reading WHERE tag = ? AND {GOOD} ORDER BY ts",
        [tag],
    )
    return Readings(found["ts"], found["received"], found["value"])


def first_readings(store: Store) -> dict[int, int]:
    """Event time (ns) of the first good reading, by tag."""
    found = store.query(f"SELECT tag, min(ts) AS ts FROM reading WHERE {GOOD} GROUP BY tag")
    return dict(
        zip(
            found["tag"].tolist(),
            found["ts"].tolist(),
            strict=True,
        )
    )


def first_window(store: Store) -> int | None:
    """Start of the oldest window that was booked; None without books."""
    if not store.has("closed"):
        return None

    start = float(store.query("SELECT min(start) AS start FROM closed")["start"][0])
    return None if np.isnan(start) else int(start)


def booked(
    store: Store,
    meter: str,
    *,
    reverse: bool,
) -> float:
    """All that was booked of a meter in one direction, in the unit of the edge."""
    column = "reverse" if reverse else "forward"
    found = store.query(
        f"SELECT sum({column}) AS amount FROM meter WHERE meter = ?",
        [store.codes.get(meter, UNKNOWN)],
    )
    return float(found["amount"][0])


def bounds(store: Store) -> dict[str, float]:
    """By meter: how wrong the unusual steps of its counter may
    be taken together, in the unit of the edge.
    """
    found = store.query(
        f"SELECT meter, sum(bound) AS bound FROM verdict WHERE verdict NOT IN {PLAIN_VERDICTS} AND"
        " NOT reverse GROUP BY meter"
    )
    names = store.text()
    return {
        names[int(meter)]: float(bound)
        for meter, bound in zip(
            found["meter"],
            found["bound"],
            strict=True,
        )
    }


def remainders(
    store: Store,
    start_ns: int,
    end_ns: int,
) -> dict[str, float]:
    """What is left on each bus between two times, in its unit."""
    found = store.query(
        "SELECT bus, sum(remainder) AS remainder FROM bus WHERE start >= ? AND start < ? GROUP"
        " BY bus",
        [start_ns, end_ns],
    )
    names = store.text()
    return {
        names[int(bus)]: float(left)
        for bus, left in zip(
            found["bus"],
            found["remainder"],
            strict=True,
        )
    }
