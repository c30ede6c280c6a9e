"""The InfluxQL subset: what is refused and how it is said, who may
ask, and that no text can crash it, write, or run on.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.errors import QueryError
from store.influxql.parser import parse
from store.influxql.query import Answerer
from tests.api_rig import ApiRig
from tests.rig import text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: l}}}
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ApiRig:
    rig = ApiRig(text(PLANT, "g l"), tmp_path_factory.mktemp("rig"))
    for _ in range(3):
        rig.feed({"g": 8.0, "l": 5.0})
    rig.store_all()
    return rig


async def ask(rig: ApiRig, query: str, **more: str) -> dict[str, Any]:
    answer = await rig.ask("/api/influx/query?" + urlencode({"q": query, **more}))
    assert answer.status_code == 200
    return answer.json()["results"][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "expected SELECT, SHOW"),
        ("DROP DATABASE wattline", "found DROP, expected SELECT, SHOW at char 1"),
        ("SELECT sum(x) FROM line WHERE", "found end of query, expected identifier"),
        ("SELECT summ(x) FROM line", "undefined function summ(); known are count, first"),
        ("SELECT sum(x), y FROM line", "mixing aggregate and non-aggregate"),
        (
            "SELECT x FROM line GROUP BY time(1m)",
            "GROUP BY requires at least one aggregate function",
        ),
        ("SELECT sum(x) INTO y FROM line", "found INTO, expected FROM"),
        (
            "SELECT sum(x) FROM line WHERE time > now() OR line = 'a'",
            "time may only be bound with AND",
        ),
        ("SELECT sum(x) FROM line WHERE time > 'noon'", "'noon' is not a time such as"),
        (
            "SELECT sum(final_kwh) FROM line WHERE time > 0 GROUP BY time(1ms)",
            "more than 100000 buckets",
        ),
        (
            "SELECT sum(final_kwh) FROM line WHERE time > 0 GROUP BY time(1d) tz('Nowhere')",
            "unable to find time zone Nowhere",
        ),
        ("SELECT sum(final_kwh) FROM line WHERE line =~ /(/", "the pattern cannot be read"),
        ("SELECT sum(final_kwh) FROM line; DELETE FROM line", "found DELETE"),
        ("SELECT " + "(" * 5000 + "sum(x)", "too many parentheses"),
        (
            "SELECT sum(final_kwh) FROM line WHERE time >= 0 GROUP BY time(0s)",
            "needs a duration above zero",
        ),
    ],
)
async def test_what_is_wrong_is_said(rig: ApiRig, query: str, says: str) -> None:
    assert says in (await ask(rig, query))["error"]


async def test_readings_are_wide_points_of_meters(rig: ApiRig) -> None:
    found = await ask(
        rig,
        'SELECT last("active_energy_import.total") FROM meter GROUP BY meter',
        db="wattline_raw",
        epoch="ms",
    )
    assert [(s["tags"]["meter"], s["values"][0][1]) for s in found["series"]] == [
        ("g", 1024.0),
        ("l", 1015.0),
    ]
    assert "series" not in await ask(
        rig, "SHOW MEASUREMENTS WITH MEASUREMENT = line", db="wattline_raw"
    )


async def test_another_database_is_not_found(rig: ApiRig) -> None:
    assert (await ask(rig, "SHOW MEASUREMENTS", db="wattlin"))[
        "error"
    ] == "database not found: wattlin"


async def test_a_form_asks_the_same(rig: ApiRig) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(rig.app()), base_url="http://test"
    ) as client:
        posted = await client.post(
            "/api/influx/query?db=wattline&epoch=ms", data={"q": "SHOW MEASUREMENTS"}
        )
        assert (await client.get("/api/influx/ping")).status_code == 204
    assert ["line"] in posted.json()["results"][0]["series"][0]["values"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Token query-token", 200),
        ("Bearer query-token", 200),
        ("Basic " + base64.b64encode(b"anybody:query-token").decode(), 200),
        ("Token wrong", 401),
        ("Basic ///", 401),
        ("", 401),
    ],
)
async def test_who_may_ask(rig: ApiRig, header: str, status: int) -> None:
    answer = await rig.ask(
        "/api/influx/query?q=SHOW+MEASUREMENTS", token="t0k", authorization=header
    )
    assert answer.status_code == status


async def test_the_query_token_opens_nothing_else(rig: ApiRig) -> None:
    assert (
        await rig.ask("/api/v1/site", token="t0k", authorization="Bearer query-token")
    ).status_code == 401
    assert (
        await rig.ask(
            "/api/influx/query?q=SHOW+MEASUREMENTS", token="t0k", authorization="Bearer t0k"
        )
    ).status_code == 200


words = st.sampled_from(
    [
        "SELECT",
        "SHOW",
        "FROM",
        "WHERE",
        "GROUP",
        "BY",
        "time(",
        ")",
        "(",
        ",",
        ";",
        ".",
        "*",
        "/",
        "+",
        "-",
        "=",
        "!=",
        "=~",
        "!~",
        "<",
        ">",
        ">=",
        "AND",
        "OR",
        "fill(",
        "null",
        "none",
        "LIMIT",
        "OFFSET",
        "SLIMIT",
        "ORDER",
        "DESC",
        "tz(",
        "::",
        "sum(",
        "last(",
        "mean(",
        "line",
        "flow",
        "meter",
        "final_kwh",
        '"final_kwh"',
        "'press'",
        "/^p/",
        "/(",
        "1m",
        "5",
        "-3",
        "1e999",
        "now()",
        "TAG",
        "VALUES",
        "WITH",
        "KEY",
        "MEASUREMENTS",
        "FIELD",
        "KEYS",
        "DROP",
        "INSERT",
        "'",
        '"',
        "\\",
        ";",
        "--",
        "1970",
        "'2026-01-01'",
        "READ_CSV('x')",
        "AS",
        "\x00",
        "ü",
    ]
)


@given(
    st.lists(words, max_size=30).map(" ".join),
    st.sampled_from(["", "SELECT sum(final_kwh) FROM line ", "SELECT last(kwh) FROM flow WHERE "]),
)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_no_text_crashes_or_writes(rig: ApiRig, tail: str, head: str) -> None:
    before = rig.store.query("SELECT count(*) AS n, sum(final_kwh) AS s FROM line")
    await ask(rig, head + tail)
    after = rig.store.query("SELECT count(*) AS n, sum(final_kwh) AS s FROM line")
    assert (before["n"][0], before["s"][0]) == (after["n"][0], after["s"][0])


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_read_or_refused(query: str) -> None:
    with suppress(QueryError):
        parse(query, 0)


def test_a_query_has_a_length() -> None:
    with pytest.raises(QueryError, match="longer than 65536 characters"):
        parse("SELECT * FROM line" + " " * 70_000, 0)


def test_a_query_has_a_time(rig: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    answerer = Answerer("works", rig.store, dict)
    monkeypatch.setattr("store.influxql.query.SECONDS_MOST", 0.1)
    with pytest.raises(QueryError, match="took longer than"):
        answerer._rows(
            "SELECT sum(a.range * b.range) AS s FROM range(1000000) a, range(1000000) b", [], {}
        )
