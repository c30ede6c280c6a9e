"""When a meter counts as heard, late or silent: the one rule, for page, books, alerts and health
alike.

A meter is due once a period. What it showed last is taken as true while it is heard. When it is
late, its last value says nothing about now any more: figures that hang on it are unknown, not zero.
When it is silent, somebody has to look.

Every limit grows with the meter's own period, so that a meter read once a minute is not late after
ten seconds, and has a floor, so that one lost answer of a fast meter is not news. Times are event
time in ns UTC, spans are seconds. Limits take single numbers and numpy arrays alike.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Seconds = TypeVar("Seconds", float, npt.NDArray[np.float64])

LATE_PERIODS = 3.5
"""Three answers in a row are missing, and half a period has passed in which the third could still
come.
"""

LATE_LEAST_S = 12.0
"""A device that starts again, or a connection that is made anew, takes up to ten seconds; that
alone changes no figure.
"""

SILENT_PERIODS = 10.0
"""Ten missing answers are no hiccup of the network."""

SILENT_LEAST_S = 30.0
"""Half a minute without a word is what a person is told of; the shipped rule `meter_silent` has the
same limit.
"""

GAP_LEAST_S = 90.0
"""A counter that is read again within this was seen: its energy is exact, and history with a value
a minute is no gap.
"""

NANOSECONDS = 1_000_000_000


class Heard(StrEnum):
    """How a meter stands by the age of what it said last."""

    HEARD = "heard"
    LATE = "late"
    SILENT = "silent"
    NEVER = "never"


_IN_ORDER = (Heard.HEARD, Heard.LATE, Heard.SILENT, Heard.NEVER)


def late_after_s(period_s: Seconds, slack_s: float = 0.0) -> Seconds:
    """Age beyond which the newest value no longer stands for now.

    `slack_s` is what a reading needs on its way at most; it grows with a scaled clock, on which the
    same way takes more event time.
    """
    limit: Seconds = np.maximum(LATE_PERIODS * period_s, LATE_LEAST_S) + slack_s
    return limit


def silent_after_s(period_s: Seconds, slack_s: float = 0.0) -> Seconds:
    """Age beyond which a meter is silent. Never less than the age at which it is late."""
    limit: Seconds = np.maximum(SILENT_PERIODS * period_s, SILENT_LEAST_S) + slack_s
    return limit


def gap_after_s(period_s: Seconds) -> Seconds:
    """Distance of two readings of a counter beyond which the books call it a gap: the total is
    certain, its course estimated.
    """
    limit: Seconds = np.maximum(LATE_PERIODS * period_s, GAP_LEAST_S)
    return limit


def is_current(
    last_ns: npt.NDArray[np.int64],
    period_s: npt.NDArray[np.float64],
    now_ns: int,
    slack_s: float = 0.0,
) -> npt.NDArray[np.bool_]:
    """Which meters' newest values stand for now.

    `last_ns` is 0 for a meter that was never heard.
    """
    age_s = (now_ns - last_ns) / NANOSECONDS
    current: npt.NDArray[np.bool_] = (last_ns > 0) & (age_s <= late_after_s(period_s, slack_s))
    return current


def heard(
    last_ns: npt.NDArray[np.int64],
    period_s: npt.NDArray[np.float64],
    now_ns: int,
    slack_s: float = 0.0,
) -> list[Heard]:
    """How each of many meters stands at `now_ns`. `last_ns` is 0 for one that was never heard."""
    age_s = (now_ns - last_ns) / NANOSECONDS
    late = age_s > late_after_s(period_s, slack_s)
    silent = age_s > silent_after_s(period_s, slack_s)
    by_age = late.astype(int) + silent
    never = _IN_ORDER.index(Heard.NEVER)
    place = np.where(last_ns > 0, by_age, never)
    return [_IN_ORDER[each] for each in place.tolist()]
