"""Telegraf 1.39, what a user would pick instead: built with only the plug-ins that the benches need,
and sending what it collects to an HTTP sink on this machine.

`python -m bench.telegraf` builds it, which takes two minutes and a Go tool chain.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from bench.product import Watched

VERSION = "v1.39.0"
PLUGINS = (
    "custom",
    "inputs.modbus",
    "inputs.opcua_listener",
    "inputs.mqtt_consumer",
    "outputs.http",
    "parsers.json_v2",
    "serializers.influx",
)
FOLDER = Path("~/.cache/wattline-bench").expanduser()
PROGRAM = FOLDER / f"telegraf-{VERSION}"

AGENT = """\
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 10000
  metric_buffer_limit = 1000000
  omit_hostname = true
[[outputs.http]]
  url = "http://127.0.0.1:{port}/write"
  data_format = "influx"
"""


def build() -> Path | None:
    """The program, built if it is not there yet; None where there is no Go."""
    if PROGRAM.exists():
        return PROGRAM

    if shutil.which("go") is None:
        return None

    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "go",
            "install",
            "-tags",
            ",".join(PLUGINS),
            f"github.com/influxdata/telegraf/cmd/telegraf@{VERSION}",
        ],
        env={**os.environ, "GOBIN": str(FOLDER)},
        check=True,
    )
    (FOLDER / "telegraf").rename(PROGRAM)
    return PROGRAM


class Sink:
    """An HTTP server of its own process that takes everything; counts the lines it took."""

    def __init__(self) -> None:
        self._here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(there,),
            daemon=True,
        )
        self._process.start()
        self.port: int = self._here.recv()

    def lines(self) -> int:
        """Lines taken so far, of one measurement and one time each."""
        self._here.send("count")
        count: int = self._here.recv()
        return count

    def stop(self) -> None:
        """End the server."""
        self._here.send("stop")
        self._process.join(5)


def _serve(pipe: Connection) -> None:
    asyncio.run(_until_stopped(pipe))


async def _until_stopped(pipe: Connection) -> None:
    count = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await _body(head.lower(), reader)
                count += body.count(b"\n")
                writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(
        take,
        "127.0.0.1",
        0,
        limit=1 << 24,
    )
    pipe.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(pipe.recv) != "stop":
        pipe.send(count)


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)

    parts = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        parts += await reader.readexactly(size)
        await reader.readexactly(2)

    await reader.readexactly(2)
    return parts


class Telegraf(Watched):
    """Telegraf with these inputs, sending to `sink`."""

    def __init__(
        self,
        program: Path,
        inputs: str,
        sink: Sink,
        folder: Path,
    ) -> None:
        config = folder / "telegraf.conf"
        config.write_text(AGENT.format(port=sink.port) + inputs, encoding="utf-8")
        super().__init__(
            [str(program), "--quiet", "--config", str(config)],
            folder / "telegraf.log",
        )


if __name__ == "__main__":
    found = build()
    print(found or "Telegraf is not built: there is no Go tool chain", file=sys.stderr)
