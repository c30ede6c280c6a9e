"""One tick of `now`, put into the words of the API: figures of the site, its lines and groups, and
the flow picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from engine.figures.figures import of_now
from engine.figures.line_sums import final_kwh_per_unit
from engine.figures.weights import By
from engine.now.flows import Drawn, Flows, Shown
from engine.now.moment import Moment, Places
from engine.states import STATES
from engine.tracing.electricity import site_electricity
from engine.tracing.graph import Edges, Graph
from engine.tracing.tracing import Traced
from plant.arrays import Floats, Mask
from plant.names import AS_ELECTRICITY, State
from plant.site import Site

MILLISECOND: Final = 1_000_000
LEAST_KW: Final = 1e-6
"""A source behind a line that gives less is not listed."""


class Newest(Protocol):
    """The newest values that a picture is made of. Implemented by `engine.now.now.Now`.

    By meter: `power` (kW or unit an hour) and `at`, when it was heard of (ns; 0: never). By line:
    its state and since when, and the order that runs. By converter: since when it runs unloaded. By
    storage: what its next kilowatt-hour is made of. `by_source` [By, sources] is what a unit of
    each source weighs, pseudo-sources after the sources.
    """

    site: Site
    graph: Graph
    power: Floats
    at: npt.NDArray[np.int64]
    states: dict[int, tuple[str, int]]
    orders: dict[int, str]
    unloaded: dict[int, int]
    storage_mix: list[dict[int, float]]
    by_source: Floats


class Picture:
    """Traced powers of one tick. Places: taps first, then what is left on each bus."""

    def __init__(
        self,
        now: Newest,
        used: Edges,
        traced: Traced,
        seen: Mask,
        at: int,
    ) -> None:
        graph = now.graph
        self.now = now
        self.site = now.site
        self.graph = graph
        self.used = used
        self.traced = traced
        self.seen = seen
        self.at = at
        self.weights = weights_of_columns(now)
        self.returned = graph.returned(used.discharge[0])
        self.drawn = used.taps[0] - self.returned
        self.carriers = [graph.carriers[tap.bus] for tap in graph.taps] + graph.carriers
        self.amounts = np.concatenate(
            (traced.taps[0, :, : graph.columns], traced.remainder[0]),
        )
        self.final = self._final()
        self.moment = Moment(
            self.carriers,
            self.final,
            self.amounts,
            self.weights,
        )
        self.taps_of: list[list[int]] = [[] for _ in self.site.lines]
        for index, tap in enumerate(graph.taps):
            self.taps_of[tap.line].append(index)

    def _final(self) -> Floats:
        """Final energy (kW) of each place; air and cold count as the electricity behind them."""
        graph = self.graph
        traced = self.traced
        delivered = np.concatenate((self.drawn, traced.delivered_remainder[0]))
        behind = np.concatenate(
            (traced.taps[0, :, graph.electric], traced.remainder_electric[0]),
        )
        as_electricity = [carrier in AS_ELECTRICITY for carrier in self.carriers]
        per_unit = [final_kwh_per_unit(self.site, carrier) for carrier in self.carriers]
        return np.where(
            as_electricity,
            behind,
            delivered * np.array(per_unit),
        )

    def build(self) -> Shown:
        """The NOW of docs/api.md."""
        site = self.site
        members: dict[str, list[int]] = {group.id: [] for group in site.groups}
        for index, line in enumerate(site.lines):
            if line.group in members:
                members[line.group].append(index)

        taps_of_groups = [self._taps(of_group) for of_group in members.values()]
        subjects = [
            *self.taps_of,
            *taps_of_groups,
            range(len(self.final)),
        ]
        *of_parts, of_site = self.moment.figures([_places(places) for places in subjects])
        of_lines = of_parts[: len(site.lines)]
        of_groups = of_parts[len(site.lines) :]

        lines: dict[str, Shown] = {}
        for index, line in enumerate(site.lines):
            lines[line.id] = self._line(index, of_lines[index])

        for (name, of_group), figures in zip(
            members.items(),
            of_groups,
            strict=True,
        ):
            parts = [lines[site.lines[index].id] for index in of_group]
            lines[name] = self._group(of_group, parts, figures)

        return {
            "at_ms": self.at // MILLISECOND,
            "site": {
                "power_kw": self._site_power() if self.seen.any() else None,
                "figures": of_site,
                "coverage": float(self.seen.mean()) if len(self.seen) else None,
            },
            "lines": lines,
            "flows": self._flows(),
            "sources": self._given(),
            "storages": self._storages(),
            "converters": {
                converter.id: self._converter(index)
                for index, converter in enumerate(site.converters)
            },
            "remainder_kw": {
                bus.id: float(self.traced.delivered_remainder[0, index])
                for index, bus in enumerate(site.buses)
            },
        }

    def _taps(self, lines: Iterable[int]) -> list[int]:
        """The taps of some lines."""
        return [tap for line in lines for tap in self.taps_of[line]]

    def _flows(self) -> Shown:
        """The flow picture."""
        unheard = [self._unknown([tap]) is not None for tap in range(len(self.graph.taps))]
        drawn = Drawn(
            graph=self.graph,
            used=self.used,
            traced=self.traced,
            kwh=self.weights[By.KWH],
            kg=self.weights[By.LOCATION],
            final=self.final,
            unheard=np.array(unheard, bool),
        )
        return Flows(drawn).build()

    def _given(self) -> dict[str, float]:
        """What each source gives, kW."""
        given = self.used.source[0]
        kwh = self.weights[By.KWH, : len(given)]
        given_kw = given * kwh
        names = [source.id for source in self.site.sources]
        return dict(zip(names, given_kw.tolist(), strict=True))

    def _storages(self) -> dict[str, Shown]:
        """Discharge less charge; what a line's own storage does stays within the line."""
        net = self.used.discharge[0] - self.used.charge[0]
        found: dict[str, Shown] = {}
        for index, storage in enumerate(self.site.storages):
            if storage.line is None:
                found[storage.id] = {"power_kw": float(net[index])}

        return found

    def _converter(self, index: int) -> Shown:
        """What a converter takes, and since when it gives nothing for it."""
        meters: list[int] = []
        for taken in self.site.converters[index].inputs:
            if taken.kind != "ambient":
                meters += taken.meters

        taken_kw = None
        is_known = bool(meters) and bool(self.seen[meters].all())
        if is_known:
            of_meters = self.now.power[meters]
            taken_kw = float(of_meters.sum())

        since_ns = self.now.unloaded.get(index, 0)
        return {
            "taken": taken_kw,
            "unloaded_since_ms": since_ns // MILLISECOND or None,
        }

    def _site_power(self) -> float:
        """Site electricity of the moment."""
        electricity = site_electricity(self.graph, self.used)
        of_windows = electricity.total()
        return float(of_windows[0])

    def _sources(self, taps: list[int]) -> dict[str, float]:
        """Source energy (kW) behind some taps; what comes through a storage counts as it."""
        amounts = self.amounts[taps]
        kw = amounts.sum(0) * self.weights[By.KWH]
        names = [source.id for source in self.site.sources]
        names += [storage.id for storage in self.site.storages]
        names += ["ambient", "unknown"]
        found = zip(
            names,
            kw.tolist(),
            strict=True,
        )
        return {name: given_kw for name, given_kw in found if abs(given_kw) > LEAST_KW}

    def _line(self, index: int, figures: Mapping[str, float | None]) -> Shown:
        """One line as it is shown."""
        taps = self.taps_of[index]
        unknown = self._unknown(taps)
        final_kw = None
        if unknown is None:
            of_taps = self.final[taps]
            final_kw = float(of_taps.sum())
        else:
            figures = _no_figures()

        state, since_ns = self.now.states.get(index, (State.UNKNOWN.value, 0))
        if state not in STATES:
            state = State.UNKNOWN.value

        return {
            **self._order(index),
            "state": state,
            "state_since_ms": since_ns // MILLISECOND or None,
            "power": self._power(taps),
            "final_kw": final_kw,
            "figures": figures,
            "sources_kw": self._sources(taps),
            "unknown": unknown,
            "stale_since_ms": self._stale_since_ms(taps),
        }

    def _power(self, taps: Iterable[int]) -> dict[str, float | None]:
        """Power of some taps by carrier; not known where one of them is not."""
        found: dict[str, float | None] = {}
        for tap in taps:
            bus = self.graph.taps[tap].bus
            carrier = self.graph.carriers[bus].value
            drawn = None
            if self._unknown([tap]) is None:
                drawn = float(self.drawn[tap])

            before = found.get(carrier, 0.0)
            found[carrier] = _added(before, drawn)

        return found

    def _stale_since_ms(self, taps: Iterable[int]) -> int | None:
        """When the first of the meters fell silent that were heard of once."""
        heard_ns: list[int] = []
        for meter in self._meters(taps):
            was_heard = self.now.at[meter] > 0
            if was_heard and not self.seen[meter]:
                heard_ns.append(int(self.now.at[meter]))

        if not heard_ns:
            return None

        return min(heard_ns) // MILLISECOND

    def _meters(self, taps: Iterable[int]) -> list[int]:
        """The meters of some taps."""
        meters: list[int] = []
        for tap in taps:
            meters += self.graph.taps[tap].meters

        return meters

    def _unknown(self, taps: Iterable[int]) -> str | None:
        """Why nothing is known of some taps: none of their meters was ever heard, or all are
        silent."""
        meters = self._meters(taps)
        if not meters or self.seen[meters].any():
            return None

        heard_at = self.now.at[meters]
        was_heard = heard_at > 0
        return "silent" if was_heard.any() else "never"

    def _order(self, line: int) -> dict[str, str | None]:
        """The order that runs on a line that reads one; None while it is not known."""
        if self.site.lines[line].order_tag is None:
            return {}

        order = self.now.orders.get(line)
        if order == State.UNKNOWN.value:
            order = None

        return {"order": order}

    def _group(
        self,
        members: list[int],
        parts: Sequence[Shown],
        figures: Mapping[str, float | None],
    ) -> Shown:
        """A group of lines; `parts` are its lines as they are shown."""
        taps = self._taps(members)
        power: dict[str, float | None] = {}
        for part in parts:
            for carrier, drawn in part["power"].items():
                before = power.get(carrier, 0.0)
                power[carrier] = _added(before, drawn)

        unknown = self._unknown(taps)
        states = [part["state"] for part in parts]
        final = [part["final_kw"] for part in parts if part["final_kw"] is not None]
        stale = [part["stale_since_ms"] for part in parts if part["stale_since_ms"] is not None]
        return {
            "state": _common(states),
            "state_since_ms": None,
            "power": power,
            "final_kw": sum(final) if final else None,
            "figures": figures if unknown is None else _no_figures(),
            "sources_kw": self._sources(taps) if taps else {},
            "unknown": unknown,
            "stale_since_ms": min(stale) if stale else None,
            "running": states.count(State.RUN.value),
            "members": len(parts),
        }


