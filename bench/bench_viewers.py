"""500 live viewers of the stream at one message a second:

CPU of the serving process above that of serving none.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from multiprocessing.connection import Connection

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from api.hub import Hub
from bench.record import figure, record

VIEWERS, SECONDS = 500, 20
MESSAGE = {"filler": "x" * 12_000}


def serve(pipe: Connection) -> None:
    """Child: the hub behind uvicorn; reports its CPU time when asked."""
    hub, app = Hub(), FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(
            hub.stream(),
            media_type="text/event-stream",
        )

    async def main() -> None:
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_level="error",
            loop="none",
            lifespan="off",
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.05)

        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        while not pipe.poll():
            await hub.publish("now", MESSAGE)
            await asyncio.sleep(1.0)

        pipe.recv()
        began = time.process_time()
        while not pipe.poll():
            await hub.publish("now", MESSAGE)
            await asyncio.sleep(1.0)

        pipe.send(time.process_time() - began)
        server.should_exit = server.force_exit = True
        await task

    try:
        import uvloop

        uvloop.run(main())
    except ImportError:
        asyncio.run(main())


async def watch(port: int, count: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        while chunk := await reader.read(1 << 16):
            count[0] += chunk.count(b"event: now")
    finally:
        writer.close()


async def run() -> tuple[float, int]:
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=serve,
        args=(there,),
        daemon=True,
    )
    child.start()
    port, count = await asyncio.to_thread(here.recv), [0]
    tasks = [asyncio.create_task(watch(port, count)) for _ in range(VIEWERS)]
    await asyncio.sleep(5)
    here.send("begin")
    count[0] = 0
    await asyncio.sleep(SECONDS)
    here.send("end")
    cpu = await asyncio.to_thread(here.recv)
    for task in tasks:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    child.join(5)
    return cpu / SECONDS, count[0]


if __name__ == "__main__":
    cores, messages = asyncio.run(run())
    size = len(json.dumps(MESSAGE))
    record("viewers", [
        figure(f"{VIEWERS} viewers, {size} bytes at 1 Hz, server", cores, "cores", 0.05),
        figure("messages that arrived of those sent", messages / (VIEWERS * SECONDS), "share", 0.95, at_most=False),
    ])  # fmt: skip
