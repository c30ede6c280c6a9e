"""The order that runs on a line stands in the picture of
now, as long as the line says which it is.
"""

from __future__ import annotations

import pytest

from collector.catalogue import load_catalogue
from engine.now.now import Now
from plant.frame import Event, batch
from plant.load import load_plant_text
from plant.units import SECOND_NS
from wattline.site_build import build_site

PLANT = """
site: {id: works, timezone: UTC, grid: CN-ZJ}
connections:
  hall: {modbus: "tcp://192.0.2.1:502"}
  plc: {opcua: opc.tcp://192.0.2.3:4840, nodes: {order: i=1}}
meters:
  g: {on: hall, unit: 1, profile: siemens_pac3220}
  p: {on: hall, unit: 2, profile: siemens_pac3220}
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines:
  press: {draws: {board: p}, output: {order: plc.order}}
  plain: {draws: {}}
"""


class Tags:
    """Registry in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.known.setdefault((meter, quantity), len(self.known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.known.items()}


@pytest.fixture
def now() -> Now:
    return Now(build_site(load_plant_text("p", PLANT), load_catalogue(), Tags()))


def order_after(now: Now, *texts: str) -> object:
    tag = now.site.lines[0].order_tag
    assert tag is not None
    for second, text in enumerate(texts, 1):
        now.take(batch([], [], [], events=(Event(second * SECOND_NS, tag, text),)))
    lines = now.tick(100 * SECOND_NS)["lines"]
    assert "order" not in lines["plain"]
    return lines["press"]["order"]


def test_nothing_is_known_before_it_was_said(now: Now) -> None:
    assert order_after(now) is None


def test_the_newest_order_runs(now: Now) -> None:
    assert order_after(now, "A-1", "A-2") == "A-2"


def test_it_is_unknown_while_the_connection_is_lost(now: Now) -> None:
    assert order_after(now, "A-1", "UNKNOWN") is None
