"""Access: names of this host, roles at the routes, origins,
and security headers on every answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.access import HEADERS, Access, Guard, Role
from tests.api_rig import ApiRig
from tests.rig import text
from tests.unit.api.test_alerts_api import Rigged

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}}
"""
TOKEN = "t0k"
ACKNOWLEDGE = "/api/v1/alerts/none/acknowledge"


@pytest.fixture
def rig(tmp_path: Path) -> ApiRig:
    return ApiRig(text(PLANT, "g l"), tmp_path)


@pytest.fixture
def alerting(tmp_path: Path) -> Iterator[Rigged]:
    made = Rigged(tmp_path)
    yield made
    made.book.close()
    made.journal.close()


def client(app: Guard, base: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    """A browser; errors of the app are answers, as behind a real server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base)


def paths(app: Guard) -> list[tuple[str, str]]:
    """Every method and path of the app, each parameter of a path filled in."""
    assert isinstance(app.app, FastAPI)
    found = []

    for route in app.app.routes:
        assert isinstance(route, APIRoute), f"{route} is not added with a role"
        path = route.path.replace("{path:path}", "some/place")

        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "none")

        found += [(method, path) for method in route.methods]

    return found


def test_every_route_names_its_role(alerting: Rigged) -> None:
    for app in (alerting.api()._transport.app, alerting.app()):
        for route in app.app.routes:
            assert route.openapi_extra["x-role"] in set(Role), route.path


async def test_without_a_token_only_open_routes_answer(rig: ApiRig) -> None:
    app = rig.app(TOKEN)

    async with client(app) as api:
        for method, path in paths(app):
            answer = await api.request(method, path)
            refused = answer.status_code == 401
            is_open = path in ("/healthz", "/readyz")
            assert refused is not is_open, (method, path, answer.status_code)


async def test_no_route_answers_under_the_name_of_somebody_else(alerting: Rigged) -> None:
    app = alerting.api()._transport.app

    async with client(app, "http://evil.example:8000") as api:
        for method, path in [*paths(app), ("GET", "/nothing.js"), ("PUT", "/api/v1/site")]:
            answer = await api.request(method, path)
            assert answer.status_code == 421, (method, path)
            said = answer.json()["error"]
            assert said["code"] == "unknown_host"
            assert "--allow-host evil.example" in said["hint"]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.168.7.20:8000", True),
        ("plant-pc:8000", True),
        ("energy.works.example", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost:port", False),
        ("evil@127.0.0.1", False),
        ("localhost/evil", False),
        ("localhost?evil", False),
        ("", False),
    ],
)
def test_names_of_this_host(host: str, known: bool) -> None:
    access = Access(
        own=frozenset({"localhost", "plant-pc"}),
        hosts=frozenset({"energy.works.example"}),
    )
    assert access.answers_to(host) is known


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("localhost:8000", None, True),
        ("localhost:8000", "http://localhost:8000", True),
        ("127.0.0.1:8000", "http://localhost:8000", True),
        ("192.168.7.20:8000", "http://192.168.7.20:8000", True),
        ("127.0.0.1:8000", "https://energy.works.example", True),
        ("localhost", "http://localhost", True),
        ("localhost:8000", "http://localhost:3000", False),
        ("localhost:8000", "http://evil.example:8000", False),
        ("localhost:8000", "http://203.0.113.9:8000", False),
        ("localhost:8000", "null", False),
        ("127.0.0.1:8000", "ftp://127.0.0.1:8000", False),
        ("127.0.0.1:8000", "http://evil.example@127.0.0.1:8000", False),
        ("127.0.0.1:8000", "http://127.0.0.2:8000", False),
    ],
)
async def test_only_our_pages_change_something(
    alerting: Rigged, host: str, origin: str | None, allowed: bool
) -> None:
    app = alerting.api()._transport.app
    app.access.hosts = frozenset({"energy.works.example"})
    headers = {"Host": host} | ({"Origin": origin} if origin else {})

    async with client(app) as api:
        answer = await api.post(ACKNOWLEDGE, json={"name": "li"}, headers=headers)

    # The alert is not there; who is not allowed does not even learn that.
    assert answer.status_code == (404 if allowed else 403)
    assert ("another site" in answer.text) is not allowed


async def test_every_answer_has_the_security_headers(alerting: Rigged) -> None:
    app = alerting.api()._transport.app

    def fails() -> None:
        raise RuntimeError("disk")

    app.app.add_api_route("/fails", fails)
    app.app.router.routes.insert(0, app.app.router.routes.pop())

    async with client(app) as api:
        answers = {
            200: await api.get("/api/v1/site"),
            400: await api.get("/api/v1/series?from=never"),
            403: await api.post(ACKNOWLEDGE, headers={"Origin": "http://evil.example"}),
            404: await api.get("/api/v1/alerts/none"),
            405: await api.put("/api/v1/site"),
            421: await api.get("/api/v1/site", headers={"Host": "evil.example"}),
            500: await api.get("/fails"),
        }
        app.access.token = TOKEN
        answers[401] = await api.get("/api/v1/site")

    for status, answer in answers.items():
        assert answer.status_code == status

        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (status, name)

        if status != 200:
            assert set(answer.json()["error"]) == {"code", "message", "hint"}


async def test_the_query_token_opens_dashboards_only(rig: ApiRig) -> None:
    async with client(rig.app(TOKEN)) as api:
        asked = "/api/influx/query?q=SHOW DATABASES"
        assert (await api.get(asked)).status_code == 401

        for given in ("query-token", TOKEN):
            assert (await api.get(f"{asked}&p={given}")).status_code == 200
            basic = await api.get(asked, auth=("grafana", given))
            assert basic.status_code == 200

        bearer = {"Authorization": "Bearer query-token"}
        assert (await api.get("/api/v1/site", headers=bearer)).status_code == 401


async def test_the_way_in_works_once(rig: ApiRig) -> None:
    from api.access import one_time_key

    async with client(rig.app(TOKEN)) as api:
        way_in = f"/enter?key={one_time_key(TOKEN)}"
        assert (await api.get(way_in)).status_code == 303
        assert (await api.get("/api/v1/site")).status_code == 200, "the cookie is set"
        assert (await api.get(way_in)).status_code == 401
