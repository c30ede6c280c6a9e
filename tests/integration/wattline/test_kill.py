"""`wattline run` is killed at any moment while the devices go on: every number up to the last
journalled one is stored exactly once.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from store.duck import DuckStore
from store.journal import SqliteJournal
from tests.by_hand import ByHand
from tests.loopback import answers, free_port, until
from wattline.demo.demo import plant_path
from wattline.demo.devices import Devices

ROUNDS = 20


@pytest.mark.net
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_nothing_is_lost_or_stored_twice(tmp_path: Path) -> None:
    data, chance = tmp_path / "data", random.Random(1)
    devices = Devices(plant_path("dyeworks"), tmp_path, 30.0, None, 7)
    try:
        devices.wait()
        for _ in range(ROUNDS):
            port = free_port()
            command = [
                sys.executable,
                "-m",
                "wattline.cli",
                "run",
                str(plant_path("dyeworks")),
                "--endpoints",
                str(devices.path),
                "--data",
                str(data),
                "--port",
                str(port),
                "--log-level",
                "error",
            ]
            process = subprocess.Popen(command)
            try:
                until(partial(answers, port, "/readyz"), 60, "wattline run")
                time.sleep(
                    chance.uniform(0.0, 1.5)
                )  # the moment of the kill is the thing that is varied
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
    finally:
        devices.stop()
    journal, store = SqliteJournal(data / "journal.db"), DuckStore(data / "figures.duckdb")
    host = ByHand(journal, store)
    while host.turn():
        pass
    journalled = sum(len(f) for f in journal.frames(0, 10**9))
    stored = store.query(
        "SELECT count(*) AS n, count(DISTINCT (ts, tag, received, value)) AS d FROM reading"
    )
    assert int(stored["n"][0]) == int(stored["d"][0]) >= journalled > 0
    windows = store.query(
        "SELECT count(*) AS n, count(DISTINCT start) AS d, min(start) AS a, max(start) AS b FROM closed"
    )
    assert (
        int(windows["n"][0])
        == int(windows["d"][0])
        == (int(windows["b"][0]) - int(windows["a"][0])) // 60_000_000_000 + 1
    )
    fresh, again = SqliteJournal(data / "journal.db"), DuckStore(None)
    if (
        journal.read(0, 1) and journal.frames(0, 1)[0].header.seq == 1
    ):  # nothing forgotten yet: a clean replay must give the same books
        fresh.db.execute("DELETE FROM output")
        fresh.db.execute("DELETE FROM checkpoint")
        replay = ByHand(fresh, again)
        while replay.turn():
            pass
        sums = "SELECT sum(final_kwh) AS e, sum(scope2_location_kg) AS kg, count(*) AS n FROM line"
        assert again.query(sums)["n"][0] == store.query(sums)["n"][0]
        assert again.query(sums)["e"][0] == pytest.approx(store.query(sums)["e"][0], rel=1e-12)
    for thing in (journal, fresh, store, again):
        thing.close()
