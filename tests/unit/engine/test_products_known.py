"""A field is known in every revision of a window or in none, so that the last known value of a
field is that of the last revision (docs/influxdb.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collector.sequencer import Sequencer
from engine.figures.products import Producer
from plant.frame import batch
from store.influx_points import KEYS, TABLES
from store.schema import SCHEMA
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}, roof: {carrier: electricity, kind: pv, meter: r, into: board}, gas: {carrier: natural_gas, meter: n, into: pipe}}
buses: {board: {carrier: electricity}, pipe: {carrier: natural_gas}, steam: {carrier: steam}}
storages: {battery: {bus: board, meter: b, capacity: 1 MWh}}
converters: {boiler: {inputs: {board: e, pipe: p}, outputs: {steam: {efficiency: 0.95}}}}
lines:
  press: {draws: {board: l}, output: {good: plc.press_good, scrap: plc.press_scrap}}
  dyer: {draws: {board: d, steam: s}, output: {good: plc.dyer_good}}
  mill: {draws: {board: m}}
"""
METERS = "g r n b e p l d s m"
COUNTS = {"press": (5.0, 1.0), "dyer": (3.0, 0.0)}


class Late(Rig):
    """Nothing that counts pieces, and not the first meter, is heard in the first 20 minutes."""

    def _read(self, ts: int, channels: object) -> None:
        unheard = {i for i, c in enumerate(self.site.channels) if c.kind == "count" or c.meter == 0}
        heard = [c for c in channels if ts > self.start + 20 * self.window or c not in unheard]  # type: ignore[attr-defined]
        super()._read(ts, heard)


def troubled(rig: Rig, seed: int) -> None:
    """Two hours in which meters and counters fall silent,
    begin anew, and are heard again, late too.
    """
    chance = np.random.default_rng(seed)
    silent: set[str] = set()
    for i in range(120):
        if i % 7 == 0:
            silent = set(chance.choice(METERS.split(), chance.integers(0, 6), replace=False))
        if i % 31 == 30:
            rig.counters[chance.integers(0, len(rig.counters), 3)] = 0.0
        amounts = dict(zip(METERS.split(), chance.uniform(0, 50, 10), strict=True))
        rig.feed(
            amounts | {"b": (9.0, 0.0) if i % 40 < 20 else (0.0, 9.0)},
            silent,
            COUNTS if i % 5 else None,
        )
        if i % 11 == 10:
            late(rig.sequencer, rig, chance.choice(len(rig.counters), 4, replace=False))


def late(sequencer: Sequencer, rig: Rig, channels: np.ndarray) -> None:
    """Readings of three windows ago."""
    tags = [rig.site.channels[c].tag for c in channels]
    sequencer.take(
        batch(np.full(len(tags), rig.at - 3 * rig.window + 7), tags, rig.counters[channels] - 20.0)
    )


@pytest.mark.parametrize("seed", range(3))
def test_only_pieces_without_a_counter_are_unknown(tmp_path: Path, seed: int) -> None:
    rig = Late(
        text(PLANT, METERS, window="1m", nodes=", ".join(f"{n}: 'nsu=u;s={n}'" for n in ("press_good", "press_scrap", "dyer_good"))),
        tmp_path,
    )  # fmt: skip
    troubled(rig, seed)
    rig.close()
    books = [book for out in rig.outs for book in out.books]
    assert sum(book.revision > 0 for book in books) > 60
    names: dict[str, int] = {}
    tables = Producer(rig.site, lambda name: names.setdefault(name, len(names))).tables(books)
    text_of = {code: name for name, code in names.items()}
    unknown = set()
    for table in TABLES:
        for name in SCHEMA[table].fields:
            values = np.asarray(tables[table][name], np.float64)
            assert not np.isinf(values).any()
            for code in np.unique(tables[table][KEYS[table][0]]):
                mine = np.isnan(values[tables[table][KEYS[table][0]] == code])
                assert mine.all() or not mine.any(), (table, name, text_of[int(code)])
                if mine.all():
                    unknown.add((table, name, text_of[int(code)]))
    without = {("line", f, f"unmetered.{b.id}") for b in rig.site.buses for f in ("good", "scrap")}
    assert unknown == without | {
        ("line", "scrap", "dyer"),
        ("line", "good", "mill"),
        ("line", "scrap", "mill"),
    }
