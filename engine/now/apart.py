"""A figure of `now` taken apart: exactly the moment that is shown, with only what is in it.

Powers stand in for energies of one hour, so amounts are kWh or Nm3 an hour, carbon is kg an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engine.figures.figure import Figure
from engine.figures.figures import find, nulls
from engine.figures.weights import By
from engine.now.moment import LEAST, Places, is_energy, worth
from engine.now.picture import Picture
from engine.tracing.electricity import site_electricity
from plant.names import Carrier

POWER: Final = "power.electricity"
FINAL: Final = "energy.final"
LEAST_KW: Final = 1e-6


@dataclass(frozen=True, slots=True)
class SourcePart:
    """What one source has in a figure; `value` is its share of the numerator.

    `via` is the storage that it came through, or None.
    """

    source: str
    via: str | None
    amount: float
    kg: float
    value: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a carrier, a source or a storage has in an energy (kW); what leaves is negative."""

    kind: str
    of: str
    value: float


@dataclass(frozen=True, slots=True)
class Apart:
    """A figure of the moment `at_ns`. Parts or contributions add up to `top`.

    `coverage` is the percentage of the meters behind it that are heard.
    """

    figure: str
    at_ns: int
    value: float | None
    top: float | None
    over: float | None = None
    unit: str = ""
    coverage: float | None = None
    parts: list[SourcePart] = field(default_factory=list)
    contributions: list[Contribution] = field(default_factory=list)


def taken_apart(
    picture: Picture,
    name: str,
    of: str,
) -> Apart | None:
    """A figure of the site, a line, a group or a bus; None where `now` does not have it."""
    figure = find(name)
    places = places_of(picture, of)

    if figure is None or places is None:
        return None

    if "now" in figure.clock:
        return _ratio(
            picture,
            figure,
            of,
            places,
        )

    if figure.name in (POWER, FINAL):
        return _power(
            picture,
            figure.name,
            of,
            places,
        )

    return None


def places_of(picture: Picture, of: str) -> Places | None:
    """The places where `of` uses energy: taps of lines, then what is left on buses."""
    site = picture.site
    taps = len(picture.graph.taps)

    if of == "site":
        return np.arange(taps + len(site.buses))

    found: list[int] = []
    known = False

    for index, line in enumerate(site.lines):
        if of in (line.id, line.group):
            found += picture.taps_of[index]
            known = True

    for index, bus in enumerate(site.buses):
        if bus.id == of:
            found.append(taps + index)
            known = True

    return np.array(found, np.int64) if known else None


def _ratio(
    picture: Picture,
    figure: Figure,
    of: str,
    places: Places,
) -> Apart:
    """A ratio: by source where carbon or shares are above the line, by carrier where energy is."""
    sums = picture.moment.sums([places])
    over = figure.below(sums)
    above = picture.moment.above(figure, places)
    by_energy = is_energy(figure)
    return Apart(
        figure=figure.name,
        at_ns=picture.at,
        value=nulls(figure.value(sums, LEAST))[0],
        top=nulls(figure.above(sums))[0],
        over=None if over is None else nulls(over)[0],
        coverage=coverage(picture, of, places),
        parts=[] if by_energy else list(source_parts(picture, figure, above)),
        contributions=by_carrier(picture, above) if by_energy else [],
    )


def source_parts(
    picture: Picture,
    figure: Figure,
    places: Places,
) -> Iterator[SourcePart]:
    """Each source behind the places, directly and through each storage."""
    by_source = picture.now.by_source
    counts = worth(figure, by_source)

    for behind in sources_behind(picture, places):
        if abs(behind.amount) > LEAST_KW:
            yield SourcePart(
                source=picture.site.properties[behind.source].source,
                via=behind.via,
                amount=behind.amount,
                kg=behind.amount * float(by_source[By.LOCATION, behind.source]),
                value=behind.amount * float(counts[behind.source]),
            )


@dataclass(frozen=True, slots=True)
class Behind:
    """An amount of one source (its index), in its unit; `via` is the storage that it came
    through."""

    source: int
    via: str | None
    amount: float


def sources_behind(picture: Picture, places: Places) -> Iterator[Behind]:
    """What stands behind the use of some places, column by column of the tracing."""
    graph = picture.graph
    pseudo = {
        graph.ambient: graph.source_count,
        graph.unknown: graph.source_count + 1,
    }

    for column, amount in enumerate(picture.amounts[places].sum(0).tolist()):
        storage = column - graph.source_count

        if 0 <= storage < graph.storage_count:
            # A kilowatt-hour out of a storage is made of what its next layer holds.
            via = picture.site.storages[storage].id
            for source, share in picture.now.storage_mix[storage].items():
                yield Behind(source, via, share * amount)
        else:
            yield Behind(pseudo.get(column, column), None, amount)


def _power(
    picture: Picture,
    figure: str,
    of: str,
    places: Places,
) -> Apart:
    """A power: electricity of the site by what brings and takes it, all others by carrier."""
    heard = coverage(picture, of, places)

    if figure == POWER and of == "site":
        contributions = by_supply(picture)
    elif figure == POWER:
        contributions = by_carrier(picture, places, Carrier.ELECTRICITY)
    else:
        contributions = by_carrier(picture, places)

    value = sum(part.value for part in contributions) if heard else None
    return Apart(
        figure=figure,
        at_ns=picture.at,
        value=value,
        top=value,
        unit="kW",
        coverage=heard,
        contributions=contributions,
    )


def by_carrier(
    picture: Picture,
    places: Places,
    only: Carrier | None = None,
) -> list[Contribution]:
    """Final energy of the places by carrier."""
    found: dict[Carrier, float] = {}

    for place in places:
        carrier = picture.carriers[place]

        if only is None or carrier is only:
            found[carrier] = found.get(carrier, 0.0) + float(picture.final[place])

    return [Contribution("carrier", carrier.value, value) for carrier, value in found.items()]


def by_supply(picture: Picture) -> list[Contribution]:
    """Electricity of the site: what comes in, is made or discharged, less charge and export."""
    site = picture.site
    supply = site_electricity(picture.graph, picture.used)
    found = []

    for index, source in enumerate(site.sources):
        found.append(
            Contribution(
                "source",
                source.id,
                float(supply.source[0, index]),
            )
        )

    for index, converter in enumerate(site.converters):
        found.append(
            Contribution(
                "converter",
                converter.id,
                float(supply.generated[0, index]),
            )
        )

    for index, storage in enumerate(site.storages):
        discharged = float(supply.discharged[0, index])
        charged = float(supply.charged[0, index])
        found.append(Contribution("storage", storage.id, discharged))
        found.append(Contribution("charge", storage.id, -charged))

    for index, bus in enumerate(site.buses):
        exported = float(supply.exported[0, index])
        found.append(Contribution("export", bus.id, -exported))

    return [part for part in found if abs(part.value) > LEAST_KW]


def coverage(
    picture: Picture,
    of: str,
    places: Places,
) -> float | None:
    """Percent of the meters behind some places that are heard; None where there are none."""
    if of == "site":
        heard = picture.seen
    else:
        taps = [picture.graph.taps[place] for place in places if place < len(picture.graph.taps)]
        heard = picture.seen[[meter for tap in taps for meter in tap.meters]]

    return 100.0 * float(heard.mean()) if len(heard) else None
