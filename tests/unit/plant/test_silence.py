"""One rule for late and silent: by the meter's own period, with a
floor, the same for one meter and for an array of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from plant.silence import (
    Heard,
    gap_after_s,
    heard,
    is_current,
    late_after_s,
    silent_after_s,
)

NOW = 1_795_154_400_000_000_000


def ago(seconds: float) -> int:
    return NOW - round(seconds * 1e9)


def one(last_ns: int, period_s: float, now_ns: int, slack_s: float = 0.0) -> Heard:
    """How a single meter stands."""
    (found,) = heard(np.array([last_ns]), np.array([period_s]), now_ns, slack_s)
    return found


@pytest.mark.parametrize(
    ("age_s", "period_s", "expected"),
    [
        (0.0, 1.0, Heard.HEARD),
        (12.0, 1.0, Heard.HEARD),
        (12.1, 1.0, Heard.LATE),
        (30.0, 1.0, Heard.LATE),
        (30.1, 1.0, Heard.SILENT),
        (200.0, 60.0, Heard.HEARD),
        (211.0, 60.0, Heard.LATE),
        (601.0, 60.0, Heard.SILENT),
        (-5.0, 1.0, Heard.HEARD),
    ],
)
def test_the_age_of_the_newest_answer_decides(
    age_s: float, period_s: float, expected: Heard
) -> None:
    assert one(ago(age_s), period_s, NOW) is expected


def test_a_meter_that_never_answered_is_neither_late_nor_silent() -> None:
    assert one(0, 1.0, NOW) is Heard.NEVER


def test_slack_is_added_to_every_limit_of_a_scaled_clock() -> None:
    assert one(ago(20.0), 1.0, NOW, slack_s=10.0) is Heard.HEARD
    assert one(ago(35.0), 1.0, NOW, slack_s=10.0) is Heard.LATE
    assert one(ago(41.0), 1.0, NOW, slack_s=10.0) is Heard.SILENT


def test_arrays_say_the_same_as_single_meters() -> None:
    ages = np.array([0.0, 11.0, 13.0, 40.0, 100.0, 300.0])
    periods = np.array([1.0, 5.0, 1.0, 10.0, 60.0, 60.0])
    last = NOW - (ages * 1e9).astype(np.int64)
    one_by_one = [
        one(int(at), float(period), NOW) is Heard.HEARD
        for at, period in zip(last, periods, strict=True)
    ]
    assert is_current(last, periods, NOW).tolist() == one_by_one
    assert not is_current(np.array([0]), np.array([1.0]), NOW).any()


def test_limits_are_in_order_for_every_period() -> None:
    periods = np.geomspace(0.1, 86_400.0, 200)
    assert (late_after_s(periods) <= silent_after_s(periods)).all()
    assert (gap_after_s(periods) >= late_after_s(periods)).all()
    assert gap_after_s(1.0) == 90.0
    assert gap_after_s(60.0) == 210.0
