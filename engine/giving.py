"""Giving out books: blocks are traced one after the other,
and a window that is new or differs is given out.

A window of a block that is still open is provisional where slow media are in
play; when the block closes all its windows are traced once more and given out, as
new revisions, where they differ. Storages are kept per block, so a correction
re-traces from the block it touches onward and no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.book import Book
from engine.counting.recent import History
from engine.out import Out
from engine.state import Booked, Running, Snapshot, Tail, block_ns, block_start
from engine.tracing.block import Window, close
from engine.tracing.electricity import site_electricity
from engine.tracing.graph import Edges, Graph, edges
from engine.tracing.storage import Account
from plant.arrays import Floats, Mask

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Metered:
    """What meters say of windows.

    `energy` [windows, meters, 2], forward and reverse in edge unit; of it `estimated`, and the
    seconds `seen` [windows, meters].
    """

    energy: Floats
    seen: Floats
    estimated: Floats


@dataclass(frozen=True, slots=True)
class Block:
    """The windows of one block that are there: rows of the history.

    With what was metered, what flowed on the edges of the plant, and what converters kept
    [windows, buses].
    """

    rows: range
    metered: Metered
    used: Edges
    converters_kwh: Floats


def trace_from(
    running: Running,
    booked: Booked,
    since: int,
    out: Out,
    *,
    anew: bool,
) -> None:
    """Trace block after block from the one that holds `since`, ns UTC.

    `anew`: earlier windows are corrected, so an open block does not wait for its close.
    """
    history = booked.history
    block_length = block_ns(running.graph)
    start = max(
        block_start(running.graph, since),
        min(booked.snapshots),
    )
    while start < history.end:
        end = start + block_length
        is_closed = end <= history.end
        after = booked.snapshots[start]
        rows = _rows_of_block(history, start, end)
        if rows:
            block = _block(running, history, rows)
            tracer = BlockTracer(running, booked, out)
            after = tracer.trace(
                block,
                after,
                whole=anew or is_closed,
            )

        if is_closed:
            booked.snapshots[end] = Snapshot(_copies(after.accounts), after.held)

        start = end


def _rows_of_block(
    history: History,
    start: int,
    end: int,
) -> range:
    """Rows of the windows of a block that are held."""
    first = (start - history.first) // history.window
    stop = (end - history.first) // history.window
    return range(
        max(first, 0),
        min(stop, len(history)),
    )


@dataclass(frozen=True, slots=True)
class BlockTracer:
    """Traces blocks and gives out what is new."""

    running: Running
    booked: Booked
    out: Out

    def trace(
        self,
        block: Block,
        before: Snapshot,
        *,
        whole: bool,
    ) -> Snapshot:
        """Trace the rows of one block; returns storages and compositions after them.

        While the block is open only its new windows are given out: those before wait for its close.
        """
        history = self.booked.history
        tail = self.booked.tail
        starts = [history.start_of(row) for row in block.rows]
        first_new = 0
        accounts = _copies(before.accounts)
        if not whole and tail is not None and tail.until in starts:
            first_new = starts.index(tail.until)
            accounts = _copies(tail.accounts)

        closed = close(
            self.running.graph,
            block.used,
            before.held,
            starts,
            accounts,
            first_new,
        )
        self.booked.tail = Tail(
            until=starts[-1] + history.window,
            accounts=_copies(accounts),
        )
        for window in closed.windows:
            self._give(block, window)

        return Snapshot(accounts, closed.held)

    def _give(self, block: Block, window: Window) -> None:
        """Give out the book of a window if it is new or differs from what was given out before."""
        history = self.booked.history
        row = block.rows[window.at]
        book = _book(
            self.running,
            history,
            block,
            window,
        )
        content = hashlib.blake2b(book.encode(), digest_size=DIGEST_BYTES)
        digest = content.digest()
        if digest == history.digests[row]:
            return

        history.digests[row] = digest
        history.revisions[row] += 1
        book.revision = history.revisions[row]
        self.out.books.append(book)


def _copies(accounts: Sequence[Account]) -> list[Account]:
    """Accounts that can be moved on without those they are copies of."""
    return [account.copy() for account in accounts]


def _block(
    running: Running,
    history: History,
    rows: range,
) -> Block:
    """What was metered in the windows of some rows, and what flowed on the edges of the plant."""
    metered = _metered(running, history, rows)
    known = (metered.seen > 0) | _counted(running, history, rows)
    used = edges(running.graph, metered.energy, known)
    return Block(
        rows=rows,
        metered=metered,
        used=used,
        converters_kwh=site_electricity(running.graph, used).converters,
    )


def _metered(
    running: Running,
    history: History,
    rows: range,
) -> Metered:
    """Sums over the channels of each meter; seen is what its first channel is."""
    layout = running.meters.layout
    windows = slice(rows.start, rows.stop)
    energy = layout.summing.by_meter(history.amount[windows])
    estimated = layout.summing.by_meter(history.estimated[windows])
    seen = np.zeros((len(rows), len(running.site.meters)))
    if len(layout.meter):
        of_first_channel = history.seen[windows][:, layout.first_channel]
        seen = np.where(layout.measured, of_first_channel, 0.0)

    return Metered(
        energy=energy,
        seen=seen,
        estimated=estimated.sum(2),
    )


def _counted(
    running: Running,
    history: History,
    rows: range,
) -> Mask:
    """Windows between readings of a meter's counter [windows, meters], read in them or not.

    Once a counter is back, a silence is no blindness: its energy is known.
    """
    layout = running.meters.layout
    if not len(layout.meter):
        return np.zeros((len(rows), len(layout.measured)), bool)

    first, last = running.meters.read_between()
    ends = history.boundaries(rows)[1:, None]
    known = (ends > first) & (ends <= last)
    return known[:, layout.first_channel] & layout.measured


def _book(
    running: Running,
    history: History,
    block: Block,
    window: Window,
) -> Book:
    """The book of a window, in no revision yet."""
    graph = running.graph
    used = block.used
    traced = window.traced
    at = window.at
    row = block.rows[at]
    start = history.start_of(row)
    end = start + history.window
    seen = block.metered.seen[at]
    estimated = block.metered.estimated[at]
    pieces = history.amount[row]
    lines = running.site.lines
    return Book(
        start=start,
        end=end,
        revision=0,
        config=running.config,
        flows=window.flows,
        taps=used.taps[at] - graph.returned(used.discharge[at]),
        taps_electric=traced.taps[at, :, graph.electric],
        taps_seen_s=_least_of_taps(graph, seen),
        taps_estimated=_sum_of_taps(graph, estimated),
        meters=block.metered.energy[at],
        meters_seen_s=seen,
        meters_estimated=estimated,
        primary=used.source[at],
        remainder=traced.delivered_remainder[at],
        remainder_electric=traced.remainder_electric[at],
        converters_kwh=block.converters_kwh[at],
        charge=used.charge[at],
        discharge=used.discharge[at],
        held_kwh=window.held_kwh,
        good=_pieces(pieces, [line.good_channel for line in lines]),
        scrap=_pieces(pieces, [line.scrap_channel for line in lines]),
        seconds=running.states.seconds(start, end),
        layers=window.layers,
    )


def _least_of_taps(graph: Graph, seen: Floats) -> Floats:
    """Seconds in which all meters of a draw were seen; none where it has no meter."""
    least = np.full(len(graph.taps), np.inf)
    np.minimum.at(
        least,
        graph.metered_tap,
        seen[graph.tap_meter],
    )
    return np.where(np.isfinite(least), least, 0.0)


def _sum_of_taps(graph: Graph, estimated: Floats) -> Floats:
    """What is estimated of the meters of each draw."""
    sums = np.bincount(
        graph.metered_tap,
        weights=estimated[graph.tap_meter],
        minlength=len(graph.taps),
    )
    return sums.astype(np.float64)


def _pieces(counted: Floats, channels: Sequence[int | None]) -> Floats:
    """What was counted for each line; NaN where nothing counts its pieces."""
    pieces = []
    for channel in channels:
        if channel is None:
            pieces.append(np.nan)
        else:
            pieces.append(counted[channel])

    return np.array(pieces)
