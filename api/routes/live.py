"""The newest of all, once and as a stream."""

from __future__ import annotations

from typing import cast

from fastapi.responses import StreamingResponse

from api.access import Role
from api.answers import live as answers
from api.ports import Live
from api.routing import Routes

TAG = "live"
STREAMED = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class Events(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def live_routes(routes: Routes, live: Live) -> None:
    """`/api/v1/live` and its stream."""

    @routes.add(
        "GET",
        "/api/v1/live",
        role=Role.VIEWER,
        tag=TAG,
    )
    async def newest() -> answers.Live:
        """Newest of all: now, books, back-fill."""
        # Encoded as it was published; a test holds it against the shape.
        return cast("answers.Live", live.latest)

    @routes.add(
        "GET",
        "/api/v1/live/stream",
        role=Role.VIEWER,
        tag=TAG,
    )
    async def stream() -> Events:
        """Server-sent events: now each second, books when windows close, backfill while it runs."""
        return Events(live.stream(), headers=STREAMED)
