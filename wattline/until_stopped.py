"""A run in the foreground: until Ctrl-C, SIGTERM or a
number of seconds, and what its end may say.
"""

from __future__ import annotations

import asyncio
import signal

from wattline.filling import Fill
from wattline.places import page_folder
from wattline.runtime import Runtime


async def run_until_stopped(
    runtime: Runtime,
    fill: Fill | None = None,
    seconds: float | None = None,
) -> None:
    """Run with page and API; prints how long readings are kept
    at the start, and at the end what is left.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    if seconds is not None:
        loop.call_later(seconds, stop.set)

    print(runtime.parts.options.keep.sentence(), flush=True)
    ending = await runtime.run(stop, page_folder(), fill)
    print(ending.text(), flush=True)
