"""Page and API of a running plant: who may come in, and the server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Final

import uvicorn

from api.access import Guard, one_time_key
from wattline.places import DataFolder

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
EVERYWHERE: Final = ("0.0.0.0", "::")
STOP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where the API listens.

    `token` opens everything, `query_token` only questions in
    InfluxQL; on loopback neither is needed.
    """

    host: str
    port: int
    token: str | None = None
    query_token: str | None = None

    @classmethod
    def at(
        cls,
        host: str,
        port: int,
        data: DataFolder,
    ) -> Door:
        """A door with locks wherever more than this computer can knock."""
        if host in LOOPBACK:
            return cls(host, port)

        return cls(
            host,
            port,
            secrets.token_urlsafe(24),
            data.query_token(),
        )

    def link(self) -> str:
        """What to open: with a token, the one-time link."""
        host = "THIS-HOST" if self.host in EVERYWHERE else self.host
        base = f"http://{host}:{self.port}"
        if self.token is None:
            return base

        return f"{base}/enter?key={one_time_key(self.token)}"


class Serving:
    """The server as a task of the running event loop."""

    def __init__(self, app: Guard, door: Door) -> None:
        config = uvicorn.Config(
            app,
            host=door.host,
            port=door.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        self.server = uvicorn.Server(config)
        # Ctrl-C is for the whole run, which ends the server in its turn.
        self.server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
        self.task = asyncio.create_task(self.server.serve(), name="api")

    async def stop(self) -> list[str]:
        """End without waiting for viewers; its name if it does not end."""
        self.server.should_exit = True
        self.server.force_exit = True
        _, pending = await asyncio.wait([self.task], timeout=STOP_S)
        return [task.get_name() for task in pending]
