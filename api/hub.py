"""The live hub: newest messages, encoded once per tick, to any number of viewers.

A slow viewer misses messages and never holds others up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

SILENT_S = 10.0
"""After so long without news a comment is sent, so that nothing between takes the connection for
dead."""


class Hub:
    """`publish` from the event loop; `stream` per viewer."""

    def __init__(self) -> None:
        self.latest: dict[str, Any] = {
            "now": None,
            "books": None,
            "backfill": None,
        }
        self.encoded: dict[str, bytes] = {}
        self.turn = 0
        self.changed = asyncio.Condition()
        self.number: dict[str, int] = {}
        self.viewers = 0

    async def publish(self, kind: str, message: object) -> None:
        """Make `message` the newest of its kind and wake the viewers."""
        body = msgspec.json.encode(message)
        self.latest[kind] = message
        self.encoded[kind] = b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

        async with self.changed:
            self.turn += 1
            self.number[kind] = self.turn
            self.changed.notify_all()

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events: what is newest at once, then each change."""
        seen = 0
        self.viewers += 1

        try:
            yield b"retry: 1000\n\n"

            while True:
                fresh = [self.encoded[kind] for kind, turn in self.number.items() if turn > seen]
                seen = self.turn

                if fresh:
                    yield b"".join(fresh)

                try:
                    await asyncio.wait_for(self._newer_than(seen), SILENT_S)
                except TimeoutError:
                    yield b": alive\n\n"
        finally:
            self.viewers -= 1

    async def _newer_than(self, seen: int) -> None:
        """Waits until something was published after turn `seen`."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.turn > seen)
