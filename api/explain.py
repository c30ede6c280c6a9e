"""A figure of a span or of an instant taken apart, and what flowed from sources to lines."""

from __future__ import annotations

import numpy as np

from api import describe
from api.answers import figures as answers
from api.ports import Figures, Ports
from books.answers import Part
from books.members import members
from books.parts import factor_row
from engine.figures.figures import figure, nulls
from engine.now.apart import Apart
from plant.errors import QueryError
from plant.site import Site

QUALITY = ("coverage.time", "estimated")
"""What says how far a figure can be trusted."""

ENERGIES = ("energy.", "power.")
"""Figures that add up over lines."""

GRAMS = 1e3  # g per kg


def explained(
    books: Figures,
    site: Site,
    name: str,
    of: str,
    span: tuple[int, int],
) -> answers.Explained:
    """A figure of a span (ns): its value, what stands above and below the line, and its parts by
    source."""
    start, end = span
    wanted = figure(name)
    sums = books.sums(of, np.array(span, np.int64), [name])
    quality = books.figures(of, start, end, QUALITY)
    top = nulls(wanted.above(sums))[0]
    over = wanted.below(sums)
    denominator = None if over is None else answers.Side(value=nulls(over)[0])

    return answers.Explained(
        figure=name,
        of=of,
        from_ms=start // 1_000_000,
        to_ms=end // 1_000_000,
        value=nulls(wanted.value(sums))[0],
        unit=wanted.unit,
        means=wanted.means,
        parts=list(books.parts(of, start, end, name)),
        numerator=answers.Side(value=top),
        denominator=denominator,
        coverage=quality["coverage.time"],
        estimated=quality["estimated"],
        meters=describe.meters_of(site, of),
        gas_basis=books.gas_basis(),
        readings=f"/api/v1/series?of={of}&figures={name}&every=1m&format=csv",
        contributions=contributions(books, name, of, span),
    )


def contributions(
    books: Figures,
    name: str,
    of: str,
    span: tuple[int, int],
) -> list[answers.EnergyPart]:
    """Lines, and what is unmetered on buses, behind an energy of the books; none for others."""
    found: list[answers.EnergyPart] = []

    if not name.startswith(ENERGIES) or not figure(name).summed:
        return found

    for member in books.by_member(of, *span, name):
        found.append(
            answers.EnergyPart(
                kind=member.kind,
                of=member.of,
                value=member.value,
            )
        )

    return found


def explained_now(
    ports: Ports,
    site: Site,
    name: str,
    of: str,
) -> answers.Explained:
    """A figure of the newest instant, with what is in it; amounts and carbon are of one hour."""
    wanted = figure(name)
    # Says which lines, groups and buses there are, where this is none of them.
    members(site, of)
    apart = ports.instants(name, of)

    if apart is None:
        raise QueryError(f"{name} of {of} is no figure of now; leave at out, or there is none yet")

    denominator = None if apart.over is None else answers.Side(value=apart.over)
    return answers.Explained(
        figure=name,
        of=of,
        from_ms=apart.at_ns // 1_000_000,
        to_ms=apart.at_ns // 1_000_000,
        value=apart.value,
        unit=apart.unit or wanted.unit,
        means=wanted.means,
        parts=instant_parts(site, apart),
        numerator=answers.Side(value=apart.top),
        denominator=denominator,
        coverage=apart.coverage,
        estimated=None,
        meters=describe.meters_of(site, of),
        gas_basis=ports.figures.gas_basis(),
        readings=f"/api/v1/series?of={of}&figures={name}&every=1m&format=csv",
        contributions=[
            answers.EnergyPart(
                kind=part.kind,
                of=part.of,
                value=part.value,
            )
            for part in apart.contributions
        ],
    )


def instant_parts(site: Site, apart: Apart) -> list[Part]:
    """The sources of an instant with their factors, the largest first."""
    properties = {source.source: source for source in site.properties}
    found = []

    for part in sorted(apart.parts, key=lambda part: -abs(part.amount)):
        factor = properties[part.source].location
        found.append(
            Part(
                source=part.source,
                via=part.via,
                amount=part.amount,
                unit=factor.unit,
                kg=part.kg,
                value=part.value,
                factor=factor_row(factor),
            )
        )

    return found


def flows_over(books: Figures, site: Site, start: int, end: int) -> answers.SpanFlows:
    """What came from each source, or from a storage, to each line."""
    kwh_per_unit = {source.source: source.kwh for source in site.properties}
    links = []

    for line, sources in books.sources_by_line(start, end).items():
        for part in sources:
            kwh = part.amount * kwh_per_unit[part.source]

            if kwh <= 0:
                continue

            begins = f"storage:{part.via}" if part.via else f"source:{part.source}"
            links.append(
                answers.SpanLink(
                    begins=begins,
                    ends=f"line:{line}",
                    kwh=kwh,
                    g_per_kwh=GRAMS * part.kg / kwh,
                )
            )

    places = dict.fromkeys(place for link in links for place in (link.begins, link.ends))
    return answers.SpanFlows(
        nodes=[node(place) for place in places],
        links=links,
    )


def node(place: str) -> answers.SpanNode:
    """A place, from its id `kind:ref`."""
    kind, _, reference = place.partition(":")
    return answers.SpanNode(
        id=place,
        kind=kind,
        ref=reference,
    )
