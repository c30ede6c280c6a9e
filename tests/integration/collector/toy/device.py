"""How the toy protocol is played: a server that says what the instruments show, again and again."""

from __future__ import annotations

import asyncio

from simulator.devices.stage import Stage
from tests.integration.collector.toy import ToyMeter

PAUSE_S = 0.05


class ToyServer:
    """Says a line for each meter and value."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.server: asyncio.Server | None = None
        self.talks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Open a port of the kernel's choice."""
        self.server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        return f"toy://127.0.0.1:{port}"

    async def _talk(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            while not writer.is_closing():
                for line in self._lines():
                    writer.write(line)
                await asyncio.sleep(PAUSE_S)
        except asyncio.CancelledError:
            pass
        finally:
            self.talks.discard(task)
            writer.close()

    def _lines(self) -> list[bytes]:
        instruments = self.stage.instruments
        now = self.stage.now()
        found: list[bytes] = []
        for key, given in instruments.plant.behind(self.stage.connection).items():
            look = instruments.look(key, instruments.time_of(key, now))
            for quantity in ("active_energy_import", "active_power"):
                value = instruments.plain(key, quantity, look, now)
                found.append(f"{ToyMeter.of(given).colour} {quantity} {value}\n".encode())
        return found

    async def stop(self) -> None:
        """Close the port."""
        assert self.server is not None
        self.server.close()
        for task in list(self.talks):
            task.cancel()
        await asyncio.gather(*self.talks, return_exceptions=True)


async def play(stage: Stage) -> str:
    """Serve a connection."""
    server = ToyServer(stage)
    stage.running.append(server)
    return await server.start()
