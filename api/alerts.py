"""Alerts, rules and what people do about them, in the words of docs/api.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api import times
from api.alert_views import AlertViews
from api.context import Context
from plant.errors import QueryError


class By(BaseModel):
    """Who does it."""

    name: str = Field(min_length=1, max_length=80)


class Acknowledge(By):
    note: str = Field("", max_length=500)


class Shelve(By):
    reason: str = Field(min_length=1, max_length=500)
    minutes: float = Field(gt=0)


class Silence(By):
    reason: str = Field(min_length=1, max_length=500)
    until: str
    begin: str = Field("now", alias="from")
    rule: str = ""
    subject: str = ""


class TestCall(By):
    channel: str


class Trial(BaseModel):
    """A rule that is not in force yet: the text of a rule file, and which of its rules is meant."""

    text: str = Field(max_length=100_000)
    rule: str
    begin: str = Field("-7d", alias="from")
    end: str = Field("now", alias="to")
    known: Literal["then", "now"] = "now"
    level: float = Field(1.0, gt=0, le=100)


From = Annotated[
    str, Query(alias="from", description="ISO 8601 with offset, today, or -24h", examples=["-7d"])
]
To = Annotated[str, Query(description="ISO 8601 with offset, or now", examples=["now"])]


def alert_routes(app: FastAPI, context: Context) -> None:
    """Routes of alerts and rules; where no rules run they answer with nothing."""
    if context.alerts is None:
        return
    views = AlertViews(context, context.alerts)
    _reading(app, context, views)
    _rules(app, context, views)
    _trying(app, context, views)
    _acting(app, context, views)


def _json(found: Any) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _reading(app: FastAPI, context: Context, views: AlertViews) -> None:
    @app.get("/api/v1/alerts", tags=["alerts"])
    def alerts(
        state: Annotated[str, Query(pattern="^(open|all)$")] = "open",
        start: From = "-7d",
        to: To = "now",
    ) -> Response:
        """Open alerts, those that come and go (chattering) apart; with state=all those of a span too."""
        a, b = times.span(start, to, context.site, context.now_ns())
        return _json(views.list(a, b, past=state == "all"))

    @app.get("/api/v1/alerts/history", tags=["alerts"])
    def history(
        start: From = "-24h", to: To = "now", rule: str = "", subject: str = ""
    ) -> Response:
        """Every change of every rule, in the order in which it became known."""
        a, b = times.span(start, to, context.site, context.now_ns())
        return _json({"changes": views.changes(a, b, rule, subject)})

    @app.get("/api/v1/alerts/{alert}", tags=["alerts"])
    def one(alert: str) -> Response:
        """One alert: its rule, its curve, what fired at the same time, and who did what."""
        return _json(views.one(alert))

    @app.get("/api/v1/silences", tags=["alerts"])
    def silences() -> Response:
        """What is kept quiet, by whom, why, and until when."""
        return _json(views.quiets())


def _rules(app: FastAPI, context: Context, views: AlertViews) -> None:
    @app.get("/api/v1/rules", tags=["rules"])
    def rules() -> Response:
        """The rules in force, with what they look for and why."""
        return _json(views.rules())

    @app.get("/api/v1/rules/noisiest", tags=["rules"])
    def noisiest(weeks: Annotated[int, Query(ge=1, le=12)] = 1) -> Response:
        """Which rules fired most, and how often nobody did anything; against the goal of six an hour at most."""
        return _json(views.noisiest(weeks))

    @app.get("/api/v1/rules/{rule}/backtest", tags=["rules"])
    def backtest(
        rule: str,
        start: From = "-7d",
        to: To = "now",
        known: Annotated[str, Query(pattern="^(then|now)$")] = "now",
        level: Annotated[float, Query(gt=0, le=100, description="its threshold times this")] = 1.0,
    ) -> Response:
        """When a rule would have fired, and how other thresholds would have done."""
        a, b = times.span(start, to, context.site, context.now_ns())
        return _json(views.backtest(rule, a, b, known, level))


def _trying(app: FastAPI, context: Context, views: AlertViews) -> None:
    @app.post("/api/v1/rules/try", tags=["rules"])
    def try_rule(body: Trial, request: Request) -> Response:
        """Back-test a rule that is not in force yet; nothing is changed by it."""
        _from_here(request)
        a, b = times.span(body.begin, body.end, context.site, context.now_ns())
        return _json(views.trial(body.text, body.rule, a, b, body.known, body.level))


def _acting(app: FastAPI, context: Context, views: AlertViews) -> None:
    alerts = context.alerts
    assert alerts is not None

    @app.post("/api/v1/alerts/{alert}/acknowledge", tags=["alerts"])
    def acknowledge(alert: str, body: Acknowledge, request: Request) -> Response:
        """Somebody has it: no repeats, no escalation."""
        _from_here(request)
        alerts.acknowledge(alert, body.name, body.note, context.now_ns())
        return _json(views.one(alert))

    @app.post("/api/v1/alerts/{alert}/shelve", tags=["alerts"])
    def shelve(alert: str, body: Shelve, request: Request) -> Response:
        """Put one alert aside for a while, with a reason."""
        _from_here(request)
        alerts.shelve(alert, body.name, body.reason, body.minutes, context.now_ns())
        return _json(views.one(alert))

    @app.post("/api/v1/silences", tags=["alerts"])
    def silence(body: Silence, request: Request) -> Response:
        """Keep a rule or a subject quiet until a time; from a later time on it is a maintenance window."""
        _from_here(request)
        now = context.now_ns()
        begin, end = times.span(body.begin, body.until, context.site, now)
        return _json(
            views.quiet(
                alerts.silence(body.name, body.reason, begin, end, body.rule, body.subject, now)
            )
        )

    @app.delete("/api/v1/silences/{silence}", tags=["alerts"])
    def lift(silence: str, request: Request, name: Annotated[str, Query(min_length=1)]) -> Response:
        """End a silence, a maintenance window or a shelving before its time."""
        _from_here(request)
        alerts.lift(silence, name, context.now_ns())
        return _json(views.quiets())

    @app.get("/api/v1/notify", tags=["alerts"])
    def channels() -> Response:
        """How people can be told: channels with their state, and what waits in the outbox. Nothing where the plant file has no notify."""
        return _json(
            {"outbox": {}, "channels": []}
            if context.notify_health is None
            else context.notify_health()
        )

    @app.post("/api/v1/notify/test", tags=["alerts"])
    def test(body: TestCall, request: Request) -> Response:
        """Send a test message over one channel, and say what came of it."""
        _from_here(request)
        if context.test_channel is None:
            raise QueryError("the plant file has no section notify, so nobody can be told")
        return _json(context.test_channel(body.channel, body.name))


def _from_here(request: Request) -> None:
    """A page of another site must not act in the name of whoever has ours open."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise QueryError("this was asked by a page of another site")
