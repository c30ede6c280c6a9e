"""What `of` stands for in a question: a line, a group, a bus, or the site."""

from __future__ import annotations

from plant.errors import NotThere
from plant.site import Site


def members(site: Site, of: str) -> list[str]:
    """Names in the line table that `of` stands for: a line, a group, a bus (what is unmetered there), or the site."""
    lines = [line.id for line in site.lines]
    if of == "site":
        return lines + [f"unmetered.{b.id}" for b in site.buses]
    if of in lines:
        return [of]
    group = [line.id for line in site.lines if line.group == of]
    if group:
        return group
    if of in [b.id for b in site.buses]:
        return [f"unmetered.{of}"]
    known = ", ".join(["site", *(g.id for g in site.groups), *lines])
    raise NotThere(f"there is no line, group or bus '{of}'; known are {known}")


def output_units(site: Site, of: str) -> set[str]:
    """Units of what the lines behind `of` make. Pieces add up only where there is one; else per-unit figures are null."""
    names = set(members(site, of))
    return {line.unit for line in site.lines if line.id in names and line.good_channel is not None}
