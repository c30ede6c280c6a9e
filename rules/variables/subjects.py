"""What rules are about: lines, groups, buses, meters and the
site of a plant, with their ids and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from plant.site import Site

Names: TypeAlias = Mapping[str, str]
"""A name by language."""


class Node(Protocol):
    """What all parts of a plant have."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> dict[str, str]: ...


def _nodes(site: Site, per: str) -> Sequence[Node]:
    nodes: Mapping[str, Sequence[Node]] = {
        "line": site.lines,
        "group": site.groups,
        "bus": site.buses,
        "meter": site.meters,
    }
    return nodes[per]


def subjects(site: Site, per: str) -> tuple[str, ...]:
    """Ids of all subjects of a kind."""
    if per == "site":
        return ("site",)

    return tuple(node.id for node in _nodes(site, per))


def names(site: Site, per: str) -> dict[str, dict[str, str]]:
    """Names of the subjects of a kind, by language."""
    if per == "site":
        return {"site": site.name}

    return {node.id: node.name for node in _nodes(site, per)}


def carriers(site: Site, per: str) -> tuple[str, ...]:
    """Carrier of each subject of a kind; nothing for kinds that have none of their own."""
    if per == "bus":
        return tuple(bus.carrier for bus in site.buses)

    if per == "meter":
        return tuple(meter.carrier for meter in site.meters)

    return ()
