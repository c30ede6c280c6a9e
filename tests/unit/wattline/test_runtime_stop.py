"""A task that loses its first cancellation is ended all the same."""

from __future__ import annotations

import asyncio

from wattline.tasks import end


async def test_a_lost_cancellation_is_repeated() -> None:
    began, lost = asyncio.Event(), 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                began.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(stubborn())
    await began.wait()
    assert await end([task]) == []
    assert task.cancelled()
    assert lost == 1
