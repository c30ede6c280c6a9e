"""The other ends of the collector's measurement: a small Modbus TCP
responder, and the bare pymodbus loop to compare with.

The responder answers any unit on a few ports. Value `i` of a block is `128 x n + i` as float32,
with `n` counting the answers given to that unit and block: so what is stored proves by itself which
answers arrived, and each only once.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import struct
import time
from collections import defaultdict
from collections.abc import Coroutine
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

PORTS, UNITS, REGISTERS, BLOCKS = 5, 200, 120, 2
METERS, VALUES = PORTS * UNITS, REGISTERS * BLOCKS // 2
MARK = 128  # a value is MARK x number of the answer + its place in the block of all values
Counts = defaultdict[tuple[int, int, int], int]


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on uvloop where there is one, with room for a socket per meter."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(
        resource.RLIMIT_NOFILE,
        (min(hard, 8192), hard),
    )
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


class Responder(asyncio.Protocol):
    """One connection: answers reads of functions 3 and 4 at once."""

    def __init__(self, port: int, counts: Counts) -> None:
        self.port, self.counts, self.rest = port, counts, b""
        self.places = np.arange(VALUES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        while len(data) >= 12:
            self.transport.write(self._answer(data[:12]))
            data = data[12:]

        self.rest = data

    def _answer(self, request: bytes) -> bytes:
        tid, _, _, unit, code, address, count = struct.unpack(">HHHBBHH", request)
        key = (self.port, unit, address)
        self.counts[key] += 1
        first = address // 2
        values = self.places[first : first + count // 2] + MARK * self.counts[key]
        return (
            struct.pack(
                ">HHHBBB",
                tid,
                0,
                3 + 2 * count,
                unit,
                code,
                2 * count,
            )
            + values.astype(">f4").tobytes()
        )


def respond(pipe: Connection) -> None:
    """Child process: tells its ports, then serves until told to stop;
    answers any message with its number of answers.
    """

    async def main() -> None:
        loop, counts = asyncio.get_running_loop(), Counts(int)
        servers = [
            await loop.create_server(
                lambda p=p: Responder(p, counts),
                "127.0.0.1",
                0,
                backlog=1024,
            )
            for p in range(PORTS)
        ]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        while await asyncio.to_thread(pipe.recv) != "stop":
            pipe.send(sum(counts.values()))

    run_loop(main())


def responder() -> tuple[Connection, BaseProcess, list[int]]:
    """The responder in a process of its own: how to tell it, the process, and its ports."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=respond,
        args=(there,),
        daemon=True,
    )
    process.start()
    return here, process, here.recv()


async def _ask(
    client: Any,
    unit: int,
    offset: float,
    begin: float,
    count: list[int],
) -> None:
    tick = begin + offset
    while True:
        await asyncio.sleep(max(0.0, tick - time.monotonic()))
        for block in range(BLOCKS):
            answer = await client.read_holding_registers(
                block * REGISTERS,
                count=REGISTERS,
                device_id=unit,
            )
            count[0] += len(answer.registers) == REGISTERS

        tick += 1.0


def bare(
    pipe: Connection,
    ports: list[int],
    warm_s: float,
    seconds: float,
) -> None:
    """Child process: the same reads by nothing but pymodbus;
    sends (CPU share of a core, answers a second).
    """
    from pymodbus.client import AsyncModbusTcpClient

    async def main() -> None:
        clients = [AsyncModbusTcpClient("127.0.0.1", port=ports[i // UNITS]) for i in range(METERS)]
        for client in clients:
            await client.connect()

        begin, count = time.monotonic() + 1.0, [0]
        tasks = [
            asyncio.create_task(
                _ask(
                    client,
                    1 + i % UNITS,
                    i / METERS,
                    begin,
                    count,
                )
            )
            for i, client in enumerate(clients)
        ]
        await asyncio.sleep(warm_s)
        cpu, wall, before = time.process_time(), time.monotonic(), count[0]
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        pipe.send((cpu / wall, (count[0] - before) / wall))
        for task in tasks:
            task.cancel()

        for client in clients:
            client.close()

    run_loop(main())
