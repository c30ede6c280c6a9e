"""How far off an energy may be: class limits and register steps as rectangular distributions, root
of squares (method, section 3).

A meter's class error is one and the same over a span, so it grows with the energy; register steps
count once, at either end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from engine.tracing.graph import Graph
from plant.arrays import Floats
from plant.site import Site

K: Final = 2.0
"""Expanded uncertainty, about 95 %."""

RECTANGLE: Final = 3.0
"""Variance of a rectangular distribution is the square of its half width over three."""


class Variances(NamedTuple):
    """By meter, in kWh2: of its class per squared unit of energy, and of its register steps."""

    of_energy: Floats
    of_steps: Floats


def standard(
    site: Site,
    energy: Mapping[int, Floats],
    per_unit: Mapping[int, float],
) -> Floats:
    """Standard uncertainty of a sum of meters.

    `energy` [meter] through it in either direction, in its unit; `per_unit` kWh per unit.
    """
    of_energy, of_steps = variances(site, per_unit)
    total = np.zeros(1)
    for meter, amount in energy.items():
        of_meter = of_energy[meter] * amount**2 + of_steps[meter]
        total = total + of_meter

    return np.sqrt(total)


def variances(site: Site, per_unit: Mapping[int, float]) -> Variances:
    """Of every meter; `per_unit` kWh per unit, 1 where it is not given."""
    every = range(len(site.meters))
    kwh_per_unit = np.array([per_unit.get(meter, 1.0) for meter in every])
    kwh_squared = kwh_per_unit**2

    # A class limit is the half width of its rectangle, as a part of the energy.
    limits = np.array([meter.class_limit for meter in site.meters])
    of_class = limits**2 / RECTANGLE

    # A step is twice its half width, so one reading has step² / (4 * 3). A span has a reading at
    # either end, and the variances of the two add up to step² / (2 * 3).
    steps = np.array(_steps(site))
    of_readings = steps**2 / (2 * RECTANGLE)
    return Variances(
        of_energy=of_class * kwh_squared,
        of_steps=of_readings * kwh_squared,
    )


def meters_of_bus(graph: Graph, bus: int) -> set[int]:
    """Meters on the edges of a bus, by their numbers in the site: of what enters and what leaves
    it."""
    found: set[int] = set()
    for storage in graph.site.storages:
        if storage.bus == bus:
            found.add(storage.meter)

    for source in graph.site.sources:
        if source.bus == bus:
            found.add(source.meter)

    for tap in graph.taps:
        if tap.bus == bus:
            found.update(tap.meters)

    for converter in graph.converters:
        for feed in converter.feeds:
            if feed.kind == "bus" and feed.index == bus:
                found.update(feed.meters)

        for outlet in converter.outlets:
            if outlet.bus == bus and outlet.meter is not None:
                found.add(outlet.meter)

    return found


def meters_of_lines(site: Site, lines: Iterable[str]) -> set[int]:
    """Meters of the draws of lines, by their numbers in the site; `lines` by id."""
    wanted = set(lines)
    found: set[int] = set()
    for line in site.lines:
        if line.id not in wanted:
            continue

        for draw in line.draws:
            found.update(draw.meters)

    return found


def meters_of_site(site: Site) -> set[int]:
    """Meters through which energy enters, and those of the storages, by their numbers."""
    of_sources = {source.meter for source in site.sources}
    of_storages = {storage.meter for storage in site.storages}
    return of_sources | of_storages


def _steps(site: Site) -> list[float]:
    """Register step of each meter, in its unit: the coarsest of its channels, 0 without any."""
    coarsest = [0.0 for _ in site.meters]
    for channel in site.channels:
        if channel.meter < 0:
            continue

        step = channel.step * channel.scale
        coarsest[channel.meter] = max(coarsest[channel.meter], step)

    return coarsest
