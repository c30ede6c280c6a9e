"""Errors of the API: one shape, and which status each kind of problem has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

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

    def __init__(self) -> None:
        super().__init__("this was asked by a page of another site")


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a kind of problem is answered; its message is what the problem says itself."""

    status: int
    code: str
    hint: str = ""


REFUSALS: Final[Mapping[type[Exception], Refusal]] = {
    NotThere: Refusal(404, "not_found", SEE_DOCS),
    QueryError: Refusal(400, "bad_query", SEE_DOCS),
    ForeignPage: Refusal(
        403,
        "foreign_page",
        "open the page of Wattline itself; a proxy before it is named with --allow-host",
    ),
    StoreDamaged: Refusal(500, "store_damaged"),
}


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


def _refused(answer: Refusal) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(_: Request, problem: Exception) -> Response:
        return refusal(
            answer.status,
            answer.code,
            str(problem),
            answer.hint,
        )

    return handler


def error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes an answer in the one shape."""

    for kind, answer in REFUSALS.items():
        app.add_exception_handler(kind, _refused(answer))

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
