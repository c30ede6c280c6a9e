"""`/api/influx/query` and `/ping`: the embedded store answers the InfluxQL that dashboards send, so
a stock Grafana needs no plug-in.

Grafana shows `results[0].error` of an answer 200 as it is, and hides the text of any other status;
so whatever is wrong with a query comes that way.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import tables
from api.access import Role
from api.answers.influx import InfluxAnswer, Statement
from api.ports import Operations, Queries
from api.routing import Routes
from plant.errors import QueryError

TAG = "influxql"
RAW: Final = "wattline_raw"
DATABASES: Final = ("wattline", RAW)

Text = Annotated[str, Query(description="statements in InfluxQL, separated by ;")]
Database = Annotated[str, Query(description="wattline, or wattline_raw for readings")]
Epoch = Annotated[str, Query(description="ns, u, ms, s, m or h; RFC 3339 without")]


def influx_routes(
    routes: Routes,
    queries: Queries,
    operations: Operations,
    version: str,
) -> None:
    """Queries as parameter and as form, and the ping that clients look for."""

    def answer(
        db: str,
        text: str,
        epoch: str,
    ) -> InfluxAnswer:
        if db not in DATABASES:
            return failed(f"database not found: {db}")

        try:
            found = queries.answer(
                text,
                operations.now_ns(),
                raw=db == RAW,
            )
        except QueryError as problem:
            return failed(str(problem))

        return tables.answer(found, epoch)

    @routes.add(
        "GET",
        "/api/influx/ping",
        role=Role.DASHBOARD,
        tag=TAG,
        status=204,
    )
    @routes.add(
        "HEAD",
        "/api/influx/ping",
        role=Role.DASHBOARD,
        tag=TAG,
        status=204,
    )
    def ping() -> Response:
        """204, for clients that look whether it is there."""
        return Response(
            status_code=204,
            headers={"X-Influxdb-Version": f"wattline-{version}"},
        )

    @routes.add(
        "GET",
        "/api/influx/query",
        role=Role.DASHBOARD,
        tag=TAG,
    )
    def query(
        q: Text,
        db: Database = "wattline",
        epoch: Epoch = "",
    ) -> InfluxAnswer:
        """The InfluxQL subset over the embedded store (docs/influxql.md)."""
        return answer(db, q, epoch)

    @routes.add(
        "POST",
        "/api/influx/query",
        role=Role.DASHBOARD,
        tag=TAG,
    )
    async def query_form(
        request: Request,
        db: str = "wattline",
        epoch: str = "",
        q: str = "",
    ) -> InfluxAnswer:
        """The same, the query as a form (`q=...`)."""
        body = await request.body()
        form = parse_qs(body.decode("utf-8", "replace"))
        database = form.get("db", [db])[0]
        text = form.get("q", [q])[0]
        return await run_in_threadpool(
            answer,
            database,
            text,
            epoch,
        )


def failed(error: str) -> InfluxAnswer:
    """What is wrong with a query, where Grafana shows it."""
    statement = Statement(
        statement_id=0,
        error=error,
    )
    return InfluxAnswer(results=[statement])
