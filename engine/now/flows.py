"""The flow picture of now: links between sources, storages, buses and lines in kW of source energy, with carbon per kWh."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.tracing.graph import Array, Edges, Graph
from engine.tracing.tracing import Traced

Link = dict[str, Any]
LEAST_KW = 0.05


class Flows:
    """Collects links. `kwh` and `kg` per unit of each column of the tracing; `final` kW of final energy at each tap.

    `unheard` are taps of which no meter is heard now: their flows stand at their last value, as not known.
    """

    def __init__(
        self,
        graph: Graph,
        used: Edges,
        traced: Traced,
        kwh: Array,
        kg: Array,
        final: Array,
        unheard: Array,
    ) -> None:
        self.graph = graph
        self.used = used
        self.traced = traced
        self.kwh = kwh
        self.kg = kg
        self.final = final
        self.unheard = unheard
        self.links: dict[tuple[str, str], Link] = {}

    def build(self) -> dict[str, Any]:
        """Nodes and links, one link a pair of nodes."""
        self._supplies()
        self._converters()
        self._draws()
        links = list(self.links.values())
        for row in links:
            row["g_per_kwh"] = 1e3 * row.pop("kg") / row["kw"]
        return {"nodes": _nodes(links), "links": links}

    def _link(self, source: str, target: str, amounts: Array, delivered: float) -> None:
        kw = float(amounts @ self.kwh)
        if kw <= LEAST_KW:
            return
        row = self.links.setdefault(
            (source, target),
            {
                "from": source,
                "to": target,
                "kw": 0.0,
                "delivered_kw": 0.0,
                "kg": 0.0,
                "known": not target.startswith("line:"),
            },
        )
        row["kw"] += kw
        row["delivered_kw"] += delivered
        row["kg"] += float(amounts @ self.kg)

    def _is_known(self, source: str, target: str) -> None:
        """Something of this link to a line is heard now."""
        if row := self.links.get((source, target)):
            row["known"] = True

    def _bus(self, index: int) -> str:
        return f"bus:{self.graph.site.buses[index].id}"

    def _supplies(self) -> None:
        site = self.graph.site
        used = self.used
        unit = np.eye(self.graph.columns)
        for i, source in enumerate(site.sources):
            kw = float(used.source[0, i])
            self._link(
                f"source:{source.id}", self._bus(source.bus), unit[i] * kw, kw * float(self.kwh[i])
            )
        for t, store in enumerate(site.storages):
            kw = float(used.discharge[0, t])
            self._link(
                f"storage:{store.id}", self._bus(store.bus), unit[self.graph.ns + t] * kw, kw
            )
            charged = float(used.charge[0, t])
            self._link(
                self._bus(store.bus), f"charge:{store.id}", self.traced.charge[0, t], charged
            )

    def _converters(self) -> None:
        for c, directed in enumerate(self.graph.converters):
            for i, feed in enumerate(directed.feeds):
                if feed.kind == "bus":
                    taken = float(self.used.feeds[c][0, i])
                    amounts = self.traced.mix[0, feed.index, : self.graph.columns] * taken
                    self._link(
                        self._bus(feed.index), self._bus(directed.outlets[0].bus), amounts, taken
                    )

    def _draws(self) -> None:
        site = self.graph.site
        k = self.graph.columns
        for t, tap in enumerate(self.graph.taps):
            line = site.lines[tap.line]
            target = f"line:{line.group or line.id}"
            drawn = self.traced.taps[0, t, :k]
            self._link(self._bus(tap.bus), target, drawn, float(self.final[t]))
            if not self.unheard[t]:
                self._is_known(self._bus(tap.bus), target)
        for b, bus in enumerate(site.buses):
            left = float(self.traced.delivered_remainder[0, b])
            out = float(self.used.export[0, b])
            self._link(self._bus(b), f"remainder:{bus.id}", self.traced.remainder[0, b], left)
            self._link(self._bus(b), f"export:{bus.id}", self.traced.export[0, b], out)


def _nodes(links: list[Link]) -> list[dict[str, Any]]:
    """Each node with what flows into it, or out of it where nothing flows in."""
    into: dict[str, list[float]] = {}
    known = {row[side] for row in links if row["known"] for side in ("from", "to")}
    for side in ("to", "from"):
        for row in links:
            name = row[side]
            if side == "from" and not name.startswith(("source", "storage")) and name in into:
                continue
            total = into.setdefault(name, [0.0, 0.0])
            total[0] += row["kw"]
            total[1] += row["kw"] * row["g_per_kwh"]
    return [
        {
            "id": n,
            "kind": n.partition(":")[0],
            "ref": n.partition(":")[2],
            "kw": kw,
            "g_per_kwh": grams / kw,
            "known": n in known or not n.startswith("line:"),
        }
        for n, (kw, grams) in into.items()
    ]
