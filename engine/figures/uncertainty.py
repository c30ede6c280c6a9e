"""How far off an energy may be: class limits and register steps as
rectangular distributions, root of squares (method, section 3).

A meter's class error is one and the same over a span, so it grows
with the energy; register steps count once, at either end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from engine.tracing.graph import Array, Graph
from plant.site import Site

K = 2.0  # expanded uncertainty, about 95 %


def standard(
    site: Site,
    energy: Mapping[int, Array],
    per_unit: Mapping[int, float],
) -> Array:
    """Standard uncertainty of a sum of meters.

    `energy` [meter] through it in either direction, in its unit; `per_unit` kWh per unit.
    """
    of_energy, of_steps = variances(site, per_unit)
    parts = (of_energy[m] * e**2 + of_steps[m] for m, e in energy.items())
    return np.sqrt(sum(parts, np.zeros(1)))


def variances(site: Site, per_unit: Mapping[int, float]) -> tuple[Array, Array]:
    """By meter, in kWh2: variance of its class per squared
    unit of energy, and of its register steps.
    """
    steps = _steps(site)
    kwh = np.array([per_unit.get(m, 1.0) for m in range(len(site.meters))]) ** 2
    limits = np.array([m.class_limit for m in site.meters])
    return limits**2 / 3 * kwh, np.array([steps[m] for m in range(len(site.meters))]) ** 2 / 6 * kwh


def meters_of_bus(graph: Graph, bus: int) -> set[int]:
    """Meters on the edges of a bus: what enters and what leaves it."""
    site = graph.site
    found = {t.meter for t in site.storages if t.bus == bus} | {
        s.meter for s in site.sources if s.bus == bus
    }
    found |= {m for tap in graph.taps if tap.bus == bus for m in tap.meters}
    for converter in graph.converters:
        found |= {
            m for f in converter.feeds if f.kind == "bus" and f.index == bus for m in f.meters
        }
        found |= {o.meter for o in converter.outlets if o.bus == bus and o.meter is not None}

    return found


def meters_of_lines(site: Site, lines: Iterable[str]) -> set[int]:
    """Meters of the draws of lines, by id."""
    wanted = set(lines)
    return {
        m for line in site.lines if line.id in wanted for draw in line.draws for m in draw.meters
    }


def meters_of_site(site: Site) -> set[int]:
    """Meters through which energy enters, and those of the storages."""
    return {s.meter for s in site.sources} | {t.meter for t in site.storages}


def _steps(site: Site) -> Mapping[int, float]:
    """Register step of each meter, in its unit."""
    found = dict.fromkeys(range(len(site.meters)), 0.0)
    for channel in site.channels:
        if channel.meter >= 0:
            found[channel.meter] = max(found[channel.meter], channel.step * channel.scale)

    return found
