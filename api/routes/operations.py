"""Whether it runs, whether it is ready, metrics, and the way in."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from api.access import Role
from api.answers import operations as answers
from api.docs_page import docs_page
from api.errors import refusal
from api.ports import Operations
from api.routing import Routes

TAG = "operations"


def operation_routes(
    routes: Routes,
    operations: Operations,
    version: str,
) -> None:
    """For those who keep it running, and the description of the API."""

    @routes.add(
        "GET",
        "/healthz",
        role=Role.OPEN,
        tag=TAG,
    )
    async def healthz() -> answers.Healthy:
        """Whether the process lives; what stands still is told by readyz."""
        return answers.Healthy(
            status="ok",
            version=version,
        )

    @routes.add(
        "GET",
        "/readyz",
        role=Role.OPEN,
        tag=TAG,
    )
    async def readyz() -> answers.Ready | Response:
        """200 while figures can be relied on, else 503: what stands still, since when and why."""
        why = operations.not_ready()

        if why is not None:
            return refusal(503, "not_ready", why)

        return answers.Ready(status="ready")

    @routes.add(
        "GET",
        "/metrics",
        role=Role.VIEWER,
        tag=TAG,
    )
    async def metrics() -> PlainTextResponse:
        """Prometheus metrics."""
        return PlainTextResponse(operations.metrics())

    app = routes.app

    @routes.hidden("/enter", role=Role.OPEN)
    async def enter(key: str = "") -> Response:
        return routes.access.enter(key)

    @routes.hidden("/api/docs", role=Role.VIEWER)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    @routes.hidden("/api/openapi.json", role=Role.VIEWER)
    async def openapi() -> dict[str, object]:
        return app.openapi()
