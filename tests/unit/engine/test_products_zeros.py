"""A corrected window has every flow that it could have, zeros too; so
nothing that a correction removed is left standing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.figures.products import Producer
from engine.tracing.flow import Flow
from engine.tracing.reach import reach
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}, roof: {carrier: electricity, kind: pv, meter: r, into: board}, gas: {carrier: natural_gas, meter: n, into: pipe}}
buses: {board: {carrier: electricity}, pipe: {carrier: natural_gas}, steam: {carrier: steam}, far: {carrier: electricity}}
storages: {battery: {bus: board, meter: b, capacity: 1 MWh}}
converters: {boiler: {inputs: {board: e, pipe: p}, outputs: {steam: {efficiency: 0.95}}}, t1: {inputs: {board: f}, outputs: {far: {efficiency: 0.99}}, two_way: true}}
lines: {press: {draws: {board: l}}, dyer: {draws: {far: d, steam: s}}}
"""
KEYS = ("kind", "node", "carrier", "source", "via")


def rows(flow: dict[str, np.ndarray], mask: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(map(int, row)) for row in np.stack([flow[k].astype(int) for k in KEYS], 1)[mask]}


def test_a_corrected_window_has_all_it_could_have(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g r n b e p f l d s", window="1m"), tmp_path)
    for i in range(60):
        sun, charge = (30.0, (10.0, 0.0)) if i < 30 else (0.0, (0.0, 10.0))
        rig.feed(
            {
                "g": 200.0,
                "r": sun,
                "n": 5.0,
                "b": charge,
                "e": 30.0,
                "p": 5.0,
                "f": 60.0,
                "l": 90.0,
                "d": 50.0,
                "s": 50.0,
            }
        )
    rig.close()
    books = [book for out in rig.outs for book in out.books]
    assert {book.revision > 0 for book in books} == {True, False}
    codes: dict[str, int] = {}
    producer = Producer(rig.site, lambda name: codes.setdefault(name, len(codes)))
    flow = producer.tables(books)["flow"]
    possible = {tuple(map(int, row)) for row in producer.possible}
    traced = flow["kind"] <= Flow.REMAINDER
    assert rows(flow, traced & (flow["amount"] != 0)) <= possible
    for start, rev in {(int(s), int(r)) for s, r in zip(flow["start"], flow["rev"], strict=True)}:
        mine = rows(flow, traced & (flow["start"] == start) & (flow["rev"] == rev))
        assert mine == possible if rev else mine < possible
    plain = sum(len(book.flows) for book in books)
    added = flow["amount"][plain:]
    assert len(added)
    assert not added.any()
    assert {k: v.dtype for k, v in flow.items()} == {
        k: v.dtype for k, v in producer.tables(books[:1])["flow"].items()
    }


def test_reach_follows_converters_and_stores(tmp_path: Path) -> None:
    rig = Rig(text(PLANT, "g r n b e p f l d s", window="1m"), tmp_path)
    producer = Producer(rig.site, lambda name: 0)
    names = producer.graph.source_names()
    found = dict(
        zip(
            ("board", "pipe", "steam", "far"),
            ({(names[s], v) for s, v in bus} for bus in reach(producer.graph)),
            strict=True,
        )
    )
    assert found["pipe"] == {("gas", -1), ("unknown", -1)}
    electric = {(s, v) for s in ("grid", "roof", "unknown") for v in (-1, 0)} | {
        ("opening_stock", 0)
    }
    assert found["board"] == found["far"] == electric
    assert found["steam"] == electric | {("gas", -1)}
