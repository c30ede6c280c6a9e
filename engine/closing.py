"""Closing windows: readings become energies, and what earlier windows need is corrected.

A window closes when the watermark has passed its end by the grace. Late readings and gaps that ended
change the curves of counters; the windows they touch are measured again, and everything from the
earliest change on is traced again and given out where it differs (`engine.giving`).
"""

from __future__ import annotations

import numpy as np

from engine.counting.along import Floats
from engine.counting.curves import ANCHOR_NS, Points
from engine.counting.gaps import shape_gap
from engine.counting.late import take_late
from engine.counting.meters import Late, Span
from engine.counting.recent import History
from engine.giving import trace_from
from engine.out import Out
from engine.state import Booked, Running, block_ns, block_start
from engine.tracing.graph import Graph
from plant.frame import Batch, join
from plant.names import Verdict
from plant.units import HOUR_NS

HORIZON_NS = 26 * HOUR_NS
"""How far back a correction reaches: a day, and time for what arrives late in it."""

BLOCKS_FORGOTTEN_AT_ONCE = 16


def close_windows(running: Running, booked: Booked, last: int, out: Out) -> None:
    """Close the windows up to `last`, correct what earlier ones need, give out what changed."""
    history = booked.history
    rows = join(running.pending)
    running.pending = []
    _take_states(running, rows)
    previous = history.end
    whole_from = _whole_from(running.graph, history)
    ends = np.arange(previous + history.window, last + 1, history.window, dtype=np.int64)
    absorbed = running.meters.absorb(rows.ts, rows.tag, rows.value, rows.quality, ends, previous)
    out.unusual += absorbed.unusual
    history.extend(len(ends), absorbed.x)
    running.gaps += [step for step in absorbed.unusual if step.verdict is Verdict.GAP]
    changed = absorbed.changed + _take_late(running, history, absorbed.late, whole_from)
    since = _measured_since(running.graph, previous, last)
    from_row = history.row(max(since, history.first))
    _measure(running, history, from_row, len(history.revisions))
    _measure_spans(running, history, changed)
    shaped = _shape(running, history)
    _measure_spans(running, history, shaped)
    corrected = changed + shaped
    earliest = min((span.since for span in corrected), default=previous)
    from_row = min(from_row, history.row(max(earliest, history.first)))
    trace_from(running, booked, history.start_of(from_row), out, anew=bool(corrected))
    _forget(running, booked, whole_from)


def _take_states(running: Running, rows: Batch) -> None:
    """Machine states that were said in these readings."""
    for event in rows.events:
        for line, node in enumerate(running.site.lines):
            if node.state_tag == event.tag:
                running.states.change(line, event.ts, event.text)


def _measured_since(graph: Graph, previous: int, last: int) -> int:
    """From when on windows are measured: the new ones, and the block that they close, which waited for its end."""
    open_block = block_start(graph, last)
    if open_block > block_start(graph, previous - 1):
        return min(previous, block_start(graph, open_block - 1))
    return previous


def _take_late(
    running: Running, history: History, late: dict[int, Late], whole_from: int
) -> list[Span]:
    """Put late readings where they belong.

    A gap that they came into is not the same any more; what is left of it is to be shaped.
    """
    changed, left = take_late(running.meters, history, late, whole_from)
    filled = {(span.channel, span.since, span.until) for span in changed}
    kept = [gap for gap in running.gaps if (gap.channel, gap.since, gap.ts) not in filled]
    running.gaps = kept + left
    return changed


def _shape(running: Running, history: History) -> list[Span]:
    """Shape the gaps whose windows are all there."""
    ready = [gap for gap in running.gaps if gap.ts <= history.end]
    running.gaps = [gap for gap in running.gaps if gap.ts > history.end]
    spans = []
    drawn = []
    for gap in ready:
        points = shape_gap(running.graph, running.meters, history, gap)
        if points is not None:
            drawn.append(points)
            spans.append(Span(gap.channel, gap.since, gap.ts))
    if drawn:
        running.meters.points = running.meters.points.with_rows(Points.joined(drawn))
    return spans


def _measure_spans(running: Running, history: History, spans: list[Span]) -> None:
    for span in spans:
        from_row = history.row(max(span.since, history.first))
        to_row = history.row(span.until - 1) + 1
        _measure(running, history, from_row, to_row, span)


def _measure(
    running: Running, history: History, from_row: int, to_row: int, span: Span | None = None
) -> None:
    """Energies in the windows of these rows: of all channels, or of the one that changed.

    Older points of the other channels are no longer held.
    """
    meters = running.meters
    channel = None if span is None else span.channel
    columns = slice(None) if channel is None else slice(channel, channel + 1)
    rows = slice(from_row, to_row)
    with_end = slice(from_row, to_row + 1)
    boundaries = history.boundaries(from_row, to_row)
    reading = meters.totals(boundaries, history.x[with_end], channel)
    total = reading.total
    # what was booked before these rows stays, and after a span that ends: the sum is the counter's
    ends_here = span is not None and history.start_of(to_row) >= span.until
    fixed = [0, -1] if ends_here else [0]
    booked = history.total[[from_row, to_row][: len(fixed)], columns]
    total[fixed] = np.where(np.isfinite(booked), booked, total[fixed])
    history.total[with_end, columns] = total
    scale = meters.layout.scale[columns]
    history.amount[rows, columns] = np.nan_to_num(np.diff(total, axis=0)) * scale
    history.seen[rows, columns] = _steps(reading.seen, history.seen[rows, columns], 1.0)
    before = history.estimated[rows, columns]
    history.estimated[rows, columns] = _steps(reading.estimated, before, scale)


def _steps(running_sum: Floats, before: Floats, scale: Floats | float) -> Floats:
    """Differences of running sums.

    One that differs from `before` by rounding only stays as it was, so a shifted sum makes no revision.
    """
    steps = np.diff(running_sum, axis=0)
    noise = 4 * np.spacing(np.abs(running_sum[1:]).max(axis=0, initial=0.0))
    only_rounding = np.abs(steps * scale - before) <= noise * scale
    same = only_rounding & (steps != 0.0)
    return np.asarray(np.where(same, before, steps * scale), np.float64)


def _whole_from(graph: Graph, history: History) -> int:
    """From when on all points of the curves are held."""
    return block_start(graph, history.end) - block_ns(graph) - ANCHOR_NS


def _forget(running: Running, booked: Booked, whole_from: int) -> None:
    """Drop what is older than the horizon; points each time a block is over, when `whole_from` moves on."""
    history = booked.history
    now_whole_from = _whole_from(running.graph, history)
    if now_whole_from > whole_from:
        running.meters.trim(now_whole_from, history.first, history.end)
    oldest = block_start(running.graph, history.end - HORIZON_NS)
    if oldest - history.first > BLOCKS_FORGOTTEN_AT_ONCE * block_ns(running.graph):
        history.forget((oldest - history.first) // history.window)
        kept = {start: held for start, held in booked.snapshots.items() if start >= oldest}
        booked.snapshots = kept
        running.states.trim(oldest)
