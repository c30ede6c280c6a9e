"""`now` figures: what the newest powers say, each second, for watching. Same tracing as the books, never journalled.

Powers stand in for energies of one hour. A meter that was not heard of for a while is unseen, and the line that hangs on it says since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.figures.weights import By, Weights
from engine.now.apart import Apart, taken_apart
from engine.now.picture import Picture
from engine.state import nothing_held
from engine.tracing.graph import Array, Graph, edges
from engine.tracing.tracing import trace
from plant.frame import Batch, Quality, join
from plant.site import Site

STALE_S = 12.0
UNLOADED_SHARE = 0.01  # of a meter's largest reading: less counts as nothing


@dataclass(slots=True)
class Now:
    """Newest powers of one site. `latency_s`: event seconds by which readings may lag (grows with a scaled clock).

    `power_factor` by tag; by tag too the `newest` value, when it was `heard_at` and when it last `moved_at` (ns, 0: never); `ahead_s`: by how much the time of a meter's newest reading was ahead of its arrival.
    """

    site: Site
    latency_s: float = 0.0
    graph: Graph = field(init=False)
    power: Array = field(init=False)
    at: Any = field(init=False)
    scale: Array = field(init=False)
    counter: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    states: dict[int, tuple[str, int]] = field(default_factory=dict)
    orders: dict[int, str] = field(default_factory=dict)
    unloaded: dict[int, int] = field(default_factory=dict)
    fresh: list[Batch] = field(default_factory=list)
    storage_mix: list[dict[int, float]] = field(default_factory=list)
    picture: Picture | None = None
    power_factor: dict[int, float] = field(default_factory=dict)
    newest: Array = field(init=False)
    heard_at: Any = field(init=False)
    moved_at: Any = field(init=False)
    ahead_s: Array = field(init=False)

    def __post_init__(self) -> None:
        self.graph = Graph(self.site)
        n = len(self.site.meters)
        self.power = np.zeros(n)
        self.at = np.zeros(n, np.int64)
        self.scale = np.array([m.power_scale for m in self.site.meters])
        self.ahead_s = np.full(n, np.nan)
        self._factor_tags = np.array(
            sorted(t for m in self.site.meters for t in m.power_factor_tags), np.int64
        )
        size = (
            max(
                [m.power_tag or 0 for m in self.site.meters]
                + self._factor_tags.tolist()
                + [c.tag for c in self.site.channels]
                + [0]
            )
            + 1
        )
        self._meter_of = np.full(size, -1)
        self._channel_of = np.full(size, -1)
        self.newest = np.full(size, np.nan)
        self.heard_at = np.zeros(size, np.int64)
        self.moved_at = np.zeros(size, np.int64)
        for i, m in enumerate(self.site.meters):
            if m.power_tag is not None:
                self._meter_of[m.power_tag] = i
        for i, c in enumerate(self.site.channels):
            if c.meter >= 0 and self.site.meters[c.meter].power_tag is None:
                self._channel_of[c.tag] = i
        self._of_lines = np.zeros(len(self.site.meters), bool)
        for tap in self.graph.taps:
            self._of_lines[list(tap.meters)] = True
        self.storage_mix = [{} for _ in self.site.storages]
        table = Weights.of_site(self.site).table[-1]
        rows = {"kwh": By.KWH, "kg": By.LOCATION, "renewable": By.RENEWABLE, "claimed": By.CLAIMED}
        self.by_source = {name: table[row] for name, row in rows.items()}
        columns = [*range(self.graph.ns), *[0] * self.graph.nt, self.graph.ns, self.graph.ns + 1]
        self.weights = {name: values[columns] for name, values in self.by_source.items()}

    _factor_tags: Any = field(init=False)
    _meter_of: Any = field(init=False)
    _channel_of: Any = field(init=False)
    _of_lines: Any = field(init=False)
    by_source: dict[str, Array] = field(init=False)
    weights: dict[str, Array] = field(init=False)

    def take(self, rows: Batch) -> None:
        """Keep a poll batch until the next tick."""
        self.fresh.append(rows)

    def _absorb(self) -> None:
        """Newest powers of what came since the last tick; states and orders of its events."""
        rows = join(self.fresh)
        self.fresh = []
        good = (rows.quality != Quality.BAD) & (rows.tag < len(self._meter_of))
        tag = rows.tag[good]
        value = rows.value[good]
        ts = rows.ts[good]
        meter = self._meter_of[tag]
        known = meter >= 0
        at = meter[known]
        self.power[at] = value[known] * self.scale[at]
        self.at[at] = ts[known]
        self.ahead_s[at] = (ts[known] - rows.received[good][known]) * 1e-9
        factors = np.isin(tag, self._factor_tags)
        self.power_factor |= dict(
            zip(tag[factors].tolist(), np.abs(value[factors]).tolist(), strict=True)
        )
        moved = value != self.newest[tag]
        self.moved_at[tag[moved]] = ts[moved]
        self.newest[tag] = value
        self.heard_at[tag] = ts
        for row in np.flatnonzero(self._channel_of[tag] >= 0):
            self._count(int(self._channel_of[tag[row]]), int(ts[row]), float(value[row]))
        for event in rows.events:
            for i, line in enumerate(self.site.lines):
                if line.state_tag == event.tag and self.states.get(i, ("", 0))[0] != event.text:
                    self.states[i] = (event.text, event.ts)
                if line.order_tag == event.tag:
                    self.orders[i] = event.text

    def _count(self, channel: int, ts: int, value: float) -> None:
        """Power of a meter that only counts: from the last change of at least 20 s."""
        node = self.site.channels[channel]
        before = self.counter.get(channel)
        if before is None or value < before[1]:
            self.counter[channel] = (ts, value, 0.0)
            return
        if ts - before[0] >= 20_000_000_000:
            rate = (value - before[1]) * node.scale / ((ts - before[0]) / 3.6e12)
            self.counter[channel] = (ts, value, rate)
            if not node.reverse:
                self.power[node.meter] = rate
        self.at[node.meter] = ts

    def set_storages(self, layers: list[list[Any]]) -> None:
        """What the next kilowatt-hour out of each store is made of, from the layers of the newest book."""
        for t, store in enumerate(self.site.storages):
            mix: dict[int, float] = {}
            if t < len(layers) and layers[t]:
                _, energy, amounts = layers[t][0]
                for source, _, amount in amounts:
                    if energy > 1e-9:
                        mix[int(source)] = mix.get(int(source), 0.0) + amount / (
                            energy * store.discharge_efficiency
                        )
            self.storage_mix[t] = mix

    def tick(self, now_ns: int) -> dict[str, Any]:
        """The NOW of docs/api.md at event time `now_ns`."""
        self._absorb()
        limits = np.array(
            [
                max(
                    STALE_S,
                    3.5
                    * max(m.power_every_s, 0.0 if m.power_tag is not None else m.energy_every_s),
                )
                + self.latency_s
                for m in self.site.meters
            ]
        )
        seen = (self.at > 0) & ((now_ns - self.at) * 1e-9 <= limits)
        # A silent meter of a line stands at its last value, so that its flow does not move into unmetered.
        power = np.where(seen | ((self.at > 0) & self._of_lines), self.power, 0.0)
        energy = np.stack((np.maximum(power, 0.0), np.maximum(-power, 0.0)), 1)[None]
        used = edges(self.graph, energy, seen[None])
        traced = trace(self.graph, used, nothing_held(self.graph), [now_ns])
        for c in range(len(self.site.converters)):
            if self._runs_unloaded(c, power, seen):
                self.unloaded.setdefault(c, now_ns)
            else:
                self.unloaded.pop(c, None)
        self.picture = Picture(self, used, traced, seen, now_ns)
        return self.picture.build()

    def apart(self, figure: str, of: str) -> Apart | None:
        """A figure of the newest tick taken apart; None before the first, or where `now` has no such figure."""
        return None if self.picture is None else taken_apart(self.picture, figure, of)

    def _runs_unloaded(self, converter: int, power: Array, seen: Any) -> bool:
        """Whether a converter takes power and gives nothing, as far as its meters say: a compressor that blows off, a boiler on stand-by."""
        node = self.site.converters[converter]
        meters = self.site.meters
        given = [e.meter for e in node.outputs if e.meter is not None]
        taken = [m for i in node.inputs for m in i.meters]
        if (
            node.two_way
            or not taken
            or len(given) < len(node.outputs)
            or not seen[[*given, *taken]].all()
        ):
            return False
        some = [UNLOADED_SHARE * (meters[m].max_per_hour or 1.0) for m in (*given, *taken)]
        idle = all(abs(power[m]) <= least for m, least in zip(given, some, strict=False))
        return idle and bool(power[taken].sum() > max(some[len(given) :]))
