"""Buckets of GROUP BY time: aligned to 1970 UTC, or to local time where a time zone is given. Times
are ns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from plant.errors import QueryError

MOST: Final = 100_000
_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise QueryError(f"unable to find time zone {name}") from None


def _ahead(zone: ZoneInfo | None, at: int) -> int:
    """ns that local time is ahead of UTC."""
    if zone is None:
        return 0

    offset = (_EPOCH + timedelta(seconds=at // _SECOND)).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * _SECOND


def window(
    at: int,
    every: int,
    offset: int,
    zone: ZoneInfo | None,
) -> tuple[int, int]:
    """Start and end of the bucket that holds `at`. A change of clock shorter than the bucket moves
    its edge, so a local day stays one."""
    at -= offset
    ahead = _ahead(zone, at)
    into = (at + ahead) % every
    edges = []
    for edge in (at - into + offset, at + every - into + offset):
        change = ahead - _ahead(zone, edge)
        edges.append(edge + change if 0 < abs(change) < every else edge)

    return edges[0], edges[1]


def starts(
    since: int,
    until: int,
    every: int,
    offset: int,
    zone: ZoneInfo | None,
) -> npt.NDArray[np.int64]:
    """Starts of all buckets that touch since <= t <= until; QueryError if there are too many."""
    if (until - since) // every > MOST:
        raise QueryError(
            f"the query makes more than {MOST} buckets; ask for a longer GROUP BY time or a "
            "shorter range"
        )

    first, end = window(
        since,
        every,
        offset,
        zone,
    )
    if zone is None:
        return np.arange(
            first,
            until + 1,
            every,
            dtype=np.int64,
        )

    found = [first]
    while end <= until:
        found.append(end)
        end = window(
            end,
            every,
            offset,
            zone,
        )[1]

    return np.array(found, np.int64)
