"""A plant without sockets: energies per window in, books out, by the
same path as the real thing (sequencer, journal, step).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from collector.catalogue import load_catalogue
from collector.sequencer import Sequencer
from engine.book import Book
from engine.factors.registry import properties
from engine.out import Out
from engine.state import State
from engine.step import step
from plant.clock import ManualClock
from plant.frame import Batch, Event, batch
from plant.load import load_plant_text
from plant.resolve import resolve
from plant.site import Control, Site
from store.journal import SqliteJournal

START = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC
HEAD = "site: {{id: works, timezone: UTC, grid: {grid}, window: {window}{more}}}\nconnections: {{plc: {{opcua: 'opc.tcp://127.0.0.1:4840', nodes: {{{nodes}}}}}}}\n"


def text(
    body: str,
    meters: str,
    *,
    window: str = "1h",
    grid: str = "CN-ZJ",
    more: str = "",
    nodes: str = "",
) -> str:
    """A plant file whose meters, named in one line, all have
    import and export counters over OPC UA.
    """
    listed = "".join(
        f"  {m}: {{on: plc, nodes: {{active_energy_import: 'nsu=u;s={m}', active_energy_export: 'nsu=u;s={m}x', heat_energy: 'nsu=u;s={m}h', volume: 'nsu=u;s={m}v'}}, reference: 0C, every: {{energy: {window}}}}}\n"
        for m in meters.split()
    )
    return (
        HEAD.format(grid=grid, window=window, more=", " + more if more else "", nodes=nodes)
        + "meters:\n"
        + listed
        + body
    )


class Rig:
    """One plant on a throw-away journal. `window_s` from the plant file."""

    def __init__(self, plant_text: str, folder: Path, start: int = START) -> None:
        self.plant = load_plant_text("plant.yaml", plant_text)
        self.journal = SqliteJournal(folder / "journal.db")
        site = resolve(self.plant, load_catalogue(), self.journal)
        self.site: Site = msgspec.structs.replace(site, properties=properties(self.plant, site))
        self.clock = ManualClock(start)
        self.sequencer = Sequencer(site.id, self.journal, self.journal.id, self.clock)
        self.sequencer.control(Control(site=self.site))
        self.counters = np.full(len(self.site.channels), 1000.0)
        self.state = State()
        self.outs: list[Out] = []
        self.start = start
        self.window = round(self.site.window_s * 1e9)
        self.at = start
        self._read(start, range(len(self.counters)))

    def channel(self, meter: str, reverse: bool = False) -> int:
        index = next(i for i, m in enumerate(self.site.meters) if m.id == meter)
        return next(
            i for i, c in enumerate(self.site.channels) if c.meter == index and c.reverse is reverse
        )

    def _read(self, ts: int, channels: object) -> None:
        rows = list(channels)  # type: ignore[call-overload]
        tags = [self.site.channels[c].tag for c in rows]
        self.sequencer.take(batch(np.full(len(rows), ts), tags, self.counters[rows]))

    def feed(
        self,
        energies: Mapping[str, float | tuple[float, float]],
        silent: set[str] = frozenset(),
        counts: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:  # type: ignore[assignment]
        """One window: what each meter counts (forward or (forward,
        reverse)); a silent meter counts on but is not read.
        """
        for meter, energy in energies.items():
            forward, reverse = energy if isinstance(energy, tuple) else (energy, 0.0)
            self.counters[self.channel(meter)] += forward
            self.counters[self.channel(meter, True)] += reverse
        for line, (good, scrap) in (counts or {}).items():
            node = next(n for n in self.site.lines if n.id == line)
            if node.good_channel is not None:
                self.counters[node.good_channel] += good
            if node.scrap_channel is not None:
                self.counters[node.scrap_channel] += scrap
        self.at += self.window
        quiet = {self.channel(m, r) for m in silent for r in (False, True)}
        self._read(self.at, [c for c in range(len(self.counters)) if c not in quiet])
        self.sequencer.cut(self.at)

    def event(self, batch_: Batch | None = None, **texts: str) -> None:
        """Machine states by line, at the current time."""
        events = tuple(
            Event(self.at, next(n.state_tag or 0 for n in self.site.lines if n.id == line), state)
            for line, state in texts.items()
        )
        self.sequencer.take(batch([], [], [], events=events))

    def close_so_far(self) -> None:
        """Fold what was fed, windows behind it left open."""
        for frame in self.journal.frames(self.state.seq, 10**9):
            self.state, out = step(self.state, frame)
            self.outs.append(out)

    def close(self) -> list[Book]:
        """Fold everything; the last revision of every window, in order."""
        self.sequencer.cut(self.at + 3_600_000_000_000)
        self.close_so_far()
        last = {book.start: book for out in self.outs for book in out.books}
        return [last[s] for s in sorted(last)]

    def traced(self, book: Book, tap: int) -> dict[str, float]:
        """Amounts of a tap by original source."""
        from engine.tracing.flow import Flow

        names = [s.id for s in self.site.sources] + ["ambient", "unknown", "opening_stock"]
        rows = (book.flows.kind == Flow.LINE) & (book.flows.node == tap)
        out: dict[str, float] = {}
        for source, amount in zip(book.flows.source[rows], book.flows.amount[rows], strict=True):
            out[names[source]] = out.get(names[source], 0.0) + float(amount)
        return out
