"""Times in queries: ISO 8601 with offset, `now`, `today`, `shift`, or a span back such as -24h."""

from __future__ import annotations

from datetime import datetime

from plant import units
from plant.calendar import day_start, shift_at
from plant.errors import QueryError
from plant.site import Site
from plant.units import SECOND_NS

EARLIEST_NS = 0
LATEST_NS = 7_258_118_400 * SECOND_NS
"""1970 and 2200: no plant has readings outside of them, and all sums of times within fit."""

LONGEST_BUCKET_S = 366 * 86_400.0


def moment(
    text: str,
    name: str,
    site: Site,
    now_ns: int,
) -> int:
    """Nanoseconds of `text`; QueryError says what is accepted."""
    at_ns = _read(text, name, site, now_ns)
    if not EARLIEST_NS <= at_ns <= LATEST_NS:
        raise QueryError(f"{name}: '{text}' is not between the years 1970 and 2200")

    return at_ns


def _read(
    text: str,
    name: str,
    site: Site,
    now_ns: int,
) -> int:
    if text == "now":
        return now_ns

    if text == "today":
        return day_start(site, now_ns)

    if text == "shift":
        return shift_at(site, now_ns)[1]

    if text.startswith("-"):
        try:
            back_s = units.seconds(text[1:])
        except ValueError:
            raise _error(name, text) from None

        if back_s < 0.0:
            raise _error(name, text)

        return now_ns - round(back_s * SECOND_NS)

    try:
        # The + of an offset that was not escaped arrives as a blank.
        parsed = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise _error(name, text) from None

    if parsed.tzinfo is None:
        raise QueryError(
            f"{name}: '{text}' has no offset; write 2026-01-31T08:00:00+08:00 or end it with Z"
        )

    # Microseconds are as fine as `datetime` is; more decimals would be invented.
    try:
        return round(parsed.timestamp() * 1e6) * 1000
    except (OverflowError, ValueError):
        # An offset can lead out of the years that `datetime` has.
        raise _error(name, text) from None


def _error(name: str, text: str) -> QueryError:
    return QueryError(
        f"{name}: '{text}' is not a time; "
        "write 2026-01-31T08:00:00+08:00, now, today, shift or a span back such as -24h"
    )


def span(
    start: str,
    end: str,
    site: Site,
    now_ns: int,
) -> tuple[int, int]:
    """Both ends, in order."""
    from_ns = moment(
        start,
        "from",
        site,
        now_ns,
    )
    to_ns = moment(
        end,
        "to",
        site,
        now_ns,
    )

    if from_ns >= to_ns:
        raise QueryError("from must be before to")

    return from_ns, to_ns


def every(text: str) -> str | float:
    """Seconds of a bucket, or `day`."""
    if text in ("day", "1d"):
        return "day"

    try:
        seconds = units.seconds(text)
    except ValueError as error:
        raise QueryError(f"every: {error}; or day") from None

    if not 0.0 < seconds <= LONGEST_BUCKET_S:
        raise QueryError("every: must be longer than nothing, and a year at most")

    return seconds
