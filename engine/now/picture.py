"""One tick of `now`, put into the words of the API: figures of the site, its lines and groups, and the flow picture."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.figures.line_sums import final_kwh_per_unit
from engine.now.flows import Flows
from engine.now.instants import INSTANTS, ratio
from engine.states import STATES
from engine.tracing.graph import Array, Edges, Graph
from engine.tracing.tracing import Traced
from plant.names import AS_ELECTRICITY, Carrier, State
from plant.site import Site

Mask = npt.NDArray[np.bool_]


class Newest(Protocol):
    """The newest values that a picture is made of. Implemented by `engine.now.now.Now`.

    By meter: `power` (kW or unit an hour) and `at`, when it was heard of (ns; 0: never). By line:
    its state and since when, and the order that runs. By converter: since when it runs unloaded. By storage: what its next
    kilowatt-hour is made of. `by_source` and `weights`: kWh, kg and shares of a unit of each source
    and of each column of the tracing.
    """

    site: Site
    graph: Graph
    power: Array
    at: Any
    states: dict[int, tuple[str, int]]
    orders: dict[int, str]
    unloaded: dict[int, int]
    storage_mix: list[dict[int, float]]
    by_source: dict[str, Array]
    weights: dict[str, Array]


class Picture:
    """Traced powers of one tick. Rows of the sums: taps first, then what is left on each bus."""

    def __init__(self, now: Newest, used: Edges, traced: Traced, seen: Mask, at: int) -> None:
        self.now = now
        self.site = now.site
        self.graph = now.graph
        self.used = used
        self.traced = traced
        self.seen = seen
        self.at = at
        self.weights, self.returned = _with_storages(now), self.graph.returned(used.discharge[0])
        k = self.graph.columns
        graph = self.graph
        carriers = [graph.carriers[t.bus] for t in graph.taps] + graph.carriers
        amounts = np.concatenate((used.taps[0] - self.returned, traced.delivered_remainder[0]))
        behind = np.concatenate((traced.taps[0, :, graph.electric], traced.remainder_electric[0]))
        as_electricity = np.array([c in AS_ELECTRICITY for c in carriers], bool)
        per_unit = np.array([final_kwh_per_unit(self.site, c) for c in carriers])
        self.electric = as_electricity | np.array(
            [c is Carrier.ELECTRICITY for c in carriers], bool
        )
        self.final = np.where(as_electricity, behind, amounts * per_unit)
        self.amounts = np.concatenate((traced.taps[0, :, :k], traced.remainder[0]))
        self.columns = {name: self.amounts @ w for name, w in self.weights.items()}
        self.columns["final"] = self.final
        self.carriers = carriers
        self.taps_of = [
            [i for i, t in enumerate(graph.taps) if t.line == line]
            for line in range(len(self.site.lines))
        ]

    def build(self) -> dict[str, Any]:
        """The NOW of docs/api.md."""
        lines = {node.id: self._line(i) for i, node in enumerate(self.site.lines)}
        for group in self.site.groups:
            members = [i for i, node in enumerate(self.site.lines) if node.group == group.id]
            lines[group.id] = self._group(members, [lines[self.site.lines[i].id] for i in members])
        coverage = float(self.seen.mean()) if len(self.seen) else None
        site = {
            "power_kw": self._site_power() if self.seen.any() else None,
            "figures": self._figures(range(len(self.final))),
            "coverage": coverage,
        }
        flows = Flows(
            self.graph,
            self.used,
            self.traced,
            self.weights["kwh"],
            self.weights["kg"],
            self.final,
            np.array([self._unknown([t]) is not None for t in range(len(self.graph.taps))], bool),
        )
        return {
            "at_ms": self.at // 1_000_000,
            "site": site,
            "lines": lines,
            "flows": flows.build(),
            "sources": {
                s.id: float(self.used.source[0, i] * self.weights["kwh"][i])
                for i, s in enumerate(self.site.sources)
            },
            "storages": {
                s.id: {"power_kw": float(self.used.discharge[0, t] - self.used.charge[0, t])}
                for t, s in enumerate(self.site.storages)
                if s.line is None
            },
            "converters": {c.id: self._converter(i) for i, c in enumerate(self.site.converters)},
            "remainder_kw": {
                b.id: float(self.traced.delivered_remainder[0, i])
                for i, b in enumerate(self.site.buses)
            },
        }

    def _converter(self, i: int) -> dict[str, Any]:
        meters = [
            m for x in self.site.converters[i].inputs if x.kind != "ambient" for m in x.meters
        ]
        taken = float(self.now.power[meters].sum()) if meters and self.seen[meters].all() else None
        return {
            "taken": taken,
            "unloaded_since_ms": self.now.unloaded.get(i, 0) // 1_000_000 or None,
        }

    def _site_power(self) -> float:
        """Electricity the site uses: what came in and was generated or discharged, less charge and export."""
        came = sum(
            self.used.source[0, i]
            for i, s in enumerate(self.site.sources)
            if s.carrier == Carrier.ELECTRICITY
        )
        return float(
            came + self.used.discharge.sum() - self.used.charge.sum() - self.used.export.sum()
        )

    def _figures(self, rows: Any) -> dict[str, float | None]:
        """The ratios of some places: taps, or what is left on buses."""
        places = np.array(list(rows), np.int64)
        electric = places[self.electric[places]]
        return {
            name: ratio(instant, self.columns, places, electric).value
            for name, instant in INSTANTS.items()
        }

    def _sources(self, taps: list[int]) -> dict[str, float]:
        amounts = self.amounts[taps].sum(0) * self.weights["kwh"]
        names = (
            [s.id for s in self.site.sources]
            + [s.id for s in self.site.storages]
            + ["ambient", "unknown"]
        )
        return {name: float(a) for name, a in zip(names, amounts, strict=True) if abs(a) > 1e-6}

    def _line(self, i: int) -> dict[str, Any]:
        taps = self.taps_of[i]
        unseen = [
            int(self.now.at[m]) for t in taps for m in self.graph.taps[t].meters if not self.seen[m]
        ]
        unknown = self._unknown(taps)
        state, since = self.now.states.get(i, ("UNKNOWN", 0))
        power: dict[str, float | None] = {}
        for t in taps:
            carrier = self.graph.carriers[self.graph.taps[t].bus].value
            drawn = float(self.used.taps[0, t] - self.returned[t])
            known = power.get(carrier, 0.0)
            is_known = known is not None and self._unknown([t]) is None
            power[carrier] = known + drawn if is_known and known is not None else None
        return {
            **self._order(i),
            "state": state if state in STATES else "UNKNOWN",
            "state_since_ms": since // 1_000_000 or None,
            "power": power,
            "final_kw": float(self.final[taps].sum()) if unknown is None else None,
            "figures": self._figures(taps) if unknown is None else dict.fromkeys(INSTANTS),
            "sources_kw": self._sources(taps),
            "unknown": unknown,
            "stale_since_ms": min((at for at in unseen if at), default=0) // 1_000_000 or None,
        }

    def _unknown(self, taps: list[int]) -> str | None:
        """Why nothing is known of some taps: none of their meters was ever heard, or all are silent."""
        meters = [m for t in taps for m in self.graph.taps[t].meters]
        if not meters or self.seen[meters].any():
            return None
        return "silent" if (self.now.at[meters] > 0).any() else "never"

    def _order(self, line: int) -> dict[str, str | None]:
        """The order that runs on a line that reads one; None while it is not known."""
        if self.site.lines[line].order_tag is None:
            return {}
        order = self.now.orders.get(line, State.UNKNOWN.value)
        return {"order": None if order == State.UNKNOWN.value else order}

    def _group(self, members: list[int], parts: list[dict[str, Any]]) -> dict[str, Any]:
        taps = [t for i in members for t in self.taps_of[i]]
        power: dict[str, float | None] = {}
        for part in parts:
            for carrier, kw in part["power"].items():
                known = power.get(carrier, 0.0)
                power[carrier] = None if kw is None or known is None else known + kw
        unknown = self._unknown(taps)
        states = [p["state"] for p in parts]
        heard = [p["final_kw"] for p in parts if p["final_kw"] is not None]
        stale = [p["stale_since_ms"] for p in parts if p["stale_since_ms"] is not None]
        return {
            "state": _common(states),
            "state_since_ms": None,
            "power": power,
            "final_kw": sum(heard) if heard else None,
            "figures": self._figures(taps) if unknown is None else dict.fromkeys(INSTANTS),
            "sources_kw": self._sources(taps) if taps else {},
            "unknown": unknown,
            "stale_since_ms": min(stale) if stale else None,
            "running": states.count("RUN"),
            "members": len(parts),
        }


def _with_storages(now: Newest) -> dict[str, Array]:
    """Weights of the columns of the tracing; a store's are those of what its next kilowatt-hour is made of."""
    found = {name: values.copy() for name, values in now.weights.items()}
    for t, mix in enumerate(now.storage_mix):
        amounts = np.array([mix.get(i, 0.0) for i in range(now.graph.ns + 3)])
        for name, of_source in now.by_source.items():
            found[name][now.graph.ns + t] = float(amounts @ of_source)
        found["kwh"][now.graph.ns + t] = found["kwh"][now.graph.ns + t] or 1.0
    return found


def _common(states: list[str]) -> str:
    """RUN if any line of a group runs, else the state of most."""
    return "RUN" if "RUN" in states else max(states, key=states.count, default="UNKNOWN")
