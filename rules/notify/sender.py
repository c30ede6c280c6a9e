"""Sends what the outbox owes: a thread for each lane, so that a slow channel holds up no other.
Made by `build`.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Sequence

from plant.clock import Clock
from rules.notify.lane import FIRST_PAUSE_S, LONGEST_PAUSE_S, Lane
from store.outbox import Outbox

log = logging.getLogger("wattline.notify")


class Sender:
    """The lanes, each in its own thread, from `start` to `stop`."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self.lanes = list(lanes)
        self.outbox = outbox
        self.clock = clock
        self._ended = threading.Event()
        self._bells = {lane.name: threading.Event() for lane in self.lanes}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """What waits for a channel that is no more in the plant file goes to the next one first."""
        known = {lane.name for lane in self.lanes}
        for stray in self.outbox.strays(known):
            self.outbox.hand_over(
                [stray] if stray.others else [],
                self.clock.now(),
                "the channel is gone",
                again=False,
            )

        for lane in self.lanes:
            thread = threading.Thread(
                target=self._run,
                args=(lane,),
                name=f"notify-{lane.name}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Something new is in the outbox."""
        for bell in self._bells.values():
            bell.set()

    def stop(self, seconds: float = 15.0) -> list[str]:
        """End after the message at hand; names the threads that are still running after the time
        allowed."""
        self._ended.set()
        self.wake()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

        return [thread.name for thread in self._threads if thread.is_alive()]

    def _run(self, lane: Lane) -> None:
        bell = self._bells[lane.name]
        lane.open()
        while not self._ended.is_set():
            bell.clear()
            wait_s = self._round(lane)
            if lane.handed_over:
                lane.handed_over = False
                self.wake()

            # The pause of a failing channel is kept, whatever comes in.
            is_failing = lane.since_ns is not None
            (self._ended if is_failing else bell).wait(wait_s)

        lane.channel.close()

    def _round(self, lane: Lane) -> float:
        """The task wrapper: neither a full disk nor a mistake of our own silences a channel for
        good."""
        try:
            return lane.step()
        except sqlite3.Error as error:
            log.error(
                "channel %s: the outbox cannot be used (%s); tried again in a minute",
                lane.name,
                error,
            )
            return LONGEST_PAUSE_S
        except Exception as error:
            lane.stumble(error)
            return FIRST_PAUSE_S
