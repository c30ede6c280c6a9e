"""An OPC UA server of a process of its own whose items all count up by one each second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from asyncua import Server, ua

URI = "urn:wattline:bench"


class Peer:
    """The server; `endpoint` is its address."""

    def __init__(self, items: int) -> None:
        self._here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(there, items),
            daemon=True,
        )
        self._process.start()
        port, self.namespace = self._here.recv()
        self.endpoint = f"opc.tcp://127.0.0.1:{port}/bench"

    def stop(self) -> None:
        """End the server."""
        self._here.send("stop")
        self._process.join(10)
        self._process.kill()


def _serve(pipe: Connection, items: int) -> None:
    logging.disable(logging.CRITICAL)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    asyncio.run(_until_stopped(pipe, items))


async def _until_stopped(pipe: Connection, items: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    nodes = []
    for place in range(items):
        node = ua.NodeId(f"i{place}", index)
        await server.nodes.objects.add_variable(node, f"i{place}", 0.0)
        nodes.append(node)

    await server.start()
    pipe.send((server.bserver._server.sockets[0].getsockname()[1], index))
    counting = asyncio.create_task(_count(server, nodes))
    await asyncio.to_thread(pipe.recv)
    counting.cancel()
    await server.stop()


async def _count(server: Server, nodes: list[ua.NodeId]) -> None:
    """Write all items each second, in pieces, so that others have their turn."""
    number = 0.0
    due = time.monotonic()
    while True:
        number += 1.0
        for place, node in enumerate(nodes):
            value = ua.DataValue(
                ua.Variant(number, ua.VariantType.Double),
                SourceTimestamp=datetime.now(UTC),
            )
            await server.write_attribute_value(node, value)
            if place % 100 == 0:
                await asyncio.sleep(0)

        due += 1.0
        await asyncio.sleep(max(0.0, due - time.monotonic()))
