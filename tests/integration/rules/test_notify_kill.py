"""SIGKILL of the sender at the worst moments: no message lost, and sent twice only where the kill
fell between taking and marking, under the same key.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import until
from tests.notify_rig import outbox
from tests.receivers import Broker, Http, Listener

pytestmark = pytest.mark.net


class Child:
    """The sender as a process of its own."""

    def __init__(self, database: Path, count: int, channels: dict[str, Any]) -> None:
        config = {
            "link": "http://e",
            "channels": channels,
            "tell": {"critical": list(channels), "warning": list(channels)},
        }
        command = [
            sys.executable,
            "-m",
            "tests.notify_child",
            str(database),
            str(count),
            json.dumps(config),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None and self.process.stdout.readline() == b"started\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def hook() -> Iterator[Http]:
    made = Http()
    yield made
    made.close()


def keys(hook: Http) -> list[str]:
    return [body["idempotencyKey"] for _, _, body in hook.got]


def test_killed_between_taking_and_marking_it_is_sent_again_under_the_same_key(
    tmp_path: Path, hook: Http
) -> None:
    channels = {"hook": {"webhook": hook.url}}
    hook.held.clear()  # it has the message, and its answer is on the way
    child = Child(tmp_path / "alerts.db", 1, channels)
    assert hook.arrived.wait(20)
    child.kill()
    assert outbox(tmp_path / "alerts.db").counts()["pending"] == 1
    hook.held.set()
    child = Child(tmp_path / "alerts.db", 1, channels)
    until(lambda: outbox(tmp_path / "alerts.db").counts()["sent"], 20, "the mark")
    child.kill()
    child = Child(tmp_path / "alerts.db", 1, channels)  # nothing is owed any more
    child.kill()
    assert keys(hook) == ["k0:hook", "k0:hook"]


def test_killed_again_and_again_no_message_is_lost(tmp_path: Path, hook: Http) -> None:
    count, kills, dice = 150, 5, random.Random(7)
    channels = {"hook": {"webhook": hook.url}}
    database = tmp_path / "alerts.db"
    for n in range(kills):
        child = Child(database, count, channels)
        seen = len(hook.got)
        until(lambda seen=seen: len(hook.got) > seen + dice.randint(1, 15), 20, "some messages")
        child.kill()
        assert outbox(database).counts()["pending"] > 0, f"kill {n} came too late to show anything"
    child = Child(database, count, channels)
    until(lambda: outbox(database).counts()["sent"] == count, 30, "the rest")
    child.kill()
    times = Counter(keys(hook))
    assert set(times) == {f"k{n}:hook" for n in range(count)}
    assert sum(times.values()) - count <= kills, "one in flight at each kill at most"


def test_a_killed_wattline_leaves_its_last_will(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        scada = Listener(broker.port)
        child = Child(
            tmp_path / "alerts.db", 0, {"scada": {"mqtt": f"mqtt://127.0.0.1:{broker.port}"}}
        )
        scada.wait("wattline/status", lambda text: text == "online")
        began = time.monotonic()
        child.kill()
        scada.wait("wattline/status", lambda text: text == "offline")
        assert time.monotonic() - began < 10
        late = Listener(broker.port)
        assert late.wait("wattline/status", bool) == "offline", "retained for who comes later"
        scada.close()
        late.close()
    finally:
        broker.stop()
