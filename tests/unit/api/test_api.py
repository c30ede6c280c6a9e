"""The API: figures, exports, one error shape on every route, access."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.access import one_time_key
from engine.figures.figures import by_name
from plant.errors import StoreDamaged
from tests.api_rig import ApiRig
from tests.rig import text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}}
"""


@pytest.fixture
def rig(tmp_path: Path) -> ApiRig:
    rig = ApiRig(text(PLANT, "g l"), tmp_path)
    for _ in range(3):
        rig.feed({"g": 100.0, "l": 90.0})
    rig.store_all()
    return rig


def span(rig: ApiRig) -> str:
    return f"from={rig.iso(rig.start)}&to={rig.iso(rig.at)}"


async def test_series_and_what_is_unmetered(rig: ApiRig) -> None:
    body = (
        await rig.ask(
            f"/api/v1/series?of=site&figures=energy.electricity,energy.source.*&every=1h&{span(rig)}"
        )
    ).json()
    assert body["columns"]["energy.electricity"] == pytest.approx([100.0] * 3)
    assert body["columns"]["energy.source.grid"] == pytest.approx([100.0] * 3)
    left = (
        await rig.ask(f"/api/v1/series?of=board&figures=energy.electricity&every=1h&{span(rig)}")
    ).json()
    assert left["columns"]["energy.electricity"] == pytest.approx([10.0] * 3)


async def test_no_output_is_null_not_zero(rig: ApiRig) -> None:
    assert await rig.value("per_good.carbon", "press") is None


async def test_every_figure_can_be_asked(rig: ApiRig) -> None:
    for name in by_name():
        assert (
            await rig.ask(f"/api/v1/explain?figure={name}&of=press&{span(rig)}")
        ).status_code == 200, name


async def test_exports(rig: ApiRig) -> None:
    text_ = (
        await rig.ask(
            f"/api/v1/series?of=press&figures=energy.electricity&every=1h&format=csv&{span(rig)}"
        )
    ).text
    assert text_.splitlines()[0] == "start,energy.electricity [kWh],coverage.time [%]"
    assert len(text_.splitlines()) == 4
    book = await rig.ask(
        f"/api/v1/series?of=press&figures=energy.electricity&every=1h&format=xlsx&{span(rig)}"
    )
    assert book.content[:2] == b"PK"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (
            "/api/v1/series?of=pres&figures=energy.electricity&every=1h",
            404,
            "there is no line, group or bus 'pres'",
        ),
        ("/api/v1/series?evry=1h", 400, "there is no parameter 'evry'; did you mean every?"),
        ("/api/v1/site?of=press", 400, "there is no parameter 'of'; known are none"),
        (
            "/api/v1/series?figures=energy.electricty&every=1h",
            400,
            "did you mean energy.electricity",
        ),
        (
            "/api/v1/series?figures=energy.electricity&from=yesterday",
            400,
            "from: 'yesterday' is not a time",
        ),
        (
            "/api/v1/series?figures=energy.electricity&from=2026-01-01T00:00:00",
            400,
            "has no offset",
        ),
        (
            "/api/v1/series?figures=energy.electricity&from=now&to=-1h",
            400,
            "from must be before to",
        ),
        ("/api/v1/series?figures=energy.electricity&every=10s", 400, "at least the books window"),
        ("/api/v1/series?figures=energy.electricity&format=pdf", 400, "format"),
        ("/api/v1/explain", 400, "figure"),
        ("/api/v1/nothing", 404, "there is no"),
    ],
)
async def test_one_error_shape(rig: ApiRig, path: str, status: int, says: str) -> None:
    answer = await rig.ask(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "hint"}
    assert says in answer.json()["error"]["message"]


async def test_routes_answer(rig: ApiRig) -> None:
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/site",
        "/api/v1/lines",
        "/api/v1/meters",
        "/api/v1/live",
        "/api/v1/flows",
        "/api/v1/health",
        "/api/v1/factors",
        "/api/v1/figures",
        "/api/openapi.json",
    ):
        assert (await rig.ask(path)).status_code == 200, path
    assert (await rig.ask("/healthz")).json()["version"] == "0.1.0"


async def test_a_token_guards_all_but_health(rig: ApiRig) -> None:
    assert (await rig.ask("/api/v1/site", token="t0k")).status_code == 401
    assert (
        await rig.ask("/api/v1/site", token="t0k", authorization="Bearer t0k")
    ).status_code == 200
    assert (await rig.ask("/healthz", token="t0k")).status_code == 200
    entered = await rig.ask(f"/enter?key={one_time_key('t0k')}", token="t0k")
    assert entered.status_code == 303
    assert "httponly" in entered.headers["set-cookie"].lower()
    assert (await rig.ask("/enter?key=wrong", token="t0k")).status_code == 401


async def test_every_route_has_an_example(rig: ApiRig) -> None:
    paths = (await rig.ask("/api/openapi.json")).json()["paths"]
    plain = {"/metrics", "/api/v1/live/stream", "/api/influx/query", "/api/influx/ping"}
    for path in set(paths) - plain:
        answer = paths[path]["get"]["responses"]["200"]["content"]["application/json"]
        assert "example" in answer, path


async def test_every_route_stands_in_the_docs(rig: ApiRig) -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    for path in (await rig.ask("/api/openapi.json")).json()["paths"]:
        assert f"`GET {path}`" in page, path


async def test_every_figure_has_a_meaning(rig: ApiRig) -> None:
    found = (await rig.ask("/api/v1/figures")).json()
    assert {f["name"] for f in found} == set(by_name())
    assert all(f["means"] for f in found)


async def test_docs_need_no_script_and_name_every_route(rig: ApiRig) -> None:
    page = (await rig.ask("/api/docs")).text
    assert "<script" not in page
    assert "http" not in page.split("<h2>")[0]
    for path in (await rig.ask("/api/openapi.json")).json()["paths"]:
        assert path in page


FAR = ("1677-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-1e10d", "-1e400h", "--1h", "-")


@pytest.mark.parametrize("text", FAR)
@pytest.mark.parametrize("end", ["from", "to"])
@pytest.mark.parametrize(
    "path", ["series?figures=energy.final", "flows?", "explain?figure=energy.final"]
)
async def test_times_that_no_plant_has_are_refused(
    rig: ApiRig, path: str, end: str, text: str
) -> None:
    answer = await rig.ask(f"/api/v1/{path}&{end}={text}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith(f"{end}: '{text}'")


@pytest.mark.parametrize("every", ["1e400s", "1e300d", "1000000d", "0s", "-1h"])
async def test_buckets_have_a_length(rig: ApiRig, every: str) -> None:
    path = f"/api/v1/series?figures=energy.final&every={every}&{span(rig)}"
    answer = await rig.ask(path)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("every: ")


async def test_a_damaged_store_is_said_with_its_sentence(
    rig: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def query(*_: object, **__: object) -> None:
        raise StoreDamaged("figures.duckdb is damaged: put it back from a backup")

    monkeypatch.setattr(rig.store, "query", query)
    answer = await rig.ask(f"/api/v1/series?figures=energy.final&every=1h&{span(rig)}")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "store_damaged"
    assert "from a backup" in answer.json()["error"]["message"]
