"""Processes on loopback: a free port, and waiting for what another process brings about."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(check: Callable[[], T], seconds: float, what: str) -> T:
    """What `check` gives as soon as it is true; an OSError means not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := check():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


def answers(port: int, path: str) -> bool:
    """Whether `path` answers 200; an OSError where it does not (yet)."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return bool(answer.status == 200)
