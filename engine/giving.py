"""Giving out books: blocks are traced one after the other, and a window that is new or differs is given out.

A window of a block that is still open is provisional where slow media are in play; when the block
closes all its windows are traced once more and given out, as new revisions, where they differ.
Storages are kept per block, so a correction re-traces from the block it touches onward and no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.book import Book
from engine.counting.along import Mask
from engine.counting.recent import History
from engine.out import Out
from engine.state import Booked, Running, Snapshot, Tail, block_ns, block_start
from engine.tracing.block import Window, close
from engine.tracing.electricity import site_electricity
from engine.tracing.graph import Array, Edges, Graph, edges
from engine.tracing.storage import Account

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Metered:
    """What meters say of windows: energies [windows, meters, 2] forward and reverse, seconds seen and estimated
    [windows, meters].
    """

    energy: Array
    seen: Array
    estimated: Array


@dataclass(frozen=True, slots=True)
class Block:
    """The windows of one block that are there: rows of the history, what was metered and flowed in
    them, and what converters kept [windows, buses].
    """

    rows: range
    metered: Metered
    used: Edges
    converters_kwh: Array


def trace_from(running: Running, booked: Booked, since: int, out: Out, *, anew: bool) -> None:
    """Trace block after block from the one that holds `since`.

    `anew`: earlier windows are corrected, so an open block does not wait for its close.
    """
    history = booked.history
    size = block_ns(running.graph)
    start = max(block_start(running.graph, since), min(booked.snapshots))
    while start < history.end:
        end = start + size
        after = booked.snapshots[start]
        first_row = max((start - history.first) // history.window, 0)
        end_row = min((end - history.first) // history.window, len(history.revisions))
        if end_row > first_row:
            block = _block(running, history, range(first_row, end_row))
            whole = anew or end <= history.end
            after = _trace_block(running, booked, block, after, out, whole=whole)
        if end <= history.end:
            booked.snapshots[end] = Snapshot(_copies(after.accounts), after.held)
        start = end


def _trace_block(
    running: Running,
    booked: Booked,
    block: Block,
    before: Snapshot,
    out: Out,
    *,
    whole: bool,
) -> Snapshot:
    """Trace the rows of one block; returns storages and compositions after them.

    While the block is open only its new windows are given out: those before wait for its close.
    """
    history = booked.history
    starts = [history.start_of(row) for row in block.rows]
    new_from = 0
    accounts = _copies(before.accounts)
    tail = booked.tail
    if not whole and tail is not None and tail.until in starts:
        new_from = starts.index(tail.until)
        accounts = _copies(tail.accounts)
    windows, held = close(running.graph, block.used, before.held, starts, accounts, new_from)
    booked.tail = Tail(until=starts[-1] + history.window, accounts=_copies(accounts))
    for window in windows:
        _give(running, history, block, window, out)
    return Snapshot(accounts, held)


def _copies(accounts: Sequence[Account]) -> list[Account]:
    return [account.copy() for account in accounts]


def _block(running: Running, history: History, rows: range) -> Block:
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


def _metered(running: Running, history: History, rows: range) -> Metered:
    """Sums over the channels of each meter."""
    layout = running.meters.layout
    part = slice(rows.start, rows.stop)
    by_direction = (len(rows), len(running.site.meters), 2)
    energy = (history.amount[part] @ layout.summing).reshape(by_direction)
    estimated = (history.estimated[part] @ layout.summing).reshape(by_direction).sum(2)
    seen = np.zeros((len(rows), len(running.site.meters)))
    if len(layout.meter):
        of_first_channel = history.seen[part][:, layout.first_channel]
        seen = np.where(layout.measured, of_first_channel, 0.0)
    return Metered(energy, seen, estimated)


def _counted(running: Running, history: History, rows: range) -> Mask:
    """Windows between readings of a meter's counter [windows, meters], read in them or not.

    Once a counter is back, a silence is no blindness: its energy is known.
    """
    layout = running.meters.layout
    if not len(layout.meter):
        return np.zeros((len(rows), len(layout.measured)), bool)
    first, last = running.meters.read_between()
    starts = history.first + np.asarray(rows)[:, None] * history.window
    known = (starts + history.window > first) & (starts + history.window <= last)
    return np.asarray(known[:, layout.first_channel] & layout.measured, bool)


def _give(running: Running, history: History, block: Block, window: Window, out: Out) -> None:
    """Give out the book of one window if it is new or differs from what was given out before."""
    row = block.rows[window.at]
    book = _book(running, history, block, window)
    digest = hashlib.blake2b(book.encode(), digest_size=DIGEST_BYTES).digest()
    if digest == history.digests[row]:
        return
    history.digests[row] = digest
    history.revisions[row] += 1
    book.revision = history.revisions[row]
    out.books.append(book)


def _book(running: Running, history: History, block: Block, window: Window) -> Book:
    graph = running.graph
    used = block.used
    traced = window.traced
    at = window.at
    row = block.rows[at]
    start = history.start_of(row)
    end = start + history.window
    seen = block.metered.seen[at]
    estimated = block.metered.estimated[at]
    counts = history.amount[row]
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
        good=_pieces(counts, [line.good_channel for line in lines]),
        scrap=_pieces(counts, [line.scrap_channel for line in lines]),
        seconds=running.states.seconds(start, end),
        layers=window.layers,
    )


def _least_of_taps(graph: Graph, seen: Array) -> Array:
    """Seconds in which all meters of a draw were seen."""
    return np.array([min((seen[meter] for meter in tap.meters), default=0.0) for tap in graph.taps])


def _sum_of_taps(graph: Graph, estimated: Array) -> Array:
    return np.array([sum(estimated[meter] for meter in tap.meters) for tap in graph.taps])


def _pieces(counts: Array, channels: Sequence[int | None]) -> Array:
    """What was counted for each line; NaN where nothing counts its pieces."""
    return np.array([np.nan if channel is None else counts[channel] for channel in channels])
