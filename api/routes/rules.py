"""Rules: which are in force, which are noisy, and what one would have done."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api import times
from api.access import Role
from api.answers import alerts as answers
from api.ports import Ports
from api.routes.asked import From, To
from api.routing import Routes
from api.rule_views import RuleViews, Tried
from plant.site import Site

TAG = "rules"
Known = Literal["then", "now"]
Level = Annotated[
    float,
    Query(
        gt=0,
        le=100,
        description="its threshold times this",
    ),
]
Weeks = Annotated[int, Query(ge=1, le=12)]


class Trial(BaseModel):
    """A rule that is not in force yet: the text of a rule file, and which of its rules is meant."""

    text: str = Field(max_length=100_000)
    rule: str
    begin: str = Field("-7d", alias="from")
    end: str = Field("now", alias="to")
    known: Known = "now"
    level: float = Field(1.0, gt=0, le=100)


def rule_routes(
    routes: Routes,
    ports: Ports,
    site: Site,
) -> None:
    """Only where rules run."""
    assert ports.alerts is not None
    assert ports.trials is not None
    views = RuleViews(site, ports.alerts, ports.trials)
    operations = ports.operations

    @routes.add(
        "GET",
        "/api/v1/rules",
        role=Role.VIEWER,
        tag=TAG,
    )
    def rules() -> list[answers.Rule]:
        """The rules in force, with what they look for and why."""
        return views.listed()

    @routes.add(
        "GET",
        "/api/v1/rules/noisiest",
        role=Role.VIEWER,
        tag=TAG,
    )
    def noisiest(weeks: Weeks = 1) -> answers.Noisiest:
        """Which rules fired most, and how often nobody did anything; against the goal of six an
        hour at most."""
        return views.noisiest(weeks, operations.now_ns())

    @routes.add(
        "GET",
        "/api/v1/rules/{rule}/backtest",
        role=Role.VIEWER,
        tag=TAG,
    )
    def backtest(
        rule: str,
        start: From = "-7d",
        to: To = "now",
        known: Known = "now",
        level: Level = 1.0,
    ) -> answers.Backtest:
        """When a rule would have fired, and how other thresholds would have done."""
        span = times.span(
            start,
            to,
            site,
            operations.now_ns(),
        )
        return views.backtest(rule, Tried(span, known, level))

    @routes.add(
        "POST",
        "/api/v1/rules/try",
        role=Role.OPERATOR,
        tag=TAG,
    )
    def try_rule(body: Trial) -> answers.Backtest:
        """Back-test a rule that is not in force yet; nothing is changed by it."""
        span = times.span(
            body.begin,
            body.end,
            site,
            operations.now_ns(),
        )
        return views.trial(
            body.text,
            body.rule,
            Tried(span, body.known, body.level),
        )
