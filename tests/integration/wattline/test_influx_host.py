"""The feeder of InfluxDB: an outage in the middle, a restart,
another site; nothing is lost and nothing counts twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from plant.config import Influx
from plant.site import Control
from store.duck import DuckStore
from tests.by_hand import ByHand
from tests.influx_rig import Influxd
from tests.integration.store.test_influx import assert_same
from tests.loopback import until
from tests.rig import START, Rig, text
from wattline.commands.compare import Difference, compare
from wattline.hosts.beside import BesideHost, Pace
from wattline.hosts.influx import open_influx

pytestmark = pytest.mark.net
QUICK = Pace(frames=5, outputs=7, pause_s=0.05, longest_s=0.2, refused_s=0.2)
PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}, roof: {carrier: electricity, kind: pv, meter: r, into: board}}
buses: {board: {carrier: electricity}, steam: {carrier: steam}}
converters: {boiler: {inputs: {board: e}, outputs: {steam: {efficiency: 0.95}}}}
lines: {press: {draws: {board: l}}, dyer: {draws: {board: d, steam: s}}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Influxd]:
    folder = tmp_path / "influxd"
    folder.mkdir()
    found = Influxd(folder)
    found.databases()
    yield found
    found.stop()


class Plant:
    """A rig with the embedded store, and the feeder of InfluxDB beside it."""

    def __init__(self, folder: Path, server: Influxd, plant_text: str | None = None) -> None:
        self.folder, self.server = folder, server
        self.rig = Rig(plant_text or text(PLANT, "g r e l d s", window="1m"), folder)
        self.duck = DuckStore(None)
        self.engine = ByHand(self.rig.journal, self.duck)
        self.pace = QUICK
        self.chance = np.random.default_rng(1)

    def feeder(self) -> BesideHost:
        return open_influx(
            Influx(url=self.server.url),
            self.rig.journal,
            self.rig.site,
            self.folder,
            self.pace,
        )

    def minutes(self, count: int, counts: dict[str, tuple[float, float]] | None = None) -> None:
        for _ in range(count):
            e, line, d = self.chance.uniform(1, 50, 3)
            sun = float(self.chance.uniform(0, 9))
            self.rig.feed(
                {"g": e + line + d, "r": sun, "e": e, "l": line, "d": d, "s": 0.9 * e},
                counts=counts,
            )
        while self.engine.turn():
            pass

    def end(self, feeder: BesideHost) -> None:
        """All is sent, and the same is in both."""
        self.rig.sequencer.cut(self.rig.at + 3_600_000_000_000)
        while self.engine.turn():
            pass
        assert feeder.drain(20.0), feeder.health()
        assert_same(self.duck, feeder.store)
        found = feeder.store.query("SELECT count(*) FROM meter", "wattline_raw")[0].columns
        stored = self.duck.query(
            "SELECT count(*) AS n FROM reading WHERE quality < 3 AND NOT isnan(value)"
        )["n"][0]
        assert sum(v[0] for name, v in found.items() if name != "time") == stored
        assert feeder.health()["dead_letters"] == 0


def test_an_outage_loses_nothing_and_doubles_nothing(
    tmp_path: Path, server: Influxd, caplog: pytest.LogCaptureFixture
) -> None:
    plant = Plant(tmp_path, server)
    feeder = plant.feeder()
    feeder.start()
    plant.minutes(40)
    server.kill()
    plant.minutes(
        70
    )  # an hour of event time: the step saves itself and the journal forgets what all have
    assert plant.rig.journal.read(0, 1)
    while feeder.state != "away":
        feeder.stopping.wait(0.02)
    assert "does not answer" in feeder.health()["last_error"]
    assert feeder.health()["behind_outputs"] > 0
    server.start()
    plant.minutes(20)
    plant.end(feeder)
    assert feeder.health()["state"] == "up"
    said = [r.message for r in caplog.records if r.name == "wattline.influx"]
    assert len([m for m in said if "does not answer" in m]) == 1, "an outage is said once"
    assert len([m for m in said if "goes on again" in m]) == 1
    feeder.stop()


def test_what_was_booked_last_is_sent_at_the_end(tmp_path: Path, server: Influxd) -> None:
    plant = Plant(tmp_path, server)
    plant.pace = Pace(pause_s=60.0)
    plant.minutes(5)
    feeder = plant.feeder()
    feeder.start()
    until(
        lambda: feeder.state == "up" and feeder.health()["behind_outputs"] == 0,
        10,
        "the first books",
    )
    plant.minutes(5)
    assert feeder.health()["behind_outputs"] > 0, "it pauses"
    feeder.stop()
    assert not feeder.is_alive()
    assert feeder.health()["behind_outputs"] == 0
    assert_same(plant.duck, plant.feeder().store)


def test_killed_between_write_and_place_it_writes_again_the_same(
    tmp_path: Path, server: Influxd
) -> None:
    plant = Plant(tmp_path, server)
    plant.minutes(30)
    for _ in range(6):  # a feeder that dies before it could note its place
        feeder = plant.feeder()
        feeder._took = lambda of, place: None  # type: ignore[method-assign]
        feeder.turn()
        feeder.store.close()
        feeder = plant.feeder()
        feeder.turn()
        feeder.store.close()
    feeder = plant.feeder()
    feeder.start()
    plant.end(feeder)
    feeder.stop()


def test_a_refusal_is_said_once_and_ends_when_the_reason_does(
    tmp_path: Path, server: Influxd, caplog: pytest.LogCaptureFixture
) -> None:
    server.post("DROP DATABASE wattline")
    plant = Plant(tmp_path, server)
    plant.minutes(20)
    feeder = plant.feeder()
    with caplog.at_level(logging.WARNING):
        feeder.start()
        while feeder.state != "refused":
            feeder.stopping.wait(0.02)
        feeder.stopping.wait(0.7)
    assert len([r for r in caplog.records if "store init" in r.message]) == 1
    server.databases()
    plant.end(feeder)
    feeder.stop()


def test_books_go_with_the_site_that_was_in_force(tmp_path: Path, server: Influxd) -> None:
    """A line gets another name: the books before it keep the old one, whenever they are sent."""
    plant = Plant(tmp_path, server)
    plant.minutes(30)
    site = plant.rig.site
    meters = (msgspec.structs.replace(site.meters[0], class_limit=0.02), *site.meters[1:])
    lines = (msgspec.structs.replace(site.lines[0], id="mill"), *site.lines[1:])
    plant.rig.sequencer.control(
        Control(site=msgspec.structs.replace(site, lines=lines, meters=meters))
    )
    plant.minutes(30)
    feeder = plant.feeder()
    for _ in range(4):
        feeder.turn()
    feeder.store.close()
    feeder = plant.feeder()
    feeder.start()
    plant.end(feeder)
    found = feeder.store.query("SELECT count(final_kwh) FROM line GROUP BY line")
    assert {"press", "mill", "dyer"} <= {one.tags["line"] for one in found}
    feeder.stop()


COUNTED = PLANT.replace("{board: l}}", "{board: l}, output: {good: plc.press_good}}")


@pytest.mark.parametrize("again", [False, True], ids=["one feeder", "a restart after each batch"])
def test_what_a_new_plant_file_takes_away_does_not_stay(
    tmp_path: Path, server: Influxd, again: bool
) -> None:
    """The meters stay; press becomes mill, and its pieces
    become those of dyer, in the middle of a block.
    """
    plant = Plant(
        tmp_path,
        server,
        text(COUNTED, "g r e l d s", window="1m", nodes="press_good: 'nsu=u;s=good'"),
    )
    counts = {"press": (5.0, 0.0)}
    plant.minutes(20, counts)
    site = plant.rig.site
    press, dyer = site.lines
    dyer = msgspec.structs.replace(dyer, good_channel=press.good_channel)
    press = msgspec.structs.replace(press, good_channel=None)
    plant.rig.sequencer.control(Control(site=msgspec.structs.replace(site, lines=(press, dyer))))
    plant.minutes(3, counts)
    mill = msgspec.structs.replace(press, id="mill")
    plant.rig.sequencer.control(Control(site=msgspec.structs.replace(site, lines=(mill, dyer))))
    plant.minutes(30, counts)
    feeder = plant.feeder()
    while again and feeder.turn():
        feeder.store.close()
        feeder = plant.feeder()
    feeder.start()
    plant.end(feeder)
    assert _differences(plant, feeder) == []
    window = 15 * 60_000_000_000  # of the block that was open: booked as press, then as mill
    asked = f"SELECT last(good) AS good, last(final_kwh) AS kwh FROM line WHERE time >= {START + window} AND time < {START + window + 60_000_000_000} GROUP BY line"
    found = {
        one.tags["line"]: (one.columns["good"][0], one.columns["kwh"][0])
        for one in feeder.store.query(asked)
    }
    assert found["press"] == (0.0, 0.0)
    assert found["mill"][1] > 0
    assert found["dyer"][0] == 5.0
    feeder.stop()


def _differences(plant: Plant, feeder: BesideHost) -> list[Difference]:
    compared, found = compare(plant.duck, feeder.store, 60.0, START, plant.rig.at)
    assert compared
    return found
