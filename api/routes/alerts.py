"""Alerts, what people do about them, and how they are told."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from api import times
from api.access import Role
from api.alert_views import AlertViews, quiet
from api.answers import alerts as answers
from api.ports import AlertDesk, Operations, Ports
from api.routes.asked import From, To
from api.routing import Routes
from plant.site import Site

TAG = "alerts"
Open = Annotated[str, Query(pattern="^(open|all)$")]
Who = Annotated[str, Query(min_length=1)]


class By(BaseModel):
    """Who does it."""

    name: str = Field(min_length=1, max_length=80)


class Acknowledge(By):
    """Somebody has it."""

    note: str = Field("", max_length=500)


class Shelve(By):
    """One alert is put aside for a while."""

    reason: str = Field(min_length=1, max_length=500)
    minutes: float = Field(gt=0)


class Silence(By):
    """A rule or a subject is kept quiet until a time."""

    reason: str = Field(min_length=1, max_length=500)
    until: str
    begin: str = Field("now", alias="from")
    rule: str = ""
    subject: str = ""


class TestCall(By):
    """A test message over one channel."""

    channel: str


def alert_routes(
    routes: Routes,
    ports: Ports,
    site: Site,
) -> None:
    """Reading, acting, telling. Only where rules run."""
    assert ports.alerts is not None
    views = AlertViews(
        site,
        ports.alerts,
        ports.figures,
        ports.operations,
    )
    reading_routes(
        routes,
        views,
        site,
        ports.operations,
    )
    acting_routes(
        routes,
        views,
        ports.alerts,
        ports.operations,
    )
    silence_routes(
        routes,
        views,
        ports.alerts,
        ports.operations,
        site,
    )
    telling_routes(routes, ports.operations)


def reading_routes(
    routes: Routes,
    views: AlertViews,
    site: Site,
    operations: Operations,
) -> None:
    """What is open, what was, and one alert whole."""

    @routes.add(
        "GET",
        "/api/v1/alerts",
        role=Role.VIEWER,
        tag=TAG,
    )
    def alerts(
        state: Open = "open",
        start: From = "-7d",
        to: To = "now",
    ) -> answers.Alerts:
        """Open alerts, those that come and go (chattering) apart; with state=all those of a span
        too."""
        span = times.span(
            start,
            to,
            site,
            operations.now_ns(),
        )
        return views.listed(span, past=state == "all")

    @routes.add(
        "GET",
        "/api/v1/alerts/history",
        role=Role.VIEWER,
        tag=TAG,
    )
    def history(
        start: From = "-24h",
        to: To = "now",
        rule: str = "",
        subject: str = "",
    ) -> answers.Changes:
        """Every change of every rule, in the order in which it became known."""
        span = times.span(
            start,
            to,
            site,
            operations.now_ns(),
        )
        return views.changes(span, rule, subject)

    @routes.add(
        "GET",
        "/api/v1/alerts/{alert}",
        role=Role.VIEWER,
        tag=TAG,
    )
    def one(alert: str) -> answers.OneAlert:
        """One alert: its rule, its curve, what fired at the same time, and who did what."""
        return views.one(alert)


def acting_routes(
    routes: Routes,
    views: AlertViews,
    desk: AlertDesk,
    operations: Operations,
) -> None:
    """What people do about one alert."""

    @routes.add(
        "POST",
        "/api/v1/alerts/{alert}/acknowledge",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def acknowledge(alert: str, body: Acknowledge) -> answers.OneAlert:
        """Somebody has it: no repeats, no escalation."""
        desk.acknowledge(
            alert,
            body.name,
            body.note,
            operations.now_ns(),
        )
        return views.one(alert)

    @routes.add(
        "POST",
        "/api/v1/alerts/{alert}/shelve",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def shelve(alert: str, body: Shelve) -> answers.OneAlert:
        """Put one alert aside for a while, with a reason."""
        desk.shelve(
            alert,
            body.name,
            body.reason,
            body.minutes,
            operations.now_ns(),
        )
        return views.one(alert)


def silence_routes(
    routes: Routes,
    views: AlertViews,
    desk: AlertDesk,
    operations: Operations,
    site: Site,
) -> None:
    """What is kept quiet."""

    @routes.add(
        "GET",
        "/api/v1/silences",
        role=Role.VIEWER,
        tag=TAG,
    )
    def silences() -> list[answers.Quiet]:
        """What is kept quiet, by whom, why, and until when."""
        return views.quiets()

    @routes.add(
        "POST",
        "/api/v1/silences",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def silence(body: Silence) -> answers.Quiet:
        """Keep a rule or a subject quiet until a time; from a later time on it is a maintenance
        window."""
        now_ns = operations.now_ns()
        from_ns, until_ns = times.span(
            body.begin,
            body.until,
            site,
            now_ns,
        )
        made = desk.silence(
            name=body.name,
            reason=body.reason,
            from_ns=from_ns,
            until_ns=until_ns,
            rule=body.rule,
            subject=body.subject,
            now_ns=now_ns,
        )
        return quiet(made)

    @routes.add(
        "DELETE",
        "/api/v1/silences/{silence}",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def lift(silence: str, name: Who) -> list[answers.Quiet]:
        """End a silence, a maintenance window or a shelving before its time."""
        desk.lift(silence, name, operations.now_ns())
        return views.quiets()


def telling_routes(routes: Routes, operations: Operations) -> None:
    """How people are told."""

    @routes.add(
        "GET",
        "/api/v1/notify",
        role=Role.VIEWER,
        tag=TAG,
    )
    def channels() -> answers.Notify:
        """How people can be told: channels with their state, and what waits in the outbox.

        Nothing where the plant file has no section notify.
        """
        return msgspec.convert(
            operations.channels(),
            answers.Notify,
            from_attributes=True,
        )

    @routes.add(
        "POST",
        "/api/v1/notify/test",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def test(body: TestCall) -> answers.TestSent:
        """Send a test message over one channel, and say what came of it."""
        found = operations.test_channel(body.channel, body.name)
        return msgspec.convert(
            found,
            answers.TestSent,
            from_attributes=True,
        )
