"""Closing windows: readings become energies, and what earlier windows need is corrected.

A window closes when the watermark has passed its end by the grace. Late readings and gaps that
ended change the curves of counters; the windows they touch are measured again, and everything from
the earliest change on is traced again and given out where it differs (`engine.giving`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.counting.absorb import absorb
from engine.counting.absorbed import Absorbed, Late, Span
from engine.counting.curves import ANCHOR_NS, Points
from engine.counting.gaps import GapShaper
from engine.counting.late import take_late
from engine.counting.recent import History
from engine.counting.totals import Totals
from engine.giving import trace_from
from engine.out import Out
from engine.state import Booked, Running, block_ns, block_start
from engine.tracing.graph import Graph
from plant.arrays import Floats, Ints
from plant.frame import Batch, join
from plant.names import Verdict
from plant.units import HOUR_NS

HORIZON_NS = 26 * HOUR_NS
"""How far back a correction reaches: a day, and time for what arrives late in it."""

BLOCKS_FORGOTTEN_AT_ONCE = 16

ROUNDING_STEPS = 4
"""Two differences of running sums are the same if they differ by no more of the smallest steps."""


def close_windows(
    running: Running,
    booked: Booked,
    last: int,
    out: Out,
) -> None:
    """Close the windows up to `last`, ns UTC, correct what
    earlier ones need, give out what changed.
    """
    history = booked.history
    previous = history.end
    whole_from = _whole_from(running.graph, history)
    absorbed = _absorb(running, history, last)
    out.unusual += absorbed.unusual
    changed = absorbed.changed + _take_late(
        running,
        history,
        absorbed.late,
        whole_from,
    )
    new_rows = _new_rows(running.graph, history, previous)
    every_channel = np.arange(len(running.site.channels))
    _measure(running, history, _Changed(new_rows, every_channel))
    _measure_spans(running, history, changed)
    shaped = _shape_gaps(running, history)
    _measure_spans(running, history, shaped)
    corrected = changed + shaped
    earliest = min([span.since for span in corrected], default=previous)
    earliest_row = history.row(max(earliest, history.first))
    first_row = min(new_rows.start, earliest_row)
    trace_from(
        running,
        booked,
        history.start_of(first_row),
        out,
        anew=bool(corrected),
    )
    _forget(running, booked, whole_from)


def _absorb(
    running: Running,
    history: History,
    last: int,
) -> Absorbed:
    """Take the readings that wait, and add the windows up to `last` to the history, still empty."""
    rows = join(running.pending)
    running.pending = []
    _take_states(running, rows)
    previous = history.end
    ends = np.arange(
        previous + history.window,
        last + 1,
        history.window,
        dtype=np.int64,
    )
    absorbed = absorb(
        running.meters,
        rows,
        ends,
        previous,
    )
    history.extend(len(ends), absorbed.integrals)
    for step in absorbed.unusual:
        if step.verdict is Verdict.GAP:
            running.gaps.append(step)

    return absorbed


def _take_states(running: Running, rows: Batch) -> None:
    """Machine states that were said in these readings."""
    lines = running.site.lines
    for event in rows.events:
        for line, node in enumerate(lines):
            if node.state_tag != event.tag:
                continue

            running.states.change(
                line,
                event.ts,
                event.text,
            )


def _take_late(
    running: Running,
    history: History,
    late: list[Late],
    whole_from: int,
) -> list[Span]:
    """Put late readings where they belong.

    A gap that they came into is not the same any more; what is left of it is to be shaped.
    """
    taken = take_late(
        running.meters,
        history,
        late,
        whole_from,
    )
    filled = {(span.channel, span.since, span.until) for span in taken.changed}
    kept = []
    for gap in running.gaps:
        if (gap.channel, gap.since, gap.ts) not in filled:
            kept.append(gap)

    running.gaps = kept + taken.gaps
    return taken.changed


def _new_rows(
    graph: Graph,
    history: History,
    previous: int,
) -> range:
    """Rows of the windows that are to be measured: those that ended after `previous`.

    Where they close a block, all its windows, which waited for its end.
    """
    since = previous
    open_block = block_start(graph, history.end)
    closes_a_block = open_block > block_start(graph, previous - 1)
    if closes_a_block:
        closed_block = block_start(graph, open_block - 1)
        since = min(previous, closed_block)

    first_row = history.row(max(since, history.first))
    return range(first_row, len(history))


def _shape_gaps(running: Running, history: History) -> list[Span]:
    """Shape the gaps whose windows are all there. Returns where curves have changed."""
    shaper = GapShaper(running.graph, running.meters, history)
    waiting = []
    spans = []
    drawn = []
    for gap in running.gaps:
        if gap.ts > history.end:
            waiting.append(gap)
            continue

        points = shaper.shape(gap)
        if points is not None:
            drawn.append(points)
            spans.append(Span(gap.channel, gap.since, gap.ts))

    running.gaps = waiting
    if drawn:
        points = Points.joined(drawn)
        running.meters.points = running.meters.points.with_rows(points)

    return spans


def _measure_spans(
    running: Running,
    history: History,
    spans: list[Span],
) -> None:
    """Energies once more in the windows that these spans touch, of the channels that changed.

    After an outage all channels change in the same windows: these are measured together.
    """
    together: dict[tuple[range, bool], list[int]] = {}
    met: set[int] = set()
    for span in spans:
        if span.channel in met:
            # What changed twice is measured twice, the second time from where the first ended.
            _measure_together(running, history, together)
            together = {}
            met = set()

        rows = history.rows_between(span.since, span.until)
        ends_there = history.start_of(rows.stop) >= span.until
        together.setdefault((rows, ends_there), []).append(span.channel)
        met.add(span.channel)

    _measure_together(running, history, together)


def _measure_together(
    running: Running,
    history: History,
    together: dict[tuple[range, bool], list[int]],
) -> None:
    """Energies of channels that changed in the same windows."""
    for (rows, ends_there), channels in together.items():
        changed = _Changed(
            rows=rows,
            channels=np.array(channels),
            ends_there=ends_there,
        )
        _measure(
            running,
            history,
            changed,
        )


@dataclass(frozen=True, slots=True)
class _Changed:
    """Windows, by their rows, and the channels whose curves have changed in them.

    `ends_there`: after these windows the curves are as they were.
    """

    rows: range
    channels: Ints
    ends_there: bool = False


def _measure(
    running: Running,
    history: History,
    changed: _Changed,
) -> None:
    """Energies in windows, of channels that changed; older points of others are no longer held."""
    meters = running.meters
    rows = changed.rows
    channels = changed.channels
    windows = slice(rows.start, rows.stop)
    with_end = slice(rows.start, rows.stop + 1)
    totals = meters.totals(
        history.boundaries(rows),
        history.integrals[with_end],
        channels,
    )
    _keep_booked(
        history,
        changed,
        totals,
    )
    scale = meters.layout.scale[channels]
    counted = np.diff(totals.total, axis=0)
    history.total[with_end, channels] = totals.total
    history.amount[windows, channels] = np.nan_to_num(counted) * scale
    history.seen[windows, channels] = _steps(
        totals.seen,
        before=history.seen[windows, channels],
        scale=np.ones(1),
    )
    history.estimated[windows, channels] = _steps(
        totals.estimated,
        before=history.estimated[windows, channels],
        scale=scale,
    )


def _keep_booked(
    history: History,
    changed: _Changed,
    totals: Totals,
) -> None:
    """Let totals stand where they were booked: before the rows, and after them where the change
    ends there.

    So the sum over all windows is what the counter says.
    """
    fixed = {0: changed.rows.start}
    if changed.ends_there:
        fixed[-1] = changed.rows.stop

    for place, row in fixed.items():
        booked = history.total[row, changed.channels]
        counted = totals.total[place]
        totals.total[place] = np.where(
            np.isfinite(booked),
            booked,
            counted,
        )


def _steps(
    running_sum: Floats,
    *,
    before: Floats,
    scale: Floats,
) -> Floats:
    """Differences of running sums, times `scale`.

    One that differs from `before` by rounding only stays as it was, so a shifted sum makes no
    revision.
    """
    steps = np.diff(running_sum, axis=0)
    largest = np.abs(running_sum[1:]).max(
        axis=0,
        initial=0.0,
    )
    noise = ROUNDING_STEPS * np.spacing(largest)
    scaled = steps * scale
    difference = np.abs(scaled - before)
    only_rounding = difference <= noise * scale
    unchanged = only_rounding & (steps != 0.0)
    return np.where(
        unchanged,
        before,
        scaled,
    )


def _whole_from(graph: Graph, history: History) -> int:
    """From when on all points of the curves are held, ns UTC."""
    return block_start(graph, history.end) - block_ns(graph) - ANCHOR_NS


def _forget(
    running: Running,
    booked: Booked,
    whole_from: int,
) -> None:
    """Drop what is older than the horizon.

    Points each time a block is over, when `whole_from` moves on; windows many blocks at once, as
    that copies all that is kept.
    """
    history = booked.history
    graph = running.graph
    now_whole_from = _whole_from(graph, history)
    if now_whole_from > whole_from:
        running.meters.trim(
            now_whole_from,
            history.first,
            history.end,
        )

    oldest = block_start(graph, history.end - HORIZON_NS)
    too_old_ns = oldest - history.first
    at_once_ns = BLOCKS_FORGOTTEN_AT_ONCE * block_ns(graph)
    if too_old_ns > at_once_ns:
        history.forget(too_old_ns // history.window)
        running.states.trim(oldest)
        old_blocks = [start for start in booked.snapshots if start < oldest]
        for start in old_blocks:
            del booked.snapshots[start]
