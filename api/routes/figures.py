"""Figures of the books: over time, taken apart, as flows."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import Query
from fastapi.responses import Response

from api import times
from api.access import Role
from api.answers import figures as answers
from api.explain import explained, explained_now, flows_over
from api.export import CSV, XLSX, as_csv, as_xlsx
from api.ports import Ports
from api.routes.asked import From, Of, To
from api.routing import Routes, Schema
from books.answers import Series
from engine.figures import figures as table
from plant.site import Site

TAG = "figures"
FILES: Final[dict[str, Schema]] = {
    CSV: {"type": "string"},
    XLSX: {"type": "string", "format": "binary"},
}

Names = Annotated[
    str,
    Query(
        description="names, comma separated; energy.source.* and seconds.* expand",
        examples=["intensity.electricity"],
    ),
]
Every = Annotated[str, Query(examples=["15m"])]
Format = Annotated[str, Query(pattern="^(json|csv|xlsx)$")]
At = Annotated[
    str,
    Query(
        pattern="^(now)?$",
        description="now: the newest instant instead of a span",
        examples=["now"],
    ),
]
Figure = Annotated[str, Query(alias="figure", examples=["intensity.electricity"])]


def figure_routes(
    routes: Routes,
    ports: Ports,
    site: Site,
) -> None:
    """Series, the list of figures, flows, explain."""

    @routes.add(
        "GET",
        "/api/v1/series",
        role=Role.VIEWER,
        tag=TAG,
        also=FILES,
    )
    def series(
        of: Of = "site",
        figures: Names = "energy.electricity",
        start: From = "-24h",
        to: To = "now",
        every: Every = "15m",
        format: Format = "json",
    ) -> Series | Response:
        """Figures over time, from closed windows."""
        span = times.span(
            start,
            to,
            site,
            ports.operations.now_ns(),
        )
        names = [name.strip() for name in figures.split(",") if name.strip()]
        asked = ports.figures.series(of, names, *span, times.every(every))

        if format == "csv":
            return download(
                as_csv(asked, site.timezone).encode(),
                CSV,
                f"{of}.csv",
            )

        if format == "xlsx":
            return download(as_xlsx(asked, site.timezone), XLSX, f"{of}.xlsx")

        return asked

    @routes.add(
        "GET",
        "/api/v1/figures",
        role=Role.VIEWER,
        tag=TAG,
    )
    def figure_list() -> list[answers.FigureMeaning]:
        """All figures: name, unit, and what is divided by what."""
        return [
            answers.FigureMeaning(
                name=figure.name,
                unit=figure.unit,
                means=figure.means,
            )
            for figure in table.FIGURES
        ]

    @routes.add(
        "GET",
        "/api/v1/flows",
        role=Role.VIEWER,
        tag=TAG,
    )
    def flows(start: From = "now", to: To = "now") -> answers.Flows | answers.SpanFlows:
        """The flow picture of now, or from sources to lines over a span."""
        if start == to == "now":
            return flows_now(ports)

        span = times.span(
            start,
            to,
            site,
            ports.operations.now_ns(),
        )
        return flows_over(ports.figures, site, *span)

    @routes.add(
        "GET",
        "/api/v1/explain",
        role=Role.VIEWER,
        tag=TAG,
    )
    def explain(
        name: Figure,
        of: Of = "site",
        start: From = "today",
        to: To = "now",
        at: At = "",
    ) -> answers.Explained:
        """A figure taken apart: sources, factors, what was measured and what estimated."""
        if at:
            return explained_now(
                ports,
                site,
                name,
                of,
            )

        span = times.span(
            start,
            to,
            site,
            ports.operations.now_ns(),
        )
        return explained(
            ports.figures,
            site,
            name,
            of,
            span,
        )


def flows_now(ports: Ports) -> answers.Flows:
    """The flow picture of the newest moment; empty before there is one."""
    newest = ports.live.latest["now"]

    if not isinstance(newest, dict):
        return answers.Flows(
            nodes=[],
            links=[],
        )

    return msgspec.convert(newest["flows"], answers.Flows)


def download(
    body: bytes,
    kind: str,
    name: str,
) -> Response:
    """A file to keep."""
    return Response(
        body,
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
