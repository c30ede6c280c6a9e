"""Served beside stored: a reading is found by its value, one
never served and one served but lost are told.
"""

from __future__ import annotations

import numpy as np

from books.accounts import Readings
from wattline.demo.served import Column, Matched, _find

SECOND = 1_000_000_000


def ledger(*values: float) -> dict[str, list[float]]:
    """Served once a second; the register itself runs on where the shown value jumps back."""
    steps = np.maximum(np.diff(np.array(values), prepend=values[0]), 0.0)
    return {
        "ts": [i * SECOND for i in range(len(values))],
        "value": list(values),
        "registered": list(np.cumsum(steps)),
    }


def readings(rows: list[tuple[float, float]]) -> Matched:
    times = np.array([int(at * SECOND) for at, _ in rows])
    stored = Readings(ts=times, received=times, value=np.array([value for _, value in rows]))
    served = ledger(10.0, 11.0, 12.0, 13.0, 1.0, 2.0, 2.0)
    return _find(stored, Column(served, unit=1.0))


def test_a_reading_that_comes_after_the_next_was_served_is_still_itself() -> None:
    match = readings([(0.1, 10.0), (2.2, 11.0), (2.9, 12.0), (5.5, 2.0)])
    assert match.place.tolist() == [0, 1, 2, 5]
    assert match.between(int(2.2 * SECOND), int(5.5 * SECOND)) == 3.0


def test_what_was_never_served_has_no_place() -> None:
    match = readings([(0.1, 10.0), (2.2, 11.4), (3.1, 13.0)])
    assert match.place.tolist() == [0, -1, 3]
    assert match.between(0, int(2.2 * SECOND)) is None


def test_what_was_due_and_is_not_stored_is_lost() -> None:
    match = readings([(0.1, 10.0), (3.1, 13.0), (6.1, 2.0)])
    assert (
        match.lost(SECOND, 10 * SECOND) == 3
    )  # 11, 12 and 1; the second 2 is the same reading again
    assert match.lost(2 * SECOND, 10 * SECOND) == 1  # at a period of two seconds only 12 was due
    assert match.lost(SECOND, 2 * SECOND) == 1
