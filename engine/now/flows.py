"""The flow picture of now: links between sources, storages, buses and lines in kW of source energy,
with the carbon of each kilowatt-hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from engine.tracing.converter import Directed, Feed
from engine.tracing.graph import Edges, Graph
from engine.tracing.tracing import Traced
from plant.arrays import Floats

Shown: TypeAlias = dict[str, Any]
"""An object of the NOW of docs/api.md, as it goes into JSON."""

LEAST_KW: Final = 0.05
"""Weaker flows are not drawn."""

BEGINS: Final = ("source", "storage")
"""Kinds of places where energy begins: what they give is what flows out of them."""

LINE: Final = "line:"
GRAMS: Final = 1e3  # g per kg


@dataclass(slots=True)
class Link:
    """What flows from one place to another: source energy, what of it is delivered, carbon an hour.

    A link to a line is `known` when any meter of it is heard now; every other link always is.
    """

    begins: str
    ends: str
    known: bool
    kw: float = 0.0
    delivered_kw: float = 0.0
    kg: float = 0.0

    @property
    def g_per_kwh(self) -> float:
        """Carbon of each kilowatt-hour of source energy."""
        return GRAMS * self.kg / self.kw

    def shown(self) -> Shown:
        """As the API has it."""
        return {
            "from": self.begins,
            "to": self.ends,
            "kw": self.kw,
            "delivered_kw": self.delivered_kw,
            "known": self.known,
            "g_per_kwh": self.g_per_kwh,
        }


@dataclass(slots=True)
class Drawn:
    """What the picture is drawn of.

    `kwh` and `kg` per unit of each column of the tracing; `final` kW of final energy at each place;
    `unheard` [taps] where no meter is heard now: such a flow stands at its last value, not known.
    """

    graph: Graph
    used: Edges
    traced: Traced
    kwh: Floats
    kg: Floats
    final: Floats
    unheard: Floats


class Flows:
    """Collects the links, one for each pair of places."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.graph = drawn.graph
        self.site = drawn.graph.site
        self.used = drawn.used
        self.traced = drawn.traced
        self.links: dict[tuple[str, str], Link] = {}

    def build(self) -> Shown:
        """Nodes and links."""
        self._from_sources()
        self._of_storages()
        for directed, taken in zip(
            self.graph.converters,
            self.used.feeds,
            strict=True,
        ):
            for feed, energy in zip(
                directed.feeds,
                taken[0],
                strict=True,
            ):
                if feed.kind == "bus":
                    self._converted(directed, feed, float(energy))

        self._to_lines()
        self._left_on_buses()
        links = list(self.links.values())
        return {
            "nodes": _nodes(links),
            "links": [link.shown() for link in links],
        }

    def _add(
        self,
        begins: str,
        ends: str,
        amounts: Floats,
        delivered_kw: float,
    ) -> None:
        """Put amounts [columns of the tracing] on the link between two places."""
        kw = float(amounts @ self.drawn.kwh)
        if kw <= LEAST_KW:
            return

        link = self.links.get((begins, ends))
        if link is None:
            link = Link(
                begins=begins,
                ends=ends,
                known=not ends.startswith(LINE),
            )
            self.links[begins, ends] = link

        link.kw += kw
        link.delivered_kw += delivered_kw
        link.kg += float(amounts @ self.drawn.kg)

    def _bus(self, index: int) -> str:
        """The place of a bus, by its number."""
        return f"bus:{self.site.buses[index].id}"

    def _only(self, column: int, amount: float) -> Floats:
        """An amount of one column of the tracing alone."""
        amounts = np.zeros(self.graph.columns)
        amounts[column] = amount
        return amounts

    def _from_sources(self) -> None:
        """From each source to its bus."""
        for index, source in enumerate(self.site.sources):
            amount = float(self.used.source[0, index])
            self._add(
                f"source:{source.id}",
                self._bus(source.bus),
                self._only(index, amount),
                delivered_kw=amount * float(self.drawn.kwh[index]),
            )

    def _of_storages(self) -> None:
        """What storages give, and what goes into them."""
        for index, storage in enumerate(self.site.storages):
            bus = self._bus(storage.bus)
            discharged = float(self.used.discharge[0, index])
            self._add(
                f"storage:{storage.id}",
                bus,
                self._only(self.graph.source_count + index, discharged),
                delivered_kw=discharged,
            )
            self._add(
                bus,
                f"charge:{storage.id}",
                self.traced.charge[0, index],
                delivered_kw=float(self.used.charge[0, index]),
            )

    def _converted(
        self,
        directed: Directed,
        feed: Feed,
        taken: float,
    ) -> None:
        """What a converter takes from a bus goes to the bus that it feeds first."""
        mix = self.traced.mix[0, feed.index, : self.graph.columns]
        self._add(
            self._bus(feed.index),
            self._bus(directed.outlets[0].bus),
            mix * taken,
            delivered_kw=taken,
        )

    def _to_lines(self) -> None:
        """From buses to lines and groups."""
        for index, tap in enumerate(self.graph.taps):
            line = self.site.lines[tap.line]
            begins = self._bus(tap.bus)
            ends = f"{LINE}{line.group or line.id}"
            self._add(
                begins,
                ends,
                self.traced.taps[0, index, : self.graph.columns],
                delivered_kw=float(self.drawn.final[index]),
            )
            link = self.links.get((begins, ends))
            if link is not None and not self.drawn.unheard[index]:
                link.known = True

    def _left_on_buses(self) -> None:
        """What no meter saw leave, and what was exported."""
        for index, bus in enumerate(self.site.buses):
            begins = self._bus(index)
            self._add(
                begins,
                f"remainder:{bus.id}",
                self.traced.remainder[0, index],
                delivered_kw=float(self.traced.delivered_remainder[0, index]),
            )
            self._add(
                begins,
                f"export:{bus.id}",
                self.traced.export[0, index],
                delivered_kw=float(self.used.export[0, index]),
            )


@dataclass(slots=True)
class Through:
    """What flows through a place: kW, and grams of carbon an hour."""

    kw: float = 0.0
    grams: float = 0.0

    def add(self, link: Link) -> None:
        """Count a link."""
        self.kw += link.kw
        self.grams += link.kw * link.g_per_kwh


def _nodes(links: list[Link]) -> list[Shown]:
    """Each place with what flows into it, or out of it where nothing flows in."""
    through: dict[str, Through] = {}
    for link in links:
        through.setdefault(link.ends, Through()).add(link)

    # What flows out is added up in the same place, unless something flowed in.
    fed = set(through)
    for link in links:
        if link.begins.startswith(BEGINS) or link.begins not in fed:
            through.setdefault(link.begins, Through()).add(link)

    heard = {link.ends for link in links if link.known}
    found = []
    for place, total in through.items():
        kind, _, reference = place.partition(":")
        found.append(
            {
                "id": place,
                "kind": kind,
                "ref": reference,
                "kw": total.kw,
                "g_per_kwh": total.grams / total.kw,
                "known": place in heard or not place.startswith(LINE),
            }
        )

    return found
