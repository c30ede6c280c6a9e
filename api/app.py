"""The FastAPI app. Every answer under /api/v1 follows docs/api.md; every error has one shape."""

from __future__ import annotations

import difflib
import hashlib
import json
import secrets
from importlib.resources import files
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api import describe, times
from api.alerts import alert_routes
from api.context import Context
from api.docs_page import docs_page
from api.export import as_csv, as_xlsx
from api.influx import influx_routes, may_query
from engine.figures.figures import ALIASES, FIGURES, figure, nulls, value
from engine.figures.meanings import MEANINGS
from plant.calendar import day_start
from plant.errors import QueryError

CSP = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
COOKIE = "wattline"


def error(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """The one error shape."""
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


def create_app(context: Context) -> FastAPI:
    """The app over one running plant."""
    app = FastAPI(
        title="Wattline",
        version=context.version,
        docs_url=None,
        openapi_url="/api/openapi.json",
        redoc_url=None,
        dependencies=[Depends(_known_parameters)],
    )
    _errors(app)
    _guard(app, context)
    _plain(app, context)
    docs_page(app)
    _plant(app, context)
    _figures(app, context)
    _live(app, context)
    alert_routes(app, context)
    influx_routes(app, context)
    _page(app, context)
    _examples(app)
    return app


def _examples(app: FastAPI) -> None:
    """What each route answers, cut short, beside its description in OpenAPI."""
    found = json.loads(files("api").joinpath("examples.json").read_text(encoding="utf-8"))
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path in found:
            route.responses[200] = {"content": {"application/json": {"example": found[route.path]}}}


def _known_parameters(request: Request) -> None:
    """A misspelt parameter is an error, not a default. InfluxQL clients send parameters of their own."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.path.startswith("/api/v1"):
        return
    known = [p.alias for p in route.dependant.query_params]
    for name in set(request.query_params) - set(known):
        close = difflib.get_close_matches(name, known, 1, 0.5)
        hint = (
            f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known) or 'none'}"
        )
        raise QueryError(f"there is no parameter '{name}'{hint}")


def _errors(app: FastAPI) -> None:
    @app.exception_handler(QueryError)
    async def query(_: Request, problem: QueryError) -> JSONResponse:
        return error(400, "bad_query", str(problem), "see /api/docs for what is accepted")

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, problem: RequestValidationError) -> JSONResponse:
        found = "; ".join(
            f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in problem.errors()
        )
        return error(400, "bad_query", found, "see /api/docs for what is accepted")

    @app.exception_handler(HTTPException)
    async def http(_: Request, problem: HTTPException) -> JSONResponse:
        return error(
            problem.status_code,
            {404: "not_found", 405: "method_not_allowed"}.get(problem.status_code, "error"),
            str(problem.detail),
        )

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, problem: Exception) -> JSONResponse:
        return error(500, "internal", f"{type(problem).__name__}; the log has the details")


def _guard(app: FastAPI, context: Context) -> None:
    """With a token (any bind but loopback): bearer header, or the cookie that the one-time link set."""
    used: list[str] = []

    @app.middleware("http")
    async def check(request: Request, call_next: Any) -> Response:
        path = request.url.path
        if context.token is None or path in ("/healthz", "/readyz"):
            response: Response = await call_next(request)
        elif path.startswith("/api/influx/") and may_query(
            request, context.query_token or context.token
        ):
            response = await call_next(request)
        elif path == "/enter":
            response = _enter(request, context.token, used)
        else:
            given = request.headers.get("authorization", "").removeprefix(
                "Bearer "
            ) or request.cookies.get(COOKIE, "")
            if not secrets.compare_digest(given.encode(), context.token.encode()):
                return error(
                    401,
                    "no_access",
                    "a token is needed",
                    "open the link that was printed at start, or send Authorization: Bearer TOKEN",
                )
            response = await call_next(request)
        response.headers["Content-Security-Policy"] = CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _enter(request: Request, token: str, used: list[str]) -> Response:
    key = request.query_params.get("key", "")
    good = secrets.compare_digest(key.encode(), one_time_key(token).encode()) and key not in used
    if not good:
        return error(
            401,
            "no_access",
            "this link has been used or is not valid",
            "use the token, or start again for a new link",
        )
    used.append(key)
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", max_age=30 * 86400)
    return response


def one_time_key(token: str) -> str:
    """Key of the one-time link, which cannot be turned back into the token."""

    return hashlib.sha256(b"enter:" + token.encode()).hexdigest()[:32]


def _plain(app: FastAPI, context: Context) -> None:
    @app.get("/healthz", tags=["operations"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": context.version}

    @app.get("/readyz", tags=["operations"])
    async def readyz() -> Response:
        why = context.ready()
        return JSONResponse({"status": "ready"}) if why is None else error(503, "not_ready", why)

    @app.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
    async def metrics() -> str:
        return context.metrics()


def _plant(app: FastAPI, context: Context) -> None:
    @app.get("/api/v1/site", tags=["plant"])
    async def site() -> dict[str, Any]:
        """What the plant is made of."""
        return describe.site(context)

    @app.get("/api/v1/lines", tags=["plant"])
    async def lines() -> list[dict[str, Any]]:
        return describe.lines(context.site)

    @app.get("/api/v1/meters", tags=["plant"])
    def meters() -> list[dict[str, Any]]:
        """Meters with their last values and health."""
        found: list[dict[str, Any]] = msgspec.to_builtins(context.health().meters)
        return found

    @app.get("/api/v1/health", tags=["plant"])
    def health() -> dict[str, Any]:
        """Data health: connections, meters, verdicts, gaps, journal, further stores."""
        now = context.now_ns()
        today = context.history.one("site", day_start(context.site, now), now)
        return {
            "at_ms": now // 1_000_000,
            "coverage": today["coverage.time"],
            "estimated": today["estimated"],
            **msgspec.to_builtins(context.health()),
        }

    @app.get("/api/v1/factors", tags=["plant"])
    async def factors() -> list[dict[str, Any]]:
        """Factors in force, with source, year, basis and fallback."""
        return describe.factors(context.site)


Of = Annotated[str, Query(description="line, group, bus or site", examples=["site"])]
From = Annotated[
    str, Query(alias="from", description="ISO 8601 with offset, today, or -24h", examples=["-24h"])
]
To = Annotated[str, Query(description="ISO 8601 with offset, or now", examples=["now"])]


def _figures(app: FastAPI, context: Context) -> None:
    @app.get("/api/v1/series", tags=["figures"])
    def series(
        of: Of = "site",
        figures: Annotated[
            str,
            Query(
                description="names, comma separated; energy.source.* and seconds.* expand",
                examples=["intensity.electricity"],
            ),
        ] = "energy.electricity",
        start: From = "-24h",
        to: To = "now",
        every: Annotated[str, Query(examples=["15m"])] = "15m",
        format: Annotated[str, Query(pattern="^(json|csv|xlsx)$")] = "json",
    ) -> Response:
        """Figures over time, from closed windows."""
        a, b = times.span(start, to, context.site, context.now_ns())
        found = context.history.series(
            of, [f.strip() for f in figures.split(",") if f.strip()], a, b, times.every(every)
        )
        if format == "csv":
            return Response(
                as_csv(found, context.site.timezone),
                media_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": f'attachment; filename="{of}.csv"'},
            )
        if format == "xlsx":
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return Response(
                as_xlsx(found, context.site.timezone),
                media_type=kind,
                headers={"Content-Disposition": f'attachment; filename="{of}.xlsx"'},
            )
        return Response(msgspec.json.encode(found), media_type="application/json")

    @app.get("/api/v1/figures", tags=["figures"])
    async def figure_list() -> list[dict[str, str]]:
        """All figures: name, unit, and what is divided by what."""
        return [
            {"name": name, "unit": f.unit, "means": MEANINGS[name]} for name, f in FIGURES.items()
        ]

    @app.get("/api/v1/flows", tags=["figures"])
    def flows(start: From = "now", to: To = "now") -> Any:
        """The flow picture of now, or from sources to lines over a span."""
        if start == "now":
            now = context.hub.latest["now"]
            return now["flows"] if now else {"nodes": [], "links": []}
        return _flows_over(context, *times.span(start, to, context.site, context.now_ns()))

    @app.get("/api/v1/explain", tags=["figures"])
    def explain(
        figure_name: Annotated[str, Query(alias="figure", examples=["intensity.electricity"])],
        of: Of = "site",
        start: From = "today",
        to: To = "now",
    ) -> dict[str, Any]:
        """A figure taken apart: sources, factors, what was measured and what estimated."""
        a, b = times.span(start, to, context.site, context.now_ns())
        return _explain(context, figure_name, of, a, b)


def _flows_over(context: Context, a: int, b: int) -> dict[str, Any]:
    links: list[dict[str, Any]] = []
    for line in context.site.lines:
        for part in context.history.sources(line.id, a, b):
            kwh = part.amount * next(
                p.kwh for p in context.site.properties if p.source == part.source
            )
            if kwh > 0:
                origin = f"store:{part.via}" if part.via else f"source:{part.source}"
                links.append(
                    {
                        "from": origin,
                        "to": f"line:{line.id}",
                        "kwh": kwh,
                        "g_per_kwh": 1e3 * part.kg / kwh,
                    }
                )
    names = dict.fromkeys(n for row in links for n in (row["from"], row["to"]))
    return {
        "nodes": [
            {"id": n, "kind": n.partition(":")[0], "ref": n.partition(":")[2]} for n in names
        ],
        "links": links,
    }


def _explain(context: Context, name: str, of: str, a: int, b: int) -> dict[str, Any]:

    wanted = figure(name)
    sums = context.history.sums(of, np.array([a, b], np.int64), [name])
    all_figures = context.history.one(of, a, b)
    top = nulls(np.asarray(wanted.top(sums), float))[0]
    over = None if wanted.over is None else nulls(np.asarray(wanted.over(sums), float))[0]
    return {
        "figure": name,
        "of": of,
        "from_ms": a // 1_000_000,
        "to_ms": b // 1_000_000,
        "value": nulls(value(name, sums))[0],
        "unit": wanted.unit,
        "means": MEANINGS[ALIASES.get(name, name)],
        "parts": msgspec.to_builtins(context.history.parts(of, a, b, name)),
        "numerator": {"value": top},
        "denominator": None if over is None else {"value": over},
        "coverage": all_figures["coverage.time"],
        "estimated": all_figures["estimated"],
        "meters": describe.meters_of(context.site, of),
        "gas_basis": context.history.gas_basis(),
        "readings": f"/api/v1/series?of={of}&figures={name}&every=1m&format=csv",
    }


def _live(app: FastAPI, context: Context) -> None:
    @app.get("/api/v1/live", tags=["live"])
    async def live() -> Response:
        """Newest of all: now, books, back-fill."""
        return Response(msgspec.json.encode(context.hub.latest), media_type="application/json")

    @app.get("/api/v1/live/stream", tags=["live"])
    async def stream() -> StreamingResponse:
        """Server-sent events: now each second, books when windows close, backfill while it runs."""
        return StreamingResponse(
            context.hub.stream(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _page(app: FastAPI, context: Context) -> None:
    page = context.page

    @app.get("/{path:path}", include_in_schema=False)
    async def serve(path: str) -> Response:
        if path.startswith("api/"):
            return error(404, "not_found", f"there is no /{path}", "see /api/docs")
        if page is None or not (page / "index.html").exists():
            return PlainTextResponse(
                "The live page is not built; run `make page`. The API is at /api/docs.", 404
            )
        wanted = (page / path).resolve()
        if path and wanted.is_relative_to(page.resolve()) and wanted.is_file():
            immutable = (
                {"Cache-Control": "public, max-age=31536000, immutable"}
                if path.startswith("assets/")
                else {}
            )
            return FileResponse(wanted, headers=immutable)
        if "." in path.rpartition("/")[2]:
            return error(404, "not_found", f"there is no /{path}")
        return FileResponse(page / "index.html", headers={"Cache-Control": "no-cache"})
