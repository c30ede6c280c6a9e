"""Errors of the API: one shape, and which status each kind of problem has."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.answers.base import Error, Problem
from plant.errors import NotThere, QueryError, StoreDamaged

SEE_DOCS = "see /api/docs for what is accepted"
WORDS = {
    404: "not_found",
    405: "method_not_allowed",
}


class NoAccess(Exception):
    """Somebody asks for something without the token that it needs."""


class ForeignPage(Exception):
    """A page of another site asks for something to be changed."""


def refusal(
    status: int,
    code: str,
    message: str,
    hint: str = "",
) -> Response:
    """An answer in the one shape of errors."""
    body = Error(
        error=Problem(
            code=code,
            message=message,
            hint=hint,
        )
    )
    return Response(
        msgspec.json.encode(body),
        status,
        media_type="application/json",
    )


def no_access(message: str, hint: str) -> Response:
    """401, for whoever has no token or the wrong one."""
    return refusal(
        401,
        "no_access",
        message,
        hint,
    )


def error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes an answer in the one shape."""

    @app.exception_handler(NotThere)
    async def not_there(_: Request, problem: NotThere) -> Response:
        return refusal(
            404,
            "not_found",
            str(problem),
            SEE_DOCS,
        )

    @app.exception_handler(QueryError)
    async def query(_: Request, problem: QueryError) -> Response:
        return refusal(
            400,
            "bad_query",
            str(problem),
            SEE_DOCS,
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, problem: RequestValidationError) -> Response:
        found = []

        for error in problem.errors():
            # The first part of the place only says query, path or body.
            place = ".".join(str(part) for part in error["loc"][1:]) or "body"
            found.append(f"{place}: {error['msg']}")

        return refusal(
            400,
            "bad_query",
            "; ".join(found),
            SEE_DOCS,
        )

    @app.exception_handler(NoAccess)
    async def without_token(_: Request, problem: NoAccess) -> Response:
        return no_access(
            "a token is needed",
            "open the link that was printed at start, or send Authorization: Bearer TOKEN",
        )

    @app.exception_handler(ForeignPage)
    async def foreign_page(_: Request, problem: ForeignPage) -> Response:
        return refusal(
            403,
            "foreign_page",
            "this was asked by a page of another site",
            "open the page of Wattline itself; a proxy before it is named with --allow-host",
        )

    @app.exception_handler(StoreDamaged)
    async def damaged(_: Request, problem: StoreDamaged) -> Response:
        return refusal(
            500,
            "store_damaged",
            str(problem),
        )

    @app.exception_handler(HTTPException)
    async def http(_: Request, problem: HTTPException) -> Response:
        code = WORDS.get(problem.status_code, "error")
        return refusal(problem.status_code, code, str(problem.detail))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, problem: Exception) -> Response:
        return refusal(
            500,
            "internal",
            f"{type(problem).__name__}; the log has the details",
        )
