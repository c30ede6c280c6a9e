"""What the plant is made of, and how good its data are."""

from __future__ import annotations

import msgspec

from api import describe
from api.access import Role
from api.answers import plant as answers
from api.explain import QUALITY
from api.ports import Ports
from api.routing import Routes
from books.answers import Meter
from plant.calendar import day_start
from plant.site import Site

TAG = "plant"


def plant_routes(
    routes: Routes,
    ports: Ports,
    site: Site,
    version: str,
) -> None:
    """Site, lines, meters, data health, factors."""

    @routes.add(
        "GET",
        "/api/v1/site",
        role=Role.VIEWER,
        tag=TAG,
    )
    def plant() -> answers.Site:
        """What the plant is made of."""
        return describe.site(site, version, ports.figures.gas_basis())

    @routes.add(
        "GET",
        "/api/v1/lines",
        role=Role.VIEWER,
        tag=TAG,
    )
    def lines() -> list[answers.Line]:
        """Lines with group, carriers, unit of output, meters."""
        return describe.lines(site)

    @routes.add("GET", "/api/v1/meters", role=Role.VIEWER, tag=TAG)
    def meters() -> list[Meter]:
        """Meters with their last values and health."""
        return told(ports).meters

    @routes.add(
        "GET",
        "/api/v1/health",
        role=Role.VIEWER,
        tag=TAG,
    )
    def health() -> answers.Health:
        """Data health: connections, meters, verdicts, gaps, journal, further stores."""
        now_ns = ports.operations.now_ns()
        today = ports.figures.figures("site", day_start(site, now_ns), now_ns, QUALITY)
        found = told(ports)
        return answers.Health(
            at_ms=now_ns // 1_000_000,
            coverage=today["coverage.time"],
            estimated=today["estimated"],
            connections=found.connections,
            meters=found.meters,
            verdicts=found.verdicts,
            gaps=found.gaps,
            journal=found.journal,
            stores=found.stores,
        )

    @routes.add(
        "GET",
        "/api/v1/factors",
        role=Role.VIEWER,
        tag=TAG,
    )
    def factors() -> list[answers.SourceFactors]:
        """Factors in force, with source, year, basis and fallback."""
        return describe.factors(site)


def told(ports: Ports) -> answers.DataHealth:
    """Data health as drivers, stores and journal tell it."""
    found = ports.operations.health()
    return msgspec.convert(
        found,
        answers.DataHealth,
        from_attributes=True,
    )
