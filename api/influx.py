"""`/api/influx/query` and `/ping`: the embedded store answers the InfluxQL that dashboards send, so a stock Grafana needs no plug-in.

Grafana shows `results[0].error` of an answer 200 as it is, and hides the text of any other status; so whatever is wrong with a query comes that way.
"""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

import msgspec
import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.context import Context
from plant.errors import QueryError
from store.influxql.answers import Series

EPOCHS: Final = {
    "ns": 1,
    "n": 1,
    "u": 10**3,
    "µ": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
RAW: Final = "wattline_raw"
DATABASES: Final = ("wattline", RAW)
_NS: Final = 10**9


def influx_routes(app: FastAPI, context: Context) -> None:
    """Adds the routes; without an answerer (a plant without a store) there are none."""
    answerer = context.influxql
    if answerer is None:
        return

    def answer(db: str, query: str, epoch: str) -> Response:
        if db not in DATABASES:
            return _json({"results": [{"statement_id": 0, "error": f"database not found: {db}"}]})
        try:
            found = answerer.answer(query, context.now_ns(), raw=db == RAW)
        except QueryError as problem:
            return _json({"results": [{"statement_id": 0, "error": str(problem)}]})
        scale = EPOCHS.get(epoch)
        return _json({"results": [_statement(i, series, scale) for i, series in enumerate(found)]})

    @app.get("/api/influx/ping", tags=["influxql"], status_code=204)
    @app.head("/api/influx/ping", tags=["influxql"], status_code=204)
    def ping() -> Response:
        return Response(
            status_code=204, headers={"X-Influxdb-Version": f"wattline-{context.version}"}
        )

    @app.get("/api/influx/query", tags=["influxql"])
    def query(
        q: Annotated[str, Query(description="statements in InfluxQL, separated by ;")],
        db: Annotated[
            str, Query(description="wattline, or wattline_raw for readings")
        ] = "wattline",
        epoch: Annotated[str, Query(description="ns, u, ms, s, m or h; RFC 3339 without")] = "",
    ) -> Response:
        """The InfluxQL subset over the embedded store (docs/influxql.md)."""
        return answer(db, q, epoch)

    @app.post("/api/influx/query", tags=["influxql"])
    async def query_form(
        request: Request, db: str = "wattline", epoch: str = "", q: str = ""
    ) -> Response:
        """The same, the query as a form (`q=...`)."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return await run_in_threadpool(
            answer, form.get("db", [db])[0], form.get("q", [q])[0], epoch
        )


def may_query(request: Request, token: str) -> bool:
    """Whether a request brings the query token: `Authorization: Token`, `Bearer` or `Basic` (as password), or the parameter `p`."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().partition(":")[2]
        except ValueError:
            given = ""
    given = (given or request.query_params.get("p", "")).rpartition(":")[2]
    return secrets.compare_digest(given.encode(), token.encode())


def _json(found: Any) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _statement(number: int, series: list[Series], scale: int | None) -> dict[str, Any]:
    listed = [_series(s, scale) for s in series]
    return {"statement_id": number, "series": listed} if listed else {"statement_id": number}


def _series(series: Series, scale: int | None) -> dict[str, Any]:
    columns = [_column(v) for v in series.values]
    if series.columns[0] == "time":
        columns = [_times(series.times, scale), *columns]
    found: dict[str, Any] = {"name": series.name} if series.name else {}
    if series.tags:
        found["tags"] = series.tags
    return found | {"columns": series.columns, "values": list(zip(*columns, strict=True))}


def _column(values: Any) -> list[Any]:
    """Values of a column; unknown is null."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return [None if v != v else v for v in values.tolist()]
    return list(values)


def _times(times: Any, scale: int | None) -> list[Any]:
    if scale is not None:
        return (times // scale).tolist()  # type: ignore[no-any-return]
    return [_rfc3339(t) for t in times.tolist()]


def _rfc3339(ns: int) -> str:
    text = datetime.fromtimestamp(ns // _NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    part = f"{ns % _NS:09d}".rstrip("0")
    return f"{text}.{part}Z" if part else f"{text}Z"
