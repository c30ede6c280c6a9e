"""The app: the routes of each room behind one guard.

Every answer follows docs/api.md; every error has one shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from api.access import Access, Guard
from api.errors import error_handlers
from api.ports import Ports
from api.routes.alerts import alert_routes
from api.routes.figures import figure_routes
from api.routes.influx import influx_routes
from api.routes.live import live_routes
from api.routes.operations import operation_routes
from api.routes.page import page_routes
from api.routes.plant import plant_routes
from api.routes.rules import rule_routes
from api.routing import Routes
from plant.site import Site


@dataclass(frozen=True, slots=True)
class Shown:
    """What the app shows: the plant, the version that runs, and the folder of the built page."""

    site: Site
    version: str
    page: Path | None = None


def create_app(
    shown: Shown,
    ports: Ports,
    access: Access | None = None,
) -> Guard:
    """The app over one running plant, behind the guard."""
    access = access or Access()
    return Guard(routed(shown, ports, access), access)


def routed(
    shown: Shown,
    ports: Ports,
    access: Access,
) -> FastAPI:
    """The routes without the guard."""
    app = FastAPI(
        title="Wattline",
        version=shown.version,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
    )
    error_handlers(app)
    routes = Routes(app, access)
    app.openapi = routes.describe  # type: ignore[method-assign]
    operation_routes(routes, ports.operations, shown.version)
    plant_routes(
        routes,
        ports,
        shown.site,
        shown.version,
    )
    figure_routes(routes, ports, shown.site)
    live_routes(routes, ports.live)

    if ports.alerts is not None and ports.trials is not None:
        alert_routes(routes, ports, shown.site)
        rule_routes(routes, ports, shown.site)

    if ports.queries is not None:
        influx_routes(
            routes,
            ports.queries,
            ports.operations,
            shown.version,
        )

    # Last, since it answers whatever no other route does.
    page_routes(routes, shown.page)
    return app


def described() -> dict[str, object]:
    """OpenAPI of all routes, of no plant in particular: the ports are never asked."""
    nobody = object()
    ports = Ports(*[nobody] * 7)  # type: ignore[arg-type]
    shown = Shown(cast("Site", nobody), version="")
    return cast(
        "dict[str, object]",
        routed(shown, ports, Access()).openapi(),
    )
