"""What every host shares: a thread that works in rounds, is woken when there is more, outlives its
failures and stops within a deadline.

A host says what a round is (`turn`), and how it goes on from what was committed
(`begin_again`). The failure policy is that of `plant.standing`: said once, tried again with
growing pauses, seen by readiness, metrics, "needs attention" and rules for as long as it
lasts, and over by itself when the cause is gone. A round commits its work and its place
together, so one that failed is done again and nothing is lost or doubled.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from plant.backoff import Backoff
from plant.standing import Standing, Trouble

STOP_S = 8.0
"""How long a host may take to end. What it was at is done again at the next start."""


class Consumer(threading.Thread):
    """One host. `now_ns` gives event time; `idle_s` is the longest wait while nobody wakes it.

    `needed`: while it stands still, figures are missing or late.
    """

    needed = True

    def __init__(
        self,
        name: str,
        meanwhile: str,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        idle_s: float = 0.25,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(
            name=name,
            daemon=True,
        )
        self.idle_s = idle_s
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.trouble = Trouble(
            who=name,
            meanwhile=meanwhile,
            now_ns=now_ns,
            log=logging.getLogger(f"wattline.{name}"),
            backoff=backoff or Backoff(),
        )

    @property
    def standing(self) -> Standing | None:
        """Since when and why it stands still; None while it works."""
        return self.trouble.standing

    @property
    def failed(self) -> str | None:
        """Why it stands still, for those who need no more."""
        return None if self.standing is None else self.standing.cause

    def turn(self) -> bool:
        """One round of work; True if there may be more at once."""
        raise NotImplementedError

    def begin_again(self) -> None:
        """After a failed round: back to what was committed."""

    def finish(self) -> None:
        """The last thing before the thread ends."""

    def caught_up(self) -> bool:
        """Whether everything that is in the journal has been worked on."""
        raise NotImplementedError

    def run(self) -> None:
        """Rounds until `stop`, then the last one."""
        while not self.stopping.is_set():
            self._pause(self.round())

        self.trouble.attempt(self.finish, self.note)

    def round(self) -> float:
        """One attempt; the seconds to wait before the next."""
        more = False

        def work() -> None:
            nonlocal more
            if self.standing is not None:
                self.begin_again()

            more = self.turn()

        pause_s = self.trouble.attempt(work, self.note)
        if pause_s is not None:
            return pause_s

        return 0.0 if more else self.idle_s

    def note(self, error: Exception) -> float:
        """What a failure means for this host; the seconds to wait before the next attempt."""
        return self.trouble.failed(error)

    def _pause(self, seconds: float) -> None:
        """Wait, at most until somebody wakes the host.

        While it stands still a pause is kept, whatever comes in.
        """
        if seconds <= 0.0:
            return

        if self.standing is not None:
            self.stopping.wait(seconds)
            return

        self.wake.wait(seconds)
        self.wake.clear()

    def stop(self) -> list[str]:
        """End within the deadline; its name if it does not."""
        self.stopping.set()
        self.wake.set()
        if self.ident is None:
            return []

        self.join(STOP_S)
        return [self.name] if self.is_alive() else []

    def drain(self, timeout_s: float = 60.0) -> bool:
        """Wait until it has caught up with the journal; False if it has not by then."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.caught_up():
                return True

            self.wake.set()
            time.sleep(0.02)

        return False
