"""`step(state, frame) -> (state, out)`: everything between readings and books. No clock, no I/O, no globals.

A window is given out when the watermark has passed its end by the grace; provisional first where slow media are in play, and again,
as a new revision, when its block closes, a late reading arrives or a gap is closed, if anything changed. Stores are kept per block, so a correction
re-traces from the block it touches onward and no other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from engine.book import Book
from engine.counting.carry import carry_gaps, carry_history, carry_meters, same_points
from engine.counting.curves import ANCHOR_NS, Points
from engine.counting.gaps import shape_gap
from engine.counting.late import take_late
from engine.counting.meters import Late, Meters, Span, Unusual
from engine.counting.recent import History
from engine.states import Timeline
from engine.tracing.block import Window, close
from engine.tracing.graph import Graph, edges
from engine.tracing.storage import Account
from plant.frame import Batch, Frame, Kind, join
from plant.names import Verdict
from plant.site import Site, config_hash, decode_control

HORIZON_NS = 26 * 3_600_000_000_000
Metered = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # energies, seconds seen, estimated, of each meter in one window


@dataclass(slots=True)
class Snapshot:
    """Stores and bus compositions at the start of a block."""

    accounts: list[Account]
    held: np.ndarray


@dataclass(slots=True)
class State:
    """All that `step` remembers of one site."""

    site: Site | None = None
    config: str = ""
    graph: Graph | None = None
    meters: Meters | None = None
    states: Timeline | None = None
    history: History | None = None
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    pending: list[Batch] = field(default_factory=list)
    gaps: list[Unusual] = field(default_factory=list)
    tail: tuple[int, list[Account]] | None = (
        None  # storages after the last window given out, while its block is open
    )
    closed: int = 0
    wm: int = 0
    seq: int = 0
    loops: int = 0


@dataclass(slots=True)
class Out:
    """What one frame led to: books, in window order, and unusual counter steps."""

    books: list[Book] = field(default_factory=list)
    unusual: list[Unusual] = field(default_factory=list)
    site: Site | None = None


def step(state: State, frame: Frame) -> tuple[State, Out]:
    """Fold one frame into `state` (which is moved in place and returned)."""
    out = Out()
    header = frame.header
    if header.seq and header.seq <= state.seq:
        return state, out
    state.seq = header.seq
    if header.kind == Kind.CONTROL:
        _control(state, frame, out)
    elif state.meters is not None and (len(frame) or frame.events):
        state.pending.append(state.meters.of_use(frame))
    state.wm = max(state.wm, header.wm)
    if state.site is not None:
        _advance(state, out)
    return state, out


def _control(state: State, frame: Frame, out: Out) -> None:
    control = decode_control(frame.control)
    if control.site is not None and config_hash(control.site) != state.config:
        _take_site(state, control.site)
        out.site = control.site
    if control.swap is not None and state.meters is not None and state.site is not None:
        for i, channel in enumerate(state.site.channels):
            if (
                channel.meter >= 0
                and state.site.meters[channel.meter].id == control.swap.meter
                and channel.kind == "counter"
            ):
                state.meters.tracks[i].swap_at = control.swap.at
                state.meters.tracks[i].swap_start = control.swap.starts_at


def _take_site(state: State, site: Site) -> None:
    """A new plant is in force. Where measuring points stayed the same, their counters go on."""
    before = state.site
    held = state.snapshots
    state.site = site
    state.config = config_hash(site)
    state.graph = Graph(site)
    if before is None or state.meters is None or before.window_s != site.window_s:
        state.meters = Meters.start(site)
        state.history = None
        state.snapshots = {}
        state.tail = None
        state.gaps = []
    else:
        same = _same(before, site, "meters", "channels")
        if same:
            state.meters.layout.site = site
        else:
            _carry_counters(state, before)
        if state.history is not None and held and not (same and _same(before, site, *_STRUCTURE)):
            _carry_on(state, before, held[max(held)])
    state.states = (
        Timeline.start(len(site.lines))
        if state.states is None or len(state.states.changes) != len(site.lines)
        else state.states
    )


_STRUCTURE = ("sources", "storages", "buses", "converters", "lines", "window_s")


def _same(before: Site, after: Site, *parts: str) -> bool:
    """Whether these parts of two plants differ in names at most."""
    return all(
        _nameless(getattr(before, part)) == _nameless(getattr(after, part)) for part in parts
    )


def _nameless(part: Any) -> Any:
    if not isinstance(part, tuple):
        return part
    return [
        msgspec.structs.replace(node, name={}) if hasattr(node, "name") else node for node in part
    ]


def _carry_counters(state: State, before: Site) -> None:
    """Measuring points that are in both plants go on counting; new ones start, others end."""
    site = state.site
    meters = state.meters
    assert site is not None and meters is not None
    channels, powers = same_points(before, site)
    state.meters = carry_meters(meters, site, channels, powers)
    state.gaps = carry_gaps(state.gaps, channels)
    if state.history is not None:
        state.history = carry_history(state.history, channels, powers)


def _carry_on(state: State, before: Site, last: Snapshot) -> None:
    """From the open block on the new plant is traced, with what its storages held. What came before stays as the plant was then."""
    site = state.site
    graph = state.graph
    history = state.history
    assert site is not None and graph is not None and history is not None
    held = {
        store.id: account for store, account in zip(before.storages, last.accounts, strict=True)
    }
    same_sources = [s.id for s in before.sources] == [s.id for s in site.sources]
    accounts = _accounts(site)
    for i, store in enumerate(site.storages):
        if same_sources and store.id in held:
            accounts[i] = held[store.id].copy()
    mix = (
        last.held
        if last.held.shape == _nothing_held(graph).shape and same_sources
        else _nothing_held(graph)
    )
    state.snapshots = {_block(graph, history.end): Snapshot(accounts, mix)}
    state.tail = None


def _advance(state: State, out: Out) -> None:
    """Close every window whose grace is over."""
    site = state.site
    graph = state.graph
    assert (
        site is not None
        and graph is not None
        and state.meters is not None
        and state.states is not None
    )
    window = round(site.window_s * 1e9)
    grace = round(site.grace_s * 1e9)
    if state.history is None:
        first = min((int(b.ts.min()) for b in state.pending if len(b)), default=0)
        if not first:
            return
        start = first - first % window
        state.closed = start
        nan = np.full((1, len(site.meters), 2), np.nan)
        state.history = History.start(start, window, len(site.channels), nan)
        state.snapshots[_block(graph, start)] = Snapshot(_accounts(site), _nothing_held(graph))
    last = (state.wm - grace) // window * window
    if last <= state.closed:
        return
    _close(state, last, out)


def _accounts(site: Site) -> list[Account]:
    accounts = [
        Account(s.charge_efficiency, s.discharge_efficiency, s.account == "well_mixed")
        for s in site.storages
    ]
    opening = len(site.sources) + 2
    for account, store in zip(accounts, site.storages, strict=True):
        if store.opening_kwh > 0.0:
            account.charge(
                0, store.opening_kwh / store.charge_efficiency, [((opening, 0), store.opening_kwh)]
            )
    return accounts


def _nothing_held(graph: Graph) -> np.ndarray:
    """Before anything flowed, composition is unknown."""
    held = np.zeros((graph.nb, graph.columns + 1))
    held[:, graph.unknown] = 1.0
    return held


def _block(graph: Graph, ts: int) -> int:
    size = round(graph.block_s * 1e9)
    return ts - ts % size


def _close(state: State, last: int, out: Out) -> None:
    """Close windows up to `last`, correct what earlier ones need, give out what changed."""
    site = state.site
    graph = state.graph
    meters = state.meters
    history = state.history
    assert (
        site is not None
        and graph is not None
        and meters is not None
        and history is not None
        and state.states is not None
    )
    window = history.window
    rows = join(state.pending)
    state.pending = []
    for event in rows.events:
        for line, node in enumerate(site.lines):
            if node.state_tag == event.tag:
                state.states.change(line, event.ts, event.text)
    previous = history.end
    held = _held_from(graph, history)
    ends = np.arange(previous + window, last + 1, window, dtype=np.int64)
    absorbed = meters.absorb(rows.ts, rows.tag, rows.value, rows.quality, ends, previous)
    out.unusual += absorbed.unusual
    history.extend(len(ends), absorbed.x)
    state.closed = last
    since = previous
    if _block(graph, last) > _block(graph, previous - 1):
        since = min(since, _block(graph, _block(graph, last) - 1))
    row = history.row(max(since, history.first))
    state.gaps += [item for item in absorbed.unusual if item.verdict is Verdict.GAP]
    changed = absorbed.changed + _take_late(state, absorbed.late, held)
    _measure(state, row, len(history.revisions))
    _measure_spans(state, changed)
    shaped = _shape(state)
    _measure_spans(state, shaped)
    earliest = min((span.since for span in changed + shaped), default=previous)
    row = min(row, history.row(max(earliest, history.first)))
    _trace_from(state, history.first + row * window, bool(changed or shaped), out)
    _forget(state, held)


def _take_late(state: State, late: dict[int, Late], held: int) -> list[Span]:
    """Put late readings where they belong. A gap that they came into is not the same any more; what is left of it is to be shaped."""
    meters = state.meters
    history = state.history
    assert meters is not None and history is not None
    changed, left = take_late(meters, history, late, held)
    filled = {(span.channel, span.since, span.until) for span in changed}
    state.gaps = [g for g in state.gaps if (g.channel, g.since, g.ts) not in filled] + left
    return changed


def _shape(state: State) -> list[Span]:
    """Shape the gaps whose windows are all there."""
    graph = state.graph
    meters = state.meters
    history = state.history
    assert graph is not None and meters is not None and history is not None
    ready = [g for g in state.gaps if g.ts <= history.end]
    state.gaps = [g for g in state.gaps if g.ts > history.end]
    drawn = [(g, shape_gap(graph, meters, history, g)) for g in ready]
    new = [points for _, points in drawn if points is not None]
    if new:
        meters.points = meters.points.with_rows(Points.joined(new))
    return [Span(g.channel, g.since, g.ts) for g, points in drawn if points is not None]


def _measure_spans(state: State, spans: list[Span]) -> None:
    history = state.history
    assert history is not None
    for span in spans:
        hi = history.row(span.until - 1) + 1
        _measure(state, history.row(max(span.since, history.first)), hi, span)


def _measure(state: State, lo: int, hi: int, span: Span | None = None) -> None:
    """Energies of all channels, or of the one that changed, in the windows of rows `lo` to `hi`. Older points of the other channels are no longer held."""
    meters = state.meters
    history = state.history
    assert meters is not None and history is not None
    reading = meters.totals(
        history.boundaries(lo, hi), history.x[lo : hi + 1], None if span is None else span.channel
    )
    channels = slice(None) if span is None else slice(span.channel, span.channel + 1)
    total = reading.total
    # what was booked before these rows stays, and after a span that ends: the sum is the counter's
    ends = (
        [0, -1] if span is not None and history.first + hi * history.window >= span.until else [0]
    )
    booked = history.total[[lo, hi][: len(ends)], channels]
    total[ends] = np.where(np.isfinite(booked), booked, total[ends])
    history.total[lo : hi + 1, channels] = total
    scale = meters.layout.scale[channels]
    history.amount[lo:hi, channels] = np.nan_to_num(np.diff(total, axis=0)) * scale
    history.seen[lo:hi, channels] = _steps(reading.seen, history.seen[lo:hi, channels], 1.0)
    history.estimated[lo:hi, channels] = _steps(
        reading.estimated, history.estimated[lo:hi, channels], scale
    )


def _steps(running: np.ndarray, before: np.ndarray, scale: Any) -> np.ndarray:
    """Differences of running sums. One that differs from `before` by rounding only stays as it was, so a shifted sum makes no revision."""
    steps = np.diff(running, axis=0)
    noise = 4 * np.spacing(np.abs(running[1:]).max(axis=0, initial=0.0))
    same = (np.abs(steps * scale - before) <= noise * scale) & (steps != 0.0)
    return np.asarray(np.where(same, before, steps * scale), np.float64)


def _trace_from(state: State, since: int, anew: bool, out: Out) -> None:
    """Trace block after block from the one that holds `since`; `anew` where earlier windows must be corrected before their block closes."""
    graph = state.graph
    history = state.history
    assert graph is not None and history is not None
    size = round(graph.block_s * 1e9)
    block = max(_block(graph, since), min(state.snapshots))
    while block < history.end:
        snapshot = state.snapshots[block]
        accounts = [a.copy() for a in snapshot.accounts]
        lo = max((block - history.first) // history.window, 0)
        hi = min((block + size - history.first) // history.window, len(history.revisions))
        held = snapshot.held
        if hi > lo:
            whole = anew or block + size <= history.end
            held = _trace_rows(state, int(lo), int(hi), accounts, snapshot.held, whole, out)
        block += size
        if block <= history.end:
            state.snapshots[block] = Snapshot(accounts, held)


def _trace_rows(
    state: State, lo: int, hi: int, accounts: list[Account], held: np.ndarray, whole: bool, out: Out
) -> np.ndarray:
    """Trace the rows of one block. While it is open only new windows are given out: those before wait for its close."""
    graph = state.graph
    history = state.history
    site = state.site
    assert graph is not None and history is not None and site is not None
    energy, seen, estimated = by_meter(state, lo, hi)
    used = edges(graph, energy, (seen > 0) | _counted(state, lo, hi))
    starts = [history.first + r * history.window for r in range(lo, hi)]
    first = 0
    if not whole and state.tail is not None and state.tail[0] in starts:
        first = starts.index(state.tail[0])
        accounts = [a.copy() for a in state.tail[1]]
    windows, held = close(graph, used, held, starts, accounts, first)
    state.tail = (starts[-1] + history.window, [a.copy() for a in accounts])
    for r, window in zip(range(lo + first, hi), windows, strict=True):
        _give(state, r, window, used, (energy[r - lo], seen[r - lo], estimated[r - lo]), out)
    state.loops += windows[0].traced.loops if windows else 0
    return held


def _counted(state: State, lo: int, hi: int) -> np.ndarray:
    """Windows between readings of a meter's counter [n, meters], read in them or not: once a counter is back, a silence is no blindness."""
    history = state.history
    meters = state.meters
    assert history is not None and meters is not None
    layout = meters.layout
    if not len(layout.meter):
        return np.zeros((hi - lo, len(layout.measured)), bool)
    first, last = meters.read_between()
    starts = history.first + np.arange(lo, hi)[:, None] * history.window
    known = (starts + history.window > first) & (starts + history.window <= last)
    return np.asarray(known[:, layout.first_channel] & layout.measured, bool)


