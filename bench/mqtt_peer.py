"""A mosquitto of a process of its own, and a publisher that sends JSON at QoS 1, each meter counting
up by one with each message.
"""

from __future__ import annotations

import multiprocessing
import shutil
import socket
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
PIECE_S = 0.02
CONNECT = b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02pu"


class Broker:
    """The broker; it keeps all that it cannot deliver at once."""

    def __init__(self, folder: Path) -> None:
        if PROGRAM is None:
            raise SystemExit(
                "bench-mqtt needs the program mosquitto (Debian: apt install mosquitto)"
            )

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\npersistence false\nmax_queued_messages 0\n",
            encoding="ascii",
        )
        self._process = subprocess.Popen([PROGRAM, "-c", str(config)], stderr=subprocess.DEVNULL)
        self._connect_s(10.0)

    def _connect_s(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise

                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End the broker."""
        self._process.terminate()
        self._process.wait(10)


class Publisher:
    """Sends so many messages a second over so many meters, from its making to `stop`."""

    def __init__(
        self,
        port: int,
        meters: int,
        rate: int,
    ) -> None:
        self._here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_publish,
            args=(there, port, meters, rate),
            daemon=True,
        )
        self._process.start()
        self._here.recv()

    def stop(self) -> int:
        """End it; how many messages it sent."""
        self._here.send("stop")
        sent: int = self._here.recv()
        self._process.join(5)
        return sent


def _publish(
    pipe: Connection,
    port: int,
    meters: int,
    rate: int,
) -> None:
    broker = socket.create_connection(("127.0.0.1", port))
    broker.sendall(CONNECT)
    broker.recv(4)
    broker.setblocking(False)
    pipe.send("begun")
    sent = 0
    due = time.monotonic()
    while not pipe.poll():
        piece = b""
        for _ in range(round(rate * PIECE_S)):
            piece += _packet(sent, meters)
            sent += 1

        _send(broker, piece)
        due += PIECE_S
        time.sleep(max(0.0, due - time.monotonic()))

    pipe.send(sent)


def _packet(number: int, meters: int) -> bytes:
    """A PUBLISH of QoS 1."""
    topic = f"gas/m{number % meters}/state".encode()
    payload = b'{"total": %d, "flow": 3.5, "at": %d}' % (number // meters, time.time() * 1000)
    message_id = (1 + number % 65_535).to_bytes(2, "big")
    body = len(topic).to_bytes(2, "big") + topic + message_id + payload
    return b"\x32" + bytes([len(body)]) + body


def _send(broker: socket.socket, piece: bytes) -> None:
    """All of it, while the acknowledgements are taken off."""
    while piece:
        try:
            piece = piece[broker.send(piece) :]
        except BlockingIOError:
            time.sleep(0.001)

        try:
            while broker.recv(1 << 16):
                pass
        except BlockingIOError:
            pass
