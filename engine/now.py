"""`now` figures: what the newest powers say, each second, for watching. Same tracing as the books, never journalled.

Powers stand in for energies of one hour. A meter that was not heard of for a while is unseen, and the line that hangs on it says since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.graph import Array, Edges, Graph, edges
from engine.states import STATES
from engine.tracing import Traced, trace
from plant.frame import Batch, Quality
from plant.names import AS_ELECTRICITY, Carrier
from plant.site import Site

STALE_S = 12.0


@dataclass(slots=True)
class Now:
    """Newest powers of one site. `latency_s`: event seconds by which readings may lag (grows with a scaled clock)."""

    site: Site
    latency_s: float = 0.0
    graph: Graph = field(init=False)
    power: Array = field(init=False)
    at: Any = field(init=False)
    counter: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    states: dict[int, tuple[str, int]] = field(default_factory=dict)
    store_mix: list[dict[int, float]] = field(default_factory=list)
    last: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = Graph(self.site)
        n = len(self.site.meters)
        self.power, self.at = np.zeros(n), np.zeros(n, np.int64)
        size = max([m.power_tag or 0 for m in self.site.meters] + [c.tag for c in self.site.channels] + [0]) + 1
        self._meter_of, self._channel_of = np.full(size, -1), np.full(size, -1)
        for i, m in enumerate(self.site.meters):
            if m.power_tag is not None:
                self._meter_of[m.power_tag] = i
        for i, c in enumerate(self.site.channels):
            if c.meter >= 0 and self.site.meters[c.meter].power_tag is None:
                self._channel_of[c.tag] = i
        self.store_mix = [{} for _ in self.site.stores]
        properties = self.site.properties
        pad = np.zeros(self.graph.nt)
        names = [*range(self.graph.ns), *[0] * self.graph.nt, self.graph.ns, self.graph.ns + 1]
        self.kwh = np.array([properties[i].kwh for i in names])
        self.kg = np.array([properties[i].location.value_kg for i in names])
        self.renewable = np.array([float(properties[i].renewable) for i in names])
        self.claimed = np.array([max(float(properties[i].renewable), properties[i].contract_share) for i in names])
        self.kwh[self.graph.ns : self.graph.ns + self.graph.nt] = pad

    _meter_of: Any = field(init=False)
    _channel_of: Any = field(init=False)
    kwh: Array = field(init=False)
    kg: Array = field(init=False)
    renewable: Array = field(init=False)
    claimed: Array = field(init=False)

    def take(self, rows: Batch) -> None:
        """Newest powers of a poll batch; states of its events."""
        tag = rows.tag[(rows.quality != Quality.BAD) & (rows.tag < len(self._meter_of))]
        good = (rows.quality != Quality.BAD) & (rows.tag < len(self._meter_of))
        value, ts = rows.value[good], rows.ts[good]
        meter = self._meter_of[tag]
        known = meter >= 0
        at = meter[known]
        scale = np.array([self.site.meters[m].power_scale for m in at])
        self.power[at], self.at[at] = value[known] * scale, ts[known]
        for row in np.flatnonzero(self._channel_of[tag] >= 0):
            self._count(int(self._channel_of[tag[row]]), int(ts[row]), float(value[row]))
        for event in rows.events:
            for i, line in enumerate(self.site.lines):
                if line.state_tag == event.tag and self.states.get(i, ("", 0))[0] != event.text:
                    self.states[i] = (event.text, event.ts)

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

    def set_stores(self, layers: list[list[Any]]) -> None:
        """What the next kilowatt-hour out of each store is made of, from the layers of the newest book."""
        for t, store in enumerate(self.site.stores):
            mix: dict[int, float] = {}
            if t < len(layers) and layers[t]:
                _, energy, amounts = layers[t][0]
                for source, _, amount in amounts:
                    if energy > 1e-9:
                        mix[int(source)] = mix.get(int(source), 0.0) + amount / (energy * store.discharge_efficiency)
            self.store_mix[t] = mix

    def tick(self, now_ns: int) -> dict[str, Any]:
        """The NOW of docs/api.md at event time `now_ns`."""
        limits = np.array(
            [
                max(STALE_S, 3.5 * max(m.power_every_s, 0.0 if m.power_tag is not None else m.energy_every_s))
                + self.latency_s
                for m in self.site.meters
            ]
        )
        seen = (self.at > 0) & ((now_ns - self.at) * 1e-9 <= limits)
        power = np.where(seen, self.power, 0.0)
        energy = np.stack((np.maximum(power, 0.0), np.maximum(-power, 0.0)), 1)[None]
        used = edges(self.graph, energy, seen[None])
        held = np.zeros((self.graph.nb, self.graph.columns + 1))
        held[:, self.graph.unknown] = 1.0
        traced = trace(self.graph, used, held)
        return _Picture(self, used, traced, seen, power, now_ns).build()


class _Picture:
    """One tick, put into the words of the API."""

    def __init__(self, now: Now, used: Edges, traced: Traced, seen: Any, power: Array, at: int) -> None:
        self.now, self.site, self.graph, self.used, self.traced, self.seen, self.power, self.at = (
            now,
            now.site,
            now.graph,
            used,
            traced,
            seen,
            power,
            at,
        )
        self.kwh, self.kg, self.renewable, self.claimed = (
            x.copy() for x in (now.kwh, now.kg, now.renewable, now.claimed)
        )
        for t, mix in enumerate(now.store_mix):
            column = self.graph.ns + t
            amounts = np.array([mix.get(i, 0.0) for i in range(self.graph.ns + 3)])
            p = self.site.properties
            self.kwh[column] = sum(a * x.kwh for a, x in zip(amounts, p, strict=True)) or 1.0
            self.kg[column] = sum(a * x.location.value_kg for a, x in zip(amounts, p, strict=True))
            self.renewable[column] = sum(a * float(x.renewable) for a, x in zip(amounts, p, strict=True))
            self.claimed[column] = sum(
                a * max(float(x.renewable), x.contract_share) for a, x in zip(amounts, p, strict=True)
            )

    def build(self) -> dict[str, Any]:
        lines = {node.id: self._line(i) for i, node in enumerate(self.site.lines)}
        for group in self.site.groups:
            members = [i for i, node in enumerate(self.site.lines) if node.group == group.id]
            lines[group.id] = self._group(members, [lines[self.site.lines[i].id] for i in members])
        taps = list(range(len(self.graph.taps)))
        figures = self._figures(taps, with_rest=True)
        return {
            "at_ms": self.at // 1_000_000, "site": {"power_kw": self._site_power(), "figures": figures, "coverage": float(self.seen.mean()) if len(self.seen) else None},
            "lines": lines, "sources": {s.id: float(self.used.source[0, i] * self.kwh[i]) for i, s in enumerate(self.site.sources)},
            "stores": {s.id: {"power_kw": float(self.used.discharge[0, t] - self.used.charge[0, t])} for t, s in enumerate(self.site.stores)},
            "remainder_kw": {b.id: float(self.traced.delivered_remainder[0, i]) for i, b in enumerate(self.site.buses)}, "flows": self._flows(),
        }  # fmt: skip

    def _site_power(self) -> float:
        """Electricity the site uses: what came in and was generated or discharged, less charge and export."""
        came = sum(self.used.source[0, i] for i, s in enumerate(self.site.sources) if s.carrier == Carrier.ELECTRICITY)
        return float(came + self.used.discharge.sum() - self.used.charge.sum() - self.used.export.sum())

    def _figures(self, taps: list[int], with_rest: bool = False) -> dict[str, float | None]:
        kg = electric_kg = final = electric = share_all = renewable = claimed = 0.0
        k = self.graph.columns
        for t in taps:
            carrier = self.graph.carriers[self.graph.taps[t].bus]
            amounts = self.traced.taps[0, t, :k]
            mass = float(amounts @ self.kg)
            kg += mass
            is_electric = carrier is Carrier.ELECTRICITY or carrier in AS_ELECTRICITY
            kwh = self._final_kw(t)
            final += kwh
            if is_electric:
                electric, electric_kg = electric + kwh, electric_kg + mass
                share_all, renewable, claimed = (
                    share_all + float(amounts @ self.kwh),
                    renewable + float(amounts @ self.renewable),
                    claimed + float(amounts @ self.claimed),
                )
        if with_rest:
            for b, carrier in enumerate(self.graph.carriers):
                amounts, rest = self.traced.remainder[0, b], float(self.traced.delivered_remainder[0, b])
                kg += float(amounts @ self.kg)
                final += rest if carrier not in AS_ELECTRICITY else 0.0
                if carrier is Carrier.ELECTRICITY:
                    electric, electric_kg = electric + rest, electric_kg + float(amounts @ self.kg)
                    share_all, renewable, claimed = (
                        share_all + float(amounts @ self.kwh),
                        renewable + float(amounts @ self.renewable),
                        claimed + float(amounts @ self.claimed),
                    )
        return {
            "intensity.electricity": _ratio(1e3 * electric_kg, electric), "intensity.final": _ratio(1e3 * kg, final),
            "electrification.calorific@final": _ratio(100 * electric, final), "renewable.physical": _ratio(100 * renewable, share_all),
            "renewable.claimed": _ratio(100 * claimed, share_all),
        }  # fmt: skip

    def _final_kw(self, tap: int) -> float:
        carrier = self.graph.carriers[self.graph.taps[tap].bus]
        amount = float(self.used.taps[0, tap])
        if carrier in AS_ELECTRICITY:
            return float(self.traced.taps[0, tap, self.graph.electric])
        if carrier is Carrier.NATURAL_GAS:
            return amount * next(
                (float(self.kwh[i]) for i, s in enumerate(self.site.sources) if s.carrier == carrier), 1.0
            )
        return 0.0 if carrier is Carrier.WATER else amount

    def _taps(self, line: int) -> list[int]:
        return [i for i, tap in enumerate(self.graph.taps) if tap.line == line]

    def _sources(self, taps: list[int]) -> dict[str, float]:
        amounts = self.traced.taps[0, taps, : self.graph.columns].sum(0) * self.kwh
        names = [s.id for s in self.site.sources] + [s.id for s in self.site.stores] + ["ambient", "unknown"]
        return {name: float(a) for name, a in zip(names, amounts, strict=True) if abs(a) > 1e-6}

    def _line(self, i: int) -> dict[str, Any]:
        taps = self._taps(i)
        meters = [m for t in taps for m in self.graph.taps[t].meters]
        unseen = [int(self.now.at[m]) for m in meters if not self.seen[m]]
        state, since = self.now.states.get(i, ("UNKNOWN", 0))
        power: dict[str, float] = {}
        for t in taps:
            carrier = self.graph.carriers[self.graph.taps[t].bus].value
            power[carrier] = power.get(carrier, 0.0) + float(self.used.taps[0, t])
        return {
            "state": state if state in STATES else "UNKNOWN", "state_since_ms": since // 1_000_000 or None, "power": power,
            "final_kw": sum(self._final_kw(t) for t in taps), "figures": self._figures(taps), "sources_kw": self._sources(taps),
            "stale_since_ms": min(unseen) // 1_000_000 if unseen else None,
        }  # fmt: skip

    def _group(self, members: list[int], parts: list[dict[str, Any]]) -> dict[str, Any]:
        taps = [t for i in members for t in self._taps(i)]
        power: dict[str, float] = {}
        for part in parts:
            for carrier, kw in part["power"].items():
                power[carrier] = power.get(carrier, 0.0) + kw
        running = sum(p["state"] == "RUN" for p in parts)
        stale = [p["stale_since_ms"] for p in parts if p["stale_since_ms"] is not None]
        common = (
            "RUN"
            if running
            else max((p["state"] for p in parts), key=[p["state"] for p in parts].count, default="UNKNOWN")
        )
        return {
            "state": common, "state_since_ms": None, "power": power, "final_kw": sum(p["final_kw"] for p in parts), "figures": self._figures(taps),
            "sources_kw": self._sources(taps) if taps else {}, "stale_since_ms": min(stale) if stale else None, "running": running, "members": len(parts),
        }  # fmt: skip

    def _flows(self) -> dict[str, Any]:
        links: list[dict[str, Any]] = []
        k = self.graph.columns

        def link(source: str, target: str, amounts: Array, delivered: float) -> None:
            kw = float(amounts @ self.kwh)
            if kw > 0.05:
                links.append(
                    {
                        "from": source,
                        "to": target,
                        "kw": kw,
                        "delivered_kw": delivered,
                        "g_per_kwh": _ratio(1e3 * float(amounts @ self.kg), kw),
                    }
                )

        unit = np.eye(k)
        for i, s in enumerate(self.site.sources):
            link(
                f"source:{s.id}",
                f"bus:{self.site.buses[s.bus].id}",
                unit[i] * self.used.source[0, i],
                float(self.used.source[0, i] * self.kwh[i]),
            )
        for t, st in enumerate(self.site.stores):
            link(
                f"store:{st.id}",
                f"bus:{self.site.buses[st.bus].id}",
                unit[self.graph.ns + t] * self.used.discharge[0, t],
                float(self.used.discharge[0, t]),
            )
            link(
                f"bus:{self.site.buses[st.bus].id}",
                f"charge:{st.id}",
                self.traced.charge[0, t],
                float(self.used.charge[0, t]),
            )
        self._converter_links(link)
        for node, t in ((node, t) for i, node in enumerate(self.site.lines) for t in self._taps(i)):
            target = f"line:{node.group or node.id}"
            link(
                f"bus:{self.site.buses[self.graph.taps[t].bus].id}",
                target,
                self.traced.taps[0, t, :k],
                self._final_kw(t),
            )
        for b, bus in enumerate(self.site.buses):
            link(
                f"bus:{bus.id}",
                f"remainder:{bus.id}",
                self.traced.remainder[0, b],
                float(self.traced.delivered_remainder[0, b]),
            )
            link(f"bus:{bus.id}", f"export:{bus.id}", self.traced.export[0, b], float(self.used.export[0, b]))
        return {"nodes": _nodes(links), "links": _merge(links)}

    def _converter_links(self, link: Any) -> None:
        for c, directed in enumerate(self.graph.converters):
            for i, feed in enumerate(directed.feeds):
                if feed.kind == "bus":
                    amounts = self.traced.mix[0, feed.index, : self.graph.columns] * self.used.feeds[c][0, i]
                    for outlet in directed.outlets[:1]:
                        link(
                            f"bus:{self.site.buses[feed.index].id}",
                            f"bus:{self.site.buses[outlet.bus].id}",
                            amounts,
                            float(self.used.feeds[c][0, i]),
                        )


def _ratio(top: float, over: float) -> float | None:
    return top / over if over > 1e-9 else None


def _merge(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One link a pair of nodes."""
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for row in links:
        key = (row["from"], row["to"])
        if key not in out:
            out[key] = dict(row)
            continue
        mine = out[key]
        grams = (mine["g_per_kwh"] or 0.0) * mine["kw"] + (row["g_per_kwh"] or 0.0) * row["kw"]
        mine["kw"], mine["delivered_kw"] = mine["kw"] + row["kw"], mine["delivered_kw"] + row["delivered_kw"]
        mine["g_per_kwh"] = _ratio(grams, mine["kw"])
    return list(out.values())


def _nodes(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    into: dict[str, list[float]] = {}
    for side in ("to", "from"):
        for row in links:
            name = row[side]
            if side == "from" and not name.startswith(("source", "store")) and name in into:
                continue
            total = into.setdefault(name, [0.0, 0.0])
            total[0] += row["kw"]
            total[1] += row["kw"] * (row["g_per_kwh"] or 0.0)
    return [
        {
            "id": name,
            "kind": name.partition(":")[0],
            "ref": name.partition(":")[2],
            "kw": kw,
            "g_per_kwh": _ratio(grams, kw),
        }
        for name, (kw, grams) in into.items()
    ]