def by_meter(state: State, lo: int, hi: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies [n, meters, 2], seconds seen [n, meters], estimated [n, meters] of rows `lo` to `hi`."""
    site = state.site
    history = state.history
    meters = state.meters
    assert site is not None and history is not None and meters is not None
    n = hi - lo
    layout = meters.layout
    energy = (history.amount[lo:hi] @ layout.summing).reshape(n, len(site.meters), 2)
    estimated = (history.estimated[lo:hi] @ layout.summing).reshape(n, len(site.meters), 2).sum(2)
    seen = (
        np.where(layout.measured, history.seen[lo:hi][:, layout.first_channel], 0.0)
        if len(layout.meter)
        else np.zeros((n, len(site.meters)))
    )
    return energy, seen, estimated


def _give(state: State, row: int, window: Window, used: Any, metered: Metered, out: Out) -> None:
    """Make the book of one window; give it out if it is new or differs from what was given out before."""
    history = state.history
    site = state.site
    graph = state.graph
    assert history is not None and site is not None and graph is not None
    book = _book(state, row, window, used, metered)
    body = book.encode()
    digest = hashlib.blake2b(body, digest_size=16).digest()
    if digest == history.digests[row]:
        return
    history.digests[row] = digest
    history.revisions[row] += 1
    book.revision = history.revisions[row]
    out.books.append(book)


def _book(state: State, row: int, window: Window, used: Any, metered: Metered) -> Book:
    history = state.history
    site = state.site
    graph = state.graph
    assert (
        history is not None and site is not None and graph is not None and state.states is not None
    )
    start = history.first + row * history.window
    energy, seen, estimated = metered
    w = window.at
    traced = window.traced
    taps_seen = np.array([min((seen[m] for m in tap.meters), default=0.0) for tap in graph.taps])
    taps_estimated = np.array([sum(estimated[m] for m in tap.meters) for tap in graph.taps])
    counts = history.amount[row]
    good = np.array(
        [np.nan if n.good_channel is None else counts[n.good_channel] for n in site.lines]
    )
    scrap = np.array(
        [np.nan if n.scrap_channel is None else counts[n.scrap_channel] for n in site.lines]
    )
    return Book(
        start,
        start + history.window,
        0,
        state.config,
        window.flows,
        used.taps[w] - graph.returned(used.discharge[w]),
        traced.taps[w, :, graph.electric],
        taps_seen,
        taps_estimated,
        energy,
        seen,
        estimated,
        used.source[w],
        traced.delivered_remainder[w],
        traced.remainder_electric[w],
        used.charge[w],
        used.discharge[w],
        window.held_kwh,
        good,
        scrap,
        state.states.seconds(start, start + history.window),
        window.layers,
    )


def _forget(state: State, held: int) -> None:
    """Drop what is older than the horizon; points each time a block is over, that is when `held` moves on."""
    history = state.history
    graph = state.graph
    meters = state.meters
    assert (
        history is not None
        and graph is not None
        and meters is not None
        and state.states is not None
    )
    size = round(graph.block_s * 1e9)
    if _held_from(graph, history) > held:
        meters.trim(_held_from(graph, history), history.first, history.end)
    oldest = _block(graph, history.end - HORIZON_NS)
    if oldest - history.first > 16 * size:
        history.forget((oldest - history.first) // history.window)
        state.snapshots = {k: v for k, v in state.snapshots.items() if k >= oldest}
        state.states.trim(oldest)


def _held_from(graph: Graph, history: History) -> int:
    """From when on all points of the curves are held."""
    return _block(graph, history.end) - round(graph.block_s * 1e9) - ANCHOR_NS