def weights_of_columns(now: Newest) -> Floats:
    """What a unit of each column of the tracing weighs [By, columns]; a storage's is what its next
    kilowatt-hour is made of."""
    graph = now.graph
    by_source = now.by_source
    sources = graph.source_count
    found = np.zeros((len(By), graph.columns))
    found[:, :sources] = by_source[:, :sources]
    # Pseudo-sources stand behind the sources: ambient, then unknown.
    found[:, graph.ambient] = by_source[:, sources]
    found[:, graph.unknown] = by_source[:, sources + 1]
    for index, mix in enumerate(now.storage_mix):
        column = sources + index
        for source, amount in mix.items():
            found[:, column] += amount * by_source[:, source]

        # An empty storage that gives is of unknown origin, but it is energy all the same.
        kwh = found[By.KWH, column]
        found[By.KWH, column] = kwh or 1.0

    return found


def _places(places: Iterable[int]) -> Places:
    """Places as the moment takes them."""
    return np.array(list(places), np.int64)


def _added(total: float | None, more: float | None) -> float | None:
    """Unknown and anything is unknown."""
    return None if total is None or more is None else total + more


def _no_figures() -> dict[str, float | None]:
    """All figures of now, unknown."""
    return {figure.name: None for figure in of_now()}


def _common(states: list[str]) -> str:
    """RUN if any line of a group runs, else the state of most."""
    if State.RUN.value in states:
        return State.RUN.value

    return max(
        states,
        key=states.count,
        default=State.UNKNOWN.value,
    )
