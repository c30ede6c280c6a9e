"""A recorded year of a real steel works, with its dirt, through the
back-fill path: 959,636.71 kWh for 2018 in local days.

Data: V E, S., Shin, C., Cho, Y., "Steel Industry Energy Consumption", UCI Machine Learning
Repository, CC BY 4.0. It is not part of Wattline.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from books.history import History
from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from plant.clock import ManualClock
from plant.load import load_plant_text
from plant.site import Control
from simulator.config import load_sim_text
from simulator.history import batches
from simulator.world import World
from store.duck import DuckStore
from store.journal import SqliteJournal
from tests.by_hand import ByHand
from wattline.site_build import build_site

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "steel_industry_2018.csv"
PLANT = """
site: {id: steel, timezone: Asia/Seoul, grid: CN, window: 15m}
connections: {hall: {modbus: "tcp://192.0.2.1:502"}}
meters: {incomer: {on: hall, unit: 1, profile: siemens_pac3220, class: 0, max: 2 MW, every: {power: 15m, energy: 15m}}}
sources: {grid: {carrier: electricity, meter: incomer, into: board}}
buses: {board: {carrier: electricity}}
"""
SIM = """
replay: {incomer: {file: "%s", column: Usage_kWh, unit: kWh, label_at_end: true, time_column: date, time_format: "%%d/%%m/%%Y %%H:%%M", timezone: Asia/Seoul}}
"""
HOUR = 3_600_000_000_000


@pytest.mark.skipif(
    not DATA.exists(), reason="the recorded year is not here (it is not part of Wattline)"
)
@pytest.mark.timeout(300)
def test_the_year_adds_up_in_local_days(tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Seoul")
    start = round(datetime(2018, 1, 1, tzinfo=zone).timestamp() * 1e9)
    end = round(datetime(2019, 1, 1, tzinfo=zone).timestamp() * 1e9)
    catalogue = load_catalogue()
    plant = load_plant_text("plant.yaml", PLANT, frozenset(catalogue))
    world = World(
        plant, load_sim_text("plant.sim.yaml", SIM % DATA, plant), catalogue, start - 48 * HOUR, 1
    )
    journal, store = SqliteJournal(tmp_path / "j.db"), DuckStore(None)
    site = build_site(plant, catalogue, journal)
    sequencer = Sequencer(site.id, journal, journal.id, ManualClock(end))
    sequencer.control(Control(site=site))
    frames = []
    for i, rows in enumerate(batches(world, start, end + HOUR, 900.0, journal)):
        frames.append(sequencer.history(rows, int(rows.ts[-1]) if i % 96 == 1 else 0))
    journal.append_all(frames)
    sequencer.cut(end + HOUR)
    host = ByHand(journal, store)
    while host.turn():
        pass
    series = History(site, store).series("site", ["energy.electricity"], start, end, "day")
    days = series.columns["energy.electricity"]
    assert len(days) == 365
    assert sum(days) == pytest.approx(959_636.71, abs=0.005)
    raw = np.genfromtxt(DATA, delimiter=",", skip_header=1, usecols=1)
    assert days[0] == pytest.approx(raw[:96].sum(), abs=0.005)
    assert days[200] == pytest.approx(raw[200 * 96 : 201 * 96].sum(), abs=0.005)
