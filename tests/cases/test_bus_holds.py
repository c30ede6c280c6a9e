"""A bus keeps its last composition for a while with nothing
flowing in; after that, what leaves it is unknown.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.tracing.block import close
from engine.tracing.graph import Edges, Graph
from engine.tracing.tracing import Held
from plant.load import load_plant_text
from plant.resolve import resolve
from plant.units import HOUR_NS, MINUTE_NS
from tests.rig import text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity%s}}
lines: {press: {draws: {board: p}}}
"""
START = 100 * HOUR_NS


class Tags:
    """Registry in memory."""

    def tag(self, meter: str, quantity: str) -> int:
        return 0

    def names(self) -> dict[int, tuple[str, str]]:
        return {}


def graph_of(more: str = "") -> Graph:
    plant = text(PLANT % more, "g p", window="1m")
    return Graph(resolve(load_plant_text("p", plant), {}, Tags()))


def block(graph: Graph, start: int, imported: list[float], held: Held) -> tuple[list[str], Held]:
    """What the line's draw of each minute came from, and what the board carries afterwards."""
    windows = len(imported)
    nothing = np.zeros((windows, 0))
    edges = Edges(
        source=np.array(imported)[:, None],
        export=np.zeros((windows, 1)),
        charge=nothing,
        discharge=nothing,
        feeds=[],
        outlets=[],
        taps=np.ones((windows, 1)),
        unknown=np.zeros((windows, 1), bool),
    )
    starts = [start + minute * MINUTE_NS for minute in range(windows)]
    closed = close(graph, edges, held, starts, [])
    names = {0: "grid", graph.unknown: "unknown"}
    drawn = [
        names[int(np.argmax(window.traced.taps[place, 0]))]
        for place, window in enumerate(closed.windows)
    ]
    return drawn, closed.held


@pytest.mark.parametrize(("more", "minutes"), [("", 60), (", holds: 10m", 10)])
def test_the_last_composition_is_kept_as_long_as_the_bus_holds(more: str, minutes: int) -> None:
    graph = graph_of(more)
    unknown = np.zeros((1, graph.columns + 1))
    unknown[0, graph.unknown] = 1.0
    drawn, held = block(graph, START, [1.0] * 15, Held(unknown, np.zeros(1, np.int64)))
    assert set(drawn) == {"grid"}
    said: list[str] = []
    for quarter in range(1, 8):
        start = START + quarter * 15 * MINUTE_NS
        drawn, held = block(graph, start, [0.0] * 15, held)
        said += drawn
    assert said == ["grid"] * minutes + ["unknown"] * (105 - minutes)


def test_it_holds_anew_when_something_flows_in() -> None:
    graph = graph_of(", holds: 5m")
    unknown = np.zeros((1, graph.columns + 1))
    unknown[0, graph.unknown] = 1.0
    _, held = block(graph, START, [1.0] * 15, Held(unknown, np.zeros(1, np.int64)))
    later = START + 15 * MINUTE_NS
    drawn, _ = block(graph, later, [0.0] * 4 + [1.0] + [0.0] * 10, held)
    assert drawn == ["grid"] * 10 + ["unknown"] * 5
