"""Tasks of the event loop: waiting for the end of a run, and ending all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

from plant.errors import WattlineError

log = logging.getLogger("wattline")
STOP_ROUNDS: Final = 6
STOP_S: Final = 3.0


async def until(stop: asyncio.Event, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait for `stop`; a task that ends by an error ends the run with that error."""
    waiting = asyncio.create_task(stop.wait())
    pending = {waiting, *tasks}
    while not stop.is_set():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                waiting.cancel()
                raise WattlineError(f"{task.get_name()} ended: {error}") from error

    waiting.cancel()


async def end(tasks: Collection[asyncio.Task[Any]]) -> list[str]:
    """Cancel until all have ended; the names of those that did not.

    Once is not enough: `asyncio.wait_for` of Python 3.11
    loses a cancellation that meets its answer.
    """
    pending = set(tasks)
    for _ in range(STOP_ROUNDS):
        if not pending:
            break

        for task in pending:
            task.cancel()

        _, pending = await asyncio.wait(pending, timeout=STOP_S / STOP_ROUNDS)

    return sorted(task.get_name() for task in pending)
