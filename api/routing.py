"""How a route is written: its path, its tag, one word for the role that it needs; its answer is
what it says it returns.

The class that a route returns (`api.answers`) is what OpenAPI says of it, and is encoded by
msgspec.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from importlib.resources import files
from typing import Final, ParamSpec, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from api.access import Access, Role
from api.answers.base import Error
from plant.errors import QueryError
from plant.hints import nearest

REFERENCE: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"

Given = ParamSpec("Given")
Found = TypeVar("Found")
Endpoint = Callable[Given, Found]
Schema = dict[str, object]


@dataclass(slots=True)
class Routes:
    """Adds routes to `app`; each is guarded by `access`.

    `answers` gathers what OpenAPI has to describe.
    """

    app: FastAPI
    access: Access
    answers: list[object] = field(default_factory=lambda: [Error])
    examples: Mapping[str, object] = field(default_factory=lambda: recorded_examples())

    def add(
        self,
        method: str,
        path: str,
        *,
        role: Role,
        tag: str,
        also: Mapping[str, Schema] | None = None,
        status: int = 200,
    ) -> Callable[[Endpoint[Given, Found]], Endpoint[Given, Found]]:
        """Registers the function below it.

        `also`: further kinds of content that it may answer with.
        """

        def register(endpoint: Endpoint[Given, Found]) -> Endpoint[Given, Found]:
            answers, response = answers_of(endpoint)
            self.answers.extend(answers)
            self.app.add_api_route(
                path,
                encoding(endpoint),
                methods=[method],
                tags=[tag],
                status_code=status,
                response_model=None,
                response_class=response,
                dependencies=[Depends(self.access.needs(role)), Depends(known_parameters)],
                responses=self._responses(
                    path,
                    method,
                    answers,
                    also or {},
                ),
                openapi_extra={"x-role": role.value},
            )
            return endpoint

        return register

    def hidden(
        self,
        path: str,
        *,
        role: Role,
    ) -> Callable[[Endpoint[Given, Found]], Endpoint[Given, Found]]:
        """Registers a route that is no part of the API, such as the page."""

        def register(endpoint: Endpoint[Given, Found]) -> Endpoint[Given, Found]:
            self.app.add_api_route(
                path,
                encoding(endpoint),
                response_model=None,
                include_in_schema=False,
                dependencies=[Depends(self.access.needs(role))],
                openapi_extra={"x-role": role.value},
            )
            return endpoint

        return register

    def _responses(
        self,
        path: str,
        method: str,
        answers: list[object],
        also: Mapping[str, Schema],
    ) -> dict[int | str, dict[str, object]]:
        content: dict[str, object] = {kind: {"schema": schema} for kind, schema in also.items()}

        if answers:
            described: Schema = {"schema": schema_of(answers)}

            if method == "GET" and path in self.examples:
                described["example"] = self.examples[path]

            content[JSON] = described

        found: dict[int | str, dict[str, object]] = {
            400: problem("what was asked cannot be answered as asked"),
            401: problem("a token is needed"),
            404: problem("what was asked for is not there"),
            421: problem("this host is not known under that name"),
            "default": problem("something else is wrong"),
        }

        if content:
            found[200] = {"content": content}

        return found

    def describe(self) -> dict[str, object]:
        """OpenAPI of all routes, with the schemas of their answers."""
        document = get_openapi(
            title=self.app.title,
            version=self.app.version,
            routes=self.app.routes,
        )
        _, schemas = msgspec.json.schema_components(self.answers, ref_template=REFERENCE)
        components = document.setdefault("components", {})
        components["schemas"] = components.get("schemas", {}) | schemas
        return document


def recorded_examples() -> Mapping[str, object]:
    """Answers of the demo, cut short, by route."""
    text = files("api").joinpath("examples.json").read_text(encoding="utf-8")
    return cast("Mapping[str, object]", json.loads(text))


def problem(said: str) -> dict[str, object]:
    """An error in OpenAPI."""
    reference = {"$ref": REFERENCE.format(name=Error.__name__)}
    return {
        "description": said,
        "content": {JSON: {"schema": reference}},
    }


def answers_of(endpoint: Callable[..., object]) -> tuple[list[object], type[Response]]:
    """What an endpoint says it returns: shapes of answers, and the kind of response where it makes
    one itself."""
    returned = get_type_hints(endpoint)["return"]
    united = get_origin(returned) is types.UnionType
    kinds = get_args(returned) if united else (returned,)
    answers = []
    response: type[Response] = JSONResponse

    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Response)):
            answers.append(kind)
        elif len(kinds) == 1:
            response = kind

    return answers, response


def schema_of(answers: list[object]) -> Schema:
    """The schema of an answer, with references to what it is made of."""
    schemas, _ = msgspec.json.schema_components(answers, ref_template=REFERENCE)
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def encoding(endpoint: Callable[..., object]) -> Callable[..., object]:
    """The endpoint, its answer encoded."""
    if inspect.iscoroutinefunction(endpoint):
        waited = cast("Callable[..., Awaitable[object]]", endpoint)

        @wraps(endpoint)
        async def answer_later(*given: object, **named: object) -> Response:
            return encoded(await waited(*given, **named))

        return answer_later

    @wraps(endpoint)
    def answer(*given: object, **named: object) -> Response:
        return encoded(endpoint(*given, **named))

    return answer


def encoded(found: object) -> Response:
    """JSON of an answer; a response stays what it is."""
    if isinstance(found, Response):
        return found

    return Response(msgspec.json.encode(found), media_type=JSON)


def known_parameters(request: Request) -> None:
    """A misspelt parameter is an error, not a default.

    InfluxQL clients send parameters of their own.
    """
    route = request.scope.get("route")

    if not isinstance(route, APIRoute) or not route.path.startswith("/api/v1"):
        return

    known = [parameter.alias for parameter in route.dependant.query_params]

    for name in set(request.query_params) - set(known):
        close = nearest(name, known)
        listed = ", ".join(known) or "none"
        hint = f"did you mean {close[0]}?" if close else f"known are {listed}"
        raise QueryError(f"there is no parameter '{name}'; {hint}")
