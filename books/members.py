"""What `of` stands for in a question: a line, a group, a bus, or the site."""

from __future__ import annotations

from typing import Final

from plant.errors import NotThere
from plant.site import Site

UNMETERED: Final = "unmetered."


def unmetered(bus: str) -> str:
    """Name in the line table of what is unmetered on a bus."""
    return UNMETERED + bus


def kind_of(member: str) -> tuple[str, str]:
    """Whether a name in the line table is a `line` or a `bus`, and its id."""
    kind = "bus" if member.startswith(UNMETERED) else "line"
    return kind, member.removeprefix(UNMETERED)


def members(site: Site, of: str) -> list[str]:
    """Names in the line table that `of` stands for: a line, a group, a bus (what is unmetered
    there), or the site."""
    lines = [line.id for line in site.lines]
    buses = [bus.id for bus in site.buses]
    if of == "site":
        return lines + [unmetered(bus) for bus in buses]

    if of in lines:
        return [of]

    group = [line.id for line in site.lines if line.group == of]
    if group:
        return group
    if of in buses:
        return [unmetered(of)]
    groups = [group.id for group in site.groups]
    known = ", ".join(["site", *groups, *lines])
    raise NotThere(f"there is no line, group or bus '{of}'; known are {known}")


def output_units(site: Site, of: str) -> set[str]:
    """Units of what the lines behind `of` make. Pieces add up only where there is one; else
    per-unit figures are null."""
    names = set(members(site, of))
    counted = [line for line in site.lines if line.good_channel is not None]
    return {line.unit for line in counted if line.id in names}
