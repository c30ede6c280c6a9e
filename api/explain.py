"""A figure of a span taken apart, and what flowed from sources to lines in it."""

from __future__ import annotations

import numpy as np

from api import describe
from api.answers import figures as answers
from api.ports import Figures
from engine.figures.figures import ALIASES, figure, nulls, value
from engine.figures.meanings import MEANINGS
from plant.site import Site

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
    quality = books.one(of, start, end)
    top = nulls(np.asarray(wanted.top(sums), float))[0]
    denominator = None

    if wanted.over is not None:
        over = nulls(np.asarray(wanted.over(sums), float))[0]
        denominator = answers.Side(value=over)

    return answers.Explained(
        figure=name,
        of=of,
        from_ms=start // 1_000_000,
        to_ms=end // 1_000_000,
        value=nulls(value(name, sums))[0],
        unit=wanted.unit,
        means=MEANINGS[ALIASES.get(name, name)],
        parts=list(books.parts(of, start, end, name)),
        numerator=answers.Side(value=top),
        denominator=denominator,
        coverage=quality["coverage.time"],
        estimated=quality["estimated"],
        meters=describe.meters_of(site, of),
        gas_basis=books.gas_basis(),
        readings=f"/api/v1/series?of={of}&figures={name}&every=1m&format=csv",
    )


def flows_over(books: Figures, site: Site, start: int, end: int) -> answers.SpanFlows:
    """What came from each source, or from a storage, to each line."""
    kwh_per_unit = {source.source: source.kwh for source in site.properties}
    links = []

    for line in site.lines:
        for part in books.sources(line.id, start, end):
            kwh = part.amount * kwh_per_unit[part.source]

            if kwh <= 0:
                continue

            begins = f"store:{part.via}" if part.via else f"source:{part.source}"
            links.append(
                answers.SpanLink(
                    begins=begins,
                    ends=f"line:{line.id}",
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
