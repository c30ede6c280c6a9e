"""The simulated devices of a demo: a child process, and the port on which it takes commands."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from plant.errors import WattlineError
from wattline.places import Endpoints

START_S: Final = 60.0
LOOK_EVERY_S: Final = 0.05
STOP_S: Final = 5.0
ANSWER_S: Final = 30.0
Command: TypeAlias = Mapping[str, object]
Ask: TypeAlias = Callable[[Command], dict[str, Any]]
"""Puts a command to the control port; the answer is JSON, other for each command."""


class Devices:
    """The child process.

    It ends with this process, whatever happens to it: its standard input closes then.
    """

    def __init__(
        self,
        plant: Path,
        folder: Path,
        speed: float,
        epoch_ns: int | None,
        seed: int | None,
        faults: Sequence[str] = (),
    ) -> None:
        self.path = folder / "endpoints.json"
        self.path.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "wattline.cli",
            "simulate",
            str(plant),
        ]
        command += ["--speed", str(speed)]
        command += ["--endpoints", str(self.path)]
        command += ["--with-parent"]
        if epoch_ns is not None:
            command += ["--epoch-ns", str(epoch_ns)]

        if seed is not None:
            command += ["--seed", str(seed)]

        for fault in faults:
            command += ["--fault", fault]

        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self, timeout_s: float = START_S) -> Endpoints:
        """endpoints.json, once the devices serve; WattlineError if they do not."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.path.exists():
                found: Endpoints = json.loads(self.path.read_text(encoding="utf-8"))
                return found

            if self.process.poll() is not None:
                break

            time.sleep(LOOK_EVERY_S)

        raise WattlineError(
            "the simulated devices did not start; try `wattline simulate` alone to see why"
        )

    def stop(self) -> None:
        """End the devices, kindly at first."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)


def ask(control: str, command: Command) -> dict[str, Any]:
    """One command to the control port of a simulation; WattlineError if it is refused."""
    host, _, port = control.partition(":")
    with socket.create_connection(
        (host, int(port)),
        timeout=ANSWER_S,
    ) as link:
        link.sendall(json.dumps(command).encode() + b"\n")
        body = b""
        while not body.endswith(b"\n"):
            part = link.recv(1 << 20)
            if not part:
                break

            body += part

    answer: dict[str, Any] = json.loads(body)
    if not answer.get("ok"):
        raise WattlineError(f"the simulation refused {command['cmd']}: {answer.get('error')}")

    return answer
