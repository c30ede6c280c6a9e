"""`wattline run` and InfluxDB are killed in turn, at any moment, while the devices go on:

InfluxDB ends with exactly the figures of the embedded store.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plant.load import load_plant
from plant.units import HOUR_NS
from store.duck import DuckStore
from store.journal import SqliteJournal
from tests.by_hand import ByHand
from tests.influx_rig import Influxd
from tests.loopback import answers, free_port, until
from wattline.commands.compare import compare
from wattline.demo.demo import plant_path
from wattline.demo.devices import Devices
from wattline.hosts.influx import open_influx

ROUNDS = 20


def plant_with(url: str, folder: Path) -> Path:
    """The dye works with an InfluxDB."""
    path = folder / "dyeworks.yaml"
    text = plant_path("dyeworks").read_text(encoding="utf-8")
    path.write_text(f'{text}\ninflux: {{url: "{url}"}}\n', encoding="utf-8")
    return path


def started(plant: Path, devices: Devices, data: Path) -> subprocess.Popen[bytes]:
    port = free_port()
    command = f"-m wattline.cli run {plant} --endpoints {devices.path} --data {data} --port {port} --log-level error"
    process = subprocess.Popen([sys.executable, *command.split()])
    until(lambda: answers(port, "/readyz"), 60, "wattline run")
    return process


@pytest.mark.net
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_influxdb_ends_with_the_figures_of_the_embedded_store(tmp_path: Path) -> None:
    (tmp_path / "influx").mkdir()
    server, data, chance = Influxd(tmp_path / "influx"), tmp_path / "data", random.Random(2)
    server.databases()
    plant = plant_with(server.url, tmp_path)
    devices = Devices(plant_path("dyeworks"), tmp_path, 30.0, None, 7)
    process = None
    try:
        devices.wait()
        for number in range(ROUNDS):
            process = process or started(plant, devices, data)
            time.sleep(
                chance.uniform(0.0, 1.5)
            )  # the moment of the kill is the thing that is varied
            if number % 2:
                server.kill()
                time.sleep(chance.uniform(0.0, 0.5))
                server.start()
            else:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
                process = None
    finally:
        if process is not None:
            process.kill()
            process.wait(10)
        devices.stop()
    check(plant, data)
    server.stop()


def check(plant: Path, data: Path) -> None:
    """Whatever the journal still holds is stored and sent; then both hold the same."""
    journal, store = SqliteJournal(data / "journal.db"), DuckStore(data / "figures.duckdb")
    host = ByHand(journal, store)
    while host.turn():
        pass
    influx, site = load_plant(plant).influx, host.site
    assert influx is not None
    assert site is not None
    feeder = open_influx(influx, journal, site, data)
    feeder.start()
    assert feeder.drain(30.0), feeder.health()
    span = store.query("SELECT min(start) AS a, max(start) AS b FROM line")
    compared, different = compare(
        store, feeder.store, site.window_s, int(span["a"][0]), int(span["b"][0]) + HOUR_NS
    )
    assert compared > 0
    assert different == []
    raw = feeder.store.query("SELECT count(*) FROM meter", "wattline_raw")[0].columns
    stored = store.query(
        "SELECT count(*) AS n FROM reading WHERE quality < 3 AND NOT isnan(value)"
    )["n"][0]
    assert sum(v[0] for name, v in raw.items() if name != "time") == stored
    feeder.stop()
    for thing in (journal, store):
        thing.close()
