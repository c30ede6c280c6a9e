"""What all hosts share: a failure is said once, tried again with
growing pauses, seen while it lasts, and over by itself.
"""

from __future__ import annotations

import logging
import threading

import pytest

from plant.backoff import Backoff, pause_s
from plant.errors import StoreFull
from plant.standing import Standing
from wattline.hosts.consumer import Consumer

QUICK = 0.001


class Counting(Consumer):
    """Fails as often as it is told to, and then counts its rounds."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(
            "counting",
            "Nothing is counted.",
            now_ns=lambda: 5_000_000_000,
            idle_s=QUICK,
            backoff=Backoff(QUICK, 4 * QUICK),
        )
        self.errors = list(errors)
        self.rounds = 0
        self.began_again = 0
        self.finished = False
        self.worked = threading.Event()

    def turn(self) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        self.rounds += 1
        self.worked.set()
        return False

    def begin_again(self) -> None:
        self.began_again += 1

    def finish(self) -> None:
        self.finished = True

    def caught_up(self) -> bool:
        return self.rounds > 0


def test_a_host_goes_on_by_itself_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    full = StoreFull("there is no room on the disk")
    host = Counting(full, full, full)
    seen: list[Standing | None] = []
    host.trouble.changed = lambda: seen.append(host.standing)
    host.start()
    assert host.worked.wait(5.0)
    assert host.stop() == []
    assert host.began_again == 3, "each attempt begins from what was committed"
    assert host.finished
    stood, over = seen
    assert stood == Standing("counting", 5_000_000_000, "there is no room on the disk")
    assert over is None
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "counting stands still: there is no room on the disk. Nothing is counted. It is tried again until it works",
        "counting goes on again after 0.0 s",
    ]
    assert caplog.records[0].exc_info is None, "a cause from outside is a sentence, not a traceback"


def test_a_mistake_of_our_own_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    host = Counting(ValueError("a bad output"))
    assert host.round() > 0.0
    assert host.failed == "ValueError: a bad output"
    assert caplog.records[0].exc_info is not None
    assert host.round() == QUICK
    assert host.failed is None


def test_another_cause_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    host = Counting(StoreFull("no room"), StoreFull("no room"), ValueError("a bad output"))
    for _ in range(3):
        host.round()
    assert len(caplog.records) == 2
    assert host.standing is not None
    assert host.standing.tries == 3


def test_pauses_grow_to_the_longest() -> None:
    assert [pause_s(tries, 0.5, 4.0) for tries in (1, 2, 3, 4, 5, 500)] == [0.5, 1, 2, 4, 4, 4]
    backoff = Backoff(0.5, 4.0)
    assert [backoff.take(), backoff.take()] == [0.5, 1.0]
    backoff.reset()
    assert backoff.take() == 0.5
    spread = [pause_s(1, 1.0, 4.0, spread=0.3) for _ in range(50)]
    assert 0.7 <= min(spread) < max(spread) <= 1.3
